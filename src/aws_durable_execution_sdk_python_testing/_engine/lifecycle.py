"""Start and end of an execution, and the link between a child and who invoked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import history_events
from aws_durable_execution_sdk_python_testing._engine.completions import (
    check_move,
    complete_invoke,
    disarm_all,
    invoke_timed_out,
)
from aws_durable_execution_sdk_python_testing._engine.effects import ExecutionEnded
from aws_durable_execution_sdk_python_testing._engine.execution_record import (
    Execution,
    ExecutionOutcome,
    Facts,
)
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

STOPPED_BY_USER = {"ErrorMessage": "Execution stopped by user request"}


def create(service: ServiceState, facts: Facts, payload: str | None) -> Execution:
    """Start an execution: its EXECUTION operation, its time-out, its first invocation."""
    execution = Execution(facts, service.touched)
    service.add(execution)
    root = OperationRecord(
        {
            "Id": facts.execution_id,
            "Type": str(OperationType.EXECUTION),
            "Name": facts.name,
            "StartTimestamp": facts.started,
            "Status": str(Status.STARTED),
            "ExecutionDetails": {} if payload is None else {"InputPayload": payload},
        },
        {"ExecutionTimeout": facts.execution_timeout},
    )
    execution.put(root)
    execution.log_started(root, service.now)
    deadline = facts.started + facts.execution_timeout
    service.arm(TimerKind.EXECUTION_TIMEOUT, execution, "", deadline)
    service.trigger(execution)
    return execution


def finish(service: ServiceState, execution: Execution, outcome: ExecutionOutcome) -> None:
    """End an execution. Operations still open keep their status; their timers go.

    An invocation in flight is closed in the history here: whatever it still does is ignored,
    and the end of the execution is the last event.
    """
    check_move(execution.root, outcome.status)
    close_invocation(service, execution, None)
    now = service.now
    root = execution.root.close(outcome.status, now)
    execution.put(root)
    key = "Result" if outcome.status is Status.SUCCEEDED else "Error"
    value = outcome.result if outcome.status is Status.SUCCEEDED else outcome.error
    kind = history_events.event_type(OperationType.EXECUTION, outcome.status)
    execution.log(kind, now, {key: history_events.wrap(value)}, root)
    execution.advance(outcome=outcome, ended=now, invoke_wanted=False, retry_at=None, pause=None)
    service.retention.keep(execution.arn, now, execution.facts.retention_period_days)
    service.disarm(TimerKind.EXECUTION_TIMEOUT, execution)
    service.disarm(TimerKind.INVOCATION_RETRY, execution)
    for operation_id in execution.pending:
        disarm_all(service, execution, execution.operations[operation_id])
    service.effects.append(ExecutionEnded(execution.arn))
    _answer_parent(service, execution, outcome)


def close_invocation(
    service: ServiceState, execution: Execution, error: Mapping[str, Any] | None
) -> None:
    """Write InvocationCompleted for the invocation in flight, if there is one."""
    progress = execution.progress
    if progress.request_id is None:
        return
    details = history_events.invocation_completed(
        progress.request_id, progress.invocation_started, service.now, error
    )
    execution.log(history_events.INVOCATION_COMPLETED, service.now, details)
    execution.advance(request_id=None)


def stop(service: ServiceState, execution: Execution, error: Mapping[str, Any] | None) -> None:
    """Stop an open execution. One whose handler has already settled the outcome ends with it."""
    stopped = ExecutionOutcome(status=Status.STOPPED, error=dict(error or STOPPED_BY_USER))
    finish(service, execution, execution.progress.outcome or stopped)


def time_out(service: ServiceState, execution: Execution) -> None:
    message = f"Execution timed out after {execution.facts.execution_timeout} seconds."
    error = {"ErrorType": "Execution.Timeout", "ErrorMessage": message}
    timed_out = ExecutionOutcome(status=Status.TIMED_OUT, error=error)
    finish(service, execution, execution.progress.outcome or timed_out)


def _answer_parent(service: ServiceState, execution: Execution, outcome: ExecutionOutcome) -> None:
    facts = execution.facts
    if facts.parent_arn is None or facts.parent_operation_id is None:
        return
    error = outcome.error
    if outcome.status is Status.TIMED_OUT:
        error = invoke_timed_out(facts.execution_timeout)
    parent = service.get(facts.parent_arn)
    if parent is not None:  # it may have ended, and be forgotten
        operation_id = facts.parent_operation_id
        complete_invoke(service, parent, operation_id, outcome.status, outcome.result, error)
