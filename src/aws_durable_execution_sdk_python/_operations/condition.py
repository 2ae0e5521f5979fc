"""wait_for_condition: check, wait, check again, carrying a state from check to check."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

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
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    Status,
    StepOptions,
)
from aws_durable_execution_sdk_python._core.user_functions import UserFunction, accepts, name_of
from aws_durable_execution_sdk_python._core.validation import kind_of, payload_size
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.parked import pending_state
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operation_contexts import WaitForConditionCheckContext
from aws_durable_execution_sdk_python._operations.decisions import running_attempt, wait_decision
from aws_durable_execution_sdk_python._operations.failures import report_failure
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable
from aws_durable_execution_sdk_python._operations.storing import (
    for_result,
    read,
    read_in_turn,
    unrecorded,
    write_and_read,
)
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    RetryableSerDesError,
    ValidationError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.logger import Logger
from aws_durable_execution_sdk_python.serdes import AnySerDes
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condition(Generic[T]):
    """One wait_for_condition as the code asks for it; `serdes` stores its state."""

    position: Position
    identity: OperationIdentity
    check: UserFunction[T]
    config: WaitForConditionConfig[T]
    serdes: AnySerDes[T] | None

    async def stored(self, runtime: Runtime, state: T, attempt: int) -> tuple[str | None, T]:
        """What to record of a state, and the state as it will be read back."""
        text, state = await write_and_read(runtime, self.serdes, state, self.identity, attempt)
        what = f"the state of the wait_for_condition {self.identity.shown}"
        return payload_size(what, text, MAX_STEP_BYTES), state


def plan_condition(
    position: Position,
    check: UserFunction[T],
    config: WaitForConditionConfig[T],
    name: str | None,
) -> Plan[T]:
    check_callable("wait_for_condition", check)
    if not isinstance(config, WaitForConditionConfig):
        raise ValidationError(
            "wait_for_condition needs a WaitForConditionConfig as its config, "
            f"got {kind_of(config)}"
        )
    name = validation.operation_name(name or name_of(check))
    identity = position.take(OperationType.STEP, OperationSubType.WAIT_FOR_CONDITION, name)
    serdes = for_result(config.serdes, position.serdes.values, check)
    condition = Condition(position, identity, check, config, serdes)
    return Plan(lambda runtime: run_condition(runtime, condition))


async def run_condition(runtime: Runtime, condition: Condition[T]) -> T:
    """Check until the wait strategy stops; the last state is the result."""
    try:
        return await _run_condition(runtime, condition)
    except asyncio.CancelledError:
        runtime.record_cancellation(condition.identity)
        raise


async def _run_condition(runtime: Runtime, condition: Condition[T]) -> T:
    runtime.check()
    identity = condition.identity
    operation = runtime.find(identity)
    if operation is not None:
        await runtime.resumes(identity.operation_id)
    while True:
        status = None if operation is None else operation.status
        if operation is not None and status in TERMINAL:
            return await _recorded(runtime, condition, operation)
        pending = operation and pending_state(operation, identity.operation_id)
        if pending:
            await runtime.park(pending)
            operation = runtime.recorded(identity.operation_id)
            continue
        await runtime.before_body()
        if status is not Status.STARTED:
            await runtime.begin(identity.update(OperationAction.START))
        requests = runtime.cancel_requests()
        try:
            update, value = await _check(runtime, condition, operation)
        except (ExecutionError, RetryableSerDesError):
            raise
        except (Exception, asyncio.CancelledError) as error:
            is_cancellation = isinstance(error, asyncio.CancelledError)
            if is_cancellation and not runtime.is_stray(error, requests):
                raise
            runtime.pass_on_cancellation(requests)
            report_failure(
                runtime,
                condition.position,
                identity,
                error,
                what="check",
                attempt=running_attempt(operation),
            )
            described = describe_for_record(error)
        else:
            runtime.pass_on_cancellation(requests)
            if update.action is OperationAction.SUCCEED:
                await runtime.end(update)
                return value
            operation = await runtime.commit(update)
            continue
        await runtime.end(identity.update(OperationAction.FAIL, error=described))
        raise rebuild(WaitForConditionError, described)


async def _recorded(runtime: Runtime, condition: Condition[T], operation: Operation) -> T:
    identity = condition.identity
    if operation.status is Status.SUCCEEDED:
        return await read_in_turn(runtime, condition.serdes, operation.result, identity)
    if was_cancelled(operation):
        await runtime.cancelled_again(identity.operation_id)
    await runtime.end_in_turn(identity.operation_id)
    raise rebuild(WaitForConditionError, recorded_error(operation))


async def _check(
    runtime: Runtime, condition: Condition[T], operation: Operation | None
) -> tuple[OperationUpdate, T]:
    """One check; gives what to record, and the state as it will be read back."""
    identity, position = condition.identity, condition.position
    attempt = running_attempt(operation)
    # Also the first state goes through its text, so that every check sees the same kind of value.
    if operation is not None and attempt > 1:
        state: T = await read(runtime, condition.serdes, operation.result, identity)
    else:
        initial, serdes = condition.config.initial_state, unrecorded(condition.serdes)
        state = (await write_and_read(runtime, serdes, initial, identity))[1]
    logger = Logger(position.underlying_logger, position.log_info(identity, attempt))
    args: tuple[object, ...] = (state, WaitForConditionCheckContext(logger, attempt))
    args = args if accepts(condition.check, 2) else args[:1]
    check = runtime.body(identity, attempt, condition.check)
    new = await runtime.call(StepBody(identity.name, "check"), check, *args)
    text, new = await condition.stored(runtime, new, attempt)
    decision = wait_decision(identity.name, condition.config.wait_strategy, new, attempt)
    if not decision.should_continue:
        return identity.update(OperationAction.SUCCEED, payload=text), new
    options = StepOptions(next_attempt_delay_seconds=max(1, decision.delay.seconds))
    return identity.update(OperationAction.RETRY, payload=text, step_options=options), new
