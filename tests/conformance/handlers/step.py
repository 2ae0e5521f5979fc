"""Handlers of the requirements on step."""

from __future__ import annotations

from typing import Any

from handlers.registry import Handlers, on_loop
from handlers.uppercase import UppercaseSerDes

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    StepError,
    durable_step,
)
from aws_durable_execution_sdk_python.config import Duration, StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import (
    RetryDecision,
    RetryPresets,
    RetryStrategyConfig,
    create_retry_strategy,
)

HANDLERS = Handlers()

NO_RETRY: StepConfig[Any] = StepConfig(RetryPresets.none())


class TransientError(Exception):
    """Something that may pass."""


# ------------------------------------------------------------------------------ step functions


@durable_step
def greet(step_context: StepContext, name: str) -> str:
    return f"Hello, {name}!"


@durable_step
def greet_and_log(step_context: StepContext, name: str) -> str:
    step_context.logger.info(f"Greeting step started for: {name}")
    greeting = f"Hello, {name}!"
    step_context.logger.info(f"Greeting step completed with: {greeting}")
    return greeting


@durable_step
def give(step_context: StepContext, value: Any) -> Any:
    step_context.logger.info("step executed")
    return value


@durable_step
def append(step_context: StepContext, before: str, word: str) -> str:
    return f"{before}_{word}"


@durable_step
def build_response(step_context: StepContext, event: dict[str, Any]) -> dict[str, Any]:
    return {"user": {"name": event["name"], "tags": event["tags"]}, "count": len(event["tags"])}


@durable_step
def fail(step_context: StepContext) -> str:
    step_context.logger.info("step executed")
    raise RuntimeError("this step always fails")


@durable_step
def succeed_at(step_context: StepContext, attempt: int, error: type[Exception]) -> str:
    if step_context.attempt < attempt:
        raise error(f"attempt {step_context.attempt} fails")
    return "Operation succeeded"


@durable_step
def crash_before(step_context: StepContext, attempt: int, line: str) -> str:
    """Ends the process in the attempts before the given one."""
    step_context.logger.info(line)
    if step_context.attempt < attempt:
        raise SystemExit(1)
    return "succeeded on second attempt"


# ------------------------------------------------------------------------------ one step


@HANDLERS.blocking("1-1")
def basic(event: str, context: DurableContext) -> str:
    return context.step(greet(event))


@HANDLERS.asynchronous("1-1")
async def basic_async(event: str, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(greet(event)))


@HANDLERS.blocking("1-2")
def named(event: str, context: DurableContext) -> str:
    return context.step(greet(event), name="custom_step_name")


@HANDLERS.asynchronous("1-2")
async def named_async(event: str, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(greet(event)), name="custom_step_name")


@HANDLERS.blocking("1-3")
def sequence(event: None, context: DurableContext) -> str:
    first = context.step(give("first"))
    return context.step(append(first, "second"))


@HANDLERS.asynchronous("1-3")
async def sequence_async(event: None, context: AsyncDurableContext) -> str:
    first = await context.step(on_loop(give("first")))
    return await context.step(append(first, "second"))


@HANDLERS.blocking("1-4")
def complex_object(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    return context.step(build_response(event))


@HANDLERS.asynchronous("1-4")
async def complex_object_async(
    event: dict[str, Any], context: AsyncDurableContext
) -> dict[str, Any]:
    return await context.step(on_loop(build_response(event)))


@HANDLERS.blocking("1-5")
def nothing(event: None, context: DurableContext) -> Any:
    return context.step(give(None))


@HANDLERS.asynchronous("1-5")
async def nothing_async(event: None, context: AsyncDurableContext) -> Any:
    return await context.step(on_loop(give(None)))


@HANDLERS.blocking("1-6")
def own_serdes(event: str, context: DurableContext) -> Any:
    return context.step(give(event), config=StepConfig(serdes=UppercaseSerDes()))


@HANDLERS.asynchronous("1-6")
async def own_serdes_async(event: str, context: AsyncDurableContext) -> Any:
    return await context.step(on_loop(give(event)), config=StepConfig(serdes=UppercaseSerDes()))


@HANDLERS.blocking("1-7")
def logger(event: str, context: DurableContext) -> str:
    return context.step(greet_and_log(event))


@HANDLERS.asynchronous("1-7")
async def logger_async(event: str, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(greet_and_log(event)))


# ------------------------------------------------------------------------------ replay


@HANDLERS.blocking("1-8")
def step_and_wait(event: None, context: DurableContext) -> Any:
    result = context.step(give("computed"))
    context.wait(Duration.from_seconds(2))
    return result


@HANDLERS.asynchronous("1-8")
async def step_and_wait_async(event: None, context: AsyncDurableContext) -> Any:
    result = await context.step(on_loop(give("computed")))
    await context.wait(Duration.from_seconds(2))
    return result


@HANDLERS.blocking("1-9")
def cached_result(event: None, context: DurableContext) -> Any:
    result = context.step(give("cached_value"))
    context.wait(Duration.from_seconds(1))
    return result


@HANDLERS.asynchronous("1-9")
async def cached_result_async(event: None, context: AsyncDurableContext) -> Any:
    result = await context.step(on_loop(give("cached_value")))
    await context.wait(Duration.from_seconds(1))
    return result


@HANDLERS.blocking("1-10")
def cached_error(event: None, context: DurableContext) -> str:
    try:
        context.step(fail(), config=NO_RETRY)
    except StepError as error:
        caught = str(error)
    else:
        raise AssertionError("the step did not fail")
    context.wait(Duration.from_seconds(1))
    return caught


@HANDLERS.asynchronous("1-10")
async def cached_error_async(event: None, context: AsyncDurableContext) -> str:
    try:
        await context.step(on_loop(fail()), config=NO_RETRY)
    except StepError as error:
        caught = str(error)
    else:
        raise AssertionError("the step did not fail")
    await context.wait(Duration.from_seconds(1))
    return caught


# ------------------------------------------------------------------------------ retries

SECOND_ATTEMPT: StepConfig[Any] = StepConfig(RetryPresets.fixed(1, max_attempts=2))
FOUR_ATTEMPTS: StepConfig[Any] = StepConfig(RetryPresets.fixed(1, max_attempts=4))
CUSTOM_BACKOFF: StepConfig[Any] = StepConfig(
    create_retry_strategy(RetryStrategyConfig(max_attempts=5, initial_delay=2, backoff_rate=3))
)
TRANSIENT_ONLY: StepConfig[Any] = StepConfig(
    create_retry_strategy(
        RetryStrategyConfig(initial_delay=1, retryable_error_types=[TransientError])
    )
)


def _unless_transient(error: Exception, attempt: int) -> RetryDecision:
    return RetryDecision.no_retry() if isinstance(error, TransientError) else RetryDecision.retry(1)


@HANDLERS.blocking("1-11")
def retried(event: None, context: DurableContext) -> str:
    return context.step(succeed_at(2, RuntimeError), config=SECOND_ATTEMPT)


@HANDLERS.asynchronous("1-11")
async def retried_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(succeed_at(2, RuntimeError)), config=SECOND_ATTEMPT)


@HANDLERS.blocking("1-12")
def exhausted(event: None, context: DurableContext) -> str:
    return context.step(fail(), config=FOUR_ATTEMPTS)


@HANDLERS.asynchronous("1-12")
async def exhausted_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(fail()), config=FOUR_ATTEMPTS)


# By our own default a step without a retry strategy is not retried.
@HANDLERS.blocking("1-13", compat="aws")
def default_strategy(event: None, context: DurableContext) -> str:
    return context.step(succeed_at(3, RuntimeError))


@HANDLERS.asynchronous("1-13", compat="aws")
async def default_strategy_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(succeed_at(3, RuntimeError)))


@HANDLERS.blocking("1-14")
def custom_backoff(event: None, context: DurableContext) -> str:
    return context.step(succeed_at(3, RuntimeError), config=CUSTOM_BACKOFF)


@HANDLERS.asynchronous("1-14")
async def custom_backoff_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(succeed_at(3, RuntimeError)), config=CUSTOM_BACKOFF)


@HANDLERS.blocking("1-15")
def retryable_error(event: None, context: DurableContext) -> str:
    return context.step(succeed_at(2, TransientError), config=TRANSIENT_ONLY)


@HANDLERS.asynchronous("1-15")
async def retryable_error_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(succeed_at(2, TransientError)), config=TRANSIENT_ONLY)


@HANDLERS.blocking("1-16")
def final_error(event: None, context: DurableContext) -> str:
    return context.step(succeed_at(2, TransientError), config=StepConfig(_unless_transient))


@HANDLERS.asynchronous("1-16")
async def final_error_async(event: None, context: AsyncDurableContext) -> str:
    step = on_loop(succeed_at(2, TransientError))
    return await context.step(step, config=StepConfig(_unless_transient))


# ------------------------------------------------------------------------------ interruptions

ONCE: StepConfig[Any] = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
ONCE_AND_RETRIED: StepConfig[Any] = StepConfig(
    RetryPresets.fixed(1, max_attempts=2), StepSemantics.AT_MOST_ONCE_PER_RETRY
)


@HANDLERS.blocking("1-17")
def interrupted(event: str, context: DurableContext) -> str:
    return context.step(crash_before(2, event), name="at_most_once_flaky_step", config=ONCE)


@HANDLERS.asynchronous("1-17")
async def interrupted_async(event: str, context: AsyncDurableContext) -> str:
    step = on_loop(crash_before(2, event))
    return await context.step(step, name="at_most_once_flaky_step", config=ONCE)


@HANDLERS.blocking("1-18")
def interrupted_and_retried(event: str, context: DurableContext) -> str:
    return context.step(crash_before(2, event), config=ONCE_AND_RETRIED)


@HANDLERS.asynchronous("1-18")
async def interrupted_and_retried_async(event: str, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(crash_before(2, event)), config=ONCE_AND_RETRIED)


# ------------------------------------------------------------------------------ errors


@HANDLERS.blocking("1-19")
def permanent_error(event: None, context: DurableContext) -> str:
    return context.step(fail(), config=NO_RETRY)


@HANDLERS.asynchronous("1-19")
async def permanent_error_async(event: None, context: AsyncDurableContext) -> str:
    return await context.step(on_loop(fail()), config=NO_RETRY)


@HANDLERS.blocking("1-20")
def fallback(event: None, context: DurableContext) -> Any:
    try:
        value = context.step(fail(), config=NO_RETRY)
    except StepError:
        value = "fallback_result"
    return context.step(give(value))


@HANDLERS.asynchronous("1-20")
async def fallback_async(event: None, context: AsyncDurableContext) -> Any:
    try:
        value = await context.step(on_loop(fail()), config=NO_RETRY)
    except StepError:
        value = "fallback_result"
    return await context.step(on_loop(give(value)))
