"""Whether anything alive can still reach what an invocation waits for: sources, and searches.

- Sources are the loop's timers and jobs, descriptors with their callbacks, the stacks of threads,
  and, while the loop spins, the tasks that are ready.
- No source are the threads that run an event loop of ours, the engine's, and the main one: where
  it does not run the loop itself, it is the program that called for the invocation.
- A thread that was there before the invocation knows of it only what it was handed since. So it
  counts only where user code waits for something of its own, and is looked into only as far as
  the data near its stack: beyond `OLDER_LIMIT` objects nothing is taken to follow.
- A descriptor whose callback is an extension's may reach anything.
- What a thread was handed a moment ago may be on its way, where no reference shows it. So before
  stacks are looked at, threads are given a moment, in which the loop does nothing else.
- What was found is asked about first. Searches take a tenth of the time at most; in between, and
  where one has met its limit, there is work.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.reachability import Found, Search
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

# How long a thread that is free to run may take to take what it was handed.
HANDING_OVER_SECONDS = 0.005
LIMIT = 50_000
OLDER_LIMIT = 2_000
# Of the time, what searches may take; and how long one that would take longer is put off at most.
_PAUSE_PER_SECOND_OF_SEARCH = 10
_LONGEST_PAUSE_SECONDS = 0.1

# The tasks that wait for durable work, each with its future, or None if it waits for the engine.
Asleep = Mapping[asyncio.Task[object], asyncio.Future[None] | None]
Waiting = Sequence[asyncio.Future[Any]]
# A thread, if it is known to `threading`, and its frames.
Stack = list[object]


class Liveness:
    """Asks about one invocation.

    Parameters:
        loop: whose sources count.
        powers: objects by which durable operations can be called.

    Attributes:
        searches: how many there have been.
    """

    def __init__(self, loop: EventLoop, powers: Collection[object]) -> None:
        self._loop = loop
        self._powers = powers
        self._older = frozenset(threading.enumerate())
        self._witness: Found | None = None
        self._not_before = 0.0
        self.searches = 0

    def can_go_on(
        self, waiting: Waiting, asleep: Asleep, ready: Sequence[asyncio.Task[object]] = ()
    ) -> bool:
        """Whether a future can be completed, or an operation be called, by what is alive.

        Parameters:
            waiting: the futures.
            asleep: tasks that are known to wait for durable work.
            ready: tasks that are about to run.
        """
        if self._is_as_before(waiting) or self._loop.has_foreign_callbacks():
            return True
        now = self._loop.time()
        if now < self._not_before:
            return True
        newer, older = self._threads(with_older=bool(waiting))
        if newer or older:
            if self._loop.selector.has_events(within=HANDING_OVER_SECONDS):
                return True
            newer, older = self._threads(with_older=bool(waiting))
        sources = [*self._loop.timers(), *self._loop.jobs(), *self._descriptors(), *ready]
        for stack in newer:
            sources += stack
        if not sources and not older:
            return False
        now = self._loop.time()
        targets = [*waiting, *self._powers]
        self._witness = self._search(targets, sources, asleep)
        found = self._witness is not None or self._reaches_from_older(targets, asleep, older)
        if found:
            self._pause(self._loop.time() - now)
        return found

    def reached_by(
        self, timers: Sequence[asyncio.TimerHandle], waiting: Waiting, asleep: Asleep
    ) -> bool:
        """Whether timers, by themselves, complete a future or call an operation.

        Not where that is by cancelling a task that is asleep.
        """
        return self._search([*waiting, *self._powers], timers, asleep) is not None

    def _is_as_before(self, waiting: Waiting) -> bool:
        if self._witness is None:
            return False
        source, target = self._witness
        is_awaited = any(target is each for each in waiting)
        if not is_awaited and target not in self._powers:
            return False
        if isinstance(source, asyncio.TimerHandle):
            # Whoever could call an operation may have gone meanwhile; and if the timer had fired
            # already, nothing would wake us.
            return is_awaited and self._loop.will_fire(source)
        return source in self._loop.jobs()

    def _pause(self, cost: float) -> None:
        """Do not search again at once; but then, whether or not anything happens until then."""
        pause = min(_PAUSE_PER_SECOND_OF_SEARCH * cost, _LONGEST_PAUSE_SECONDS)
        self._not_before = self._loop.time() + pause
        self._loop.engine_call_at(self._not_before, int)

    # -- sources ----------------------------------------------------------------------------

    def _descriptors(self) -> Iterator[object]:
        for key in self._loop.selector.registered():
            yield from key.data

    def _threads(self, *, with_older: bool) -> tuple[list[Stack], list[Stack]]:
        """The threads that began during the invocation, and those that were there before."""
        threads = {thread.ident: thread for thread in threading.enumerate()}
        newer: list[Stack] = []
        older: list[Stack] = []
        for ident, frame in sys._current_frames().items():
            thread = threads.get(ident)
            if thread is not None and self._is_ours(thread):
                continue
            if thread not in self._older:
                newer.append([thread, *_frames(frame)])
            elif with_older:
                older.append([thread, *_frames(frame)])
        return newer, older

    def _is_ours(self, thread: threading.Thread) -> bool:
        return (
            isinstance(thread, EngineThread)
            or thread is threading.main_thread()
            or self._loop.is_driven_by(thread)
        )

    # -- searches ---------------------------------------------------------------------------

    def _search(
        self, targets: Sequence[object], sources: Sequence[object], asleep: Asleep
    ) -> Found | None:
        self.searches += 1
        search = Search(targets, asleep=asleep, limit=LIMIT)
        found = search.run(sources)
        if found is None or not isinstance(found.source, asyncio.TimerHandle):
            return found
        search = Search(targets, asleep=asleep, settled=settled(asleep), limit=LIMIT)
        return search.run(sources)

    def _reaches_from_older(
        self, targets: Sequence[object], asleep: Asleep, threads: Sequence[Stack]
    ) -> bool:
        for stack in threads:
            search = Search(targets, asleep=asleep, limit=OLDER_LIMIT, by_name=False)
            found = search.run(stack)
            if found is not None and found.target is not None:
                return True
        return False


def settled(asleep: Asleep) -> set[int]:
    """The ids of what durable work completes, by callbacks alone."""
    search = Search(running=asleep, limit=LIMIT, by_name=False, callbacks_only=True)
    search.run([*(future for future in asleep.values() if future is not None), *asleep])
    return search.seen


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
