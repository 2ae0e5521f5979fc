"""What a failed call means: try the invocation again, or give the execution up.

The rules look at the error code, the HTTP status and the message alone, so they hold for any
client, and botocore need not be imported to apply them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

E = TypeVar("E", CheckpointError, GetExecutionStateError)

_OPERATIONS = {
    CheckpointError: "CheckpointDurableExecution",
    GetExecutionStateError: "GetDurableExecutionState",
}

# The customer's key cannot be used, which waiting does not mend, although the status is 502.
_PERMANENT_CODES = frozenset(
    {
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
    }
)
_THROTTLED = 429
_STALE_TOKEN_CODE = "InvalidParameterValueException"
# The service has spelled this with and without capitals.
_STALE_TOKEN_PREFIX = "invalid checkpoint token"
# The token is in the query of a URL that could not be reached.
_QUERY = re.compile(r"\?[^\s\"'<>]+")


def is_retryable(code: str | None, status: int | None, message: str) -> bool:
    """Whether another invocation can get past this answer of the service.

    Parameters:
        code: the error code, such as "TooManyRequestsException"; None without an answer.
        status: the HTTP status; None without an answer.
        message: the service's message.
    """
    if code in _PERMANENT_CODES:
        return False
    if status is None or not 400 <= status < 500:
        return True
    if status == _THROTTLED:
        return True
    # The next invocation brings a fresh token.
    return code == _STALE_TOKEN_CODE and message.lower().startswith(_STALE_TOKEN_PREFIX)


def classify(error: Exception, error_class: type[E]) -> E:
    """The SDK's error for whatever a client raised.

    Parameters:
        error: a botocore ClientError, or any other exception: without an answer of the service
            (no connection, time-out, no credentials yet) it counts as passing.
        error_class: `CheckpointError` or `GetExecutionStateError`, for the call that failed.

    Returns:
        An `error_class` with `error_code`, `status_code` and `is_retryable()` set, whose message
        names the operation, and quotes neither the request nor its token. Raise it from
        `cause(error)`.

    Example:
        try:
            response = client.checkpoint_durable_execution(**request)
        except Exception as error:
            raise classify(error, CheckpointError) from cause(error)
    """
    code, status, message = _answer(error)
    detail = f"{type(error).__name__}: {_without_request(error)}"
    if code is not None:
        detail = f"{code} (HTTP {status}): {message}"
    return error_class(
        f"{_OPERATIONS[error_class]} failed: {detail}",
        retryable=is_retryable(code, status, message),
        error_code=code,
        status_code=status,
    )


def cause(error: Exception) -> Exception | None:
    """The error itself, to be shown as the cause in a traceback; None if it quotes the request."""
    return error if _without_request(error) == str(error) else None


def _without_request(error: Exception) -> str:
    """The error's text, without the parts that botocore takes from the request."""
    if type(error).__name__ == "ParamValidationError":
        return "the request was refused before it was sent"
    return _QUERY.sub("?...", str(error))


def _answer(error: Exception) -> tuple[str | None, int | None, str]:
    """Code, status and message of the service's answer, if the error carries one."""
    response: Any = getattr(error, "response", None)
    # Other HTTP libraries keep a response object here; botocore keeps the parsed answer.
    if not isinstance(response, Mapping):
        return None, None, ""
    answer = response.get("Error") or {}
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    return answer.get("Code"), status, answer.get("Message") or ""
