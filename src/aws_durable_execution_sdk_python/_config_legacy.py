"""Names that 1.4 releases of the official SDK had in `config` and later ones dropped.

They exist so that code naming them still imports and type-checks; no operation uses them.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

T = TypeVar("T", default=Any)
B = TypeVar("B", default=Any)


class TerminationMode(enum.Enum):
    """What happens to branches still running when their batch completes."""

    TERMINATE = "TERMINATE"
    CANCEL = "CANCEL"
    WAIT = "WAIT"
    ABANDON = "ABANDON"


class ItemsPerBatchUnit(enum.StrEnum):
    """What the size of a batch is counted in."""

    COUNT = "COUNT"
    BYTES = "BYTES"


@dataclass(frozen=True)
class ItemBatcher(Generic[B]):
    """How the inputs of a map would be grouped."""

    max_items_per_batch: int = 0
    max_item_bytes_per_batch: int | float = 0
    batch_input: B | None = None


@dataclass(frozen=True)
class BatchedInput(Generic[B, T]):
    """A group of inputs, with the input they have in common."""

    batch_input: B
    items: Sequence[T]


@dataclass(frozen=True)
class StepFuture(Generic[T]):
    """The result to come of a step that runs on another thread."""

    future: Future[T]
    name: str | None = None

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait for the result, at most `timeout_seconds`; raises what the step raises."""
        return self.future.result(timeout_seconds)
