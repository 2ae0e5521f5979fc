"""Retries of a step, and a step that must not run twice.

    durable run examples/step_retries.py --event '{"amount": 20}'

Without a retry strategy the first error is raised. Retry delays are durable: the invocation ends
meanwhile. `AT_MOST_ONCE_PER_RETRY` is for what must not be repeated when the function is killed
in the middle of it: the interruption is then handed to the retry strategy, here none.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    StepContext,
    durable_execution,
    durable_step,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy


@durable_step
def fetch_exchange_rate(step_context: StepContext) -> float:
    if step_context.attempt < 3:
        raise ConnectionError("the rate service is down")
    return 1.1


@durable_step
def charge_card(amount: float) -> str:
    return f"charged {amount:.2f}"


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> str:
    patient = create_retry_strategy(
        RetryStrategyConfig(
            max_attempts=5,
            initial_delay_seconds=1,
            max_delay_seconds=60,
            backoff_rate=2.0,
            retryable_error_types=[ConnectionError],
        )
    )
    rate = context.step(fetch_exchange_rate(), config=StepConfig(retry_strategy=patient))
    return context.step(
        charge_card(event["amount"] * rate),
        config=StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY),
    )
