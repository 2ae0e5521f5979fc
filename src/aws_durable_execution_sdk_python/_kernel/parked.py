"""What is parked: operations that the service has to move on, and who waits for them.

- Somebody parked on several operations goes on once any of them has moved on.
- When an operation is due is what the service said last; what it said before is skipped.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import Operation, OperationType, Status
from aws_durable_execution_sdk_python._kernel.reachability import Opaque


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation that the service has to move on, and when it said it will (if by time)."""

    operation_id: str
    until: float | None = None


def pending_state(operation: Operation | None, operation_id: str) -> Pending | None:
    """What an operation in this state waits for, or None if it can go on."""
    if operation is None:
        return Pending(operation_id)
    kind, status = operation.operation_type, operation.status
    if kind is OperationType.STEP:
        if status is not Status.PENDING:
            return None
        details = operation.step_details
        due = details.next_attempt_timestamp if details else None
    elif status is Status.STARTED and kind is not OperationType.CONTEXT:
        due = operation.wait_details.scheduled_end_timestamp if operation.wait_details else None
    else:
        return None
    return Pending(operation_id, due.timestamp() if due else None)


@dataclass(eq=False, slots=True)
class Park:
    """Somebody who waits until one of these has moved on."""

    pending: tuple[Pending, ...]
    future: asyncio.Future[None]


class Parked(Opaque):
    """Who is parked on what, in one invocation."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        # By operation, in the order in which they came.
        self._parks: dict[str, dict[Park, None]] = {}
        # When parked operations are due, earliest first. What is no longer true is skipped.
        self._due: list[tuple[float, str]] = []
        self._until: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._parks)

    @property
    def has_due(self) -> bool:
        """Whether any was due at a time."""
        return bool(self._due)

    def add(self, park: Park) -> None:
        for each in park.pending:
            self._parks.setdefault(each.operation_id, {})[park] = None
            if each.until is not None:
                self._until[each.operation_id] = each.until
                heapq.heappush(self._due, (each.until, each.operation_id))

    def remove(self, park: Park) -> None:
        for each in park.pending:
            parks = self._parks[each.operation_id]
            parks.pop(park, None)
            if not parks:
                del self._parks[each.operation_id]

    def resume(self, operation_ids: Iterable[str]) -> bool:
        """Let those go on whose operation has moved on; whether any did."""
        any_did = False
        for operation_id in operation_ids:
            parks = self._parks.get(operation_id)
            if parks and self.has_moved_on(operation_id):
                any_did = True
                for park in parks:
                    if not park.future.done():
                        park.future.set_result(None)
        return any_did

    def has_moved_on(self, operation_id: str) -> bool:
        return pending_state(self._journal.get(operation_id), operation_id) is None

    def earliest(self) -> float:
        """When the first parked operation is due; infinity if none is by time."""
        while self._due and self._is_over(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def _is_over(self, until: float, operation_id: str) -> bool:
        return operation_id not in self._parks or self._until[operation_id] != until
