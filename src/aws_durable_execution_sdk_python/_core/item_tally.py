"""How many items of a map in batches failed, where its functions tell.

Functions tell by what they return: a `BatchResult` with an entry an item. As long as none has, it
is batches that are counted. What was told counts once its batch has ended; a batch that fails as a
whole counts as all its items.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_durable_execution_sdk_python._core.batch_result import BatchItemStatus


class ItemTally:
    """Counts items by batch.

    Attributes:
        sizes: how many items each batch has.
        failed: the items that failed.
        succeeded: the items that succeeded.
        is_told: whether any function has told which of its items failed.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.total = sum(sizes)
        self.failed = 0
        self.succeeded = 0
        self.is_told = False
        self._told: dict[int, int] = {}

    def tell(self, index: int, failures: int) -> None:
        """The function of a batch says how many of its items failed."""
        self._told[index] = failures

    def end(self, index: int, status: BatchItemStatus) -> None:
        """A batch has ended."""
        size = self.sizes[index]
        told = self._told.get(index)
        if status is BatchItemStatus.FAILED:
            self.failed += size
        else:
            self.failed += told or 0
            self.succeeded += size - (told or 0)
        self.is_told = self.is_told or told is not None
