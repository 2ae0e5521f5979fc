r"""An order, from validation to shipping: steps, and a wait between them.

    durable run examples/order_processing.py \
        --event '{"order_id": "order-1", "amount": 49.9}' --name order-1

Kill it at any moment, with `kill -9` too, and run the same command again: steps that completed
do not run again, and the wait ends when it would have ended.
"""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step


@durable_step
def validate_order(order_id: str, amount: float) -> dict[str, Any]:
    return {"order_id": order_id, "valid": amount > 0}


@durable_step
def charge_payment(order_id: str, amount: float) -> dict[str, Any]:
    return {"transaction_id": f"txn-{order_id}", "amount": amount}


@durable_step
def fulfill_order(order_id: str) -> dict[str, Any]:
    return {"tracking_number": f"TRK-{order_id}"}


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    order_id, amount = event["order_id"], event["amount"]

    validation = context.step(validate_order(order_id, amount))
    if not validation["valid"]:
        return {"status": "failed", "reason": "invalid_order"}

    payment = context.step(charge_payment(order_id, amount))
    context.wait(seconds=5, name="payment_confirmation")
    fulfillment = context.step(fulfill_order(order_id))

    return {
        "status": "completed",
        "order_id": order_id,
        "transaction_id": payment["transaction_id"],
        "tracking_number": fulfillment["tracking_number"],
    }
