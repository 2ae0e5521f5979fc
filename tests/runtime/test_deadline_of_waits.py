"""Invocations whose code waits for something unknown, or never ends, end in order all the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from slow_server import URL

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

pytestmark = [
    pytest.mark.usefixtures("left_open"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WAKE_UP = "invocation-deadline"
# Seconds of an invocation of which a test asks how early it ended: on a busy machine, too, far more
# than the SDK is late. Half of so short a time is the margin, and a third of that the last moment.
AMPLE = 1.5
LAST_MOMENT_MILLIS = 1000 * AMPLE * 0.5 * 0.3


class Lambda:
    """Lambda's context in an invocation of so many seconds, in real time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> float:
        return 1000 * max(0.0, self._end - time.monotonic())


class Watched:
    """A handler that is given such a context, and how its invocations ended."""

    def __init__(self, durable: Callable[[Any, Any], Any], seconds: float = 0.5) -> None:
        self.durable = durable
        self.seconds = seconds
        self.left: list[float] = []

    def __call__(self, event: Any, _: Any) -> Any:
        context = Lambda(self.seconds)
        try:
            return self.durable(event, context)
        finally:
            self.left.append(context.get_remaining_time_in_millis())

    def run(self) -> Any:
        with Runner(self) as runner:
            return runner.run(timeout=30)


def wake_ups(result: Any) -> int:
    return sum(operation.name == WAKE_UP for operation in result.operations)


async def endless_request() -> None:
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", URL + "/sse") as r:
        async for _ in r.aiter_raw():
            pass


async def event_fed_by_a_timer() -> None:
    event = asyncio.Event()

    def beat() -> None:
        event.set()
        asyncio.get_running_loop().call_later(0.02, beat)

    beat()
    while True:
        await event.wait()
        event.clear()


async def spinning() -> None:
    while True:  # noqa: ASYNC110 - never to rest is what is tested
        await asyncio.sleep(0)


async def nothing() -> None:
    await asyncio.Event().wait()


ENDLESS = [endless_request, event_fed_by_a_timer, spinning, nothing]


@pytest.mark.parametrize("endless", ENDLESS)
def test_an_endless_wait_without_any_operation_is_ended_in_time(
    endless: Callable[[], Awaitable[None]],
) -> None:
    """The next invocation goes on: here it does not wait again."""
    waits = iter([True])

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        if next(waits, False):
            await endless()
        return "done"

    watched = Watched(handler, AMPLE)
    result = watched.run()
    assert result.result == "done"
    assert len(watched.left) == 2
    assert watched.left[0] > 0
    assert wake_ups(result) == 1


@pytest.mark.parametrize("endless", ENDLESS)
def test_an_endless_wait_beside_steps_is_ended_at_the_margin(
    endless: Callable[[], Awaitable[None]],
) -> None:
    waits = iter([True])
    bodies: list[str] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> list[Any]:
        async def wait(c: AsyncDurableContext) -> str:
            if next(waits, False):
                await endless()
            return "waited"

        async def work(c: AsyncDurableContext) -> str:
            return await c.step(lambda _: bodies.append("ran"))

        return list(await context.parallel([wait, work]))

    watched = Watched(handler, AMPLE)
    result = watched.run()
    assert result.result == ["waited", None]
    assert bodies == ["ran"]
    assert watched.left[0] > LAST_MOMENT_MILLIS
    assert wake_ups(result) == 1


def test_a_lock_held_by_what_is_held_back_does_not_keep_the_invocation() -> None:
    bodies: list[int] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> list[Any]:
        lock = asyncio.Lock()

        async def branch(c: AsyncDurableContext, number: int, i: int, items: Any) -> int:
            async with lock:
                await asyncio.sleep(0.1)
                return await c.step(lambda _: bodies.append(number) or number)

        return list(await context.map(range(5), branch))

    watched = Watched(handler, AMPLE)
    result = watched.run()
    assert result.result == list(range(5))
    assert sorted(bodies) == list(range(5))
    assert min(watched.left) > 0


def test_an_async_body_at_the_last_moment_is_cancelled_and_runs_again() -> None:
    """As after a crash, but in order: nothing failed, and its cleaning up is waited for."""
    attempts: list[int] = []
    cleaned_up: list[bool] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def body(step_context: Any) -> str:
            attempts.append(step_context.attempt)
            try:
                if len(attempts) == 1:
                    await asyncio.sleep(60)
            finally:
                cleaned_up.append(True)
            return "done"

        return await context.step(body, name="slow")

    watched = Watched(handler, AMPLE)
    result = watched.run()
    assert result.result == "done"
    assert attempts == [1, 1]
    assert cleaned_up == [True, True]
    assert 0 < watched.left[0] < LAST_MOMENT_MILLIS
    assert wake_ups(result) == 1


def test_a_body_that_runs_at_the_margin_comes_to_its_end() -> None:
    bodies: list[str] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        async def body(name: str) -> str:
            bodies.append(name)
            await asyncio.sleep(0.3)
            return name

        return [
            await context.step(lambda _: body("first")),
            await context.step(lambda _: body("second")),
        ]

    watched = Watched(handler)
    assert watched.run().result == ["first", "second"]
    assert bodies == ["first", "second"]
    assert len(watched.left) == 2


def test_no_body_begins_at_the_last_moment_not_even_the_first() -> None:
    """An at-most-once step would be lost: begun, cut off and not to be begun again."""
    waits = iter([True])

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        if next(waits, False):
            time.sleep(0.45)
        config = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
        return context.step(lambda _: "done", config=config)

    watched = Watched(handler)
    result = watched.run()
    assert result.result == "done"
    assert len(watched.left) == 2


def test_a_thread_blocked_on_an_endless_async_child_is_let_go() -> None:
    waits = iter([True])
    unwound = threading.Event()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        async def child(c: AsyncDurableContext) -> str:
            if next(waits, False):
                await endless_request()
            return "done"

        try:
            return context.run_in_child_context(child)
        finally:
            unwound.set()

    watched = Watched(handler, AMPLE)
    assert watched.run().result == "done"
    assert unwound.is_set()
    assert watched.left[0] > 0


def test_a_margin_of_zero_leaves_endless_waits_alone() -> None:
    @durable_execution(deadline_margin=0)
    async def handler(event: Any, context: AsyncDurableContext) -> float:
        await asyncio.sleep(0.55)
        return context.lambda_context.get_remaining_time_in_millis()

    assert Watched(handler).run().result == 0
