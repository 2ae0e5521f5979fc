"""The retries of with_retry.py, written async.

    durable run examples/with_retry_async.py --event '{"seat": "12A"}'

Each attempt runs its own steps, so a payment that fails late takes a new reservation with it.
Use a step's own retry strategy when only that step is to be repeated.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    WithRetryConfig,
    durable_execution,
    durable_step,
    with_retry,
)
from aws_durable_execution_sdk_python.retries import fixed


@durable_step
async def reserve(seat: str, attempt: int) -> str:
    return f"{seat}-hold-{attempt}"


@durable_step
async def pay(hold: str, attempt: int) -> str:
    if attempt == 1:
        raise TimeoutError(f"{hold} expired before it was paid for")
    return f"paid {hold}"


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> str:
    async def reserve_and_pay(attempts: AsyncDurableContext, attempt: int) -> str:
        hold = await attempts.step(reserve(event["seat"], attempt))
        return await attempts.step(pay(hold, attempt))

    config = WithRetryConfig(retry_strategy=fixed(interval=10, max_attempts=3))
    return await with_retry(context, reserve_and_pay, name="booking", config=config)
