"""In which order async code learns that operations have ended: that of the record.

Rules:

- One is released at a time, when the loop is idle: everybody whom the one before has woken is
  blocked again. Of those that are waited for it is the one that ended first, by the service's
  clock; among equals the one with the smaller id. That the code was called back is nowhere else
  taken from, so the first run, in which an answer may bring several ends at once, and every replay
  release alike. What the service does not tell the time of comes after what it has told, in the
  order in which it is waited for.
- Nothing that is released here waits for anything but its turn, so there is always a next one. A
  loop that never rests is taken to spin after so many passes, and gets the next one then.
- What an operation has left may have to be fetched, from a store say, before its end can be told.
  While that is *read* nothing is released, which might have ended later, and the user's time stands
  still if it is a replay: how long it takes is no part of the record.
- Where one task alone is alive, and no timer of the user's, there is nobody to keep an order with.
- What user code cancelled is *doomed* on replay: it never ends, and waits to be cancelled again.
- While anything recorded waits for its turn, the user's time is frozen (see `user_time`), and goes
  by the record (see `recorded_time`). With only doomed operations left it goes on from timer to
  timer, at most to when they were recorded as cancelled. Then it is real again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.recorded_time import (
    Doomed,
    RecordedEnd,
    RecordedTime,
    Sleep,
)

# After how many passes without rest the loop is taken to spin.
SPINNING_PASSES = 1000
# Stands for a moment and an id: after all moments, and one like the other.
_UNTOLD = sys.maxsize, ""

# When the operation ended, its id, which comes first among those that wait for the same one, what
# to release, and who waits, if an earlier invocation recorded it.
_Waiting = tuple[int, str, int, asyncio.Future[None], asyncio.Task[Any] | None]


class CompletionOrder(Opaque):
    """Releases what async code of one invocation waits for.

    Parameters:
        work_in_hand: whether bodies or threads run, which live in real time.
        sleep: who waits for durable work.
    """

    def __init__(
        self,
        loop: EventLoop,
        journal: Journal,
        *,
        work_in_hand: Callable[[], bool],
        sleep: Callable[[], Sleep],
    ) -> None:
        self._loop = loop
        self._time = loop.user_time
        self._journal = journal
        self._work_in_hand = work_in_hand
        self._heap: list[_Waiting] = []
        self._numbers = itertools.count()
        self._doomed: dict[asyncio.Future[None], Doomed] = {}
        self._recorded = RecordedTime(self._time, journal, sleep)
        self._passes = 0
        self._readers = 0

    @contextlib.contextmanager
    def releasing(self) -> Iterator[None]:
        """Release from here on, until the end of the block."""
        hooks = self._loop.release_hooks, self._loop.busy_hooks
        self._loop.release_hooks += (self._on_idle,)
        self._loop.busy_hooks += (self._on_busy,)
        try:
            yield
        finally:
            self._loop.release_hooks, self._loop.busy_hooks = hooks

    @property
    def has_waiting(self) -> bool:
        """Whether something is to be released, by nobody else."""
        return bool(self._heap) and not self._readers

    def doomed(self) -> list[asyncio.Future[None]]:
        """The futures of what waits to be cancelled again."""
        return [future for future in self._doomed if not future.done()]

    @contextlib.contextmanager
    def reading(self, operation_id: str) -> Iterator[None]:
        """Release nothing until the end of the block, after which the operation waits its turn."""
        if self._journal.is_history(operation_id) and not self._time.is_frozen:
            self._recorded.freeze(operation_id)
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    # -- waiting ----------------------------------------------------------------------------

    def needs_turn(self) -> bool:
        """Whether there is an order to be kept."""
        if self._loop.task_count.alive > 1 or self._heap or self._time.next() is not None:
            return True
        self._recorded.let_go()
        return False

    def end_of(self, operation_id: str) -> asyncio.Future[None]:
        """One's turn to learn that an operation has ended."""
        return self._turn(operation_id, self._journal.ended(operation_id))

    def start_of(self, operation_id: str) -> asyncio.Future[None]:
        """One's turn to learn that an operation has begun."""
        return self._turn(operation_id, self._journal.began(operation_id))

    def saved(
        self, operation_id: str, turn: asyncio.Future[None], error: BaseException | None
    ) -> None:
        """An operation's end was saved, or not: have the future resolved in its turn."""
        if turn.done():
            return
        if error is not None:
            turn.set_exception(error)
        elif self.needs_turn():
            self._queue(operation_id, self._journal.ended(operation_id), turn)
        else:
            turn.set_result(None)

    def _turn(self, operation_id: str, moment: int | None) -> asyncio.Future[None]:
        turn, task = self._loop.create_future(), None
        if moment is not None and self._journal.is_history(operation_id):
            task = asyncio.current_task()
            if not self._time.is_frozen:
                self._recorded.freeze(operation_id)
        self._queue(operation_id, moment, turn, task)
        if moment is not None and task is not None:
            self._recorded.is_waited_for(RecordedEnd(moment, operation_id, task, turn))
        return turn

    def _queue(
        self,
        operation_id: str,
        moment: int | None,
        turn: asyncio.Future[None],
        task: asyncio.Task[Any] | None = None,
    ) -> None:
        if moment is None:
            moment, operation_id = _UNTOLD
        heapq.heappush(self._heap, (moment, operation_id, next(self._numbers), turn, task))

    async def doom(self, operation_id: str) -> None:
        """Wait to be cancelled, as it was in an earlier invocation."""
        future, task = self._loop.create_future(), asyncio.current_task()
        assert task is not None  # only a task awaits
        span = self._journal.span(operation_id) or (0, 0)
        self._doomed[future] = Doomed(*span, task, future)
        self._recorded.freeze(operation_id)
        try:
            await future
        finally:
            del self._doomed[future]

    # -- releasing --------------------------------------------------------------------------

    def _on_idle(self) -> bool:
        self._passes = 0
        return self._advance()

    def _on_busy(self) -> None:
        self._passes = self._passes + 1 if self._heap or self._time.is_frozen else 0
        if self._passes >= SPINNING_PASSES:
            self._on_idle()

    def _advance(self) -> bool:
        if self._readers:
            return False
        while self._heap and self._heap[0][3].done():  # cancelled meanwhile
            heapq.heappop(self._heap)
        if self._heap:
            self._release(self._heap[0])
            return True
        if self._doomed and self._skips_to_timer():
            return True
        self._time.thaw()
        return False

    def _release(self, first: _Waiting) -> None:
        if not self._fires_before(first):
            heapq.heappop(self._heap)
            first[3].set_result(None)

    def _fires_before(self, first: _Waiting) -> bool:
        ended = _as_ended(first)
        if ended is None or not self._time.is_frozen:
            return False
        if self._time.next() is None:
            self._recorded.stand_still(ended.moment)
            return False
        return self._recorded.fires_before(ended, self._waiting, [*self._doomed.values()])

    def _waiting(self) -> list[RecordedEnd]:
        """What is waited for of history, the first one first; beyond that in no order."""
        ended = (_as_ended(each) for each in self._heap if not each[3].done())
        return [each for each in ended if each is not None]

    def _skips_to_timer(self) -> bool:
        if self._work_in_hand() or self._loop.jobs():
            return False
        return self._recorded.skips_to_timer(self._doomed.values())


def _as_ended(waiting: _Waiting) -> RecordedEnd | None:
    moment, operation_id, _, future, task = waiting
    return None if task is None else RecordedEnd(moment, operation_id, task, future)
