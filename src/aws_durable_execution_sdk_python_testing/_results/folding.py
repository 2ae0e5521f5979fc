"""Operations rebuilt from an execution's history, for runners that only see the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_durable_execution_sdk_python._core.model import (
    CallbackDetails,
    ChainedInvokeDetails,
    ContextDetails,
    ErrorObject,
    ExecutionDetails,
    Operation,
    OperationType,
    Status,
    StepDetails,
    WaitDetails,
)

Event = Mapping[str, Any]

# The event types of one operation type are its prefix and one of the outcomes.
_TYPES = {
    "Execution": OperationType.EXECUTION,
    "Context": OperationType.CONTEXT,
    "Step": OperationType.STEP,
    "Wait": OperationType.WAIT,
    "Callback": OperationType.CALLBACK,
    "ChainedInvoke": OperationType.CHAINED_INVOKE,
}
_OUTCOMES = {
    "Started": Status.STARTED,
    "Succeeded": Status.SUCCEEDED,
    "Failed": Status.FAILED,
    "Cancelled": Status.CANCELLED,
    "TimedOut": Status.TIMED_OUT,
    "Stopped": Status.STOPPED,
}
_MEANING = {
    prefix + suffix: (operation_type, status)
    for prefix, operation_type in _TYPES.items()
    for suffix, status in _OUTCOMES.items()
}


def event_time(value: float | str | datetime) -> datetime:
    """A timestamp of an event: as the API sends it, as boto3 gives it, or in ISO 8601."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)


class OperationFold:
    """The operations a history describes, one event after another.

    Attributes:
        operations: the state of each operation after the last event, by id, in the order they
            were created; the EXECUTION operation included.
    """

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}

    def feed(self, event: Event) -> Operation | None:
        """Take in the next event of `GetDurableExecutionHistory`, with execution data.

        Returns:
            The operation as it is now; None for events that concern none, and for types not
            known here.
        """
        meaning = _MEANING.get(event["EventType"])
        operation_id = event.get("Id")
        if meaning is None or not operation_id:
            return None
        operation = _apply(self.operations.get(operation_id), event, *meaning)
        self.operations[operation_id] = operation
        return operation


def fold(events: Iterable[Event]) -> list[Operation]:
    """The operations a whole history describes, in the order they were created."""
    folded = OperationFold()
    for event in events:
        folded.feed(event)
    return list(folded.operations.values())


def callbacks_named(operations: Sequence[Operation], name: str | None) -> list[Operation]:
    """The callbacks called `name`, or created in a context called so; None gives all."""
    names = {operation.operation_id: operation.name for operation in operations}
    return [
        operation
        for operation in operations
        if operation.operation_type is OperationType.CALLBACK
        and (name is None or name in (operation.name, names.get(operation.parent_id or "")))
    ]


def _apply(
    known: Operation | None, event: Event, operation_type: OperationType, status: Status
) -> Operation:
    when = event_time(event["EventTimestamp"])
    details = event.get(event["EventType"] + "Details") or {}
    if operation_type is OperationType.STEP and _retry_delay(details):
        status = Status.PENDING
    operation = known or Operation(
        operation_id=event["Id"],
        operation_type=operation_type,
        status=status,
        parent_id=event.get("ParentId"),
        name=event.get("Name"),
        sub_type=event.get("SubType"),
        start_timestamp=when,
    )
    ended = status not in (Status.STARTED, Status.PENDING)
    changed = dataclasses.replace(
        operation,
        status=status,
        end_timestamp=when if ended else None,
        **_DETAILS[operation_type](operation, details),
    )
    if status is Status.PENDING and changed.step_details is not None:
        due = when + timedelta(seconds=_retry_delay(details))
        step = dataclasses.replace(changed.step_details, next_attempt_timestamp=due)
        changed = dataclasses.replace(changed, step_details=step)
    return changed


def _payload(details: Event, key: str) -> Any:
    """The `Payload` of an event's `Result`, `Input` or `Error` wrapper."""
    return (details.get(key) or {}).get("Payload")


def _error(details: Event) -> ErrorObject | None:
    payload = _payload(details, "Error")
    return None if payload is None else ErrorObject.from_dict(payload)


def _retry_delay(details: Event) -> int:
    return (details.get("RetryDetails") or {}).get("NextAttemptDelaySeconds") or 0


def _outcome(details: Event) -> dict[str, Any]:
    return {"result": _payload(details, "Result"), "error": _error(details)}


def _execution(operation: Operation, details: Event) -> dict[str, Any]:
    stored = operation.execution_details or ExecutionDetails(_payload(details, "Input"))
    return {"execution_details": stored}


def _context(_: Operation, details: Event) -> dict[str, Any]:
    return {"context_details": ContextDetails(**_outcome(details))}


def _step(operation: Operation, details: Event) -> dict[str, Any]:
    before = operation.step_details or StepDetails()
    attempt = (details.get("RetryDetails") or {}).get("CurrentAttempt", before.attempt)
    return {"step_details": StepDetails(attempt=attempt, **_outcome(details))}


def _wait(operation: Operation, details: Event) -> dict[str, Any]:
    before = operation.wait_details or WaitDetails()
    scheduled = details.get("ScheduledEndTimestamp")
    end = before.scheduled_end_timestamp if scheduled is None else event_time(scheduled)
    return {"wait_details": WaitDetails(end)}


def _callback(operation: Operation, details: Event) -> dict[str, Any]:
    before = operation.callback_details or CallbackDetails()
    callback_id = details.get("CallbackId") or before.callback_id
    return {"callback_details": CallbackDetails(callback_id=callback_id, **_outcome(details))}


def _invoke(_: Operation, details: Event) -> dict[str, Any]:
    return {"chained_invoke_details": ChainedInvokeDetails(**_outcome(details))}


_DETAILS = {
    OperationType.EXECUTION: _execution,
    OperationType.CONTEXT: _context,
    OperationType.STEP: _step,
    OperationType.WAIT: _wait,
    OperationType.CALLBACK: _callback,
    OperationType.CHAINED_INVOKE: _invoke,
}
