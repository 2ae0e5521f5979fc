"""An order: checked, charged, and shipped a while later; a charge is refunded if that fails."""

from typing import Any

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

COOLING_OFF = Duration.from_seconds(5)
PATIENT = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(max_attempts=5, initial_delay_seconds=2, max_delay_seconds=60)
    )
)


class OutOfStockError(Exception):
    """The warehouse does not have it."""


# What the steps do stands for calls of your systems. A step that was cut off runs again, so hand
# the order's id on as the idempotency key.


@durable_step
async def charge_payment(order_id: str, amount: float) -> str:
    return f"txn-{order_id}"


@durable_step
async def ship(order_id: str) -> str:
    if order_id.startswith("unobtainable"):
        raise OutOfStockError(f"nothing left of {order_id}")
    return f"TRK-{order_id}"


@durable_step
async def refund_payment(transaction_id: str) -> str:
    return f"refund-{transaction_id}"


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    order_id, amount = event["order_id"], event["amount"]
    if amount <= 0:
        return {"status": "refused", "reason": f"the amount is {amount}"}

    transaction_id = await context.step(charge_payment(order_id, amount), config=PATIENT)
    # Nothing runs meanwhile, and nothing is paid for.
    await context.wait(COOLING_OFF, name="cooling_off")
    try:
        tracking_number = await context.step(ship(order_id))
    except OutOfStockError as error:
        await context.step(refund_payment(transaction_id), config=PATIENT)
        return {"status": "refunded", "reason": str(error)}
    context.logger.info("order %s is on its way", order_id)
    return {"status": "shipped", "tracking_number": tracking_number}
