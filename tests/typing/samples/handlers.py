"""Decorated handlers: with and without arguments, `def` and `async def`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.execution import InvocationStatus
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)

LambdaHandler = Callable[[Any, Any], dict[str, Any]]


@durable_execution
def blocking(event: dict[str, Any], context: DurableContext) -> int:
    context.wait(seconds=5)
    context.wait(timedelta(seconds=5))
    context.wait(Duration.from_minutes(5), name="pause")
    context.wait(5.5)  # error
    context.wait(second=5)  # error
    context.logger.info("attempt %s", 1, extra={"order": "o-1"})
    assert_type(context.execution_context.durable_execution_arn, str)
    assert_type(context.is_replaying(), bool)
    assert_type(context.patched("fraud check"), bool)
    context.patched()  # error
    return 1


@durable_execution
async def asynchronous(event: dict[str, Any], context: AsyncDurableContext) -> int:
    assert_type(context.patched("fraud check"), bool)
    await context.patched("fraud check")  # error
    context.deprecate_patch("fraud check")
    return 1


@durable_execution()
def with_parentheses(event: dict[str, Any], context: DurableContext) -> int:
    return 1


@durable_execution(compat="aws")
async def migrated(event: dict[str, Any], context: AsyncDurableContext) -> int:
    return 1


@durable_execution(compat="azure")  # error
def misled(event: dict[str, Any], context: DurableContext) -> int:
    return 1


def too_many(event: dict[str, Any], context: DurableContext, more: str) -> int:
    return 1


durable_execution(too_many)  # error

assert_type(blocking, LambdaHandler)
assert_type(asynchronous, LambdaHandler)
assert_type(with_parentheses, LambdaHandler)
assert_type(migrated, LambdaHandler)
blocking()  # error


def runner() -> None:
    with DurableFunctionTestRunner(blocking) as durable:
        result = durable.run(input={"order_id": "o-1"}, timeout=10)
    assert_type(result, DurableFunctionTestResult)
    assert_type(result.status, InvocationStatus)
    durable.run(inputs={})  # error


def errors(error: StepError) -> None:
    assert_type(error.message, str | None)
    assert_type(error.error_type, str | None)
