"""Handlers of the requirements on run_in_child_context.

Each child context is named after its function.
"""

from __future__ import annotations

import asyncio
from typing import Any

from conformance_run import Outside
from handlers.registry import Handlers, on_loop, replay_logger
from handlers.uppercase import UppercaseSerDes

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ChildContextError,
    DurableContext,
    StepContext,
    durable_step,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.config import ChildConfig, StepConfig
from aws_durable_execution_sdk_python.retries import RetryPresets

HANDLERS = Handlers()

NO_RETRY: StepConfig[Any] = StepConfig(RetryPresets.none())
TWO_ATTEMPTS: StepConfig[Any] = StepConfig(RetryPresets.fixed(1, max_attempts=2))
UPPERCASE = ChildConfig(serdes=UppercaseSerDes())
LARGE = 300 * 1024


@durable_step
def give(step_context: StepContext, value: str) -> str:
    return value


@durable_step
def fail(step_context: StepContext) -> str:
    raise RuntimeError("this step always fails")


@durable_step
def give_at_second(step_context: StepContext, value: str) -> str:
    if step_context.attempt < 2:
        raise RuntimeError("the first attempt fails")
    return value


# ------------------------------------------------------------------------------ one step inside


@durable_with_child_context
def echo(context: DurableContext, value: str) -> str:
    return context.step(give(value))


@durable_with_child_context
async def echo_async(context: AsyncDurableContext, value: str) -> str:
    return await context.step(on_loop(give(value)))


@HANDLERS.blocking("3-1")
def basic(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(echo(event))


@HANDLERS.asynchronous("3-1")
async def basic_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(echo_async(event))


@HANDLERS.blocking("3-2")
def named(event: dict[str, str], context: DurableContext) -> str:
    return context.run_in_child_context(echo(event["value"]), name=event["name"])


@HANDLERS.asynchronous("3-2")
async def named_async(event: dict[str, str], context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(echo_async(event["value"]), name=event["name"])


@HANDLERS.blocking("3-9")
def replayed(event: str, context: DurableContext) -> str:
    value = context.run_in_child_context(echo(event))
    context.wait(seconds=1)
    return value


@HANDLERS.asynchronous("3-9")
async def replayed_async(event: str, context: AsyncDurableContext) -> str:
    value = await context.run_in_child_context(echo_async(event))
    await context.wait(seconds=1)
    return value


@HANDLERS.blocking("3-14")
def own_serdes(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(echo(event), config=UPPERCASE)


@HANDLERS.asynchronous("3-14")
async def own_serdes_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(echo_async(event), config=UPPERCASE)


# ------------------------------------------------------------------------------ more inside


@durable_with_child_context
def echo_twice(context: DurableContext, value: str) -> str:
    return context.step(give(context.step(give(value))))


@durable_with_child_context
async def echo_twice_async(context: AsyncDurableContext, value: str) -> str:
    return await context.step(on_loop(give(await context.step(give(value)))))


@HANDLERS.blocking("3-3")
def sequence(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(echo_twice(event))


@HANDLERS.asynchronous("3-3")
async def sequence_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(echo_twice_async(event))


@durable_with_child_context
def nest(context: DurableContext, value: str) -> str:
    return context.run_in_child_context(echo(context.step(give(value))))


@durable_with_child_context
async def nest_async(context: AsyncDurableContext, value: str) -> str:
    given = await context.step(on_loop(give(value)))
    return await context.run_in_child_context(echo_async(given))


@HANDLERS.blocking("3-6")
def nested(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(nest(event))


@HANDLERS.asynchronous("3-6")
async def nested_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(nest_async(event))


@durable_with_child_context
def echo_and_wait(context: DurableContext, value: str) -> str:
    given = context.step(give(value))
    context.wait(seconds=1)
    return given


@durable_with_child_context
async def echo_and_wait_async(context: AsyncDurableContext, value: str) -> str:
    given = await context.step(on_loop(give(value)))
    await context.wait(seconds=1)
    return given


@HANDLERS.blocking("3-10")
def step_and_wait(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(echo_and_wait(event))


@HANDLERS.asynchronous("3-10")
async def step_and_wait_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(echo_and_wait_async(event))


@durable_with_child_context
def wait_only(context: DurableContext, value: str) -> str:
    context.wait(seconds=1)
    return value


@durable_with_child_context
async def wait_only_async(context: AsyncDurableContext, value: str) -> str:
    await context.wait(seconds=1)
    return value


@HANDLERS.blocking("3-13")
def wait_inside(event: str, context: DurableContext) -> str:
    return context.step(give(context.run_in_child_context(wait_only(event))))


@HANDLERS.asynchronous("3-13")
async def wait_inside_async(event: str, context: AsyncDurableContext) -> str:
    value = await context.run_in_child_context(wait_only_async(event))
    return await context.step(on_loop(give(value)))


@HANDLERS.blocking("3-18")
def inside_and_after(event: str, context: DurableContext) -> str:
    value = context.step(give(context.run_in_child_context(echo_and_wait(event))))
    context.wait(seconds=1)
    return value


@HANDLERS.asynchronous("3-18")
async def inside_and_after_async(event: str, context: AsyncDurableContext) -> str:
    inner = await context.run_in_child_context(echo_and_wait_async(event))
    value = await context.step(on_loop(give(inner)))
    await context.wait(seconds=1)
    return value


# ------------------------------------------------------------------------------ errors


@durable_with_child_context
def fail_in_step(context: DurableContext) -> str:
    return context.step(fail(), config=NO_RETRY)


@durable_with_child_context
async def fail_in_step_async(context: AsyncDurableContext) -> str:
    return await context.step(on_loop(fail()), config=NO_RETRY)


@HANDLERS.blocking("3-4")
def error(event: None, context: DurableContext) -> str:
    return context.run_in_child_context(fail_in_step())


@HANDLERS.asynchronous("3-4")
async def error_async(event: None, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(fail_in_step_async())


@HANDLERS.blocking("3-5")
def error_caught(event: str, context: DurableContext) -> str:
    try:
        return context.run_in_child_context(fail_in_step())
    except ChildContextError:
        return context.step(give(event))


@HANDLERS.asynchronous("3-5")
async def error_caught_async(event: str, context: AsyncDurableContext) -> str:
    try:
        return await context.run_in_child_context(fail_in_step_async())
    except ChildContextError:
        return await context.step(on_loop(give(event)))


@durable_with_child_context
def succeed_at_second(context: DurableContext, value: str) -> str:
    return context.step(give_at_second(value), config=TWO_ATTEMPTS)


@durable_with_child_context
async def succeed_at_second_async(context: AsyncDurableContext, value: str) -> str:
    return await context.step(on_loop(give_at_second(value)), config=TWO_ATTEMPTS)


@HANDLERS.blocking("3-7")
def retried(event: str, context: DurableContext) -> str:
    return context.run_in_child_context(succeed_at_second(event))


@HANDLERS.asynchronous("3-7")
async def retried_async(event: str, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(succeed_at_second_async(event))


@durable_with_child_context
def fail_twice(context: DurableContext) -> str:
    return context.step(fail(), config=TWO_ATTEMPTS)


@durable_with_child_context
async def fail_twice_async(context: AsyncDurableContext) -> str:
    return await context.step(on_loop(fail()), config=TWO_ATTEMPTS)


@HANDLERS.blocking("3-8")
def exhausted(event: None, context: DurableContext) -> str:
    return context.run_in_child_context(fail_twice())


@HANDLERS.asynchronous("3-8")
async def exhausted_async(event: None, context: AsyncDurableContext) -> str:
    return await context.run_in_child_context(fail_twice_async())


@durable_with_child_context
def fail_at_once(context: DurableContext) -> None:
    raise RuntimeError("this context always fails")


@durable_with_child_context
async def fail_at_once_async(context: AsyncDurableContext) -> None:
    raise RuntimeError("this context always fails")


@HANDLERS.blocking("3-15")
def error_without_step(event: None, context: DurableContext) -> None:
    context.run_in_child_context(fail_at_once())


@HANDLERS.asynchronous("3-15")
async def error_without_step_async(event: None, context: AsyncDurableContext) -> None:
    await context.run_in_child_context(fail_at_once_async())


# ------------------------------------------------------------------------------ replay


@durable_with_child_context
def log_and_enlarge(context: DurableContext, value: str) -> str:
    replay_logger(context).info(value)
    return context.step(give("x")) * LARGE


@durable_with_child_context
async def log_and_enlarge_async(context: AsyncDurableContext, value: str) -> str:
    replay_logger(context).info(value)
    return await context.step(on_loop(give("x"))) * LARGE


@HANDLERS.blocking("3-11")
def large(event: str, context: DurableContext) -> bool:
    value = context.run_in_child_context(log_and_enlarge(event))
    context.wait(seconds=1)
    return value == "x" * LARGE


@HANDLERS.asynchronous("3-11")
async def large_async(event: str, context: AsyncDurableContext) -> bool:
    value = await context.run_in_child_context(log_and_enlarge_async(event))
    await context.wait(seconds=1)
    return value == "x" * LARGE


@HANDLERS.blocking("3-12", with_outside=True)
def interrupted(event: str, context: DurableContext, outside: Outside) -> str:
    def crash_once(step_context: StepContext) -> str:
        if outside.first_visit():
            outside.await_step_start()
            raise SystemExit(1)
        return event

    def body(child: DurableContext) -> str:
        return child.step(crash_once)

    return context.run_in_child_context(body)


@HANDLERS.asynchronous("3-12", with_outside=True)
async def interrupted_async(event: str, context: AsyncDurableContext, outside: Outside) -> str:
    async def crash_once(step_context: StepContext) -> str:
        if outside.first_visit():
            await asyncio.to_thread(outside.await_step_start)
            raise SystemExit(1)
        return event

    async def body(child: AsyncDurableContext) -> str:
        return await child.step(crash_once)

    return await context.run_in_child_context(body)


@durable_with_child_context
def give_nothing(context: DurableContext) -> None:
    return None


@durable_with_child_context
async def give_nothing_async(context: AsyncDurableContext) -> None:
    return None


@HANDLERS.blocking("3-16")
def nothing(event: None, context: DurableContext) -> None:
    return context.run_in_child_context(give_nothing())


@HANDLERS.asynchronous("3-16")
async def nothing_async(event: None, context: AsyncDurableContext) -> None:
    return await context.run_in_child_context(give_nothing_async())


@durable_with_child_context
def log_only(context: DurableContext, value: str) -> str:
    replay_logger(context).info(value)
    return value


@durable_with_child_context
async def log_only_async(context: AsyncDurableContext, value: str) -> str:
    replay_logger(context).info(value)
    return value


@HANDLERS.blocking("3-17")
def log_only_once(event: str, context: DurableContext) -> str:
    value = context.run_in_child_context(log_only(event))
    context.wait(seconds=1)
    return value


@HANDLERS.asynchronous("3-17")
async def log_only_once_async(event: str, context: AsyncDurableContext) -> str:
    value = await context.run_in_child_context(log_only_async(event))
    await context.wait(seconds=1)
    return value
