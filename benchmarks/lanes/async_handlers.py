"""The workloads as async code of this project's SDK."""

import asyncio
from typing import Any

import probe

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    durable_execution,
    durable_step,
)

SLEEP_SECONDS = 0.05


@durable_step
async def work(value: int | str) -> Any:
    probe.note()
    return value


@durable_step
async def sleep(value: int) -> Any:
    probe.note()
    await asyncio.sleep(SLEEP_SECONDS)
    return value


@durable_execution
async def empty(event: dict[str, Any], context: AsyncDurableContext) -> int:
    return 1


@durable_execution
async def steps(event: dict[str, Any], context: AsyncDurableContext) -> int:
    total = 0
    for _ in range(event["count"]):
        total += await context.step(work(1), name="work")
    return total


@durable_execution
async def fan_out(event: dict[str, Any], context: AsyncDurableContext) -> int:
    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        return await child.step(work(item), name="work")

    return sum((await context.map([1] * event["count"], branch, name="fan-out")).get_results())


@durable_execution
async def fan_out_sleeping(event: dict[str, Any], context: AsyncDurableContext) -> int:
    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        return await child.step(sleep(item), name="work")

    return sum((await context.map([1] * event["count"], branch, name="fan-out")).get_results())


@durable_execution
async def branches(event: dict[str, Any], context: AsyncDurableContext) -> int:
    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        total = 0
        for _ in range(event["steps"]):
            total += await child.step(work(item), name="work")
        return total

    return sum((await context.map([1] * event["count"], branch, name="branches")).get_results())


@durable_execution
async def large_items(event: dict[str, Any], context: AsyncDurableContext) -> int:
    text = "x" * event["characters"]

    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> str:
        probe.note()
        return text

    batch = await context.map([1] * event["count"], branch, name="large")
    return sum(len(result) for result in batch.get_results())


HANDLERS = {
    "empty": empty,
    "steps": steps,
    "fan_out": fan_out,
    "fan_out_sleeping": fan_out_sleeping,
    "branches": branches,
    "large_items": large_items,
}
