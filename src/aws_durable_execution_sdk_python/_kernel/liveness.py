"""Whether anything alive can still reach what an invocation waits for: sources, and searches.

- Sources are the loop's timers and jobs, descriptors with their callbacks, the stacks of threads,
  and, while the loop spins, the tasks that are ready.
- No source are the threads that run an event loop of ours, the engine's, and the main one: where
  it does not run the loop itself, it is the program that called for the invocation.
- A thread that was there before the invocation knows of it only what it was handed since. So it
  counts only where user code waits for something of its own, and is looked into only as far as
  the data near its stack. All of them are one search, so that what they share, a pool or a server
  say, is looked at once, and each gets equally far: beyond `OLDER_LIMIT` objects a thread, and the
  `MOST_OLDER`-fold in all, nothing is taken to follow.
- Which threads were there before is known by their objects, and of those that `threading` has not
  started (a C library's, execnet's below pytest-xdist) by the frame that they began in.
- A descriptor whose callback is an extension's may reach anything.
- What a thread was handed a moment ago may be on its way, where no reference shows it: what a
  function written in C has taken, or is about to hand on, is in no frame. So before stacks are
  looked at, threads are given a moment, in which the loop does nothing else; and those that the
  system would run by then, had it a processor for them, have it until they wait or have run for as
  long. What is left is a guess, the only one in time: that a thread which was handed something
  waits for the interpreter no longer than a moment, where another one computes. Nothing tells it
  from one that waits for a lock, neither its stack nor the system; and to wait until every thread
  waits would be to wait for good where one of them just computes.
- What was found is asked about first. Searches take a tenth of the time at most; in between there
  is work.
- Where a search meets its limit there is work as well, and the limit grows, for all invocations
  of the environment, up to `LARGEST_LIMIT`. So a large process keeps an invocation awake for a
  while, once, but not for good. It grows no further where a search would take seconds: meanwhile
  the loop does nothing else. Nor is one begun that might outlast the time Lambda leaves: there is
  work, and the deadline ends it in order.
"""

from __future__ import annotations

import asyncio
import gc
import math
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.reachability import Found, Opaque, Search
from aws_durable_execution_sdk_python._kernel.runnable_threads import runnable_threads
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

# How long a thread that runs may take to take what it was handed.
HANDING_OVER_SECONDS = 0.005
LARGEST_LIMIT = 800_000
_GROWTH = 4
OLDER_LIMIT = 2_000
MOST_OLDER = 10
# Of the time, what searches may take; and how long one that would take longer is put off at most,
# or at most if it met its limit.
_PAUSE_PER_SECOND_OF_SEARCH = 10
_LONGEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_AT_LIMIT_SECONDS = 5.0
_LONGEST_SEARCH_SECONDS = 2.0

# The tasks that wait for durable work, each with its future, or None if it waits for the engine.
Asleep = Mapping[asyncio.Task[object], asyncio.Future[None] | None]
Waiting = Sequence[asyncio.Future[Any]]


class Liveness(Opaque):
    """Asks about one invocation.

    Parameters:
        loop: whose sources count.
        powers: objects by which durable operations can be called.
        seconds_left: of the time for the invocation, if anybody tells.
        runnable: see `runnable_threads`.

    Attributes:
        searches: how many there have been.
        objects: how many those have looked at.
    """

    def __init__(
        self,
        loop: EventLoop,
        powers: Collection[object],
        seconds_left: Callable[[], float | None] = lambda: None,
        runnable: Callable[[Collection[int | None]], dict[int, float]] = runnable_threads,
    ) -> None:
        self._loop = loop
        self._powers = powers
        self._seconds_left = seconds_left
        self._runnable = runnable
        self._older = frozenset(threading.enumerate())
        # Of threads that `threading` has not started, and may come to know later.
        known = {thread.ident for thread in self._older}
        self._older_roots = frozenset(
            _outermost(frame) for ident, frame in _innermost_frames().items() if ident not in known
        )
        self._witness: Found | None = None
        self._not_before = 0.0
        # What a search took last, or will take with the limit it has now.
        self._cost = 0.0
        self.searches = 0
        self.objects = 0

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
        if self._loop.time() < self._not_before or not self._has_time():
            return True
        if self._has_threads(with_older=bool(waiting)) and self._hand_over():
            return True
        newer, older = self._threads(with_older=bool(waiting))
        sources = [*self._loop.timers(), *self._loop.jobs(), *self._descriptors(), *ready, *newer]
        if not sources and not older:
            return False
        return self._can_go_on(waiting, asleep, sources, older)

    def _can_go_on(
        self, waiting: Waiting, asleep: Asleep, sources: Sequence[object], older: Sequence[object]
    ) -> bool:
        began = time.thread_time()
        targets = [*waiting, *self._powers]
        self._witness = self._search(targets, sources, asleep)
        found = self._witness is not None or self._reaches_from_older(targets, asleep, older)
        self._cost = time.thread_time() - began
        if self._witness is not None and self._witness.target is None:
            self._meet_limit()
        elif found:
            self._pause(min(_PAUSE_PER_SECOND_OF_SEARCH * self._cost, _LONGEST_PAUSE_SECONDS))
        return found

    def _has_time(self) -> bool:
        """Whether a search will be over long before the time is."""
        left = self._seconds_left() if self._cost else None
        return left is None or left > 2 * self._cost

    def reached_by(
        self, timers: Sequence[asyncio.TimerHandle], waiting: Waiting, asleep: Asleep
    ) -> bool:
        """Whether timers, by themselves, complete a future or call an operation.

        Not where that is by cancelling a task that is asleep.
        """
        return self._search([*waiting, *self._powers], timers, asleep) is not None

    def is_out_of_reach(self, waiting: Waiting, asleep: Asleep) -> bool:
        """Whether no older thread reaches these either, looked into as far as that goes.

        Asked after `can_go_on` has said no, where more depends on it than a suspension too early.
        """
        older = self._threads(with_older=True)[1]
        targets = [*waiting, *self._powers]
        return self._found_from_older(targets, asleep, older, LARGEST_LIMIT) is None

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

    def _meet_limit(self) -> None:
        """Look further next time."""
        limit, cost = _GROWTH * self._loop.search_limit, _GROWTH * self._cost
        pause = _PAUSE_PER_SECOND_OF_SEARCH * self._cost
        if limit <= LARGEST_LIMIT and cost <= _LONGEST_SEARCH_SECONDS:
            self._loop.search_limit, self._cost = limit, cost
            pause = min(pause, _LONGEST_PAUSE_AT_LIMIT_SECONDS)
        self._pause(pause)

    def _pause(self, seconds: float) -> None:
        """Do not search again at once; but then, whether or not anything happens until then."""
        self._not_before = self._loop.time() + seconds
        self._loop.engine_call_at(self._not_before, int)

    def _hand_over(self) -> bool:
        """Let threads take what they were handed; whether one has called the loop meanwhile."""
        late: dict[int, float] | None = None
        while late is None or late:
            if self._loop.selector.has_events(within=HANDING_OVER_SECONDS):
                return True
            ours = {each.native_id for each in threading.enumerate() if self._is_ours(each)}
            now = self._runnable(ours)
            # Of the same ones each time: those that come and go do not keep the loop here.
            late = {
                thread: since
                for thread, since in (now if late is None else late).items()
                if now.get(thread, math.inf) - since < HANDING_OVER_SECONDS
            }
        return False

    # -- sources ----------------------------------------------------------------------------

    def _descriptors(self) -> Iterator[object]:
        for key in self._loop.selector.registered():
            yield from key.data

    def _has_threads(self, *, with_older: bool) -> bool:
        return any(with_older or not self._is_older(*each) for each in self._threads_that_count())

    def _threads(self, *, with_older: bool) -> tuple[list[object], list[object]]:
        """What the threads that began during the invocation have at hand, and those before."""
        newer: list[object] = []
        older: list[object] = []
        for thread, frame in self._threads_that_count():
            if not self._is_older(thread, frame):
                newer += (thread, *_frames(frame))
            elif with_older:
                older += (thread, *_frames(frame))
        return newer, older

    def _threads_that_count(self) -> Iterator[tuple[threading.Thread | None, FrameType]]:
        """Threads, each with its innermost frame; without one those that `threading` has not."""
        threads = {thread.ident: thread for thread in threading.enumerate()}
        for ident, frame in _innermost_frames().items():
            thread = threads.get(ident)
            if thread is None or not self._is_ours(thread):
                yield thread, frame

    def _is_older(self, thread: threading.Thread | None, frame: FrameType) -> bool:
        return thread in self._older or _outermost(frame) in self._older_roots

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
        limit = self._loop.search_limit
        found = self._run(Search(targets, asleep=asleep, limit=limit), sources)
        if found is None or not isinstance(found.source, asyncio.TimerHandle):
            return found
        search = Search(targets, asleep=asleep, settled=settled(asleep, limit), limit=limit)
        return self._run(search, sources)

    def _reaches_from_older(
        self, targets: Sequence[object], asleep: Asleep, older: Sequence[object]
    ) -> bool:
        threads = sum(type(each) is not FrameType for each in older)
        limit = OLDER_LIMIT * min(threads, MOST_OLDER)
        found = self._found_from_older(targets, asleep, older, limit)
        return found is not None and found.target is not None

    def _found_from_older(
        self, targets: Sequence[object], asleep: Asleep, older: Sequence[object], limit: int
    ) -> Found | None:
        return self._run(Search(targets, asleep=asleep, limit=limit, by_name=False), older)

    def _run(self, search: Search, sources: Sequence[object]) -> Found | None:
        found = search.run(sources)
        self.searches += 1
        self.objects += search.looked_at
        return found


def settled(asleep: Asleep, limit: int = EventLoop.search_limit) -> set[int]:
    """The ids of what durable work completes, by callbacks alone."""
    search = Search(running=asleep, limit=limit, by_name=False, callbacks_only=True)
    search.run([*(future for future in asleep.values() if future is not None), *asleep])
    return search.seen


_looking = threading.Lock()


def _innermost_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread, by the thread's identifier.

    The collector is kept out: in older releases of CPython one that runs inside, and lets go of the
    GIL, waits for good for a thread that begins or ends meanwhile (python/cpython#106883).
    """
    with _looking:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if was_enabled:
                gc.enable()


def _outermost(frame: FrameType) -> FrameType:
    """The frame in which a thread began: the same one for as long as it runs."""
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
