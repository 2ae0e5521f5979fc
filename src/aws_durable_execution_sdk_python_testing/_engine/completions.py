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
    final = operation.close(status, service.now, details)
    execution.put(final, by_service=True)
    execution.log_closed(final, service.now)
    disarm_all(service, execution, operation)
    service.trigger(execution)


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
