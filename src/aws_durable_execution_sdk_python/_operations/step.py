"""step: run the user's function once per attempt and keep what it returned."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Generic, NamedTuple, Never, NoReturn, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import (
    describe_for_record,
    rebuild,
    recorded_error,
    was_cancelled,
)
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.limits import MAX_STEP_BYTES
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    ErrorObject,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
    StepOptions,
)
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import (
    UserFunction,
    name_of,
    takes_positional,
)
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.parked import pending_state
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operation_contexts import StepContext
from aws_durable_execution_sdk_python._operations.decisions import retry_decision, running_attempt
from aws_durable_execution_sdk_python._operations.failures import report_failure
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.storing import (
    for_result,
    read_in_turn,
    write_and_read,
)
from aws_durable_execution_sdk_python._retry_strategies import (
    RetryDecision,
    RetryPresets,
    RetryStrategy,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    RetryableSerDesError,
    SerDesError,
    StepError,
    StepInterruptedError,
    ValidationError,
)
from aws_durable_execution_sdk_python.logger import Logger
from aws_durable_execution_sdk_python.serdes import AnySerDes

T = TypeVar("T")

_DEFAULT: StepConfig[Never] = StepConfig()


class Step(NamedTuple, Generic[T]):
    """One step as the code asks for it.

    `make_context` turns a logger and the attempt's number into the function's first argument;
    None for a function that takes no context. `extra` are arguments that come before it. `serdes`
    stores what it returns. What nobody will read is not kept: it may have no text form.
    """

    position: Position
    identity: OperationIdentity
    function: UserFunction[T]
    config: StepConfig[T]
    make_context: Callable[[Logger, int], object] | None = StepContext
    extra: tuple[object, ...] = ()
    serdes: AnySerDes[T] | None = None
    keeps_result: bool = True

    @classmethod
    def around(
        cls,
        position: Position,
        identity: OperationIdentity,
        function: UserFunction[T],
        config: StepConfig[T],
    ) -> Step[T]:
        """A step of a bare or decorated function."""
        context = StepContext if takes_positional(function) else None
        serdes = for_result(config.serdes, position.serdes.values, function)
        return cls(position, identity, function, config, context, serdes=serdes)

    @property
    def at_most_once(self) -> bool:
        return self.config.step_semantics is StepSemantics.AT_MOST_ONCE_PER_RETRY

    def run(self, runtime: Runtime) -> Op[T]:
        return run_step(runtime, self)

    def strategy(self, runtime: Runtime) -> RetryStrategy | None:
        given = self.config.retry_strategy
        return RetryPresets.default() if given is None and runtime.compat_aws else given


def plan_step(
    position: Position, func: UserFunction[T], name: str | None, config: StepConfig[T] | None
) -> Plan[T]:
    check_callable("step", func)
    config = chosen("step", config, _DEFAULT)
    name = validation.operation_name(name or name_of(func))
    sub_type = config.sub_type or OperationSubType.STEP
    identity = position.take(OperationType.STEP, sub_type, name)
    step = Step.around(position, identity, func, config)
    return Plan(step.run)


class _Failure(NamedTuple):
    """How an attempt failed, and after how many seconds the next one is due, if one is."""

    error: ErrorObject
    retry_seconds: int | None = None


async def run_step(runtime: Runtime, step: Step[T]) -> T:
    """Run a step, or give what it returned or raised before."""
    runtime.check()
    operation = runtime.find(step.identity)
    if operation is not None and operation.status in TERMINAL:
        return await _recorded(runtime, step, operation)
    try:
        return await _run_attempts(runtime, step, operation)
    except asyncio.CancelledError:
        runtime.record_cancellation(step.identity)
        raise


async def _run_attempts(runtime: Runtime, step: Step[T], operation: Operation | None) -> T:
    identity = step.identity
    if operation is not None:
        await runtime.resumes(identity.operation_id)
    while True:
        status = None if operation is None else operation.status
        if operation is not None and status in TERMINAL:
            return await _recorded(runtime, step, operation)
        pending = operation and pending_state(operation, identity.operation_id)
        if pending:
            await runtime.park(pending)
            operation = runtime.recorded(identity.operation_id)
            continue
        if status is Status.STARTED and step.at_most_once:
            error = StepInterruptedError(
                f"the step {identity.name or identity.operation_id} had started in an earlier "
                "invocation that was cut off, and runs at most once per attempt"
            )
            failure = _judge(runtime, step, running_attempt(operation), error)
            operation = await _failed(runtime, step, failure)
            continue
        await runtime.before_body()
        if status is not Status.STARTED:
            operation = await _start(runtime, step, operation)
            if operation is not None and operation.status is not Status.STARTED:
                continue
        requests, attempt = runtime.cancel_requests(), running_attempt(operation)
        try:
            result = await _call(runtime, step, attempt)
        except ExecutionError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            is_cancellation = isinstance(error, asyncio.CancelledError)
            if is_cancellation and not runtime.is_stray(error, requests):
                raise
            runtime.pass_on_cancellation(requests)
            failure = _judge(runtime, step, attempt, error)
        else:
            runtime.pass_on_cancellation(requests)
            return await _succeeded(runtime, step, result, attempt)
        operation = await _failed(runtime, step, failure)


async def _start(runtime: Runtime, step: Step[T], operation: Operation | None) -> Operation | None:
    """Record that an attempt begins; wait for it only if it must never run twice."""
    start = step.identity.update(OperationAction.START)
    if step.at_most_once:
        return await runtime.commit(start)
    await runtime.begin(start)
    # The answer may be long in coming: until then what was recorded before still counts.
    return None if operation is None else _as_started(operation)


async def _call(runtime: Runtime, step: Step[T], attempt: int) -> T:
    identity, position = step.identity, step.position
    args = step.extra
    if step.make_context is not None:
        info = position.log_info(identity, attempt)
        args = (*args, step.make_context(Logger(position.underlying_logger, info), attempt))
    function = runtime.body(identity, attempt, step.function, at_most_once=step.at_most_once)
    body, seconds = StepBody(identity.name), step.config.timeout_seconds
    if seconds is None:
        return await runtime.call(body, function, *args)
    return await runtime.call_within(seconds, body, function, *args)


async def _succeeded(runtime: Runtime, step: Step[T], result: T, attempt: int) -> T:
    identity = step.identity
    try:
        payload, value = None, result
        if step.keeps_result:
            payload, value = await write_and_read(runtime, step.serdes, result, identity, attempt)
            payload_size(f"the result of the step {identity.shown}", payload, MAX_STEP_BYTES)
    except RetryableSerDesError:
        raise
    except (SerDesError, ValidationError) as error:
        report_failure(runtime, step.position, identity, error, what="step", attempt=attempt)
        described = describe_for_record(error)
    else:
        await runtime.end(identity.update(OperationAction.SUCCEED, payload=payload))
        return value
    return await _fail(runtime, identity, described)


def _judge(runtime: Runtime, step: Step[T], attempt: int, error: BaseException) -> _Failure:
    """Ask the retry strategy what comes of a failed attempt, and log it."""
    strategy, decision = step.strategy(runtime), RetryDecision.no_retry()
    try:
        if strategy is not None:
            decision = retry_decision(step.identity.name, strategy, error, attempt)
    except Exception as strategy_error:
        error = strategy_error
    delay = max(1, decision.delay.seconds) if decision.should_retry else None
    report_failure(
        runtime,
        step.position,
        step.identity,
        error,
        what="step",
        attempt=attempt,
        retry_seconds=delay,
    )
    return _Failure(describe_for_record(error), delay)


async def _failed(runtime: Runtime, step: Step[T], failure: _Failure) -> Operation | None:
    """Returns the operation waiting for its next attempt, or raises as a replay will.

    Called outside the handling of the error itself, which a replay does not have either: there
    must be no trace of it in the one that is raised.
    """
    identity, described = step.identity, failure.error
    if failure.retry_seconds is None:
        await _fail(runtime, identity, described)
    options = StepOptions(next_attempt_delay_seconds=failure.retry_seconds)
    return await runtime.commit(
        identity.update(OperationAction.RETRY, error=described, step_options=options)
    )


async def _fail(runtime: Runtime, identity: OperationIdentity, described: ErrorObject) -> NoReturn:
    """End the step as failed; called outside the handling of the error, as `_failed` is."""
    await runtime.end(identity.update(OperationAction.FAIL, error=described))
    raise rebuild(StepError, described)


def _as_started(operation: Operation) -> Operation:
    return dataclasses.replace(operation, status=Status.STARTED)


def _recorded(runtime: Runtime, step: Step[T], operation: Operation) -> Op[T]:
    if operation.status is Status.SUCCEEDED:
        kept = operation.result if step.keeps_result else None
        return read_in_turn(runtime, step.serdes, kept, step.identity)
    return _recorded_failure(runtime, operation)


async def _recorded_failure(runtime: Runtime, operation: Operation) -> NoReturn:
    if was_cancelled(operation):
        await runtime.cancelled_again(operation.operation_id)
    await runtime.end_in_turn(operation.operation_id)
    raise rebuild(StepError, recorded_error(operation))
