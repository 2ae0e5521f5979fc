"""What a map or parallel gives back."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast, overload

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.errors import rebuild
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python.exceptions import (
    BatchCompletionError,
    ChildContextError,
    ValidationError,
)

R = TypeVar("R")
U = TypeVar("U")


class _BatchEnum(enum.StrEnum):
    """Texts to compare with; written as the official SDK writes them with `compat="aws"`."""

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}" if is_compat_aws() else self.value

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class BatchItemStatus(_BatchEnum):
    """How far one branch got before its batch completed."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STARTED = "STARTED"


class CompletionReason(_BatchEnum):
    """Why a batch stopped."""

    ALL_COMPLETED = "ALL_COMPLETED"
    MIN_SUCCESSFUL_REACHED = "MIN_SUCCESSFUL_REACHED"
    FAILURE_TOLERANCE_EXCEEDED = "FAILURE_TOLERANCE_EXCEEDED"
    CUSTOM_COMPLETION_SUCCEEDED = "CUSTOM_COMPLETION_SUCCEEDED"
    CUSTOM_COMPLETION_FAILED = "CUSTOM_COMPLETION_FAILED"


# A `should_complete` predicate decides for the whole batch, whatever its items did. Where too many
# failed, they may be in items that are batches themselves.
_STATUS = {
    CompletionReason.CUSTOM_COMPLETION_SUCCEEDED: BatchItemStatus.SUCCEEDED,
    CompletionReason.CUSTOM_COMPLETION_FAILED: BatchItemStatus.FAILED,
    CompletionReason.FAILURE_TOLERANCE_EXCEEDED: BatchItemStatus.FAILED,
}


# No slots: Python 3.11 cannot call a frozen, slotted and generic class as BatchItem[int](...).
@dataclass(frozen=True)
class BatchItem(Generic[R]):
    """The outcome of one branch.

    Attributes:
        index: position of the item in the input, from 0.
        status: how far the branch got.
        result: what it returned, if it succeeded (None is a valid result).
        error: what it raised, if it failed.
    """

    index: int
    status: BatchItemStatus
    result: R | None = None
    error: ErrorObject | None = None

    def to_dict(self) -> dict[str, Any]:
        error = None if self.error is None else self.error.to_dict()
        return {
            "index": self.index,
            "status": self.status.value,
            "result": self.result,
            "error": error,
        }

    @classmethod
    def from_dict(cls, data: Wire) -> BatchItem[Any]:
        error = data.get("error")
        return BatchItem(
            index=data["index"],
            status=BatchItemStatus(data["status"]),
            result=data.get("result"),
            error=None if error is None else ErrorObject.from_dict(error),
        )


@dataclass(frozen=True)
class BatchResult(Sequence[R]):
    """The results of a map or parallel, in input order.

    It is a sequence of results: `results[0]`, `len(results)` and iteration work. Asking for the
    result of a failed item raises that item's error; asking for one that did not end, or did not
    even start because the batch completed early, raises `IndexError` naming its status. To look
    at a partly failed batch without exceptions use `all`, `succeeded()`, `failed()` or
    `get_results()`.

    Items that never started are not part of `all`, so `len(results)` may be less than the
    number of inputs.

    Attributes:
        all: every item that started, in input order.
        completion_reason: why the batch stopped.

    Example:
        >>> done = BatchItemStatus.SUCCEEDED
        >>> batch = BatchResult([BatchItem(0, done, "a")], CompletionReason.ALL_COMPLETED)
        >>> batch[0], len(batch), batch.status == "SUCCEEDED"
        ('a', 1, True)
    """

    all: list[BatchItem[R]]
    completion_reason: CompletionReason

    # ------------------------------------------------------------------ as a sequence of results

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[R]:
        # Sequence's own __iter__ would end silently at the IndexError of an unfinished item.
        return map(self._result_of, self.all)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> list[R]: ...
    def __getitem__(self, index: int | slice) -> R | list[R]:
        if isinstance(index, slice):
            return [self._result_of(item) for item in self.all[index]]
        try:
            item = self.all[index]
        except IndexError:
            raise IndexError(
                f"item {index} was not started: {len(self.all)} items had started "
                f"when the batch ended with {self.completion_reason}"
            ) from None
        return self._result_of(item)

    def _result_of(self, item: BatchItem[R]) -> R:
        if item.status is BatchItemStatus.FAILED:
            raise rebuild(ChildContextError, item.error)
        if item.status is not BatchItemStatus.SUCCEEDED:
            raise IndexError(
                f"item {item.index} has no result: it was {item.status} "
                f"when the batch ended with {self.completion_reason}"
            )
        return item.result  # type: ignore[return-value]  # a succeeded item's result is an R

    # ------------------------------------------------------------------------------- accessors

    def succeeded(self) -> list[BatchItem[R]]:
        """The items that succeeded."""
        return self._with_status(BatchItemStatus.SUCCEEDED)

    def failed(self) -> list[BatchItem[R]]:
        """The items that failed."""
        return self._with_status(BatchItemStatus.FAILED)

    def started(self) -> list[BatchItem[R]]:
        """The items that had started but not ended when the batch completed."""
        return self._with_status(BatchItemStatus.STARTED)

    def _with_status(self, status: BatchItemStatus) -> list[BatchItem[R]]:
        return [item for item in self.all if item.status is status]

    def get_results(self) -> list[R]:
        """The results of the items that succeeded, in input order, None results included."""
        return [self._result_of(item) for item in self.succeeded()]

    @overload
    def flatten(self: BatchResult[list[U]]) -> list[U]: ...
    @overload
    def flatten(self: BatchResult[tuple[U, ...]]) -> list[U]: ...
    @overload
    def flatten(self: BatchResult[BatchResult[U]]) -> list[U]: ...
    def flatten(self: BatchResult[Any]) -> list[Any]:
        """The results of a map in batches an item, where its functions return a list a batch.

        Also where they return a `BatchResult` a batch. In input order, if they keep it.

        Raises:
            ChildContextError: a batch, or an item of one, failed; as for `results[0]`.
            IndexError: one did not end.
            ValidationError: a function returned something else than a list.

        Example:
            >>> done = BatchItemStatus.SUCCEEDED
            >>> items = [BatchItem(0, done, [1, 2]), BatchItem(1, done, [3])]
            >>> BatchResult(items, CompletionReason.ALL_COMPLETED).flatten()
            [1, 2, 3]
        """
        flat: list[Any] = []
        for index, part in enumerate(self):
            if not isinstance(part, list | tuple | BatchResult):
                raise ValidationError(
                    f"flatten() needs a list from each batch; {index} gave {kind_of(part)}"
                )
            flat.extend(cast("Sequence[Any]", part))
        return flat

    def get_errors(self) -> list[ErrorObject | None]:
        """The errors of the items that failed; None for one stored without details."""
        return [item.error for item in self.failed()]

    def throw_if_error(self) -> None:
        """Raise if `status` is FAILED.

        Raises:
            BatchCompletionError: a `should_complete` predicate ended the batch as failed; the
                first failed item's error, if there is one, is its cause.
            ChildContextError: otherwise, the first failed item's error, which is also an
                instance of the original class where that class is known.
        """
        if self.status is not BatchItemStatus.FAILED:
            return
        first = self._first_error()
        custom = CompletionReason.CUSTOM_COMPLETION_FAILED
        if first is not None and self.completion_reason is not custom:
            raise first
        raise BatchCompletionError(
            f"should_complete ended the batch as failed: {self.success_count} items succeeded, "
            f"{self.failure_count} failed, {self.started_count} were still running"
        ) from first

    def _first_error(self) -> ChildContextError | None:
        """Of the first item that failed, or of the first one in an item that is a batch itself."""
        for item in self.all:
            if item.status is BatchItemStatus.FAILED:
                return rebuild(ChildContextError, item.error)
            result: object = item.result
            if isinstance(result, BatchResult):
                inner = cast("BatchResult[object]", result)
                if (error := inner._first_error()) is not None:
                    return error
        return None

    @property
    def status(self) -> BatchItemStatus:
        """FAILED if any item failed or too many did; custom completion decides by itself."""
        decided = _STATUS.get(self.completion_reason)
        if decided is not None:
            return decided
        return BatchItemStatus.FAILED if self.has_failure else BatchItemStatus.SUCCEEDED

    @property
    def has_failure(self) -> bool:
        return any(item.status is BatchItemStatus.FAILED for item in self.all)

    @property
    def success_count(self) -> int:
        return len(self.succeeded())

    @property
    def failure_count(self) -> int:
        return len(self.failed())

    @property
    def started_count(self) -> int:
        return len(self.started())

    @property
    def total_count(self) -> int:
        """How many items started; those that never did are not counted."""
        return len(self.all)

    # ------------------------------------------------------------------------------- dict form

    def to_dict(self) -> dict[str, Any]:
        return {
            "all": [item.to_dict() for item in self.all],
            "completionReason": self.completion_reason.value,
        }

    @classmethod
    def from_dict(
        cls, data: Wire, completion_config: SettlesBatches | None = None
    ) -> BatchResult[Any]:
        """Rebuild a result from `to_dict`'s form.

        Parameters:
            data: what `to_dict` gave.
            completion_config: tells the reason where `data` has none; ALL_COMPLETED without one.
        """
        reason = data.get("completionReason")
        items: list[BatchItem[Any]] = [BatchItem.from_dict(item) for item in data["all"]]
        if reason is None and completion_config is not None:
            return BatchResult[Any].from_items(items, completion_config)
        return BatchResult(items, CompletionReason(reason or CompletionReason.ALL_COMPLETED))

    @classmethod
    def from_items(
        cls, items: Sequence[BatchItem[R]], completion_config: SettlesBatches | None = None
    ) -> BatchResult[R]:
        """The result that these items make, for tests and for code that builds its own.

        Parameters:
            items: all items that started, in input order.
            completion_config: tells why the batch stopped: a `CompletionConfig`; by default any
                failure exceeds the tolerance.

        Example:
            >>> BatchResult.from_items([BatchItem(0, BatchItemStatus.SUCCEEDED, 1)])[0]
            1
        """
        batch = BatchResult(list(items), CompletionReason.ALL_COMPLETED)
        reason = _why_it_stopped(batch, completion_config)
        return BatchResult(batch.all, reason)


class SettlesBatches(Protocol):
    """The thresholds of a `CompletionConfig`."""

    @property
    def min_successful(self) -> int | None: ...
    def max_failures(self, total: int) -> int | None: ...


def _why_it_stopped(batch: BatchResult[R], config: SettlesBatches | None) -> CompletionReason:
    allowed = 0 if config is None else config.max_failures(batch.total_count)
    if allowed is not None and batch.failure_count > allowed:
        return CompletionReason.FAILURE_TOLERANCE_EXCEEDED
    minimum = None if config is None else config.min_successful
    if batch.started_count and minimum is not None and batch.success_count >= minimum:
        return CompletionReason.MIN_SUCCESSFUL_REACHED
    return CompletionReason.ALL_COMPLETED
