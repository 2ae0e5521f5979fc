"""Many branches, and nested ones: bounded threads, no deadlock, the right results."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext, durable_execution
from aws_durable_execution_sdk_python._kernel.workers import MAX_THREADS
from aws_durable_execution_sdk_python.config import MapConfig, NestingType
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits

LIMIT = 300


class ThreadGauge:
    """The most threads seen alive by the code under test."""

    def __init__(self) -> None:
        self.most = 0

    def read(self) -> None:
        self.most = max(self.most, threading.active_count())


def run(handler: Any, event: Any = None) -> Any:
    with Runner(handler=handler) as runner:
        result = runner.run(input=event, timeout=100)
    assert result.status == "SUCCEEDED", result.error
    return result.result


@pytest.mark.parametrize("style", ["blocking", "async"])
def test_a_thousand_branches(style: str) -> None:
    gauge = ThreadGauge()

    def body(x: int) -> int:
        gauge.read()
        return x * 2

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> int:
        result = context.map(range(1000), lambda c, x, i, xs: c.step(lambda: body(x)))
        return sum(result)

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> int:
        async def one(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            async def step() -> int:
                return body(x)

            return await c.step(step)

        return sum(await context.map(range(1000), one))

    assert run(blocking if style == "blocking" else asynchronous) == 999000
    assert gauge.most <= LIMIT


@pytest.mark.parametrize("style", ["blocking", "async"])
def test_three_thousand_branches_that_wait(style: str) -> None:
    """All of them suspend and resume; FLAT, so that they fit the service's 3,000 operations."""
    gauge = ThreadGauge()
    config: MapConfig[int] = MapConfig(nesting_type=NestingType.FLAT)

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> int:
        def one(c: DurableContext, x: int, i: int, xs: Any) -> int:
            gauge.read()
            c.wait(seconds=30)
            return x

        return sum(context.map(range(2990), one, config=config))

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> int:
        async def one(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            gauge.read()
            await c.wait(seconds=30)
            return x

        return sum(await context.map(range(2990), one, config=config))

    assert run(blocking if style == "blocking" else asynchronous) == sum(range(2990))
    assert gauge.most <= LIMIT


def test_nested_blocking_batches_do_not_deadlock() -> None:
    """More blocked callers than threads: each moves one of its own branches itself."""
    gauge = ThreadGauge()
    outer, inner = MAX_THREADS + 20, 3

    @durable_execution
    def handler(event: Any, context: DurableContext) -> int:
        barrier = threading.Barrier(MAX_THREADS)

        def leaf(c: DurableContext, x: int, i: int, xs: Any) -> int:
            gauge.read()
            return x

        def branch(c: DurableContext, x: int, i: int, xs: Any) -> int:
            if i < MAX_THREADS:
                barrier.wait(60)  # every thread of the pool is taken before any batch begins
            return sum(c.map(range(inner), leaf))

        return sum(context.map(range(outer), branch))

    limits = Limits(operations=100_000)
    with Runner(handler=handler, limits=limits) as runner:
        result = runner.run(input=None, timeout=100)
    assert result.result == outer * sum(range(inner))
    assert gauge.most <= LIMIT


def test_blocking_batches_below_async_ones_below_blocking_ones() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> int:
        def leaf(c: DurableContext, x: int, i: int, xs: Any) -> int:
            return c.step(lambda: x)

        async def middle(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            return sum(await c.map(range(3), leaf))

        def top(c: DurableContext, x: int, i: int, xs: Any) -> int:
            return sum(c.map(range(3), middle))

        return sum(context.map(range(5), top))

    assert run(handler) == 5 * 3 * 3


@pytest.mark.parametrize("style", ["blocking", "async"])
def test_suspended_branches_keep_their_slots(style: str) -> None:
    """max_concurrency=2: a third branch starts only when one of the first two has ended."""
    in_flight: set[int] = set()
    most: list[int] = []

    def enter(i: int) -> None:
        in_flight.add(i)
        most.append(len(in_flight))

    config: MapConfig[int] = MapConfig(max_concurrency=2)

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> list[int]:
        def one(c: DurableContext, x: int, i: int, xs: Any) -> int:
            enter(i)
            c.wait(seconds=10)
            in_flight.discard(i)
            return x

        return list(context.map(range(6), one, config=config))

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> list[int]:
        async def one(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            enter(i)
            await c.wait(seconds=10)
            in_flight.discard(i)
            return x

        return list(await context.map(range(6), one, config=config))

    assert run(blocking if style == "blocking" else asynchronous) == list(range(6))
    assert max(most) == 2


def test_blocking_steps_of_async_branches_share_the_bounded_pool() -> None:
    gauge = ThreadGauge()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> int:
        async def one(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            return await c.step(lambda: gauge.read() or x)

        return sum(await context.map(range(1000), one))

    assert run(handler) == sum(range(1000))
    assert gauge.most <= LIMIT


def test_user_tasks_inside_async_branches() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def one(c: AsyncDurableContext, x: int, i: int, xs: Any) -> Any:
            return await asyncio.gather(c.step(lambda: x), c.wait(seconds=x + 1))

        return [r[0] for r in await context.map(range(5), one)]

    assert run(handler) == list(range(5))
