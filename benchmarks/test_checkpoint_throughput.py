"""How many updates per second an async handler gets through the service.

    pytest benchmarks/test_checkpoint_throughput.py

Through the public API alone: decorated handlers, the default client, HTTP. The tests check what
was stored; how long it took they only report (as `benchmark_*` properties, which `--junit-xml`
keeps too), because no time is right on every machine.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution, durable_step
from benchmarks.conftest import Throughput

latencies = pytest.mark.parametrize("latency", [0.0, 0.005, 0.020], ids=["0ms", "5ms", "20ms"])


@durable_step
async def work(value: int) -> int:
    return value


@durable_execution
async def one_after_the_other(event: int, context: AsyncDurableContext) -> int:
    return sum([await context.step(work(number)) for number in range(event)])


@durable_execution
async def gathered(event: int, context: AsyncDurableContext) -> int:
    return sum(await asyncio.gather(*(context.step(work(number)) for number in range(event))))


@durable_execution
async def mapped(event: int, context: AsyncDurableContext) -> int:
    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        return await child.step(work(item))

    return sum((await context.map(range(event), branch)).get_results())


@durable_execution
async def child_contexts(event: int, context: AsyncDurableContext) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        return sum([await inner.step(work(number)) for number in range(10)])

    return sum(await asyncio.gather(*(context.run_in_child_context(child) for _ in range(event))))


@latencies
async def test_steps_one_after_the_other(throughput: Throughput, latency: float) -> None:
    """Each step waits for its own round trip: this is the cost of one call."""
    await throughput.measure(one_after_the_other, 100, latency=latency, updates=200)


@latencies
async def test_gathered_steps(throughput: Throughput, latency: float) -> None:
    """Steps awaited together share calls."""
    await throughput.measure(gathered, 1000, latency=latency, updates=2000)


@latencies
async def test_map(throughput: Throughput, latency: float) -> None:
    """Branches start and end, with a step in each, in as few calls as the limits allow."""
    await throughput.measure(mapped, 1000, latency=latency, updates=4002)


@latencies
async def test_child_contexts(throughput: Throughput, latency: float) -> None:
    """Sequences next to each other: every round of steps is one call."""
    await throughput.measure(child_contexts, 50, latency=latency, updates=50 * (2 + 20))
