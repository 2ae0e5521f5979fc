"""The functions of the executions, and what their inputs must come to."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from typing import Any

from soaking.ledger import current

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryDecision

# Seconds: long enough for a thousand executions to be open at once on two cores.
SECONDS_OF_PAUSE = 10
AT_MOST_ONCE = "charge"  # the name of the step with that semantics

callbacks: queue.SimpleQueue[str] = queue.SimpleQueue()


def note(step: StepContext, name: str) -> None:
    """Called by the body of a step: says that it runs."""
    record = current.get()
    record.runs.append(name)
    if name == AT_MOST_ONCE:
        record.ledger.attempts[step.attempt] += 1


@durable_execution
def order(event: int, context: DurableContext) -> int:
    """Steps of both semantics, a retry, a wait of a second or two."""

    def flaky(step: StepContext) -> int:
        note(step, "flaky")
        if step.attempt < 2:
            raise ConnectionError("try again")
        return event

    def add(name: str, value: int) -> int:
        def body(step: StepContext) -> int:
            note(step, name)
            return value + 1

        once = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY, retry_strategy=again)
        return context.step(body, name=name, config=once if name == AT_MOST_ONCE else None)

    value = add("reserve", event)
    context.wait(seconds=pause(event))
    value = add(AT_MOST_ONCE, value)
    value += context.step(flaky, name="flaky", config=StepConfig(retry_strategy=again)) - event
    return add("ship", value)


def pause(event: int) -> int:
    """Seconds, so that executions started together go on one by one."""
    return SECONDS_OF_PAUSE + event % SECONDS_OF_PAUSE


def again(error: Exception, attempt: int) -> RetryDecision:
    """Try again in a second: a step may be interrupted by any number of kills."""
    return RetryDecision.retry(1)


@durable_execution
async def fan_out(event: int, context: AsyncDurableContext) -> int:
    """Steps side by side, then a map, each branch with a step."""

    def body(name: str, value: int) -> Callable[[Any], Any]:
        async def run(step: StepContext) -> int:
            note(step, name)
            return value

        return run

    first, second = await asyncio.gather(
        context.step(body("left", event), name="left"),
        context.step(body("right", 1), name="right"),
    )
    await context.wait(seconds=pause(event))

    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        return await child.step(body(f"item-{index}", item), name=f"item-{index}")

    rest = await context.map(range(8), branch, name="items")
    return first + second + sum(rest)


@durable_execution
def approval(event: int, context: DurableContext) -> int:
    """A callback that somebody answers, and a function invoked with the answer."""

    def submit(callback_id: str, _: Any) -> None:
        callbacks.put(callback_id)

    context.wait(seconds=pause(event))
    answer = context.wait_for_callback(submit, name="approve")
    return context.invoke("double", event, name="double") + answer["bonus"]


@durable_execution
def double(event: int, context: DurableContext) -> int:
    return context.step(lambda step: note(step, "double") or event * 2, name="double")


@durable_execution
def many_operations(event: int, context: DurableContext) -> int:
    return sum(context.step(lambda _: 1, name=f"step-{number}") for number in range(event))


@durable_execution
def large_payloads(event: int, context: DurableContext) -> int:
    return sum(len(context.step(lambda _: "x" * event)) for _ in range(3))


@durable_execution
def large_result(event: int, context: DurableContext) -> str:
    context.step(lambda _: None)
    return "x" * event


# What a handler's input must come to.
EXPECTED: dict[str, Callable[[int], int]] = {
    "order": lambda event: event + 3,
    "fan_out": lambda event: event + 1 + sum(range(8)),
    "approval": lambda event: event * 2 + 1,
}
HANDLERS: dict[str, Any] = {
    handler.__name__: handler
    for handler in (
        order,
        fan_out,
        approval,
        double,
        many_operations,
        large_payloads,
        large_result,
    )
}
