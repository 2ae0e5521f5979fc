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
- Where one task alone is alive, and no timer of the user's, there is nobody to keep an order with.
- What user code cancelled is *doomed* on replay: it never ends, and waits to be cancelled again.
- While anything recorded waits for its turn, the user's time is frozen (see `user_time`) and is
  the record's, less the time in which the execution was suspended, since no timer outlives that.
  It goes on to each end that is released, and to each timer that is due before that, as far as the
  record shows that an invocation ran: a step of a single attempt spans the time, or a doomed one.
  With only doomed operations left it goes on from timer to timer, at most to when they were
  recorded as cancelled. Then it is real again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import sys
from collections.abc import Callable, Iterator

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.reachability import Opaque

# After how many passes without rest the loop is taken to spin.
SPINNING_PASSES = 1000
_MICROS = 1_000_000
# How late a beginning, or a cancellation, may be recorded.
_SLACK_SECONDS = 1.0
_SLACK = round(_SLACK_SECONDS * _MICROS)
# Stands for a moment and an id: after all moments, and one like the other.
_UNTOLD = sys.maxsize, ""

# When the operation ended, its id, which comes first among those that wait for the same one, what
# to release, and whether an earlier invocation recorded it.
_Waiting = tuple[int, str, int, asyncio.Future[None], bool]


class CompletionOrder(Opaque):
    """Releases what async code of one invocation waits for.

    Parameters:
        work_in_hand: whether bodies or threads run, which live in real time.
    """

    def __init__(
        self, loop: EventLoop, journal: Journal, *, work_in_hand: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._time = loop.user_time
        self._journal = journal
        self._work_in_hand = work_in_hand
        self._heap: list[_Waiting] = []
        self._numbers = itertools.count()
        # From when to when each of these ran, if that is history.
        self._doomed: dict[asyncio.Future[None], tuple[int, int]] = {}
        # A moment of the record, and the user's time then.
        self._anchor: tuple[int, float] | None = None
        self._passes = 0

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
        """Whether something is to be released."""
        return bool(self._heap)

    def doomed(self) -> list[asyncio.Future[None]]:
        """The futures of what waits to be cancelled again."""
        return [future for future in self._doomed if not future.done()]

    # -- waiting ----------------------------------------------------------------------------

    def needs_turn(self) -> bool:
        """Whether there is an order to be kept."""
        if self._loop.task_count.alive > 1 or self._heap or self._time.next() is not None:
            return True
        if self._anchor is not None:  # the record goes on, and the user's time does not
            self._anchor = None
            self._time.thaw()
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
        turn = self._loop.create_future()
        self._queue(operation_id, moment, turn)
        return turn

    def _queue(self, operation_id: str, moment: int | None, turn: asyncio.Future[None]) -> None:
        is_history = moment is not None and self._journal.is_history(operation_id)
        if is_history and not self._time.is_frozen:
            self._freeze(operation_id)
        if moment is None:
            moment, operation_id = _UNTOLD
        number = next(self._numbers)
        heapq.heappush(self._heap, (moment, operation_id, number, turn, is_history))

    async def doom(self, operation_id: str) -> None:
        """Wait to be cancelled, as it was in an earlier invocation."""
        future = self._loop.create_future()
        self._doomed[future] = self._journal.span(operation_id) or (0, 0)
        self._freeze(operation_id)
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
        moment, _, _, future, is_history = first
        if is_history and self._time.is_frozen and self._fires_before(moment):
            return
        heapq.heappop(self._heap)
        future.set_result(None)

    def _skips_to_timer(self) -> bool:
        if self._anchor is None or self._work_in_hand() or self._loop.jobs():
            return False
        due, last = self._time.next(), max(ended for _, ended in self._doomed.values())
        if due is None or due > self._as_user_time(last) + _SLACK_SECONDS:
            return False
        self._time.freeze()
        self._time.fire_next()
        return True

    # -- the record's time --------------------------------------------------------------------

    def _freeze(self, operation_id: str) -> None:
        if self._anchor is None:
            began = self._journal.began(operation_id)
            if began is None:
                return
            self._anchor = began, self._time.now()
        self._time.freeze()

    def _fires_before(self, moment: int) -> bool:
        """Go on to a moment of the record, or to a timer that was due before it."""
        assert self._anchor is not None  # set before time is frozen
        due, then = self._time.next(), self._as_user_time(moment)
        if due is not None and due < then:
            recorded, seen = self._anchor
            if self._was_awake(recorded + round((due - seen) * _MICROS)):
                self._time.fire_next()
                return True
        elif due is not None and self._was_awake(moment):
            self._time.go_to(then)
            return False
        if moment > self._anchor[0]:
            self._anchor = moment, self._time.now()
        return False

    def _was_awake(self, moment: int) -> bool:
        """Whether an invocation surely ran at a moment of the record."""
        spans = (self._journal.span(operation_id) for _, operation_id, _, _, _ in self._heap)
        return any(
            span and span[0] - _SLACK <= moment <= span[1]
            for span in itertools.chain(spans, self._doomed.values())
        )

    def _as_user_time(self, moment: int) -> float:
        assert self._anchor is not None  # set before time is frozen
        recorded, seen = self._anchor
        return seen + (moment - recorded) / _MICROS
