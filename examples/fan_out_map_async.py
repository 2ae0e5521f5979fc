"""map, async: each item is fetched, waits its turn, and is stored; all of them concurrently.

    durable run examples/fan_out_map_async.py --event '{"cities": ["Oslo", "Lima", "Pune"]}'

While every item waits, the invocation ends; it goes on when the waits are over.
"""

from collections.abc import Sequence
from typing import Any

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution, durable_step


@durable_step
async def fetch_forecast(city: str) -> int:
    return 10 + len(city)


@durable_step
async def store(city: str, degrees: int) -> str:
    return f"{city}: {degrees} degrees"


async def forecast(
    context: AsyncDurableContext, city: str, index: int, cities: Sequence[str]
) -> str:
    degrees = await context.step(fetch_forecast(city))
    await context.wait(seconds=1 + index, name="rate_limit")
    return await context.step(store(city, degrees))


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> list[str]:
    batch = await context.map(event["cities"], forecast, name="forecasts")
    batch.throw_if_error()
    return list(batch)
