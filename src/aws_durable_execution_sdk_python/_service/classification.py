"""What a failed call means: try the invocation again, or give the execution up.

The rules look at the error code, the HTTP status and the message alone, so they hold for any
client, and botocore need not be imported to apply them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

E = TypeVar("E", CheckpointError, GetExecutionStateError)

_OPERATIONS = {
    CheckpointError: "CheckpointDurableExecution",
    GetExecutionStateError: "GetDurableExecutionState",
}

# The customer's key cannot be used, which waiting does not mend, although the status is 502.
_KEY = frozenset(
    {
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
    }
)
# Who calls, and when, could not be established: credentials that have expired or that the service
# does not know yet, a clock that is wrong. That says nothing about the execution.
_IDENTITY = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
# Codes of AWS for "later", some of which come with the status 400.
_LATER = frozenset(
    {
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_LATER_STATUSES = frozenset({408, 429})
# One word with a letter in it. botocore gives the status as the code of an answer without one.
_CODE_OF_AWS = re.compile(r"\S*[A-Za-z]\S*")
_STALE_TOKEN_CODE = "InvalidParameterValueException"
# The service has spelled this with and without capitals.
_STALE_TOKEN_PREFIX = "invalid checkpoint token"
# The token is in the query of a URL that could not be reached.
_QUERY = re.compile(r"\?[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a client could make of an answer; all of it None or empty if there was none."""

    code: str | None
    status: int | None
    message: str


def _is_no_client_error(answer: _Answer) -> bool:
    return answer.status is None or not 400 <= answer.status < 500


def _is_anothers(answer: _Answer) -> bool:
    return answer.code is None or not _CODE_OF_AWS.fullmatch(answer.code)


def is_later(code: str | None, status: int | None) -> bool:
    """Whether the service asks for the same call again, only later: it is busy, or throttles."""
    return status in _LATER_STATUSES or code in _LATER


def _is_stale_token(answer: _Answer) -> bool:
    prefixed = answer.message.lower().startswith(_STALE_TOKEN_PREFIX)
    return answer.code == _STALE_TOKEN_CODE and prefixed


_RETRYABLE, _PERMANENT = True, False
# The first that fits decides. What is left, AccessDeniedException among it, is what the service
# has said about this call for good: it would say it to the next invocation as well.
_RULES: tuple[tuple[Callable[[_Answer], bool], bool], ...] = (
    (lambda answer: answer.code in _KEY, _PERMANENT),
    (_is_no_client_error, _RETRYABLE),
    (lambda answer: is_later(answer.code, answer.status), _RETRYABLE),
    # A proxy's page, a captive portal: the service has not been asked.
    (_is_anothers, _RETRYABLE),
    (lambda answer: answer.code in _IDENTITY, _RETRYABLE),
    # The next invocation brings a fresh token.
    (_is_stale_token, _RETRYABLE),
    (lambda _: True, _PERMANENT),
)


def is_retryable(code: str | None, status: int | None, message: str) -> bool:
    """Whether another invocation can get past this answer of the service.

    Parameters:
        code: the error code, such as "TooManyRequestsException"; None without an answer, or if
            the answer has none.
        status: the HTTP status; None without an answer.
        message: the service's message.
    """
    answer = _Answer(code, status, message)
    return next(retryable for fits, retryable in _RULES if fits(answer))


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
    answer = _answer(error)
    detail = f"{type(error).__name__}: {_without_request(error)}"
    if answer.status is not None:
        detail = f"{answer.code or 'no error code'} (HTTP {answer.status}): {answer.message}"
    return error_class(
        f"{_OPERATIONS[error_class]} failed: {detail}",
        retryable=is_retryable(answer.code, answer.status, answer.message),
        error_code=answer.code,
        status_code=answer.status,
    )


def cause(error: Exception) -> Exception | None:
    """The error itself, to be shown as the cause in a traceback; None if it quotes the request."""
    return error if _without_request(error) == str(error) else None


def _without_request(error: Exception) -> str:
    """The error's text, without the parts that botocore takes from the request."""
    if type(error).__name__ == "ParamValidationError":
        return "the request was refused before it was sent"
    return _QUERY.sub("?...", str(error))


def _answer(error: Exception) -> _Answer:
    """What the error carries of the service's answer."""
    response: Any = getattr(error, "response", None)
    # Other HTTP libraries keep a response object here; botocore keeps the parsed answer.
    if not isinstance(response, Mapping):
        return _Answer(None, None, "")
    answer = response.get("Error") or {}
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    code = str(answer.get("Code") or "")
    # With a namespace before it, as some services write it.
    return _Answer(code.rpartition("#")[2] or None, status, str(answer.get("Message") or ""))
