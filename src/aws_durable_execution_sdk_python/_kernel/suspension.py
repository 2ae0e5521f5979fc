"""What is parked until when, and when nothing can run any more.

A parked operation waits for the service: a timer, a callback, an invoked function, a retry. It
resumes in place when an answer says that the operation moved on. When everything is parked, the
invocation is suspended.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import Operation, OperationType, Status
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python._kernel.clock import Clock
from aws_durable_execution_sdk_python._kernel.tasks import (
    callbacks_pending,
    is_awaited,
    working_on,
)

# When the service does not yet agree that a timer is due: ask again after this, doubling.
_FIRST_RECHECK_SECONDS = 0.05
_LAST_RECHECK_SECONDS = 1.0


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
class _Park:
    pending: tuple[Pending, ...]
    future: asyncio.Future[None]


class Suspension:
    """Keeps the parked operations of one invocation and decides when to suspend it."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        work_in_hand: Callable[[], bool],
        jobs_wait: Callable[[], bool],
        suspend: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._work_in_hand = work_in_hand
        self._jobs_wait = jobs_wait
        self._suspend = suspend
        self.checkpointer: Checkpointer  # set once both exist
        self.durable_tasks: set[asyncio.Task[Any]] = set()
        self._parks: dict[str, set[_Park]] = {}
        # When parked operations are due, earliest first. What is no longer true is skipped.
        self._due: list[tuple[float, str]] = []
        self._until: dict[str, float] = {}
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = 0.0
        self._asked_for = -math.inf
        self._check_scheduled = False
        self._recheck_seconds = _FIRST_RECHECK_SECONDS

    # -- parking ----------------------------------------------------------------------------

    async def park(self, pending: Iterable[Pending]) -> None:
        """Return once any of these operations has moved on; right away if one already has."""
        pending = tuple(pending)
        if any(self._moved_on(p.operation_id) for p in pending):
            return
        park = _Park(pending, asyncio.get_running_loop().create_future())
        for each in pending:
            self._parks.setdefault(each.operation_id, set()).add(park)
            if each.until is not None:
                self._until[each.operation_id] = each.until
                heapq.heappush(self._due, (each.until, each.operation_id))
        self.check_soon()
        try:
            await park.future
        finally:
            self._forget(park)

    def changed(self, operation_ids: Iterable[str]) -> None:
        """Resume whoever is parked on an operation that moved on."""
        for operation_id in operation_ids:
            parks = self._parks.get(operation_id)
            if parks and self._moved_on(operation_id):
                self._recheck_seconds = _FIRST_RECHECK_SECONDS
                for park in parks:
                    if not park.future.done():
                        park.future.set_result(None)
        self.check_soon()

    def _moved_on(self, operation_id: str) -> bool:
        return pending_state(self._journal.get(operation_id), operation_id) is None

    def _forget(self, park: _Park) -> None:
        for each in park.pending:
            parks = self._parks[each.operation_id]
            parks.discard(park)
            if not parks:
                del self._parks[each.operation_id]

    # -- deciding ---------------------------------------------------------------------------

    def check_soon(self) -> None:
        """Look, after this pass of the scheduler, whether anything can still run."""
        if not self._check_scheduled and (self._parks or self._jobs_wait()):
            self._check_scheduled = True
            asyncio.get_running_loop().call_soon(self._check)

    def others_ready(self) -> bool:
        """Whether the loop has anything to run but our own look at it."""
        return callbacks_pending(asyncio.get_running_loop(), besides=self._check_scheduled)

    def _check(self) -> None:
        """Suspend if nothing can run; otherwise whatever runs brings us back here."""
        self._check_scheduled = False
        waits = self._parks or self._jobs_wait()
        if not waits or self.checkpointer.ended is not None:
            return
        if callbacks_pending(asyncio.get_running_loop()):
            self.check_soon()
        elif self._work_in_hand():
            self._arm_timer()
        elif self.checkpointer.in_flight:
            return
        elif self._a_task_works():
            self._arm_timer()
        elif not self.checkpointer.idle:
            self.checkpointer.flush()
        else:
            self._refresh_or_suspend()

    def _refresh_or_suspend(self) -> None:
        due = self._earliest()
        if due <= self._clock.now() and not self._asked_in_vain(due):
            self._ask(due)
        else:
            self._suspend()

    def _a_task_works(self) -> bool:
        loop = asyncio.get_running_loop()
        for task in asyncio.all_tasks(loop):
            work = working_on(task)
            if work is False or not (task in self.durable_tasks or is_awaited(task)):
                continue
            if work is True:
                self.check_soon()
            else:
                work.add_done_callback(lambda _: self.check_soon())
            return True
        return False

    def _earliest(self) -> float:
        """When the first parked operation is due."""
        while self._due and self._is_over(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def _is_over(self, until: float, operation_id: str) -> bool:
        return operation_id not in self._parks or self._until[operation_id] != until

    def _asked_in_vain(self, due: float) -> bool:
        """Whether the service was asked about this time already, and disagrees that it is due."""
        return due == self._asked_for

    def _ask(self, due: float) -> None:
        self._asked_for = due
        self.checkpointer.refresh()

    # -- timers that fall due while something else still runs -----------------------------------

    def _arm_timer(self) -> None:
        due = self._earliest()
        if due == math.inf or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().create_task(self._refresh_when_due(due))

    async def _refresh_when_due(self, due: float) -> None:
        """One refresh for the whole wave of timers that are due by then."""
        at = due
        if self._asked_in_vain(due):
            at = self._clock.now() + self._recheck_seconds
            self._recheck_seconds = min(2 * self._recheck_seconds, _LAST_RECHECK_SECONDS)
        await self._clock.sleep_until(at)
        self._timer = None
        self._ask(due)
