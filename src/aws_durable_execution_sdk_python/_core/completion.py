"""When a map or parallel is complete: the policy, free of threads, event loop and clock.

Everything a batch operation needs about its outcome can be imported from here; the result types
themselves live in `batch_result`.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import overload

from aws_durable_execution_sdk_python._core.batch_result import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.item_tally import ItemTally
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.validation import kind_of, number, whole_number
from aws_durable_execution_sdk_python.exceptions import InvalidStateError, ValidationError

__all__ = [
    "BatchItem",
    "BatchItemStatus",
    "BatchResult",
    "CompletionConfig",
    "CompletionDecision",
    "CompletionItemStatus",
    "CompletionOutcome",
    "CompletionReason",
    "CompletionStatus",
    "CompletionTracker",
    "complete_batch",
    "continue_batch",
]

# ------------------------------------------------------------------------- custom completion


class CompletionOutcome(enum.StrEnum):
    """What a batch ended by `should_complete` counts as."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class CompletionDecision:
    """What a `should_complete` predicate answers; made by `complete_batch`/`continue_batch`."""

    is_complete: bool
    outcome: CompletionOutcome | None = None


def complete_batch(
    outcome: CompletionOutcome = CompletionOutcome.SUCCEEDED,
) -> CompletionDecision:
    """Answer of a `should_complete` predicate: stop the batch now, with that outcome."""
    return CompletionDecision(True, CompletionOutcome(outcome))


def continue_batch() -> CompletionDecision:
    """Answer of a `should_complete` predicate: go on."""
    return CompletionDecision(False)


@dataclass(frozen=True, slots=True)
class CompletionItemStatus:
    """One item as a `should_complete` predicate sees it.

    Attributes:
        index: position in the input, from 0.
        status: how far it got; None for one that has not started.
        name: the name of its branch.
    """

    index: int
    status: BatchItemStatus | None
    name: str | None = None


class _ItemsView(Sequence[CompletionItemStatus]):
    """The items made on demand, so that a predicate that only reads counts costs O(1)."""

    __slots__ = ("_names", "_statuses")

    def __init__(self, statuses: Sequence[BatchItemStatus | None], names: Sequence[str]) -> None:
        self._statuses = statuses
        self._names = names

    def __len__(self) -> int:
        return len(self._statuses)

    @overload
    def __getitem__(self, index: int) -> CompletionItemStatus: ...
    @overload
    def __getitem__(self, index: slice) -> list[CompletionItemStatus]: ...
    def __getitem__(self, index: int | slice) -> CompletionItemStatus | list[CompletionItemStatus]:
        positions = range(len(self._statuses))[index]
        return self._at(positions) if isinstance(positions, int) else list(map(self._at, positions))

    def __iter__(self) -> Iterator[CompletionItemStatus]:
        return map(self._at, range(len(self._statuses)))

    def _at(self, index: int) -> CompletionItemStatus:
        name = self._names[index] if self._names else None
        return CompletionItemStatus(index, self._statuses[index], name)


@dataclass(frozen=True, slots=True)
class CompletionStatus:
    """The state of a batch as given to `should_complete`.

    Attributes:
        items: every input item, in input order. Valid during the call: it follows the batch.
        total_count: number of input items.
        success_count: items that succeeded.
        failure_count: items that failed.
        started_count: items that are running or suspended.
    """

    items: Sequence[CompletionItemStatus]
    total_count: int
    success_count: int
    failure_count: int
    started_count: int

    @property
    def completed_count(self) -> int:
        """Items that ended, either way."""
        return self.success_count + self.failure_count


# --------------------------------------------------------------------------------- the config


@dataclass(frozen=True, slots=True)
class CompletionConfig:
    """When a map or parallel stops.

    With nothing set the first failure stops the batch. With only `min_successful` set failures
    never do. A batch also ends when every item has ended.

    Parameters:
        min_successful: stop once that many items succeeded; at least 1 and at most the number
            of items.
        tolerated_failure_count: stop once more than that many items failed.
        tolerated_failure_percentage: stop once more than that share of all items failed,
            0 to 100.
        should_complete: decides instead of the three thresholds: gets a `CompletionStatus`,
            returns `complete_batch(...)` or `continue_batch()`. It is called before the first
            item starts and after every change, must depend on nothing but its argument, and
            must not take back a completion.

    Raises:
        ValidationError: a threshold is out of range, or mixed with `should_complete`.

    Example:
        >>> CompletionConfig(min_successful=2, tolerated_failure_percentage=50).min_successful
        2
    """

    min_successful: int | None = None
    tolerated_failure_count: int | None = None
    tolerated_failure_percentage: int | float | None = None
    should_complete: Callable[[CompletionStatus], CompletionDecision] | None = None

    def __post_init__(self) -> None:
        if self.min_successful is not None:
            whole_number("min_successful", self.min_successful, 1)
        if self.tolerated_failure_count is not None:
            whole_number("tolerated_failure_count", self.tolerated_failure_count, 0)
        if self.tolerated_failure_percentage is not None:
            number("tolerated_failure_percentage", self.tolerated_failure_percentage, 0, 100)
        thresholds = (self.min_successful, *self._tolerances)
        if self.should_complete is None:
            return
        if not callable(self.should_complete):
            raise ValidationError(
                f"should_complete must be callable, got {kind_of(self.should_complete)}"
            )
        if any(threshold is not None for threshold in thresholds):
            raise ValidationError(
                "should_complete cannot be combined with min_successful or tolerated_failure_*: "
                "test the counts of the CompletionStatus it is given instead"
            )

    @classmethod
    def all_successful(cls) -> CompletionConfig:
        """Every item must succeed: the first failure stops the batch."""
        return cls(tolerated_failure_count=0, tolerated_failure_percentage=0)

    @classmethod
    def all_completed(cls) -> CompletionConfig:
        """Run every item, however many fail."""
        return cls(tolerated_failure_percentage=100)

    @classmethod
    def first_successful(cls) -> CompletionConfig:
        """Stop at the first success; failures do not stop the batch."""
        return cls(min_successful=1)

    def check_total(self, total: int) -> None:
        """Raise ValidationError if a batch of `total` items can never meet `min_successful`."""
        if self.min_successful is not None and self.min_successful > total:
            raise ValidationError(
                f"min_successful is {self.min_successful} but the batch has only {total} items: "
                "lower it, or do not start the batch when there are too few items"
            )

    def max_failures(self, total: int) -> int | None:
        """How many of `total` items may fail before the batch stops; None if any number may."""
        count, percentage = self._tolerances
        if count is None and percentage is None:
            unlimited = self.min_successful is not None or self.should_complete is not None
            return None if unlimited else 0
        limits = [] if count is None else [count]
        if percentage is not None:
            # As written in decimal: 7 % of 100 is 7, which 7/100*100 in floats exceeds.
            limits.append(math.floor(Fraction(str(percentage)) * total / 100))
        return min(limits)

    @property
    def _tolerances(self) -> tuple[int | None, int | float | None]:
        return self.tolerated_failure_count, self.tolerated_failure_percentage


# -------------------------------------------------------------------------------- the tracker

_TERMINAL = (BatchItemStatus.SUCCEEDED, BatchItemStatus.FAILED)


class CompletionTracker:
    """Follows the items of one batch and says when it is complete.

    How a batch operation uses it::

        tracker = CompletionTracker(config, total)   # ValidationError: before START
        while tracker.may_start_more() and slots_are_free:
            tracker.started(index)                   # in index order
        ...
        tracker.succeeded(index)                     # or failed(index)
        if tracker.decision() is not None:           # after each change
            ...                                      # start nothing more, build the result
        items = [... for index, status in enumerate(tracker.statuses) if status is not None]
        result = BatchResult(items, tracker.reason)

    - Every call is O(1), whatever the number of items.
    - The first decision stands: items that end afterwards change `statuses`, so that they show
      their true status in the result, but not the reason.
    - `started` may be repeated for an item that runs again after a suspension, and skipped for
      one that is found ended on replay.
    - An exception of the user's `should_complete` leaves `decision`, `may_start_more` and
      `reason` as it is.
    - With a `tally` the items of this batch are batches themselves, and its thresholds count what
      is in those once that is told.

    Parameters:
        config: when the batch is complete.
        total: how many items it has.
        names: of the items, for `should_complete`.
        tally: counts what is in the items.
    """

    def __init__(
        self,
        config: CompletionConfig,
        total: int,
        names: Sequence[str] = (),
        tally: ItemTally | None = None,
    ) -> None:
        config.check_total(total if tally is None else tally.total)
        self.total = total
        self.tally = tally
        self._names = names
        self._config = config
        self._should_complete = config.should_complete
        self._statuses: list[BatchItemStatus | None] = [None] * total
        self._counts = dict.fromkeys((None, *BatchItemStatus), 0)
        self._counts[None] = total
        self._changed = True
        self._decision: CompletionReason | None = None

    # --------------------------------------------------------------------------------- changes

    def started(self, index: int) -> None:
        """That item runs."""
        self._move(index, BatchItemStatus.STARTED)

    def succeeded(self, index: int) -> None:
        """That item returned."""
        self._move(index, BatchItemStatus.SUCCEEDED)

    def failed(self, index: int) -> None:
        """That item raised."""
        self._move(index, BatchItemStatus.FAILED)

    def _move(self, index: int, status: BatchItemStatus) -> None:
        before = self._statuses[index]
        if before is status:
            return
        if before in _TERMINAL:
            raise InvalidStateError(f"item {index} is {before} and cannot become {status}")
        self._statuses[index] = status
        self._counts[before] -= 1
        self._counts[status] += 1
        if self.tally is not None and status in _TERMINAL:
            self.tally.end(index, status)
        self._changed = True

    # --------------------------------------------------------------------------------- answers

    def decision(self) -> CompletionReason | None:
        """Why the batch is complete, or None if it goes on. Fixed once it is not None."""
        if self._decision is None and self._changed:
            self._decision = self._evaluate()
            self._changed = False
        return self._decision

    def may_start_more(self) -> bool:
        """Whether another item may be started: the batch goes on and one is left."""
        return self._counts[None] > 0 and self.decision() is None

    @property
    def reason(self) -> CompletionReason:
        """The decision; ALL_COMPLETED for a batch that ends without one."""
        return self.decision() or CompletionReason.ALL_COMPLETED

    @property
    def statuses(self) -> Sequence[BatchItemStatus | None]:
        """The status of every item in input order; None for one that has not started."""
        return self._statuses

    def _evaluate(self) -> CompletionReason | None:
        """The rules, in order of precedence."""
        counts = self._counts
        failed, succeeded = counts[BatchItemStatus.FAILED], counts[BatchItemStatus.SUCCEEDED]
        total = self.total
        if self.tally is not None and self.tally.is_told:
            failed, succeeded, total = self.tally.failed, self.tally.succeeded, self.tally.total
        allowed = self._config.max_failures(total)
        if allowed is not None and failed > allowed:
            return CompletionReason.FAILURE_TOLERANCE_EXCEEDED
        custom = None if self._should_complete is None else self._ask(self._should_complete)
        if custom is not None:
            return custom
        if counts[None] == 0 and counts[BatchItemStatus.STARTED] == 0:
            return CompletionReason.ALL_COMPLETED
        minimum = self._config.min_successful
        if minimum is not None and succeeded >= minimum:
            return CompletionReason.MIN_SUCCESSFUL_REACHED
        return None

    def _ask(
        self, should_complete: Callable[[CompletionStatus], CompletionDecision]
    ) -> CompletionReason | None:
        status = CompletionStatus(
            items=_ItemsView(self._statuses, self._names),
            total_count=self.total,
            success_count=self._counts[BatchItemStatus.SUCCEEDED],
            failure_count=self._counts[BatchItemStatus.FAILED],
            started_count=self._counts[BatchItemStatus.STARTED],
        )
        answer: object = Leaf(None, "completion predicate").call(should_complete, status)
        # The predicate is the user's, and may not have been type-checked.
        if not isinstance(answer, CompletionDecision):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                "should_complete must return complete_batch(...) or continue_batch(), "
                f"got {kind_of(answer)}"
            )
        if not answer.is_complete:
            return None
        failed = answer.outcome is CompletionOutcome.FAILED
        custom = CompletionReason.CUSTOM_COMPLETION_SUCCEEDED
        return CompletionReason.CUSTOM_COMPLETION_FAILED if failed else custom
