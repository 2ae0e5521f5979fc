"""Which failures of the service end the execution, and which another invocation can mend."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from recording_service import ARN, Answer, RecordingService, failure

from aws_durable_execution_sdk_python._service.classification import classify, is_retryable
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import (
    BotoClientError,
    CheckpointError,
    GetExecutionStateError,
)

RETRYABLE, PERMANENT = True, False
INVALID = "InvalidParameterValueException"
TABLE = [
    ("KMSAccessDeniedException", 502, "no", PERMANENT),
    ("KMSDisabledException", 502, "no", PERMANENT),
    ("KMSInvalidStateException", 502, "no", PERMANENT),
    ("KMSNotFoundException", 502, "no", PERMANENT),
    ("ServiceException", 500, "no", RETRYABLE),
    ("BadGateway", 502, "no", RETRYABLE),
    ("ServiceUnavailable", 503, "no", RETRYABLE),
    ("TooManyRequestsException", 429, "Rate exceeded", RETRYABLE),
    (INVALID, 400, "Invalid Checkpoint Token", RETRYABLE),
    (INVALID, 400, "Invalid checkpoint token: it was used", RETRYABLE),
    (INVALID, 400, "INVALID CHECKPOINT TOKEN", RETRYABLE),
    (INVALID, 400, "The invalid checkpoint token", PERMANENT),
    (INVALID, 400, "Invalid StepOptions for the given action.", PERMANENT),
    ("ValidationException", 400, "Invalid checkpoint token", PERMANENT),
    ("AccessDeniedException", 403, "not authorized", PERMANENT),
    ("ResourceNotFoundException", 404, "no", PERMANENT),
    ("ResourceConflictException", 409, "no", PERMANENT),
    ("RequestEntityTooLarge", 413, "no", PERMANENT),
    ("com.amazonaws.lambda#ResourceNotFoundException", 404, "no", PERMANENT),
    ("KMSAccessDeniedException", 400, "no", PERMANENT),
    # Who calls, and when: nothing about the execution.
    ("ExpiredTokenException", 403, "The security token included is expired", RETRYABLE),
    ("ExpiredToken", 400, "expired", RETRYABLE),
    ("RequestExpired", 400, "expired", RETRYABLE),
    ("UnrecognizedClientException", 403, "The security token is invalid.", RETRYABLE),
    ("InvalidClientTokenId", 403, "no", RETRYABLE),
    ("InvalidSignatureException", 403, "Signature expired: it is now later", RETRYABLE),
    ("InvalidSignatureException", 403, "does not match", RETRYABLE),
    ("SignatureDoesNotMatch", 403, "does not match", RETRYABLE),
    ("IncompleteSignatureException", 400, "no", RETRYABLE),
    ("MissingAuthenticationTokenException", 403, "no", RETRYABLE),
    ("RequestTimeTooSkewed", 403, "too far", RETRYABLE),
    ("RequestInTheFuture", 400, "too early", RETRYABLE),
    ("com.amazonaws.lambda#ExpiredTokenException", 403, "no", RETRYABLE),
    # Later.
    ("RequestTimeout", 408, "slow", RETRYABLE),
    ("SomeException", 408, "slow", RETRYABLE),
    ("RequestTimeoutException", 400, "slow", RETRYABLE),
    ("ThrottlingException", 400, "Rate exceeded", RETRYABLE),
]
OF_ANOTHER = {
    "page": Answer(b"<html>sign in</html>", 403, {"Content-Type": "text/html"}),
    "empty": Answer(b"", 404),
    "proxy authentication": Answer(b"", 407),
    "text": Answer(b"Forbidden", 403, {"Content-Type": "text/plain"}),
    "object": Answer({"message": "Forbidden"}, 403),
    "number": Answer({"code": 1020, "message": "Access denied"}, 403),
    "sentence": Answer({"code": "blocked by policy 7"}, 403),
    "list": Answer([{"message": "no"}], 400),
}

Call = Callable[[DurableServiceClient], Awaitable[Any]]
CALLS: list[tuple[Call, type[BotoClientError], str]] = [
    (
        lambda client: client.checkpoint(ARN, "token-1", [], None),
        CheckpointError,
        "CheckpointDurableExecution",
    ),
    (
        lambda client: client.get_execution_state(ARN, "token-1", "m"),
        GetExecutionStateError,
        "GetDurableExecutionState",
    ),
]
each_call = pytest.mark.parametrize(
    ("call", "error_class", "operation"), CALLS, ids=["checkpoint", "state"]
)


@pytest.mark.parametrize(("code", "status", "message", "retryable"), TABLE)
async def test_answer_of_the_service(
    service: RecordingService,
    client: DurableServiceClient,
    code: str,
    status: int,
    message: str,
    retryable: bool,
) -> None:
    """An error answer is permanent or passing by its code, status and message."""
    service.answer(failure(code, status, message))
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, "token-1", [], None)
    assert caught.value.is_retryable() is retryable


@pytest.mark.parametrize("answer", OF_ANOTHER.values(), ids=OF_ANOTHER)
async def test_a_client_error_without_a_code_of_aws_is_anothers(
    service: RecordingService, client: DurableServiceClient, answer: Answer
) -> None:
    """Where the service was not asked, the execution has not ended."""
    service.answer(answer)
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, "token-1", [], None)
    assert caught.value.is_retryable()


@each_call
async def test_error_of_the_call(
    service: RecordingService,
    client: DurableServiceClient,
    call: Call,
    error_class: type[BotoClientError],
    operation: str,
) -> None:
    """Each call fails with its own class, which keeps all the service said."""
    service.answer(failure("ResourceNotFoundException", 404, "unknown"))
    with pytest.raises(error_class) as caught:
        await call(client)
    error = caught.value
    assert (error.error_code, error.status_code) == ("ResourceNotFoundException", 404)
    assert str(error) == f"{operation} failed: ResourceNotFoundException (HTTP 404): unknown"
    assert error.__cause__ is not None


@each_call
async def test_lost_connection(
    service: RecordingService,
    client: DurableServiceClient,
    call: Call,
    error_class: type[BotoClientError],
    operation: str,
) -> None:
    """A connection that breaks before the answer says nothing about the execution."""
    service.answer(Answer(status=0))
    with pytest.raises(error_class, match=f"^{operation} failed: ") as caught:
        await call(client)
    error = caught.value
    assert error.is_retryable()
    assert (error.error_code, error.status_code) == (None, None)


async def test_answer_that_is_no_json(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """A proxy's error page in place of the answer is worth another invocation."""
    service.answer(Answer(b"<html>proxy</html>", 503, {"Content-Type": "text/html"}))
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, "token-1", [], None)
    assert caught.value.is_retryable()
    assert caught.value.status_code == 503


async def test_parameters_botocore_refuses(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """What botocore refuses to send has no status and counts as passing."""
    token: Any = 7
    with pytest.raises(CheckpointError, match="ParamValidationError") as caught:
        await client.checkpoint(ARN, token, [], None)
    assert caught.value.is_retryable()
    assert service.requests == []


@pytest.mark.parametrize(
    "error",
    [TimeoutError("slow"), OSError("reset"), ValueError("odd")],
    ids=lambda error: type(error).__name__,
)
def test_error_of_another_library(error: Exception) -> None:
    """An exception that is no answer of AWS is retryable, and named in the message."""
    classified = classify(error, CheckpointError)
    assert classified.is_retryable()
    name = type(error).__name__
    assert str(classified) == f"CheckpointDurableExecution failed: {name}: {error}"


def test_response_of_another_library() -> None:
    """A `response` that is not botocore's parsed answer is not read as one."""

    class HTTPStatusError(Exception):
        response = SimpleNamespace(status_code=403)

    assert classify(HTTPStatusError(), GetExecutionStateError).is_retryable()


@pytest.mark.parametrize("status", [200, 301, 399, 500, 599, None])
def test_only_client_errors_are_permanent(status: int | None) -> None:
    """Any status outside 4xx, or none, is retryable unless the code says otherwise."""
    assert is_retryable("SomeException", status, "")


@each_call
async def test_what_was_sent_is_in_no_traceback(
    service: RecordingService,
    client: DurableServiceClient,
    call: Call,
    error_class: type[BotoClientError],
    operation: str,
) -> None:
    """An unreachable URL has the token in its query; Lambda logs what a handler raises."""
    service.answer(Answer(status=0))
    with pytest.raises(error_class) as caught:
        await call(client)
    assert "token-1" not in "".join(traceback.format_exception(caught.value))


async def test_refused_parameters_are_in_no_traceback(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """botocore's report of a request that it refuses quotes the values."""
    secret: Any = ["the-secret-token"]
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, secret, [], None)
    assert "the-secret-token" not in "".join(traceback.format_exception(caught.value))
