"""Durable functions whose processes are killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

ONCE = StepConfig[Any](
    create_retry_strategy(RetryStrategyConfig(max_attempts=2, initial_delay_seconds=1)),
    StepSemantics.AT_MOST_ONCE_PER_RETRY,
)


def note(path: str, what: str) -> None:
    """Write to a file that outlives the process."""
    with open(path, "a") as file:
        print(what, file=file)


@durable_execution
def blocking(event: dict[str, str], context: DurableContext) -> list[Any]:
    def ship(_: Any) -> str:
        note(event["notes"], "begun")
        try:
            text = "shipped"
        finally:
            note(event["notes"], "done")
        return text

    return [
        context.step(lambda _: "charged", name="charge", config=ONCE),
        context.step(ship, name="ship"),
        context.wait_for_callback(lambda callback_id, _: None, name="approve"),
    ]


@durable_execution
async def asynchronous(event: dict[str, str], context: AsyncDurableContext) -> list[Any]:
    async def charge(_: Any) -> str:
        return "charged"

    async def ship(_: Any) -> str:
        note(event["notes"], "begun")
        return "shipped"

    return [
        await context.step(charge, name="charge", config=ONCE),
        await context.step(ship, name="ship"),
        await context.wait_for_callback(lambda callback_id, _: None, name="approve"),
    ]


@durable_execution
def counting(event: dict[str, str], context: DurableContext) -> int:
    def count(_: Any) -> int:
        note(event["notes"], "counted")
        return len(Path(event["notes"]).read_text().split())

    return context.step(count, name="count")


@durable_execution
def unstable(event: dict[str, str], context: DurableContext) -> str:
    """Goes by what an interrupted attempt has left behind."""

    def work(_: Any) -> str:
        place = Path(event["notes"])
        found = place.exists()
        place.touch()
        return "again" if found else "first"

    def clean(_: Any) -> None:
        Path(event["notes"]).unlink()

    text = context.step(work, name="work")
    context.step(clean, name="clean")
    return text
