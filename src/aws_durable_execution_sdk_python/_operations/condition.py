"""wait_for_condition: check, wait, check again, carrying a state from check to check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    OperationUpdate,
    Status,
    StepOptions,
)
from aws_durable_execution_sdk_python._core.user_functions import accepts
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python._operations.decisions import wait_decision
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    RetryableSerDesError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.logger import Logger
from aws_durable_execution_sdk_python.serdes import deserialize, serialize
from aws_durable_execution_sdk_python.types import WaitForConditionCheckContext
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig


@dataclass(frozen=True, slots=True)
class Condition:
    """One wait_for_condition as the code asks for it."""

    position: Position
    identity: OperationIdentity
    check: Callable[..., Any]
    config: WaitForConditionConfig[Any]

    def encode(self, state: Any, arn: str) -> str:
        identity = self.identity
        text = serialize(self.config.serdes, state, identity.operation_id, arn, name=identity.name)
        return payload_size("the state of wait_for_condition", text)

    def decode(self, text: str | None, arn: str) -> Any:
        identity = self.identity
        return deserialize(self.config.serdes, text, identity.operation_id, arn, name=identity.name)


async def run_condition(runtime: Runtime, condition: Condition) -> Any:
    """Check until the wait strategy stops; the last state is the result."""
    try:
        return await _run_condition(runtime, condition)
    except asyncio.CancelledError:
        runtime.record_cancellation(condition.identity)
        raise


async def _run_condition(runtime: Runtime, condition: Condition) -> Any:
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
            update = identity.update(OperationAction.FAIL, error=described)
        operation = await runtime.commit(update)
        if update.action is not OperationAction.RETRY:
            await runtime.end_in_turn(identity.operation_id)
        if update.action is OperationAction.FAIL:
            raise rebuild(WaitForConditionError, update.error)
        if update.action is OperationAction.SUCCEED:
            return value


async def _check(
    runtime: Runtime, condition: Condition, operation: Operation | None
) -> tuple[OperationUpdate, Any]:
    """One check; gives what to record, and the state as it will be read back."""
    identity, position = condition.identity, condition.position
    details = operation.step_details if operation else None
    attempt = (details.attempt if details else 0) + 1
    # Also the first state goes through its text, so that every check sees the same kind of value.
    if operation is not None and operation.result is not None:
        state = condition.decode(operation.result, runtime.arn)
    else:
        first = condition.encode(condition.config.initial_state, runtime.arn)
        state = condition.decode(first, runtime.arn)
    logger = Logger(position.underlying_logger, position.log_info(identity, attempt))
    args: tuple[Any, ...] = (state, WaitForConditionCheckContext(logger, attempt))
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
