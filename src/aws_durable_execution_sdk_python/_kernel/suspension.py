"""What waits until when, and when nothing can run any more.

A parked operation waits for the service: a timer, a callback, an invoked function, a retry. It
resumes in place when an answer says that the operation moved on. When nothing can run, the
invocation is suspended. The rules:

- The engine's own work is counted: bodies, jobs of threads, updates that are queued or under way.
  With any in hand there is nothing to ask. Updates that nobody waits for are sent first.
- *Roots* are the tasks that run the user's functions: the handler, the branches, and whatever a
  blocked thread has async code run in. A root is *going* unless it is asleep. *Asleep* are the
  tasks, roots or not, that wait for a parked operation, or for work of the engine that is counted
  or has roots of its own: branches, a thread's run. Both change only where the waiting begins and
  ends, by the task's identity, however deep below the user's code that is.
- The question is asked when the loop has nothing ready, and by nobody else. With no root going
  and no source of callbacks alive the answer is a comparison. Otherwise a search tells whether
  what is alive can complete what the going roots wait for, or call a durable operation.
- While the loop spins it is asked now and then as well, the ready tasks being alive. What is on
  its way from one callback to the next is invisible then, so the answer has to be the same twice.
- A thread wakes the loop before it ends: its call is looked for after its stack.
- What waits to be cancelled, as it was before, waits for user code: its root is going. Where no
  operation is parked and nothing can cancel it, the code is not what it was.
- With no operation parked there is nothing to be suspended for, and code that nothing can wake
  waits for the deadline. But where contexts that have ended were *passed over*, it is most likely
  one of those that woke it before; then, if one more search, as far as it goes, agrees, the code
  is refused.
- At the deadline nothing but the engine's work counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._kernel import forgotten_timers
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python._kernel.clock import Clock
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.liveness import Asleep, Liveness
from aws_durable_execution_sdk_python._kernel.parked import Park, Parked, Pending
from aws_durable_execution_sdk_python._kernel.reachability import Opaque, waits_for
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    UnrecoverableError,
)

# When the service does not yet agree that a timer is due: ask again after this, doubling.
_FIRST_RECHECK_SECONDS = 0.05
_LAST_RECHECK_SECONDS = 1.0
# How many passes the loop makes without rest, and for how long, before it is taken to spin.
_SPINNING_PASSES = 20
_SPINNING_SECONDS = 0.02


_NOT_CANCELLED = (
    "The code waits for an operation that it cancelled in an earlier invocation, and nothing is "
    "left that could cancel it now. Likely causes: the code changed while the execution was "
    "running (a time-out or a task removed or made longer), or what cancelled the operation "
    "depends on something that is not the same on replay."
)


_IN_VAIN = (
    "The code{where} waits for something that nothing is left to bring, and no operation is "
    "pending. On replay, contexts that have ended do not run again ({contexts}), so what they did "
    "to others, as to put something into a queue or to set an event, is not done again: have them "
    "return what others need, or make them virtual, ChildConfig(is_virtual=True)."
)
# How many contexts that names.
_MOST_NAMED = 3


class _EngineWait:
    """Every run of a thread passes here: a generator would cost twice as much."""

    __slots__ = ("_power", "_suspension", "_task")

    def __init__(self, suspension: Suspension, power: object) -> None:
        self._suspension = suspension
        self._power = power

    def __enter__(self) -> None:
        self._task = self._suspension.begin_engine_wait(self._power)

    def __exit__(self, *_: object) -> None:
        self._suspension.end_engine_wait(self._task, self._power)


def _refuse(doomed: Iterable[asyncio.Future[None]]) -> bool:
    """Nothing is left that could cancel these: the code is not what it was."""
    for future in doomed:
        future.set_exception(NonDeterministicExecutionError(_NOT_CANCELLED))
    return True


class Suspension(Opaque):
    """Keeps the parked operations of one invocation and decides when to suspend it.

    Parameters:
        loop: the loop it runs on, with nothing else of its kind.
        powers: what durable operations are called by: whoever holds one may call any.
        work_in_hand: whether bodies or threads of the engine's run.
        doomed: the futures of what waits to be cancelled.
        rescue: starts a thread for a job that waits for one though none runs; whether one did.
        out_of_time: whether only the engine's work is to be waited for.
        seconds_left: until Lambda ends the invocation, if it tells.
        suspend: called once, when nothing can run.
        refuse: called instead, where the code is not what it was.
    """

    def __init__(
        self,
        loop: EventLoop,
        journal: Journal,
        clock: Clock,
        *,
        powers: set[object],
        work_in_hand: Callable[[], bool],
        doomed: Callable[[], Iterable[asyncio.Future[None]]],
        rescue: Callable[[], bool],
        out_of_time: Callable[[], bool],
        seconds_left: Callable[[], float | None],
        suspend: Callable[[], None],
        refuse: Callable[[UnrecoverableError], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._powers = powers
        self._work_in_hand = work_in_hand
        self._doomed = doomed
        self._rescue = rescue
        self._out_of_time = out_of_time
        self._suspend = suspend
        self._refuse = refuse
        self._liveness = Liveness(loop, powers, seconds_left)
        self.checkpointer: Checkpointer  # set once both exist
        self._roots: set[asyncio.Task[Any]] = set()
        self._going: set[asyncio.Task[Any]] = set()
        self._asleep: dict[asyncio.Task[Any], asyncio.Future[None] | None] = {}
        self._decided = False
        self._passed_over: list[str] = []
        self._looked_further = -1
        # How often a task fell asleep or woke; by this an answer is known to be of the same state.
        self._moves = 0
        self._passes = 0
        self._spinning_at: float | None = None
        self._answered: object = None
        self._parked = Parked(journal)
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = 0.0
        self._asked_for = -math.inf
        self._recheck_seconds = _FIRST_RECHECK_SECONDS

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Decide from here on, until the end of the block."""
        idle, busy = self._on_idle, self._on_busy
        with self._loop.asking_when_idle(idle, busy=busy):
            try:
                yield
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    # -- roots ------------------------------------------------------------------------------

    def add_root(self, task: asyncio.Task[Any]) -> None:
        """Count a task that runs a function of the user's, until it is dropped."""
        self._roots.add(task)
        self._going.add(task)

    def is_root(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task runs a function of the user's that was given a context."""
        return task in self._roots

    def drop_root(self, task: asyncio.Task[Any]) -> None:
        self._roots.discard(task)
        self._going.discard(task)

    def _fall_asleep(self, future: asyncio.Future[None] | None) -> asyncio.Task[Any]:
        task = asyncio.current_task()
        assert task is not None  # only a task awaits
        self._moves += 1
        self._asleep[task] = future
        self._going.discard(task)
        return task

    def _wake(self, task: asyncio.Task[Any]) -> None:
        self._moves += 1
        self._asleep.pop(task, None)
        if task in self._roots:
            self._going.add(task)

    def waiting_for_engine(self, power: object = None) -> _EngineWait:
        """A block in which the current task waits for what is counted, or has roots of its own.

        Parameters:
            power: what durable operations can be called by meanwhile.
        """
        return _EngineWait(self, power)

    def begin_engine_wait(self, power: object) -> asyncio.Task[Any]:
        if power is not None:
            self._powers.add(power)
        return self._fall_asleep(None)

    def end_engine_wait(self, task: asyncio.Task[Any], power: object) -> None:
        self._powers.discard(power)
        self._wake(task)

    # -- parking ----------------------------------------------------------------------------

    async def park(self, pending: Iterable[Pending]) -> None:
        """Return once any of these operations has moved on; right away if one already has."""
        pending = tuple(pending)
        if any(self._parked.has_moved_on(p.operation_id) for p in pending):
            return
        park = Park(pending, self._loop.create_future())
        self._parked.add(park)
        task = self._fall_asleep(park.future)
        try:
            await park.future
        finally:
            self._wake(task)
            self._parked.remove(park)

    def changed(self, operation_ids: Iterable[str]) -> None:
        """Resume whoever is parked on an operation that moved on."""
        if self._parked.resume(operation_ids):
            self._recheck_seconds = _FIRST_RECHECK_SECONDS

    # -- deciding ---------------------------------------------------------------------------

    def _on_idle(self) -> bool:
        """Decide, now that nothing is ready; returns whether something has been scheduled."""
        self._passes = 0
        self._spinning_at = self._answered = None
        if self._decided or self.checkpointer.ended is not None:
            return False
        if self._work_in_hand() or self.checkpointer.in_flight:
            if self._parked.has_due:
                self._arm_timer()
            return False
        if not self.checkpointer.idle:
            return self.checkpointer.flush()
        if self._out_of_time():
            return self._end()
        if self._rescue():
            return True
        doomed = self._doomed()
        if not self._parked and not doomed and not (self._passed_over and self._going):
            return False
        if self._can_go_on():
            self._arm_timer()
            return False
        if self._loop.selector.has_events():
            return False
        if self._parked:
            return self._refresh_or_suspend()
        return _refuse(doomed) if doomed else self._refuse_waiting_in_vain()

    def _on_busy(self) -> None:
        """Now and then, decide about a loop that never rests."""
        self._passes += 1
        if self._passes < _SPINNING_PASSES:
            return
        self._passes = 0
        now = self._loop.time()
        if self._decided or self._work_in_hand() or not self.checkpointer.idle:
            self._spinning_at = self._answered = None
        elif self._spinning_at is None:
            self._spinning_at = now
        elif now >= self._spinning_at + _SPINNING_SECONDS:
            self._spinning_at = now
            self._decide_spinning()

    def _decide_spinning(self) -> None:
        if self._out_of_time():
            self._end()
        elif not self._rescue() and self._parked:
            ready = [task for task in asyncio.all_tasks(self._loop) if waits_for(task) is None]
            state = self._moves, tuple(map(waits_for, self._going))
            if not ready or self._can_go_on(ready):
                self._answered = None
                self._arm_timer()
            elif self._answered == state:
                self._refresh_or_suspend()
            else:
                self._answered = state

    @property
    def asleep(self) -> Asleep:
        """The tasks that wait for durable work, or for work of the engine."""
        return self._asleep

    def keeps_awake(self, timers: Sequence[asyncio.TimerHandle], asleep: Asleep) -> bool:
        """Whether one of these timers is waited for, and not only around durable work.

        Parameters:
            asleep: the tasks to be taken to be so.
        """
        waiting = [waits_for(root) for root in self._going if root not in asleep]
        return self._liveness.reached_by(timers, [each for each in waiting if each], asleep)

    def _can_go_on(self, ready: Sequence[asyncio.Task[Any]] = ()) -> bool:
        waiting = self._waiting()
        if len(waiting) < len(self._going):
            return True  # a root is ready
        return self._liveness.can_go_on(waiting, self._asleep, ready)

    def _waiting(self) -> list[asyncio.Future[Any]]:
        """What the roots that are going wait for, but for those that are ready."""
        return [future for root in self._going if (future := waits_for(root)) is not None]

    def pass_over(self, context: str) -> None:
        """A context has ended in an earlier invocation, and its function does not run again."""
        if len(self._passed_over) < _MOST_NAMED:
            self._passed_over.append(context)

    def _refuse_waiting_in_vain(self) -> bool:
        if self._looked_further == self._moves:
            return False  # and found that somebody may come after all
        self._looked_further = self._moves
        if not self._liveness.is_out_of_reach(self._waiting(), self._asleep):
            return False
        self._decided = True
        lines = sorted(filter(None, map(forgotten_timers.line, self._going)))
        where = ' in file "{}", line {},'.format(*lines[0]) if lines else ""
        message = _IN_VAIN.format(where=where, contexts=", ".join(self._passed_over))
        self._refuse(NonDeterministicExecutionError(message))
        return True

    def _end(self) -> bool:
        self._decided = True
        self._suspend()
        return True

    def _refresh_or_suspend(self) -> bool:
        due = self._parked.earliest()
        if due <= self._clock.now() and not self._asked_in_vain(due):
            self._ask(due)
            return True
        forgotten_timers.warn(self._loop.user_time.pending(), self._asleep)
        return self._end()

    def _asked_in_vain(self, due: float) -> bool:
        """Whether the service was asked about this time already, and disagrees that it is due."""
        return due == self._asked_for

    def _ask(self, due: float) -> None:
        self._asked_for = due
        self.checkpointer.refresh()

    # -- timers that fall due while something else still runs -----------------------------------

    def _arm_timer(self) -> None:
        due = self._parked.earliest()
        if due == math.inf or (self._timer is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.create_engine_task(self._refresh_when_due(due))

    async def _refresh_when_due(self, due: float) -> None:
        """One refresh for the whole wave of timers that are due by then."""
        at = due
        if self._asked_in_vain(due):
            at = self._clock.now() + self._recheck_seconds
            self._recheck_seconds = min(2 * self._recheck_seconds, _LAST_RECHECK_SECONDS)
        await self._clock.sleep_until(at)
        self._timer = None
        self._ask(due)
