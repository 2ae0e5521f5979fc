"""The time that the code of an invocation sees on the event loop, and its timers.

Rules:

- Only flows of control of the invocation see it; the engine, and everybody else in the loop, lives
  in real time. So a time-out of a request, or the deadline, is never disturbed by it.
- It never goes back. It is real time plus a shift, or *frozen*: then it goes on only where somebody
  says so, and no timer fires but by `fire` and `fire_next`.
- A timer is kept here from its setting until it fires or is found cancelled. asyncio has one timer
  of ours, for the earliest of them.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any, NamedTuple, Protocol

# Timers that were cancelled are forgotten when there are twice as many as when last looked through.
_FIRST_PRUNING = 256


class RealTime(Protocol):
    """What is needed of an event loop."""

    def engine_call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Set a timer in real time."""
        ...

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle: ...


class _Timer(NamedTuple):
    when: float
    number: int
    handle: asyncio.TimerHandle
    callback: Callable[..., object]
    args: tuple[Any, ...]
    context: Context


class UserTime:
    """The time of one invocation after the other.

    Attributes:
        differs: whether it may not be real time.
        numbered: how many timers there have been.
    """

    def __init__(self, loop: Any) -> None:
        self._loop: RealTime = loop
        self._handle_loop: asyncio.AbstractEventLoop = loop
        self.differs = False
        self._shift = 0.0
        self._frozen: float | None = None
        self._heap: list[_Timer] = []
        self._pending: dict[int, asyncio.TimerHandle] = {}
        self.numbered = 0
        self._prune_at = _FIRST_PRUNING
        self._alarm: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """It is real time again, and there is no timer."""
        self.cancel_all()
        self._shift, self._frozen, self.differs = 0.0, None, False

    def end(self) -> None:
        """There is no timer any more, and time passes for what is left, as hooks of plugins."""
        self.cancel_all()
        self.thaw()

    def now(self) -> float:
        return time.monotonic() + self._shift if self._frozen is None else self._frozen

    # -- timers -----------------------------------------------------------------------------

    def call_at(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> asyncio.TimerHandle:
        """A timer of the invocation's code."""
        handle = asyncio.TimerHandle(when, callback, args, self._handle_loop, context)
        self.numbered += 1
        self._pending[id(handle)] = handle
        heapq.heappush(self._heap, _Timer(when, self.numbered, handle, callback, args, context))
        if len(self._heap) > self._prune_at:
            self._prune()
        self._set_alarm()
        return handle

    def has(self, handle: asyncio.TimerHandle) -> bool:
        """Whether this is one of its timers, and still to fire."""
        return self._pending.get(id(handle)) is handle and not handle.cancelled()

    def pending(self) -> list[asyncio.TimerHandle]:
        """The timers that are still to fire."""
        return [handle for handle in self._pending.values() if not handle.cancelled()]

    def next(self) -> float | None:
        """When the next timer is due."""
        while self._heap and self._heap[0].handle.cancelled():
            self._forget(heapq.heappop(self._heap))
        return self._heap[0].when if self._heap else None

    def in_order(self) -> list[asyncio.TimerHandle]:
        """The timers that are still to fire, in the order in which they are due."""
        return [timer.handle for timer in sorted(self._heap) if not timer.handle.cancelled()]

    def cancel_all(self) -> None:
        for handle in self._pending.values():
            handle.cancel()
        self._heap.clear()
        self._pending.clear()
        self._clear_alarm()

    def _forget(self, timer: _Timer) -> None:
        self._pending.pop(id(timer.handle), None)

    def _prune(self) -> None:
        self._heap = [timer for timer in self._heap if not timer.handle.cancelled()]
        heapq.heapify(self._heap)
        self._pending = {id(timer.handle): timer.handle for timer in self._heap}
        self._prune_at = _FIRST_PRUNING + 2 * len(self._heap)

    def _fire(self, until: float) -> None:
        while (due := self.next()) is not None and due <= until:
            self._call(heapq.heappop(self._heap))

    def _call(self, timer: _Timer) -> None:
        self._forget(timer)
        self._loop.call_soon(_run, timer.handle, timer.callback, timer.args, context=timer.context)

    # -- real time --------------------------------------------------------------------------

    def _set_alarm(self) -> None:
        """Have asyncio wake us for the earliest timer."""
        if self._frozen is not None or (due := self.next()) is None:
            return
        at = due - self._shift
        if self._alarm is None or at < self._alarm.when():
            self._clear_alarm()
            self._alarm = self._loop.engine_call_at(at, self._ring)

    def _clear_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        assert self._alarm is not None  # cleared alarms do not ring
        # Not by the clock: asyncio lets a timer ring a little early.
        until = self._alarm.when() + self._shift
        self._alarm = None
        if self._frozen is None:
            self._fire(max(until, self.now()))
            self._set_alarm()

    # -- frozen time ------------------------------------------------------------------------

    @property
    def is_frozen(self) -> bool:
        return self._frozen is not None

    def freeze(self) -> None:
        """From here on, time goes on only by `go_to`, `fire` and `fire_next`."""
        if self._frozen is None:
            self._frozen = self.now()
            self.differs = True

    def go_to(self, when: float) -> None:
        """Make it that time, if it is not later already."""
        assert self._frozen is not None  # real time cannot be told
        self._frozen = max(self._frozen, when)

    def fire_next(self) -> None:
        """Make it the time at which the next timer is due, and fire what is due then."""
        due = self.next()
        assert due is not None  # whoever calls has asked
        self.go_to(due)
        self._fire(due)

    def fire(self, handle: asyncio.TimerHandle) -> None:
        """Make it the time at which this timer is due, if that is to come, and fire it alone."""
        at = next(n for n, timer in enumerate(self._heap) if timer.handle is handle)
        timer = self._heap.pop(at)
        heapq.heapify(self._heap)
        self.go_to(timer.when)
        self._call(timer)

    def thaw(self) -> None:
        """From here on, time passes."""
        if self._frozen is not None:
            self._shift = self._frozen - time.monotonic()
            self._frozen = None
            self._clear_alarm()
            self._set_alarm()


def _run(
    handle: asyncio.TimerHandle, callback: Callable[..., object], args: tuple[Any, ...]
) -> None:
    # It may have been cancelled since it was due.
    if not handle.cancelled():
        callback(*args)
