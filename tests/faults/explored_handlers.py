"""Programs whose crashes are explored, blocking and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.exceptions import StepError
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)

_RETRY = create_retry_strategy(RetryStrategyConfig(max_attempts=3, initial_delay_seconds=1))
RETRIED = StepConfig[Any](_RETRY)
ONCE = StepConfig[Any](_RETRY, StepSemantics.AT_MOST_ONCE_PER_RETRY)


def _until_three(state: int, attempt: int) -> WaitForConditionDecision:
    if state >= 3:
        return WaitForConditionDecision.stop_polling()
    return WaitForConditionDecision.continue_waiting(1)


POLLED = WaitForConditionConfig[Any](_until_three, 1)


def flaky(step: Any) -> str:
    """Fails in its first attempt."""
    if step.attempt == 1:
        raise ConnectionError("down")
    return f"up in attempt {step.attempt}"


@durable_execution
def blocking_everything(event: Any, context: DurableContext) -> Any:
    """One operation of each kind."""

    def branch(ctx: DurableContext, item: int, index: int, items: Any) -> int:
        ctx.wait(seconds=index + 1, name="stagger")
        return int(ctx.step(lambda _: item * 2, name="double"))

    def child(ctx: DurableContext) -> str:
        return str(ctx.step(flaky, name="flaky", config=RETRIED))

    def broken(_: Any) -> None:
        raise ValueError("out of stock")

    try:
        context.step(broken, name="broken")
    except StepError as error:
        failure = error.message
    return [
        context.step(lambda _: "charged", name="charge", config=ONCE),
        context.map([1, 2], branch, name="all").get_results(),
        context.run_in_child_context(child, name="child"),
        context.wait_for_condition(lambda state, _: state + 1, config=POLLED, name="poll"),
        context.wait_for_callback(lambda callback_id, _: None, name="approve"),
        context.invoke("double", 21, name="plain"),
        failure,
    ]


@durable_execution
async def async_everything(event: Any, context: AsyncDurableContext) -> Any:
    """The same program."""

    async def branch(ctx: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        await ctx.wait(seconds=index + 1, name="stagger")
        return int(await ctx.step(lambda _: item * 2, name="double"))

    async def child(ctx: AsyncDurableContext) -> str:
        return str(await ctx.step(flaky, name="flaky", config=RETRIED))

    async def charge(_: Any) -> str:
        return "charged"

    async def broken(_: Any) -> None:
        raise ValueError("out of stock")

    try:
        await context.step(broken, name="broken")
    except StepError as error:
        failure = error.message
    return [
        await context.step(charge, name="charge", config=ONCE),
        (await context.map([1, 2], branch, name="all")).get_results(),
        await context.run_in_child_context(child, name="child"),
        await context.wait_for_condition(lambda state, _: state + 1, config=POLLED, name="poll"),
        await context.wait_for_callback(lambda callback_id, _: None, name="approve"),
        await context.invoke("double", 21, name="plain"),
        failure,
    ]


EVERYTHING = {"blocking": blocking_everything, "async": async_everything}
RESULT = ["charged", [2, 4], "up in attempt 2", 3, "yes", 42, "out of stock"]


def double(event: int, context: Any) -> int:
    return event * 2


def one_step(kind: str, body: Callable[[Any], Any], config: StepConfig[Any] | None = None) -> Any:
    """A handler of one step, called `only`, whose body is given: blocking, or async around it."""

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return context.step(body, name="only", config=config)

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return await context.step(body, name="only", config=config)

    return blocking if kind == "blocking" else asynchronous


def steps(kind: str, count: int) -> Any:
    """A handler of so many steps, one after the other: nothing it comes by depends on timing.

    Each START is saved before the body runs. One that is not waited for goes alone, or rides with
    the result, as the body takes its time.
    """
    names = [f"step-{n}" for n in range(count)]

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return [context.step(lambda _: "done", name=name, config=ONCE) for name in names]

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return [await context.step(lambda _: "done", name=name, config=ONCE) for name in names]

    return blocking if kind == "blocking" else asynchronous
