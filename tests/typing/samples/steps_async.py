"""The async twin: the same types, to be awaited."""

from __future__ import annotations

import asyncio
from typing import assert_type

from aws_durable_execution_sdk_python import AsyncDurableContext, StepContext, durable_step
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import fixed


@durable_step
def charge(order: str) -> int:
    return 0


@durable_step
async def charge_async(step_context: StepContext, order: str) -> int:
    return 0


@durable_step
async def name_async(order: str) -> str:
    return ""


async def results(context: AsyncDurableContext) -> None:
    assert_type(await context.step(charge("o")), int)
    assert_type(await context.step(charge_async("o")), int)
    assert_type(await context.step(charge_async("o"), config=StepConfig(fixed())), int)
    assert_type(await context.step(lambda _: 1.5), float)
    both = await asyncio.gather(context.step(charge("o")), context.step(name_async("o")))
    assert_type(both, tuple[int, str])
    await context.wait(seconds=1)
    await context.wait(Duration.from_hours(1), "cool_down")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(context.step(charge("o")))
    assert_type(task.result(), int)


async def mistakes(context: AsyncDurableContext) -> None:
    charge(1)  # error
    charge_async()  # error
    number: int = context.step(charge("o"))  # error
    text: str = await context.step(charge("o"))  # error
    await context.wait("5 s")  # error
    await context.wait(seconds="5")  # error
    print(number, text)
