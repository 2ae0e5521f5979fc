"""Invocations: what goes in, and what follows from how one ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import lifecycle, pauses
from aws_durable_execution_sdk_python_testing._engine.checks import over_operations
from aws_durable_execution_sdk_python_testing._engine.command_types import (
    Crashed,
    HandlerInvocation,
    Returned,
)
from aws_durable_execution_sdk_python_testing._engine.execution_record import (
    Execution,
    ExecutionOutcome,
    Facts,
)
from aws_durable_execution_sdk_python_testing._engine.outcomes import (
    NOTHING_PENDING,
    Refused,
    Suspended,
    judge,
)
from aws_durable_execution_sdk_python_testing._engine.paging import state_page
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
    ResourceConflictError,
)
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

# A function that does not exist will not come into being by asking again.
LIMIT_ERROR = InvalidParameterValueError.code
_FINAL_ERRORS = frozenset({"ResourceNotFoundException"})


def begin(service: ServiceState, arn: str) -> HandlerInvocation:
    """Open the invocation that was asked for, and build its event."""
    execution = service.get(arn)
    if execution is None or not execution.progress.invoke_wanted:
        raise ResourceConflictError(f"No invocation is due: {arn}")
    request_id = service.new_id()
    execution.advance(
        invoke_wanted=False,
        request_id=request_id,
        invocation_started=service.now,
        withdrawn=False,
    )
    execution.sequence += 1
    event = _event(service, execution)
    execution.unseen.clear()
    facts = execution.facts
    return HandlerInvocation(
        facts.arn,
        facts.target_name,
        request_id,
        event,
        facts.lambda_endpoint,
        facts.tenant_id,
        facts.trace_header,
        facts.client_context,
        _invoked_by(facts),
    )


def _invoked_by(facts: Facts) -> tuple[str, str] | None:
    if facts.parent_arn is None or facts.parent_operation_id is None:
        return None
    return facts.parent_arn, facts.parent_operation_id


def _event(service: ServiceState, execution: Execution) -> dict[str, Any]:
    operations, end = state_page(execution, 0, None, service.limits.page_bytes)
    marker = ""
    if end is not None:
        marker = service.markers.make(execution.marker_scope, end, service.now)
    return {
        "DurableExecutionArn": execution.arn,
        "CheckpointToken": execution.token,
        "InitialExecutionState": {
            "Operations": [operation.event_form for operation in operations],
            "NextMarker": marker,
        },
        "UpdatedOperationIds": execution.tell_updated(),
    }


def end(
    service: ServiceState, execution: Execution, request_id: str, outcome: Returned | Crashed
) -> None:
    """Close an invocation. One that is not current any more changes nothing."""
    if execution.progress.request_id != request_id:
        return
    settled = execution.progress.outcome
    if isinstance(outcome, Crashed):
        lifecycle.close_invocation(service, execution, outcome.error)
        if settled is None:
            _crashed(service, execution, outcome.error)
    elif settled is None:
        _returned(service, execution, outcome.output)
    if settled is not None:
        lifecycle.finish(service, execution, settled)
    pauses.settle(service, execution)


def _returned(service: ServiceState, execution: Execution, output: Any) -> None:
    facts, limits = execution.facts, service.limits
    limit = limits.payload_bytes if facts.asynchronous else limits.execution_payload_bytes
    verdict = judge(output, limit)
    paused = execution.progress.withdrawn or execution.progress.pause is not None
    may_suspend = execution.pending or execution.unseen or paused
    if isinstance(verdict, Suspended) and not may_suspend:
        _pending_for_nothing(service, execution)
    elif isinstance(verdict, Suspended):
        _suspended(service, execution)
    elif isinstance(verdict, Refused):
        lifecycle.close_invocation(service, execution, verdict.error)
        failed = ExecutionOutcome(status=Status.FAILED, error=verdict.error)
        lifecycle.finish(service, execution, failed)
    else:
        lifecycle.finish(service, execution, verdict)


def _suspended(service: ServiceState, execution: Execution) -> None:
    lifecycle.close_invocation(service, execution, None)
    execution.forget_updated()
    execution.advance(crashes=0, empty_pendings=0)
    # A pause lets a handler suspend that waits for nothing: nothing else would wake it.
    if execution.unseen or execution.progress.withdrawn or not execution.pending:
        service.trigger(execution)


def _pending_for_nothing(service: ServiceState, execution: Execution) -> None:
    error = Refused(NOTHING_PENDING).error
    lifecycle.close_invocation(service, execution, error)
    count = execution.progress.empty_pendings + 1
    execution.advance(empty_pendings=count)
    _retry_or_fail(service, execution, count, service.limits.empty_pending_attempts, error)


def _crashed(service: ServiceState, execution: Execution, error: Mapping[str, Any]) -> None:
    count = execution.progress.crashes + 1
    execution.advance(crashes=count)
    attempts = service.limits.invocation_attempts
    if error.get("ErrorType") in _FINAL_ERRORS:
        attempts = count
    elif count == attempts:
        error = _said_to_be_given_up(error, count)
    _retry_or_fail(service, execution, count, attempts, error)


def _said_to_be_given_up(error: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The error with what is no part of the service: it would go on until the time-out."""
    text = error.get("ErrorMessage") or error.get("ErrorType") or "no message"
    note = (
        f"{count} invocations in a row have failed: this runner gives up, where the service goes "
        "on until the execution's time-out (Limits.invocation_attempts)"
    )
    return {**error, "ErrorMessage": f"{text}\n{note}"}


def _retry_or_fail(
    service: ServiceState,
    execution: Execution,
    failures: int,
    attempts: int | None,
    error: Mapping[str, Any],
) -> None:
    limits = service.limits
    if execution.weight > limits.operations:
        error = {"ErrorType": LIMIT_ERROR, "ErrorMessage": over_operations(limits)}
        attempts = failures
    if attempts is not None and failures >= attempts:
        lifecycle.finish(
            service, execution, ExecutionOutcome(status=Status.FAILED, error=dict(error))
        )
        return
    retry_at = service.now + limits.invocation_delay(failures)
    execution.advance(retry_at=retry_at)
    service.arm(TimerKind.INVOCATION_RETRY, execution, "", retry_at)


def retry(service: ServiceState, execution: Execution) -> None:
    """The delay after a failed invocation is over."""
    execution.advance(retry_at=None)
    service.trigger(execution)
