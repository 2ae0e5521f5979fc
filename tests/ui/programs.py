"""Programs the page is tested with, blocking and async."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    MapConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.filesystem_serdes import (
    FileSystemSerDes,
    FileSystemSerDesConfig,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

HOSTILE = '"><img src=x onerror="window.hit=1"><script>window.hit=2</script>'


@durable_execution
def order(event: Any, context: DurableContext) -> Any:
    total = context.step(lambda _: event["amount"] * 2, name="add up")
    answer = context.wait_for_callback(lambda callback_id, _: None, name="approval")
    return {"total": total, "approval": answer}


@durable_execution
async def order_async(event: Any, context: AsyncDurableContext) -> Any:
    async def add_up(_: Any) -> Any:
        return event["amount"] * 2

    async def submit(callback_id: str, _: Any) -> None:
        return None

    total = await context.step(add_up, name="add up")
    answer = await context.wait_for_callback(submit, name="approval")
    return {"total": total, "approval": answer}


@durable_execution
def watched(event: Any, context: DurableContext) -> Any:
    config = WaitForCallbackConfig(heartbeat_timeout=Duration.from_seconds(3600))
    return context.wait_for_callback(lambda callback_id, _: None, name="approval", config=config)


@durable_execution
def resting(event: Any, context: DurableContext) -> Any:
    context.wait(seconds=3600, name="an hour")
    return "rested"


@durable_execution
def quick(event: Any, context: DurableContext) -> Any:
    return context.step(lambda _: event, name="echo")


@durable_execution
def hostile(event: Any, context: DurableContext) -> Any:
    """Everything that somebody else may choose is markup."""

    def fail(_: Any) -> None:
        raise ValueError(HOSTILE)

    context.step(lambda _: HOSTILE, name=HOSTILE)
    context.wait_for_callback(lambda callback_id, _: None, name="<b>approve</b>")
    context.step(fail, name="<i>broken</i>")


class Flaky:
    """Fails the first time."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _: Any) -> str:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError("the warehouse does not answer")
        return "reserved"


_reserve = Flaky()


@durable_execution
def shop(event: Any, context: DurableContext) -> Any:
    """One of everything that a timeline draws."""
    retry = create_retry_strategy(
        RetryStrategyConfig(max_attempts=3, initial_delay_seconds=1, backoff_rate=1)
    )
    context.step(_reserve, name="reserve stock", config=StepConfig(retry_strategy=retry))
    context.wait(seconds=2, name="let it settle")
    pause = threading.Event().wait

    def tell(seconds: float) -> Any:
        return lambda one: one.step(lambda _: pause(seconds), name=f"after {seconds} s")

    context.parallel([tell(0.2), tell(0.4)], name="tell everybody")

    def pack(one: DurableContext, item: int, *_: Any) -> int:
        def put(_: Any) -> int:
            pause(0.02)
            if item % 37 == 5:
                raise KeyError(f"sku-{item}")
            return item

        return one.step(put, name="put in a box")

    config = MapConfig(
        max_concurrency=10, completion_config=CompletionConfig(tolerated_failure_percentage=50)
    )
    context.map(list(range(80)), pack, name="pack all", config=config)
    return context.wait_for_callback(lambda callback_id, _: None, name="approval")


@durable_execution
def wide(event: Any, context: DurableContext) -> int:
    """A map of `event` items, every hundredth of which fails."""

    def one(inner: DurableContext, item: int, *_: Any) -> int:
        if item % 100 == 7:
            raise KeyError(f"sku-{item}")
        return item

    config = MapConfig(completion_config=CompletionConfig(tolerated_failure_percentage=50))
    context.map(list(range(event)), one, name="all", config=config)
    return int(event)


@durable_execution
def talkative(event: Any, context: DurableContext) -> str:
    def say(step: Any) -> None:
        step.logger.warning("weighed %s", event)

    context.step(say, name="weigh")
    context.logger.warning("sent %s", event)
    return "done"


@durable_execution
async def talkative_async(event: Any, context: AsyncDurableContext) -> str:
    async def say(step: Any) -> None:
        step.logger.warning("weighed %s", event)

    await context.step(say, name="weigh")
    context.logger.warning("sent %s", event)
    return "done"


@durable_execution
def exact(event: Any, context: DurableContext) -> Any:
    """Values that JavaScript has no numbers for, and some that are more than JSON."""
    context.step(lambda _: {"number": 12345678901234567890, "share": 1.10}, name="numbers")
    context.step(lambda _: {"when": datetime(2026, 1, 2, 3, 4), "pair": (1, 2)}, name="types")


def keeping_elsewhere(directory: Path) -> Any:
    """A handler whose step's result is kept in a file, with a preview."""
    serdes = FileSystemSerDes(
        directory, FileSystemSerDesConfig(generate_preview=lambda value: {"name": value["name"]})
    )

    @durable_execution
    def large(event: Any, context: DurableContext) -> None:
        config = StepConfig(serdes=serdes)
        context.step(lambda _: {"name": "spring", "pages": "x" * 1000}, name="print", config=config)

    large.__name__ = "large"
    return large
