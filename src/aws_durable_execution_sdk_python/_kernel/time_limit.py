"""Step bodies under a time limit: cancelled or abandoned when it has passed.

An async body is cancelled, and given a moment to clean up. A blocking one cannot be stopped: it
runs in a thread of its own, which is left to itself when the limit has passed. Either way, what
comes of it later is ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._core.user_functions import is_async
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python.exceptions import StepTimeoutError

# How long a cancelled body may take to clean up, and how long the end of an invocation waits for
# abandoned threads: most blocked calls end by themselves soon after.
GRACE_SECONDS = 1.0

Sleep = Callable[[float], Awaitable[Any]]
Outcome = tuple[BaseException | None, Any]

_log = logging.getLogger(__name__)


class TimeLimits:
    """The limited bodies of one invocation.

    Parameters:
        sleep: passes the time of bodies, in seconds.
    """

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._blocking: set[asyncio.Future[None]] = set()
        self._abandoned: dict[asyncio.Future[Outcome], StepBody] = {}

    @property
    def busy(self) -> bool:
        """Whether a thread runs a body, be it one that was abandoned."""
        return bool(self._blocking or self._abandoned)

    async def call(
        self, seconds: float, body: StepBody, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Run a step's function, blocking or async, for at most that long.

        Raises:
            StepTimeoutError: it took longer.
            Whatever the function raises.
        """
        watch = self._watch(seconds)
        try:
            if is_async(function):
                result = function(*args)
            else:
                result = await self._in_thread(watch, body, partial(function, *args))
            if inspect.isawaitable(result):
                result = await self._on_loop(watch, body, result)
        except _LimitPassed:
            raise StepTimeoutError(
                f"the step{f' {body.name!r}' if body.name else ''} did not end within its timeout "
                f"of {seconds:g} s"
            ) from None
        finally:
            watch.cancel()
        return result

    async def close(self) -> None:
        """Wait for blocking bodies until they end or their time is up, then for abandoned ones."""
        if self._blocking:
            await asyncio.wait(self._blocking)
        if not self._abandoned:
            return
        watch = self._watch(GRACE_SECONDS)
        while self._abandoned and not watch.done():
            await asyncio.wait({watch, *self._abandoned}, return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        for body in self._abandoned.values():
            _log.warning(
                "the body of the step%s still runs in its thread after its timeout and the end of "
                "the invocation: give the call it blocks in a timeout of its own",
                f" {body.name!r}" if body.name else "",
            )

    def _watch(self, seconds: float) -> asyncio.Task[Any]:
        return running_loop().create_engine_task(_slept(self._sleep, seconds))

    # -- async bodies -----------------------------------------------------------------------

    async def _on_loop(
        self, watch: asyncio.Task[Any], body: StepBody, awaitable: Awaitable[Any]
    ) -> Any:
        running = asyncio.create_task(_outcome(body, awaitable))
        try:
            await asyncio.wait({running, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                running.cancel()
                await self._clean_up(running)
                raise _LimitPassed
        finally:
            # Nothing if it is done. One that never began must not be complained about.
            running.cancel()
            if inspect.iscoroutine(awaitable) and inspect.getcoroutinestate(awaitable) == (
                inspect.CORO_CREATED
            ):
                awaitable.close()
        return _value(running)

    async def _clean_up(self, running: asyncio.Task[Outcome]) -> None:
        grace = self._watch(GRACE_SECONDS)
        try:
            await asyncio.wait({running, grace}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            grace.cancel()

    # -- blocking bodies --------------------------------------------------------------------

    async def _in_thread(
        self, watch: asyncio.Task[Any], body: StepBody, function: Callable[[], Any]
    ) -> Any:
        done = self._start_thread(body, function)
        over: asyncio.Future[None] = done.get_loop().create_future()
        self._blocking.add(over)
        cancelled = False
        # As for any thread, a cancellation takes effect when the function has returned.
        while not (done.done() or watch.done()):
            try:
                await asyncio.wait({done, watch}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                cancelled = True
        self._blocking.discard(over)
        over.set_result(None)
        if not done.done():
            self._abandoned[done] = body
        task = asyncio.current_task()
        if cancelled and task is not None:
            task.uncancel()
            task.cancel()  # delivered at its next await
        if not done.done():
            raise _LimitPassed
        return _value(done)

    def _start_thread(self, body: StepBody, function: Callable[[], Any]) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        done: asyncio.Future[Outcome] = loop.create_future()

        def work() -> None:
            outcome = context.run(_call, body, function)
            # The loop of an abandoned body may be closed by the time it ends.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._ended, done, outcome)

        # A daemon: one that never ends must not keep the process alive.
        threading.Thread(target=work, name=f"durable-step-{body.name}", daemon=True).start()
        return done

    def _ended(self, done: asyncio.Future[Outcome], outcome: Outcome) -> None:
        if self._abandoned.pop(done, None) is not None and inspect.iscoroutine(outcome[1]):
            outcome[1].close()  # nobody will await it
        done.set_result(outcome)


class _LimitPassed(Exception):
    """The limit has passed, and the body has not ended."""


async def _slept(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)


async def _outcome(body: StepBody, awaitable: Awaitable[Any]) -> Outcome:
    """The outcome as a value: SystemExit in a task would stop the event loop at once."""
    ownership.enter(body)  # this task's context is a copy that ends with it
    try:
        return None, await awaitable
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return error, None


def _call(body: StepBody, function: Callable[[], Any]) -> Outcome:
    ownership.enter(body)  # likewise
    try:
        return None, function()
    except BaseException as error:
        return error, None


def _value(done: asyncio.Future[Outcome]) -> Any:
    error, value = done.result()
    if error is None:
        return value
    try:
        raise error
    finally:
        del error  # its traceback holds this frame
