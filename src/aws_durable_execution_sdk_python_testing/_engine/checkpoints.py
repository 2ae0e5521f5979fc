"""The handler's calls: checkpoint, and pages of state."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine import pauses, transitions
from aws_durable_execution_sdk_python_testing._engine.checks import (
    exceeds_operations,
    over_operations,
    validate_batch,
)
from aws_durable_execution_sdk_python_testing._engine.execution_record import (
    AnsweredCheckpoint,
    Execution,
    ExecutionOutcome,
)
from aws_durable_execution_sdk_python_testing._engine.metering import data_bytes
from aws_durable_execution_sdk_python_testing._engine.paging import page_length, state_page
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.transitions import Update

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.engine")

# SDKs recognise the error by this text.
INVALID_TOKEN = "Invalid checkpoint token"


def replayed(
    service: ServiceState, execution: Execution, body: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The answer already given to this very request; None if it is a new one."""
    last = execution.last_checkpoint
    client_token = body.get("ClientToken")
    if last is None or client_token is None or last.client_token != client_token:
        return None
    fresh = service.now - last.at <= service.limits.client_token_window
    return last.answer if fresh and last.token == body.get("CheckpointToken") else None


def checkpoint(
    service: ServiceState, execution: Execution, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Validate the batch, apply it, and tell the handler what it has not seen."""
    token, client_token = body.get("CheckpointToken"), body.get("ClientToken")
    check_token(execution, token)
    updates = body.get("Updates") or []
    validate_batch(service, execution, updates)
    _warn_of_size(execution, updates, service.limits)
    check_limits(service, execution, updates)
    for update in updates:
        transitions.apply(service, execution, update)
    execution.sequence += 1
    # A pause takes the token, and shows nothing that could make the handler go on.
    shown = [] if pauses.withdraw(service, execution) else execution.take_unseen()
    answer: dict[str, Any] = {"NewExecutionState": {"Operations": shown}}
    if execution.token is not None:
        answer["CheckpointToken"] = execution.token
    if client_token is not None:
        execution.last_checkpoint = AnsweredCheckpoint(
            client_token, str(token), service.now, answer
        )
    return answer


def check_token(execution: Execution, token: Any) -> None:
    """Refuse every token but the current one of the invocation in flight."""
    if token is None or token != execution.token:
        raise InvalidParameterValueError(INVALID_TOKEN)


def state(
    service: ServiceState, execution: Execution, token: str, marker: str | None, max_items: int
) -> dict[str, Any]:
    """One page of operations. A marker continues under the token it was given out with."""
    check_token(execution, token)
    start = service.markers.read(marker, execution.marker_scope, 0, service.now)
    count = page_length(max_items)
    operations, end = state_page(execution, start, count, service.limits.page_bytes)
    page: dict[str, Any] = {"Operations": [operation.wire for operation in operations]}
    if end is not None:
        page["NextMarker"] = service.markers.make(execution.marker_scope, end, service.now)
    return page


def _warn_of_size(execution: Execution, updates: Sequence[Update], limits: Limits) -> None:
    """Say that SDKs send smaller batches; the service itself takes larger ones."""
    count, size = len(updates), utf8_size(json.dumps(updates, separators=(",", ":")))
    if count > limits.batch_updates or size > limits.batch_bytes:
        _log.warning(
            "Checkpoint of %d updates, %d bytes; batches should have at most %d updates and "
            "%d bytes: %s",
            count,
            size,
            limits.batch_updates,
            limits.batch_bytes,
            execution.arn,
        )


def check_limits(service: ServiceState, execution: Execution, updates: Sequence[Update]) -> None:
    """Refuse a checkpoint over a hard limit, and fail the execution once its invocation ends."""
    limits = service.limits
    new = sum(data_bytes(update.get(key)) for update in updates for key in ("Payload", "Error"))
    if exceeds_operations(execution, updates, limits):
        message = over_operations(limits)
    elif execution.written + new > limits.written_bytes:
        message = f"Durable execution exceeds the limit of {limits.written_bytes} bytes written."
    else:
        return
    refusal = InvalidParameterValueError(message)
    error = {"ErrorType": refusal.code, "ErrorMessage": message}
    execution.advance(outcome=ExecutionOutcome(status=Status.FAILED, error=error))
    raise refusal
