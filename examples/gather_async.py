"""asyncio.gather: run several steps at once in an async handler.

    durable run examples/gather_async.py --event '{"user_id": "u-1"}'

An operation takes its number when its method is called, so calls made one after the other and
awaited together always replay in the same order. A task of its own (`asyncio.create_task`) that
uses several operations in turn needs a context of its own: `run_in_child_context`, as here.
"""

import asyncio
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    durable_execution,
    durable_step,
    durable_with_child_context,
)


@durable_step
async def fetch_user(user_id: str) -> str:
    return f"user {user_id}"


@durable_step
def fetch_orders(user_id: str) -> list[str]:
    return [f"{user_id}-order-1", f"{user_id}-order-2"]


@durable_step
async def render(orders: list[str]) -> str:
    return f"{len(orders)} orders"


@durable_with_child_context
async def summarize(context: AsyncDurableContext, user_id: str) -> str:
    orders = await context.step(fetch_orders(user_id))
    await context.wait(seconds=1)
    return await context.step(render(orders))


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, str]:
    user_id = event["user_id"]
    user, summary = await asyncio.gather(
        context.step(fetch_user(user_id)),
        context.run_in_child_context(summarize(user_id)),
    )
    return {"user": user, "summary": summary}
