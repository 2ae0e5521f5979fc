"""Awaits what hooks give, apart from the code that they are about.

- Each is awaited in a task of its own, which shares the context of that code: what cancels the task
  is the hook's failure and nobody else's, and what it sets is seen by the code.
- A cancellation of the code around cancels the hook as well, and goes on whatever the hook makes
  of it.
- No hook is waited for for ever: each gets a share of the time that is left until the deadline. It
  is then cancelled and left behind.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.jobs import outcome_of, resolve
from aws_durable_execution_sdk_python._kernel.plugin_calls import HookCancelled, HookGivenUp

_SHARE = 0.5


class HookAwaits:
    """Awaits the hooks of one invocation.

    Parameters:
        loop: the invocation's.
        seconds_left: until the deadline; None if there is none.
    """

    def __init__(self, loop: EventLoop, seconds_left: Callable[[], float | None]) -> None:
        self._loop = loop
        self._seconds_left = seconds_left

    async def settle(self, context: Context, given: Awaitable[Any]) -> Any:
        """What comes of a hook.

        Parameters:
            context: what it runs in; nothing else runs in it meanwhile.

        Raises:
            HookCancelled, HookGivenUp: the hook's failure.
            CancelledError: the code around is cancelled.
        """
        task = self._loop.create_strange_task(outcome_of(lambda: given), context)
        over = self._loop.create_future()
        task.add_done_callback(partial(_ended, given, over))
        left = self._seconds_left()
        seconds = None if left is None else max(left * _SHARE, 0)
        alarm = None if seconds is None else self._loop.engine_call_later(seconds, resolve, over)
        try:
            await over
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
        if not task.done():
            task.cancel()
            self._loop.abandon(task)
            raise HookGivenUp(
                f"it was given up after {seconds:.1f} s, half of the time that was left until the "
                "deadline: give what it waits for a time-out of its own"
            )
        if task.cancelled():
            raise HookCancelled
        outcome = task.result()
        if isinstance(outcome.error, asyncio.CancelledError):
            raise HookCancelled from outcome.error
        return outcome.get()


def _ended(given: Awaitable[Any], over: asyncio.Future[None], task: asyncio.Task[Any]) -> None:
    if task.cancelled() and inspect.iscoroutine(given):
        given.close()  # it never began
    resolve(over)
