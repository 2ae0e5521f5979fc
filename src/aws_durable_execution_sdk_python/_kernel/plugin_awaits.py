"""Awaits what hooks give that no code of the user's waits for.

- Those are the hooks of the invocation itself, and what is told beside the program. Each is awaited
  in a task of its own: what cancels that task is the hook's failure, and nobody else's.
- Only the answer waits for them, and must not be lost by one that never ends. So each gets a share
  of the time that is left until the deadline, and is then cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.jobs import outcome_of
from aws_durable_execution_sdk_python._kernel.plugin_calls import HookCancelled, Settle

_SHARE = 0.5


def settle_in(
    loop: EventLoop, context: Context, seconds_left: Callable[[], float | None]
) -> Settle:
    """Awaits what hooks give in this very context.

    Parameters:
        seconds_left: until the deadline; None if there is none.
    """
    return partial(_settled, loop, context, seconds_left)


async def _settled(
    loop: EventLoop,
    context: Context,
    seconds_left: Callable[[], float | None],
    given: Awaitable[Any],
) -> Any:
    task = loop.create_strange_task(outcome_of(lambda: given), context)
    left = seconds_left()
    alarm = None if left is None else _Alarm(loop, task, left * _SHARE)
    try:
        outcome = await task
    finally:
        if alarm is not None:
            alarm.stop()
    error = outcome.error
    if not isinstance(error, asyncio.CancelledError):
        return outcome.get()
    around = asyncio.current_task()
    if around is not None and around.cancelling():
        raise error
    raise HookCancelled(*(alarm.reasons if alarm is not None else ())) from error


class _Alarm:
    """Cancels a hook after so many seconds.

    Attributes:
        reasons: what it has done so for.
    """

    def __init__(self, loop: EventLoop, task: asyncio.Task[Any], seconds: float) -> None:
        self.reasons: tuple[str, ...] = ()
        self._task = task
        self._seconds = seconds
        self._timer = loop.engine_call_later(seconds, self._ring)

    def stop(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        self.reasons = (
            f"it was given up after {self._seconds:.1f} s, half of the time that was left until "
            "the deadline: give what it waits for a time-out of its own",
        )
        self._task.cancel()
