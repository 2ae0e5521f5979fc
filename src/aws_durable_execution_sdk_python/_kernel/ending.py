"""The end of flows of control: of an invocation's, and of all that an event loop still has.

- Who is asked to end is cancelled once, and then left to clean up until the *limit*: the deadline
  of the invocation, less the time the answer needs; without one, a generous bound; in a crash, a
  moment.
- Who begins meanwhile is asked as well, as soon as nothing else is ready to run. The tasks that
  close generators are clean-ups themselves: nobody cancels them before the limit.
- Waiting is in vain when nothing is left that could wake anybody; when the limit has passed; and
  when some grace has passed and nobody is unwinding, so that those who are left have swallowed the
  cancellation. Then they are cancelled again, each time they have nothing ready to run, and after
  some rounds of that given up, by name: strangers from then on, whom nobody waits for any more.
  Before a deadline the rounds take half of what is kept for the answer, at most.
- Threads that run the user's code cannot be cancelled. They are waited for beside the tasks, since
  each may be waiting for the other; beyond the limit only where there is no deadline.
- Nothing is polled: tasks tell their end, the loop tells that it is idle.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import (
    EventLoop,
)
from aws_durable_execution_sdk_python._kernel.generators import Generators
from aws_durable_execution_sdk_python._kernel.origin import context_of
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

Tasks = Collection[asyncio.Task[object]]

_log = logging.getLogger(__name__)

# How much of a task is looked at to tell whether it unwinds.
_MOST_FLOWS = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for those who are to end. Seconds.

    Attributes:
        clean_up: at most, where there is no deadline.
        crash: at most, where the invocation ends as a crash.
        answer: kept of the time before a deadline for giving the answer; a quarter of it at most.
        grace: after which those are cancelled again who have swallowed the cancellation.
        rounds: how often they are.
        round: for what is ready to run, after each.
        generations: how often those are cancelled who began meanwhile, as where a task that has
            ended is begun again.
    """

    clean_up: float = 60.0
    crash: float = 2.0
    answer: float = 0.5
    grace: float = 5.0
    rounds: int = 100
    round: float = 0.01
    generations: int = 1000


PATIENCE = Patience()


class TaskEnding:
    """Ends tasks, once.

    Parameters:
        loop: where they run.
        tasks: those that have not ended.
        seconds: until the limit.
        insisting: how many seconds beyond it those who are left are cancelled again.
        threads: done when no thread is left to wait for.
        leaves_threads: whether those are not waited for beyond the limit.
        spared: tasks that are not cancelled before the limit.
        wakers: whether threads may be left that could wake a task.
    """

    def __init__(
        self,
        loop: EventLoop,
        tasks: Callable[[], Tasks],
        seconds: float,
        *,
        insisting: float = math.inf,
        patience: Patience | None = None,
        threads: asyncio.Future[Any] | None = None,
        leaves_threads: bool = False,
        spared: Tasks = (),
        wakers: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = loop
        self._tasks = tasks
        self._threads = threads
        self._leaves_threads = leaves_threads
        self._spared = spared
        self._wakers = wakers
        self._patience = patience or PATIENCE
        self._limit = loop.time() + seconds
        self._last = self._limit + insisting
        self._grace = loop.time() + min(seconds, self._patience.grace)
        self._asked: weakref.WeakSet[asyncio.Task[object]] = weakref.WeakSet()
        self._rounds = 0
        self._generations = 0
        self._stalled = False
        self._news: asyncio.Future[None] = loop.create_future()
        # Whether it is news already that the loop is idle.
        self._awaits_idle = False
        self._itself: asyncio.Task[object] | None = None

    async def run(self) -> None:
        """Return when all tasks have ended or were given up, and no thread is waited for."""
        self._itself = asyncio.current_task()
        with self._loop.asking_when_idle(self._look):
            while (tasks := self._alive()) or self._has_threads():
                self._ask(tasks)
                if tasks and self._is_hopeless():
                    self._give_up(tasks)
                elif tasks and self._in_vain(tasks):
                    await self._once_more(tasks)
                else:
                    if not tasks and self._leaves_threads and self._loop.time() >= self._limit:
                        self._leave_threads()
                    await self._wait(tasks, self._seconds())

    def _has_threads(self) -> bool:
        return self._threads is not None and not self._threads.done()

    def _alive(self) -> Tasks:
        return [task for task in self._tasks() if task is not self._itself]

    def _ask(self, tasks: Tasks) -> None:
        new = [task for task in tasks if task not in self._asked]
        self._generations += bool(new)
        for task in new:
            self._asked.add(task)
            if task not in self._spared:
                task.cancel()

    def _is_hopeless(self) -> bool:
        most = self._patience
        if self._rounds > most.rounds or self._generations > most.generations:
            return True
        return self._rounds > 0 and self._loop.time() >= self._last

    def _in_vain(self, tasks: Tasks) -> bool:
        now = self._loop.time()
        if now >= self._limit or self._stalled:
            return True
        return now >= self._grace and not any(self._cleans_up(task) for task in tasks)

    def _cleans_up(self, task: asyncio.Task[object]) -> bool:
        return task in self._spared or unwinds(task)

    def _seconds(self) -> float | None:
        """Until the next moment at which to decide anew."""
        now = self._loop.time()
        moments = [moment for moment in (self._grace, self._limit) if moment > now]
        return min(moments) - now if moments else None

    async def _once_more(self, tasks: Tasks) -> None:
        self._rounds += 1
        self._stalled = False
        for task in tasks:
            task.cancel()
        self._awaits_idle = True
        await self._wait((), self._patience.round)
        self._awaits_idle = False

    def _give_up(self, tasks: Tasks) -> None:
        for task in tasks:
            self._loop.abandon(task)
            _log.error(
                "the task %s (%r) does not end although it was cancelled again and again, and is "
                "left behind: let CancelledError pass, after cleaning up",
                task.get_name(),
                task.get_coro(),
            )

    def _leave_threads(self) -> None:
        if self._threads is not None:
            self._threads.cancel()
        _log.error(
            "a thread still runs the code of a step or branch at the end of the time there is for "
            "the invocation, and is left behind: give the call it blocks in a timeout of its own"
        )

    # -- waiting ----------------------------------------------------------------------------

    async def _wait(self, tasks: Tasks, seconds: float | None) -> None:
        """Until one has ended, there are news, or so many seconds have passed."""
        self._news = self._loop.create_future()
        wanted: set[asyncio.Future[Any]] = {*tasks, self._news}
        if self._threads is not None and not self._threads.done():
            wanted.add(self._threads)
        await asyncio.wait(wanted, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _look(self) -> bool:
        """The loop is idle: whether that is news."""
        if self._news.done() or not self._is_news():
            return False
        self._news.set_result(None)
        return True

    def _is_news(self) -> bool:
        if self._awaits_idle:
            return True
        tasks = self._alive()
        if not all(task in self._asked for task in tasks):
            return True
        if not tasks:
            return False
        self._stalled = not self._can_be_woken()
        return self._in_vain(tasks)

    def _can_be_woken(self) -> bool:
        return (
            self._has_threads()
            or self._loop.has_sources()
            or self._wakers()
            or self._loop.selector.has_events()
        )


def unwinds(task: asyncio.Task[object]) -> bool:
    """Whether a cancellation goes through the task's code just now, as while a `finally` awaits.

    What is suspended while it handles an exception refers to that. Only what the task awaits in
    coroutines and generators is looked at; waiting for another task is not unwinding.
    """
    flows: list[Any] = [task.get_coro()]
    seen: set[int] = set()
    while flows and len(seen) < _MOST_FLOWS:
        for each in gc.get_referents(flows.pop()):
            if isinstance(each, asyncio.CancelledError):
                return True
            if id(each) not in seen and _is_flow(each):
                seen.add(id(each))
                flows.append(each)
    return False


def _is_flow(thing: object) -> bool:
    return isinstance(thing, Awaitable | Generator | AsyncGenerator) and not isinstance(
        thing, asyncio.Future
    )


class Flows:
    """What one invocation has begun: tasks, timers, generators, changes to the loop's settings.

    Parameters:
        loop: the loop that the invocation runs in.
        seconds_left: until the invocation's deadline; None if there is none.
        patience: how long to wait at the end.
    """

    def __init__(
        self,
        loop: EventLoop,
        seconds_left: Callable[[], float | None],
        patience: Patience | None = None,
    ) -> None:
        self._loop = loop
        self._seconds_left = seconds_left
        self._patience = patience or PATIENCE
        self.token = object()
        self._threads_before = frozenset(threading.enumerate())
        loop.save()
        loop.begin_invocation(self.token)
        self._generators = Generators(loop, self.token)

    def context(self) -> Context:
        """A copy of the current context in which what begins belongs to the invocation."""
        return context_of(self.token)

    async def end(
        self, join_threads: Callable[[], Awaitable[None]], *, busy: bool, crashed: bool
    ) -> None:
        """Leave nothing behind for the next invocation.

        Parameters:
            join_threads: waits until no thread runs the user's code.
            busy: whether a thread does.
            crashed: whether the invocation ends in the middle of things, as a crash.
        """
        try:
            # Asked once: a task that nobody refers to may be garbage by the next time.
            if busy or self._is_anything_left():
                await self._end_tasks(join_threads, crashed)
            else:
                self._loop.cancel_timers_of_invocation()
                await join_threads()
                if self._is_anything_left():
                    await self._end_tasks(_nothing, crashed)
        finally:
            self._loop.cancel_timers_of_invocation()
            self._loop.restore()

    def _is_anything_left(self) -> bool:
        return bool(self._generators.are_open or self._loop.tasks_of_invocation())

    async def _end_tasks(self, join_threads: Callable[[], Awaitable[None]], crashed: bool) -> None:
        threads = self._loop.create_engine_task(_awaited(join_threads))
        seconds, beyond = self._time(crashed)
        ending = TaskEnding(
            self._loop,
            self._loop.tasks_of_invocation,
            seconds,
            insisting=beyond,
            patience=self._patience,
            threads=threads,
            leaves_threads=crashed or self._seconds_left() is not None,
            spared=self._generators.clean_ups,
            wakers=self._has_threads,
        )
        await ending.run()
        while self._generators.close_open():
            await ending.run()
        if not threads.cancelled():
            await threads

    def _time(self, crashed: bool) -> tuple[float, float]:
        """Seconds until the limit, and how many those who are left are cancelled beyond it."""
        left, beyond = self._seconds_left(), math.inf
        if left is None:
            seconds = self._patience.clean_up
        else:
            for_answer = min(self._patience.answer, left / 4)
            seconds, beyond = left - for_answer, for_answer / 2
        return min(seconds, self._patience.crash) if crashed else seconds, beyond

    def _has_threads(self) -> bool:
        return any(
            thread not in self._threads_before
            and not isinstance(thread, EngineThread)
            and not self._loop.is_driven_by(thread)
            for thread in threading.enumerate()
        )


async def _awaited(make: Callable[[], Awaitable[None]]) -> None:
    await make()


async def _nothing() -> None:
    pass
