r"""The order of order_processing.py, written async: the same operations, awaited.

    durable run examples/order_processing_async.py \
        --event '{"order_id": "order-1", "amount": 49.9}'

Steps may be `def` or `async def`, in any mixture. A `def` step runs in a worker thread, so it
may block.
"""

from typing import Any

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution, durable_step


@durable_step
async def validate_order(order_id: str, amount: float) -> dict[str, Any]:
    return {"order_id": order_id, "valid": amount > 0}


@durable_step
async def charge_payment(order_id: str, amount: float) -> dict[str, Any]:
    return {"transaction_id": f"txn-{order_id}", "amount": amount}


@durable_step
def fulfill_order(order_id: str) -> dict[str, Any]:
    return {"tracking_number": f"TRK-{order_id}"}


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    order_id, amount = event["order_id"], event["amount"]

    validation = await context.step(validate_order(order_id, amount))
    if not validation["valid"]:
        return {"status": "failed", "reason": "invalid_order"}

    payment = await context.step(charge_payment(order_id, amount))
    await context.wait(seconds=5, name="payment_confirmation")
    fulfillment = await context.step(fulfill_order(order_id))

    return {
        "status": "completed",
        "order_id": order_id,
        "transaction_id": payment["transaction_id"],
        "tracking_number": fulfillment["tracking_number"],
    }
