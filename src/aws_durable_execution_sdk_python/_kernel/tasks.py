"""What a task of the user's is waiting for: durable work, other tasks, or something of its own.

An invocation may be suspended only when every task it can see is blocked on durable work. A task
that awaits other tasks, or a lock or queue that only they can serve, is not at work itself. One
that sleeps, reads a socket or waits for a thread is, and delays the suspension. What a task waits
for is read from the future it is parked on and from its innermost frame: there is no public call
for either before Python 3.14.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

# Waiting inside these modules means waiting for other tasks of the same loop...
_WAITING_MODULES = frozenset(
    {"asyncio.tasks", "asyncio.taskgroups", "asyncio.locks", "asyncio.queues"}
)
# ...except in these functions, which wait for time.
_WORKING_CODE: frozenset[CodeType] = frozenset({asyncio.sleep.__code__})
_OURS = __name__.partition(".")[0] + "."
_COLLECTIONS = (set, frozenset, list, dict)


def working_on(task: asyncio.Task[Any]) -> asyncio.Future[Any] | bool:
    """False if the task only waits for others; else the future it works on, or True if ready."""
    waiter: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    if waiter is None or waiter.done():
        return True
    if isinstance(waiter, asyncio.Task) or hasattr(waiter, "_children") or _is_shield(waiter):
        return False
    frame = _innermost_frame(task.get_coro())
    if frame is None:
        return waiter
    module = str(frame.f_globals.get("__name__", ""))
    if module.startswith(_OURS):
        return False
    if module in _WAITING_MODULES and frame.f_code not in _WORKING_CODE:
        return False
    return waiter


def callbacks_pending(loop: asyncio.AbstractEventLoop, besides: int = 0) -> bool:
    """Whether the loop has callbacks to run, more than `besides`: one may be about to wake a task.

    A task that ends wakes those who await it by callbacks, through `gather` or `shield` several
    in a row; in between no task looks ready.
    """
    return len(getattr(loop, "_ready", ())) > besides


def is_awaited(task: asyncio.Task[Any]) -> bool:
    """Whether anybody wants the task's outcome; removing it from a collection does not count."""
    return any(
        not isinstance(getattr(callback, "__self__", None), _COLLECTIONS)
        for callback, _ in _callbacks(task)
    )


def _callbacks(future: asyncio.Future[Any]) -> Iterator[tuple[Any, Any]]:
    return iter(getattr(future, "_callbacks", None) or ())


def _is_shield(waiter: asyncio.Future[Any]) -> bool:
    return any(
        getattr(callback, "__qualname__", "").startswith("shield.<locals>.")
        for callback, _ in _callbacks(waiter)
    )


def _innermost_frame(awaitable: Any) -> FrameType | None:
    """The frame at the end of a chain of coroutines, generators and async generators."""
    frame: FrameType | None = None
    while awaitable is not None:
        for prefix in ("cr", "gi", "ag"):
            if hasattr(awaitable, f"{prefix}_frame"):
                frame = getattr(awaitable, f"{prefix}_frame") or frame
                awaitable = getattr(
                    awaitable, "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await"
                )
                break
        else:
            return frame
    return frame
