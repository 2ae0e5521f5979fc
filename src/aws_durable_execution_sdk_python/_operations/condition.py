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
from aws_durable_execution_sdk_python._core.journal import OperationIdentity
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
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python._operations.decisions import wait_decision
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    RetryableSerDesError,
    ValidationError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.logger import Logger
from aws_durable_execution_sdk_python.serdes import SerDes, deserialize, result_serdes, serialize
from aws_durable_execution_sdk_python.types import WaitForConditionCheckContext
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condition(Generic[T]):
    """One wait_for_condition as the code asks for it."""

    position: Position
    identity: OperationIdentity
    check: UserFunction[T]
    config: WaitForConditionConfig[T]

    @property
    def serdes(self) -> SerDes[T] | None:
        """What stores the state: that of the configuration, else by the check's annotation."""
        given = self.config.serdes
        return result_serdes(self.check) if given is None else given

    def encode(self, state: T, arn: str) -> str | None:
        identity = self.identity
        text = serialize(self.serdes, state, identity.operation_id, arn, name=identity.name)
        return payload_size("the state of wait_for_condition", text)

    def decode(self, text: str | None, arn: str) -> T:
        identity = self.identity
        return deserialize(self.serdes, text, identity.operation_id, arn, name=identity.name)


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
    condition = Condition(position, identity, check, config)
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
    while True:
        status = None if operation is None else operation.status
        if operation is not None and status in TERMINAL:
            if was_cancelled(operation):
                await runtime.cancelled_again(identity.operation_id)
            await runtime.end_in_turn(identity.operation_id)
            if status is not Status.SUCCEEDED:
                raise rebuild(WaitForConditionError, recorded_error(operation))
            return condition.decode(operation.result, runtime.arn)
        pending = operation and pending_state(operation, identity.operation_id)
        if pending:
            await runtime.park(pending)
            operation = runtime.recorded(identity.operation_id)
            continue
        await runtime.before_body()
        if status is not Status.STARTED:
            runtime.post(identity.update(OperationAction.START))
        requests = runtime.cancel_requests()
        try:
            update, value = await _check(runtime, condition, operation)
        except (ExecutionError, RetryableSerDesError):
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not runtime.is_stray(requests):
                raise
            described = describe_for_record(error)
        else:
            operation = await runtime.commit(update)
            if update.action is OperationAction.SUCCEED:
                await runtime.end_in_turn(identity.operation_id)
                return value
            continue
        await runtime.save(identity.update(OperationAction.FAIL, error=described))
        await runtime.end_in_turn(identity.operation_id)
        raise rebuild(WaitForConditionError, described)


async def _check(
    runtime: Runtime, condition: Condition[T], operation: Operation | None
) -> tuple[OperationUpdate, T]:
    """One check; gives what to record, and the state as it will be read back."""
    identity, position = condition.identity, condition.position
    details = operation.step_details if operation else None
    attempt = (details.attempt if details else 0) + 1
    # Also the first state goes through its text, so that every check sees the same kind of value.
    if operation is not None and attempt > 1:
        state = condition.decode(operation.result, runtime.arn)
    else:
        first = condition.encode(condition.config.initial_state, runtime.arn)
        state = condition.decode(first, runtime.arn)
    logger = Logger(position.underlying_logger, position.log_info(identity, attempt))
    args: tuple[object, ...] = (state, WaitForConditionCheckContext(logger, attempt))
    args = args if accepts(condition.check, 2) else args[:1]
    check = runtime.body(identity, attempt, condition.check)
    new = await runtime.call(StepBody(identity.name, "check"), check, *args)
    text = condition.encode(new, runtime.arn)
    new = condition.decode(text, runtime.arn)
    decision = wait_decision(identity.name, condition.config.wait_strategy, new, attempt)
    if not decision.should_continue:
        return identity.update(OperationAction.SUCCEED, payload=text), new
    options = StepOptions(next_attempt_delay_seconds=max(1, decision.delay.seconds))
    return identity.update(OperationAction.RETRY, payload=text, step_options=options), new
