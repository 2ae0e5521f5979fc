"""The workloads as async code of async-durable-execution, from its public documentation."""

import asyncio
import time
from typing import Any

import probe
from async_durable_execution import durable_callable, durable_execution, map, step

SLEEP_SECONDS = 0.05


@durable_callable
async def work(value: Any) -> Any:
    probe.note()
    return value


@durable_callable
async def sleep(value: Any) -> Any:
    probe.note()
    await asyncio.sleep(SLEEP_SECONDS)
    return value


@durable_callable
async def sleep_in_a_thread(value: Any) -> Any:
    """Blocking code, which this SDK leaves to its user to put into a thread."""
    probe.note()
    await asyncio.to_thread(time.sleep, SLEEP_SECONDS)
    return value


@durable_execution
async def empty(event: dict[str, Any]) -> int:
    return 1


@durable_execution
async def steps(event: dict[str, Any]) -> int:
    total = 0
    for _ in range(event["count"]):
        total += await step(work(1), name="work")
    return total


@durable_execution
async def fan_out(event: dict[str, Any]) -> int:
    async def branch(item: int) -> int:
        return await step(work(item), name="work")

    return sum((await map(branch, [1] * event["count"], name="fan-out")).get_results())


@durable_execution
async def fan_out_sleeping(event: dict[str, Any]) -> int:
    async def branch(item: int) -> int:
        return await step(sleep(item), name="work")

    return sum((await map(branch, [1] * event["count"], name="fan-out")).get_results())


@durable_execution
async def fan_out_blocking(event: dict[str, Any]) -> int:
    async def branch(item: int) -> int:
        return await step(sleep_in_a_thread(item), name="work")

    return sum((await map(branch, [1] * event["count"], name="fan-out")).get_results())


@durable_execution
async def branches(event: dict[str, Any]) -> int:
    async def branch(item: int) -> int:
        total = 0
        for _ in range(event["steps"]):
            total += await step(work(item), name="work")
        return total

    return sum((await map(branch, [1] * event["count"], name="branches")).get_results())


@durable_execution
async def large_items(event: dict[str, Any]) -> int:
    text = "x" * event["characters"]

    async def branch(item: int) -> str:
        probe.note()
        return text

    batch = await map(branch, [1] * event["count"], name="large")
    return sum(len(result) for result in batch.get_results())


HANDLERS = {
    "empty": empty,
    "steps": steps,
    "fan_out": fan_out,
    "fan_out_sleeping": fan_out_sleeping,
    "fan_out_blocking": fan_out_blocking,
    "branches": branches,
    "large_items": large_items,
}
