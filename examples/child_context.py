"""Child contexts: a workflow within a workflow.

    durable run examples/child_context.py --event '{"order_id": "o-4", "items": [3, 4]}'

A child context groups operations under one name and one result. It is checkpointed when it
completes, and from then on replay takes its result without looking inside.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    durable_execution,
    durable_step,
    durable_with_child_context,
)


@durable_step
def reserve(item: int) -> str:
    return f"reserved {item}"


@durable_step
def pack(reservations: list[str]) -> str:
    return f"parcel of {len(reservations)}"


@durable_with_child_context
def prepare(context: DurableContext, items: list[int]) -> str:
    reservations = [context.step(reserve(item), name=f"reserve_{item}") for item in items]
    context.wait(minutes=10, name="pick_up")
    return context.step(pack(reservations))


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    parcel = context.run_in_child_context(prepare(event["items"]))
    return {"order_id": event["order_id"], "parcel": parcel}
