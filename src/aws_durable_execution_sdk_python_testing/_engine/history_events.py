"""The events of an execution's history and their details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord

INVOCATION_COMPLETED = "InvocationCompleted"
EXECUTION_PAUSED = "ExecutionPaused"
EXECUTION_RESUMED = "ExecutionResumed"

_SUBJECT = {
    OperationType.EXECUTION: "Execution",
    OperationType.CONTEXT: "Context",
    OperationType.STEP: "Step",
    OperationType.WAIT: "Wait",
    OperationType.CALLBACK: "Callback",
    OperationType.CHAINED_INVOKE: "ChainedInvoke",
}
_VERB = {
    Status.STARTED: "Started",
    Status.SUCCEEDED: "Succeeded",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
    Status.TIMED_OUT: "TimedOut",
    Status.STOPPED: "Stopped",
}
# What a started event repeats of what the service keeps with the operation.
_STARTED_DETAILS: Mapping[OperationType, tuple[str, ...]] = {
    OperationType.EXECUTION: ("ExecutionTimeout",),
    OperationType.WAIT: ("Duration",),
    OperationType.CALLBACK: ("Timeout", "HeartbeatTimeout"),
    OperationType.CHAINED_INVOKE: (
        "FunctionName",
        "ExecutedVersion",
        "TenantId",
        "DurableExecutionArn",
    ),
}
_DATA_KEYS = ("Input", "Result", "Error", "Reason")


def event_type(operation_type: OperationType, status: Status) -> str:
    """E.g. `StepFailed`."""
    return _SUBJECT[operation_type] + _VERB[status]


def started(operation: OperationRecord) -> dict[str, Any]:
    """Details of the event that an operation, or a new attempt of it, started."""
    kept = operation.kept
    details = {key: kept[key] for key in _STARTED_DETAILS.get(operation.type, ()) if key in kept}
    shown = operation.details
    if operation.type is OperationType.EXECUTION:
        details["Input"] = wrap(shown.get("InputPayload"))
    elif operation.type is OperationType.WAIT:
        details["ScheduledEndTimestamp"] = shown["ScheduledEndTimestamp"]
    elif operation.type is OperationType.CALLBACK:
        details["CallbackId"] = shown["CallbackId"]
    elif "Input" in kept:
        details["Input"] = wrap(kept["Input"])
    return details


def closed(operation: OperationRecord) -> dict[str, Any]:
    """Details of the event that an operation reached its final status."""
    if operation.type is OperationType.WAIT and operation.status is Status.SUCCEEDED:
        return {"Duration": operation.kept["Duration"]}
    details = _outcome(operation, failed=operation.status is not Status.SUCCEEDED)
    if operation.type is OperationType.STEP:
        details["RetryDetails"] = {"CurrentAttempt": operation.attempts}
    return details


def retried(operation: OperationRecord, delay: int) -> tuple[str, dict[str, Any]]:
    """Type and details of the event that an attempt ended and another one follows.

    An attempt that brought no error succeeded: a condition that was not met yet.
    """
    failed = "Error" in operation.details
    details = _outcome(operation, failed=failed)
    details["RetryDetails"] = {
        "CurrentAttempt": operation.attempts,
        "NextAttemptDelaySeconds": delay,
    }
    return event_type(operation.type, Status.FAILED if failed else Status.SUCCEEDED), details


def invocation_completed(
    request_id: str, start: float, end: float, error: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Details of the event that closes an invocation; `error` if it gave no valid output."""
    details: dict[str, Any] = {
        "StartTimestamp": start,
        "EndTimestamp": end,
        "RequestId": request_id,
    }
    if error is not None:
        details["Error"] = wrap(error)
    return details


def paused(requested: float, reason: str | None, timeout_paused: bool) -> dict[str, Any]:
    """Details of the event that a pause took effect."""
    return {
        "PauseRequestTimestamp": requested,
        "ExecutionTimeoutPaused": timeout_paused,
        **_reason(reason),
    }


def resumed(requested: float, reason: str | None) -> dict[str, Any]:
    """Details of the event that a pause is over."""
    return {"ResumeRequestTimestamp": requested, **_reason(reason)}


def _reason(reason: str | None) -> dict[str, Any]:
    return {} if reason is None else {"Reason": wrap(reason)}


def wrap(payload: Any) -> dict[str, Any]:
    """Execution data in an event: `{Payload, Truncated}`."""
    return {"Truncated": False} if payload is None else {"Payload": payload, "Truncated": False}


def without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as a caller sees it who did not ask for execution data."""
    key = f"{event['EventType']}Details"
    details = event[key]
    cut = {data: {"Truncated": True} for data in _DATA_KEYS if data in details}
    return {**event, key: {**details, **cut}}


def _outcome(operation: OperationRecord, *, failed: bool) -> dict[str, Any]:
    key = "Error" if failed else "Result"
    return {key: wrap(operation.details.get(key))}
