"""What is on record of an execution, to be read: `context.state`.

Documented in the product's index ("Key components"). Libraries recognise a durable context by it,
and see from the operations whether an invocation is the first one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import Operation
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque

__all__ = ["ExecutionState", "ReplayStatus"]


class ReplayStatus(enum.StrEnum):
    """Whether code runs for the first time, or through what an earlier invocation has run."""

    NEW = "NEW"
    REPLAY = "REPLAY"


class ExecutionState(Opaque):
    """The state of an execution as this invocation knows it. It can be read only.

    Do not let it decide which operations the code calls: it is not the same on replay.

    Example:
        >>> if context.state.replay_status is ReplayStatus.NEW:
        ...     print(f"{context.state.durable_execution_arn} goes on")
    """

    def __init__(self, position: Position) -> None:
        self._position = position

    @property
    def durable_execution_arn(self) -> str:
        """The ARN of the execution."""
        return self._position.scope.arn

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The operations on record, by id, the execution's own included."""
        return RecordedOperations(self._position.scope.journal)

    @property
    def replay_status(self) -> ReplayStatus:
        """Of the code of the context that this was asked of."""
        return ReplayStatus.REPLAY if self.is_replaying() else ReplayStatus.NEW

    def is_replaying(self) -> bool:
        """Whether `replay_status` is REPLAY."""
        return self._position.is_replaying()


class RecordedOperations(Opaque, Mapping[str, Operation]):
    """A view of the journal, which follows it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getitem__(self, operation_id: str) -> Operation:
        operation = self._journal.whole(operation_id)
        if operation is None:
            raise KeyError(operation_id)
        return operation

    def __iter__(self) -> Iterator[str]:
        return iter(self._journal.operation_ids())

    def __len__(self) -> int:
        return len(self._journal.operation_ids())
