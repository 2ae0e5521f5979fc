"""Durable functions that the tests of the commands serve."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

_TWICE = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(max_attempts=2)))


@durable_execution
def order(event: dict[str, Any], context: DurableContext) -> Any:
    """Prepares at the second attempt, then waits for approval."""

    def prepare(step: Any) -> str:
        if step.attempt == 1:
            raise ConnectionError("down")
        return "prepared"

    prepared = context.step(prepare, name="prepare", config=_TWICE)
    answer = context.wait_for_callback(lambda callback_id, _: None, name="approval")
    return {"prepared": prepared, "answer": answer}


@durable_execution
def short(event: Any, context: DurableContext) -> Any:
    return context.step(lambda _: event, name="echo")


@durable_execution
def failing(event: Any, context: DurableContext) -> None:
    raise ValueError("no stock")


@durable_execution
def talkative(event: Any, context: DurableContext) -> None:
    print("charging", event["order"])


def plain(event: Any, context: Any) -> Any:
    return event
