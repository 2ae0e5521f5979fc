"""What an invocation's output means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine.api_model import check_error_members
from aws_durable_execution_sdk_python_testing._engine.execution_record import ExecutionOutcome
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
)

NOTHING_PENDING = "Cannot return PENDING status with no pending operations."


@dataclass(frozen=True, slots=True)
class Suspended:
    """The handler waits for something."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The output breaks a rule; `message` says which."""

    message: str

    @property
    def error(self) -> dict[str, str]:
        return {"ErrorType": "InvalidParameterValueException", "ErrorMessage": self.message}


_UNDECORATED = "Is the handler decorated with @durable_execution?"
# The member a status must not come with.
_FORBIDDEN: Mapping[str, tuple[str, str]] = {
    Status.SUCCEEDED: ("Error", "Cannot provide an Error for SUCCEEDED status."),
    Status.FAILED: ("Result", "Cannot provide a Result for FAILED status."),
    Status.PENDING: ("", ""),
}


def judge(output: Any, limit: int) -> ExecutionOutcome | Suspended | Refused:
    """Read `{Status, Result?, Error?}`. `limit` bounds the result, in bytes."""
    if not isinstance(output, Mapping):
        return Refused(
            f"Invalid invocation output: an object with a Status is expected. {_UNDECORATED}"
        )
    status = output.get("Status")
    if not isinstance(status, str) or status not in _FORBIDDEN:
        hint = "" if "Status" in output else f" {_UNDECORATED}"
        return Refused(f"Invalid Status in invocation output: {status!r}.{hint}")
    forbidden, message = _FORBIDDEN[status]
    if output.get(forbidden) is not None:
        return Refused(message)
    result, error = output.get("Result"), output.get("Error")
    if not isinstance(result, str | None):
        return Refused("Invalid Result in invocation output.")
    if error is not None and not _is_error(error):
        return Refused("Invalid Error in invocation output.")
    if result is not None and utf8_size(result) > limit:
        return Refused(f"Result size must be less than or equal to {limit} bytes.")
    if status == Status.PENDING:
        return Suspended()
    return ExecutionOutcome(status=Status(status), result=result, error=error and dict(error))


def _is_error(value: Any) -> bool:
    try:
        check_error_members(value)
    except InvalidParameterValueError:
        return False
    return True
