"""Answers to callbacks, from whoever was given the id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import tokens
from aws_durable_execution_sdk_python_testing._engine.checks import check_error, check_size
from aws_durable_execution_sdk_python_testing._engine.command_types import CallbackInfo
from aws_durable_execution_sdk_python_testing._engine.completions import complete
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    CallbackTimeoutError,
    InvalidParameterValueError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

# How the SDKs mark the context that `wait_for_callback` makes for its callback.
WAIT_FOR_CALLBACK = "WaitForCallback"


def succeed(service: ServiceState, callback_id: str, result: bytes | None) -> None:
    """Close a callback with a result."""
    execution, operation = _open(service, callback_id)
    details = {}
    if result is not None:
        details["Result"] = _text(result)
        check_size("Callback result", details["Result"], service.limits.payload_bytes)
    complete(service, execution, operation, Status.SUCCEEDED, details)


def fail(service: ServiceState, callback_id: str, error: Mapping[str, Any] | None) -> None:
    """Close a callback with an error; an empty one where none is given."""
    execution, operation = _open(service, callback_id)
    check_error(error or {}, service.limits.error_bytes)
    complete(service, execution, operation, Status.FAILED, {"Error": dict(error or {})})


def heartbeat(service: ServiceState, callback_id: str) -> None:
    """Start the heartbeat time-out anew, if the callback has one."""
    execution, operation = _open(service, callback_id)
    seconds = operation.kept.get("HeartbeatTimeout")
    if seconds is not None:
        deadline = service.now + seconds
        kept = {"HeartbeatAt": deadline, "HeartbeatSkipped": service.skipped}
        execution.keep(operation, kept)
        service.arm(TimerKind.CALLBACK_HEARTBEAT, execution, operation.id, deadline)


def describe(execution: Execution) -> list[CallbackInfo]:
    """Every callback of an execution, in creation order."""
    return [_info(execution, execution.operations[key]) for key in execution.callback_ids]


def _open(service: ServiceState, callback_id: str) -> tuple[Execution, OperationRecord]:
    if not tokens.is_well_formed(callback_id):
        raise InvalidParameterValueError("Invalid callback id")
    arn, operation_id = tokens.read_callback_id(callback_id) or ("", "")
    execution = service.get(arn)
    operation = execution.operations.get(operation_id) if execution else None
    if execution is None or operation is None or operation.type is not OperationType.CALLBACK:
        raise ResourceNotFoundError(f"Callback not found: {callback_id}")
    if execution.closed or operation.closed:
        raise CallbackTimeoutError("Callback is already completed or has timed out")
    return execution, operation


def _text(result: bytes) -> str:
    try:
        return result.decode()
    except UnicodeDecodeError:
        raise InvalidParameterValueError("Callback result must be UTF-8 text") from None


def _info(execution: Execution, operation: OperationRecord) -> CallbackInfo:
    parent = next(execution.ancestors(operation), None)
    request_id = execution.progress.request_id
    asked = parent is not None and parent.wire.get("SubType") == WAIT_FOR_CALLBACK
    return CallbackInfo(
        callback_id=operation.details["CallbackId"],
        operation_id=operation.id,
        name=operation.wire.get("Name"),
        context_name=parent.wire.get("Name") if parent else None,
        status=operation.status,
        announced=request_id is None or operation.kept.get("RequestId") != request_id,
        label=(parent if asked and parent else operation).wire.get("Name"),
    )
