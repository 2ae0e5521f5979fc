"""with_retry: try several operations again as a whole.

    durable run examples/with_retry.py --event '{"seat": "12A"}'

Each attempt runs its own steps, so a payment that fails late takes a new reservation with it.
Use a step's own retry strategy when only that step is to be repeated.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    WithRetryConfig,
    durable_execution,
    durable_step,
    with_retry,
)
from aws_durable_execution_sdk_python.retries import fixed


@durable_step
def reserve(seat: str, attempt: int) -> str:
    return f"{seat}-hold-{attempt}"


@durable_step
def pay(hold: str, attempt: int) -> str:
    if attempt == 1:
        raise TimeoutError(f"{hold} expired before it was paid for")
    return f"paid {hold}"


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> str:
    def reserve_and_pay(attempts: DurableContext, attempt: int) -> str:
        hold = attempts.step(reserve(event["seat"], attempt))
        return attempts.step(pay(hold, attempt))

    config = WithRetryConfig(retry_strategy=fixed(interval=10, max_attempts=3))
    return with_retry(context, reserve_and_pay, name="booking", config=config)
