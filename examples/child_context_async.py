"""The child context of child_context.py, written async.

    durable run examples/child_context_async.py --event '{"order_id": "o-4", "items": [3, 4]}'

A child context groups operations under one name and one result. It is checkpointed when it
completes, and from then on replay takes its result without looking inside.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    durable_execution,
    durable_step,
    durable_with_child_context,
)


@durable_step
async def reserve(item: int) -> str:
    return f"reserved {item}"


@durable_step
async def pack(reservations: list[str]) -> str:
    return f"parcel of {len(reservations)}"


@durable_with_child_context
async def prepare(context: AsyncDurableContext, items: list[int]) -> str:
    reservations = [await context.step(reserve(item), name=f"reserve_{item}") for item in items]
    await context.wait(minutes=10, name="pick_up")
    return await context.step(pack(reservations))


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    parcel = await context.run_in_child_context(prepare(event["items"]))
    return {"order_id": event["order_id"], "parcel": parcel}
