"""Step bodies under a time limit: cancelled or abandoned when it has passed.

An async body is cancelled, and given a moment to clean up. A blocking one cannot be stopped: its
thread is left to itself when the limit has passed. Either way, what comes of it later is ignored.
The time counts from where the body begins, not while it waits for a thread.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from anyio import CancelScope

from aws_durable_execution_sdk_python._core.user_functions import (
    UserFunction,
    is_async,
    is_awaitable,
)
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop
from aws_durable_execution_sdk_python._kernel.invocation_workers import Workers
from aws_durable_execution_sdk_python._kernel.jobs import CallOutcome, Job, outcome_of
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python.exceptions import StepTimeoutError

# How long a cancelled body may take to clean up, and how long the end of an invocation waits for
# bodies that outlived their limit: most blocked calls end by themselves soon after.
GRACE_SECONDS = 1.0

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]

_log = logging.getLogger(__name__)


class TimeLimits:
    """The limited bodies of one invocation.

    Parameters:
        workers: run the blocking ones.
        sleep: passes the time of bodies, in seconds.
    """

    def __init__(self, workers: Workers, sleep: Sleep) -> None:
        self._workers = workers
        self._sleep = sleep
        # The blocking bodies that have begun and not ended, abandoned ones included.
        self._blocking: dict[Job, tuple[StepBody, asyncio.Task[None]]] = {}

    async def call(
        self, seconds: float, body: StepBody, function: UserFunction[T], args: tuple[object, ...]
    ) -> T:
        """Run a step's function, blocking or async, for at most that long.

        Raises:
            StepTimeoutError: it took longer.
            Whatever else the function raises.
        """
        job = None if is_async(function) else await self._begin(body, partial(function, *args))
        watch = self._watch(seconds)
        try:
            result: Awaitable[T] | T
            if job is None:
                result = function(*args)
            else:
                result = await self._in_thread(watch, body, job)
            if is_awaitable(result):
                result = await self._on_loop(watch, body, result)
        except _LimitPassed:
            raise StepTimeoutError(
                f"the step{f' {body.name!r}' if body.name else ''} did not end within its timeout "
                f"of {seconds:g} s"
            ) from None
        finally:
            # Else when the body ends; it may have, without that it has been heard of.
            if job is None or job not in self._blocking or _over(job).done():
                watch.cancel()
        return result

    async def close(self) -> None:
        """Wait for blocking bodies until they end or their time is up, and a moment more."""
        for job, (_, watch) in list(self._blocking.items()):
            await asyncio.wait({_over(job), watch}, return_when=asyncio.FIRST_COMPLETED)
        if not self._blocking:
            return
        grace = self._watch(GRACE_SECONDS)
        while self._blocking and not grace.done():
            over = {_over(job) for job in self._blocking}
            await asyncio.wait({grace, *over}, return_when=asyncio.FIRST_COMPLETED)
        grace.cancel()
        for job, (body, _) in self._blocking.items():
            self._workers.leave(job)
            _log.warning(
                "the body of the step%s still runs in its thread after its timeout and the end of "
                "the invocation: give the call it blocks in a timeout of its own",
                f" {body.name!r}" if body.name else "",
            )

    def _watch(self, seconds: float) -> asyncio.Task[None]:
        return running_loop().create_engine_task(_slept(self._sleep, seconds))

    # -- async bodies -----------------------------------------------------------------------

    async def _on_loop(
        self, watch: asyncio.Task[None], body: StepBody, awaitable: Awaitable[T]
    ) -> T:
        running = asyncio.create_task(outcome_of(partial(_entered, body, awaitable)))
        try:
            await asyncio.wait({running, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise _LimitPassed
        finally:
            if not running.done():
                running.cancel()
                # The body has ended, or had its time for it, when a cancellation goes on.
                with CancelScope(shield=True):
                    await self._clean_up(running)
            if inspect.iscoroutine(awaitable) and inspect.getcoroutinestate(awaitable) == (
                inspect.CORO_CREATED
            ):
                awaitable.close()  # nobody will await it
        result: T = running.result().get()
        return result

    async def _clean_up(self, running: asyncio.Task[CallOutcome]) -> None:
        grace = self._watch(GRACE_SECONDS)
        try:
            await asyncio.wait({running, grace}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            grace.cancel()

    # -- blocking bodies --------------------------------------------------------------------

    async def _begin(self, body: StepBody, function: Callable[[], object]) -> Job:
        """A job for a body, once a thread has it."""
        loop = asyncio.get_running_loop()
        begun, over = loop.create_future(), loop.create_future()
        # Not hosted: whoever is blocked above must go on when the time is up.
        job = Job(leaf=True, hosted=False, begun=begun, over=over)
        self._workers.start(partial(_call, body, function), job)
        try:
            await begun
        except BaseException:
            self._workers.abandon(job)
            raise
        return job

    async def _in_thread(self, watch: asyncio.Task[Any], body: StepBody, job: Job) -> Any:
        over = _over(job)
        if not over.done():
            self._blocking[job] = body, watch
            over.add_done_callback(lambda _: self._ended(job))
        try:
            await asyncio.wait({job.done, watch}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._workers.abandon(job)
            raise
        if not job.done.done():
            self._workers.abandon(job)
            raise _LimitPassed
        return job.done.result().get()

    def _ended(self, job: Job) -> None:
        _, watch = self._blocking.pop(job)
        if job.abandoned:
            watch.cancel()


class _LimitPassed(Exception):
    """The limit has passed, and the body has not ended."""


def _over(job: Job) -> asyncio.Future[None]:
    assert job.over is not None  # made with it
    return job.over


async def _slept(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)


async def _entered(body: StepBody, awaitable: Awaitable[T]) -> T:
    ownership.enter(body)  # this task's context is a copy that ends with it
    return await awaitable


def _call(body: StepBody, function: Callable[[], T]) -> T:
    ownership.enter(body)  # likewise
    return function()
