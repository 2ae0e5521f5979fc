"""Operations that complete without the handler: how, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

_STEP, _WAIT, _CALLBACK = OperationType.STEP, OperationType.WAIT, OperationType.CALLBACK
_INVOKE, _EXECUTION = OperationType.CHAINED_INVOKE, OperationType.EXECUTION
_STARTED, _SUCCEEDED, _FAILED = Status.STARTED, Status.SUCCEEDED, Status.FAILED

# What an operation becomes without an update, and when: the other half of `transitions`.
MOVES: Mapping[tuple[OperationType, Status, Status], str] = {
    (_STEP, Status.PENDING, Status.READY): "the delay is over",
    (_WAIT, _STARTED, _SUCCEEDED): "its time is over",
    (_CALLBACK, _STARTED, _SUCCEEDED): "answered with a result",
    (_CALLBACK, _STARTED, _FAILED): "answered with an error",
    (_CALLBACK, _STARTED, Status.TIMED_OUT): "its time is over, or a heartbeat missed",
    (_INVOKE, _STARTED, _SUCCEEDED): "the function returned",
    (_INVOKE, _STARTED, _FAILED): "it failed, or cannot be invoked",
    (_INVOKE, _STARTED, Status.TIMED_OUT): "it gave no answer in its time",
    (_INVOKE, _STARTED, Status.STOPPED): "its execution was stopped",
    (_EXECUTION, _STARTED, _SUCCEEDED): "the handler returned",
    (_EXECUTION, _STARTED, _FAILED): "it failed",
    (_EXECUTION, _STARTED, Status.TIMED_OUT): "its time is over",
    (_EXECUTION, _STARTED, Status.STOPPED): "stopped by a caller",
}

# The timers an operation can have, and so those to disarm when it closes.
TIMERS_OF: Mapping[OperationType, tuple[TimerKind, ...]] = {
    OperationType.STEP: (TimerKind.STEP_RETRY,),
    OperationType.WAIT: (TimerKind.WAIT,),
    OperationType.CALLBACK: (TimerKind.CALLBACK_TIMEOUT, TimerKind.CALLBACK_HEARTBEAT),
}


def complete(
    service: ServiceState,
    execution: Execution,
    operation: OperationRecord,
    status: Status,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Give an operation its final status and let the handler know."""
    check_move(operation, status)
    final = operation.close(status, service.now, details)
    execution.put(final, by_service=True)
    execution.log_closed(final, service.now)
    disarm_all(service, execution, operation)
    service.trigger(execution)


def check_move(operation: OperationRecord, status: Status) -> None:
    """Refuse what the table does not have: a fault of the engine's own."""
    if (operation.type, operation.status, status) not in MOVES:
        raise AssertionError(f"{operation.type} {operation.status} cannot become {status}")


def disarm_all(service: ServiceState, execution: Execution, operation: OperationRecord) -> None:
    """Disarm every timer an operation may have."""
    for kind in TIMERS_OF.get(operation.type, ()):
        service.disarm(kind, execution, operation.id)


def invoke_timed_out(seconds: float) -> dict[str, str]:
    """The error of a chained invoke whose function gave no answer in `seconds`."""
    message = f"CHAINED_INVOKE timed out after {seconds:g} seconds."
    return {"ErrorType": "ChainedInvoke.Timeout", "ErrorMessage": message}


def complete_invoke(
    service: ServiceState,
    execution: Execution,
    operation_id: str,
    status: Status,
    result: str | None,
    error: Mapping[str, Any] | None,
) -> None:
    """Bring a chained invoke's answer to its operation; ignored where nobody waits for it."""
    operation = execution.operations[operation_id]
    if execution.closed or operation.closed:
        return
    limit = service.limits.payload_bytes
    if result is not None and utf8_size(result) > limit:
        status, result = Status.FAILED, None
        message = f"CHAINED_INVOKE output size must be less than or equal to {limit} bytes."
        error = {"ErrorType": "InvalidParameterValueException", "ErrorMessage": message}
    if status is Status.SUCCEEDED:
        details: dict[str, Any] = {} if result is None else {"Result": result}
    else:
        details = {"Error": dict(error or {})}
    complete(service, execution, operation, status, details)
