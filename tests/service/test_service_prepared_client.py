"""The default client takes up what its attempts leave as the aioboto3 client would."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore
import botocore.auth
import botocore.handlers
import pytest
from recording_service import Answer, RecordingService, failure
from service_calls import checkpoint, opened

from aws_durable_execution_sdk_python._service import aws, prepared_client, wire
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.default import default_client
from aws_durable_execution_sdk_python._service.prepared_client import PreparedClient
from aws_durable_execution_sdk_python.exceptions import CheckpointError, ValidationError

GOOD = Answer({"CheckpointToken": "token-2"})
LOST = Answer(status=0)
HTML = {"Content-Type": "text/html"}
PLANS: dict[str, list[Answer]] = {
    "good": [GOOD],
    "server error": [failure("ServiceException", 500), GOOD],
    "server errors": [failure("ServiceException", 500)],
    "throttled": [failure("TooManyRequestsException", 429), GOOD],
    "throttled by code": [failure("ThrottlingException", 400), GOOD],
    "retry after": [
        Answer({}, 429, {"x-amzn-errortype": "TooManyRequestsException", "Retry-After": "0"}),
        GOOD,
    ],
    "key disabled": [failure("KMSDisabledException", 502)],
    "stale token": [failure("InvalidParameterValueException", 400, "Invalid checkpoint token")],
    "expired credentials": [failure("ExpiredTokenException", 403)],
    "lost": [LOST, GOOD],
    "lost for good": [LOST],
    "gateway page": [Answer(b"<html>504</html>", 504, HTML), GOOD],
    "gateway pages": [Answer(b"<html>502</html>", 502, HTML)],
    "type in the body": [Answer({"__type": "AccessDeniedException", "message": "no"}, 403)],
    "Type in the body": [Answer({"Type": "User", "Code": "X", "Message": "no"}, 400)],
    "type with namespace": [
        Answer({"message": "no"}, 400, {"x-amzn-errortype": "com.aws#TooLarge:http://x"})
    ],
    "no error body": [Answer(b"", 503)],
    "too large": [failure("RequestTooLargeException", 413)],
    "clock skew": [failure("RequestTimeTooSkewed", 403), GOOD],
    "signature expired": [failure("InvalidSignatureException", 403, "Signature expired")],
    "redirect to nowhere": [Answer({"message": "elsewhere"}, 307)],
    "not UTF-8": [Answer(b'{"CheckpointToken": "\xff"}')],
    "endless time": [Answer(b'{"NewExecutionState":{"Operations":[{"StartTimestamp":1e999}]}}')],
    "endless nesting": [Answer(b'{"NewExecutionState":' + b"[" * 100_000)],
    "no JSON": [Answer(b"<html>fine</html>")],
    "no object": [Answer([1])],
    "empty": [Answer(b"")],
}


async def outcome(client_class: type[AioBoto3Client]) -> tuple[Any, ...]:
    async with opened(client_class) as client:
        try:
            output = await checkpoint(client)
        except CheckpointError as error:
            kind = type(error.__cause__).__name__.removesuffix("Exception")
            return str(error), error.is_retryable(), kind
        except Exception as error:
            return type(error), str(error)
        return output.checkpoint_token, list(output.new_execution_state.operations)


@pytest.mark.usefixtures("retries")
@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_retries_and_errors(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch, mode: str, plan: list[Answer]
) -> None:
    """In both retry modes both clients make as many attempts, and end the same."""
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    results = []
    for client_class in (PreparedClient, AioBoto3Client):
        service.requests.clear()
        service.answer(*plan)
        ended = await outcome(client_class)
        bodies = {request.json["ClientToken"] for request in service.requests}
        results.append((len(service.requests), len(bodies), *ended[:2]))
    assert results[0] == results[1]


@pytest.mark.usefixtures("retries")
@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test_number_of_attempts(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
    attempts: int,
) -> None:
    """AWS_MAX_ATTEMPTS counts them all, those made past the client too."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
    service.answer(failure("ServiceException", 500))
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError):
            await checkpoint(client)
    assert len(service.requests) == attempts


@pytest.mark.usefixtures("retries")
async def test_successes_fill_the_retry_budget(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard mode's budget of retries, used up by failures, comes back with successes."""
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")

    async def attempts_of_a_failing_call(client: AioBoto3Client) -> int:
        service.requests.clear()
        service.answer(failure("ServiceException", 500))
        with pytest.raises(CheckpointError):
            await checkpoint(client)
        return len(service.requests)

    async with opened(PreparedClient) as client:
        while await attempts_of_a_failing_call(client) == 2:
            pass
        service.answer(Answer({"CheckpointToken": "next"}, keep_alive=True))
        for _ in range(20):
            await checkpoint(client)
        assert await attempts_of_a_failing_call(client) == 2


async def test_refreshed_credentials(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """Credentials about to expire are renewed before they sign."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", soon.isoformat())
    async with opened(client_class) as client:
        await checkpoint(client)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEXT")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "next")
        await checkpoint(client)
    first, second = (request.headers for request in service.requests)
    assert "Credential=AKIATEST/" in first["authorization"]
    assert "x-amz-security-token" not in first
    assert "Credential=AKIANEXT/" in second["authorization"]
    assert second["x-amz-security-token"] == "next"


async def test_credentials_of_a_container(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """Credentials from an endpoint are fetched anew whenever they are about to expire."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    source = RecordingService()
    source.answer(
        *(
            Answer(
                {
                    "AccessKeyId": f"AKIA{number}",
                    "SecretAccessKey": "secret",
                    "Token": f"token-{number}",
                    "Expiration": soon,
                }
            )
            for number in range(20)
        )
    )
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", source.url)
    try:
        async with opened(client_class) as client:
            for _ in range(3):
                await checkpoint(client)
    finally:
        source.close()
    for request in service.requests:
        number = request.headers["x-amz-security-token"].removeprefix("token-")
        assert f"Credential=AKIA{number}/" in request.headers["authorization"]
    assert len({request.headers["authorization"] for request in service.requests}) == 3


async def test_no_credentials(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """Without credentials nothing is sent, and the error says what is missing."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError, match="NoCredentialsError"):
            await checkpoint(client)
    assert service.requests == []


@pytest.fixture
def sent_by_the_client(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that aioboto3's client was asked for, those it was learnt from apart."""
    asked: list[str] = []

    async def recorded(client: Any, operation: wire.ApiOperation, request: Any) -> Any:
        if request is not operation.example:
            asked.append(operation.name)
        return await aws.by_client(client, operation, request)

    monkeypatch.setattr(prepared_client, "by_client", recorded)
    return asked


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_attempts_past_the_client(
    sent_by_the_client: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is in the way, attempts are made past the client."""
    async with opened(PreparedClient) as client:
        await client.warm_up()
        await checkpoint(client)
    assert sent_by_the_client == []
    assert warnings_of(caplog) == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_RETRY_MODE", "adaptive", "the retry mode is adaptive"),
        ("BOTOCORE_EXPERIMENTAL__PLUGINS", "none=nowhere", "there are plugins"),
    ],
)
async def test_left_to_the_client(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    sent_by_the_client: list[str],
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    reason: str,
) -> None:
    """What has to see every attempt gets to see it: then the client makes them all.

    One warning says why.
    """
    monkeypatch.setenv(name, value)
    async with opened(PreparedClient) as client:
        await client.warm_up()
        await checkpoint(client)
        await checkpoint(client)
    assert len(sent_by_the_client) == len(service.requests) == 2
    [warning] = warnings_of(caplog)
    assert reason in warning
    assert "DURABLE_EXECUTION_TRANSPORT=aioboto3" in warning


async def test_models_of_ones_own(
    service: RecordingService,
    sent_by_the_client: list[str],
    write_model: Callable[[dict[str, Any]], None],
    model_without_durable_operations: dict[str, Any],
) -> None:
    """With a Lambda model from AWS_DATA_PATH the client makes all attempts."""
    write_model(model_without_durable_operations)
    async with opened(PreparedClient) as client:
        await checkpoint(client)
    assert len(sent_by_the_client) == len(service.requests) == 1


@pytest.mark.parametrize(
    "event", ["before-send", "before-sign.lambda", "before-call.lambda", "after-call"]
)
async def test_handlers_of_others(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    sent_by_the_client: list[str],
    caplog: pytest.LogCaptureFixture,
    event: str,
) -> None:
    """A handler that a tool has registered for botocore's clients sees every call."""
    seen: list[str] = []

    def tools_own_handler(event_name: str, **_: Any) -> None:
        seen.append(event_name)

    builtin = [*botocore.handlers.BUILTIN_HANDLERS, (event, tools_own_handler)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", builtin)
    async with opened(PreparedClient) as client:
        await client.warm_up()
        await checkpoint(client)
        await checkpoint(client)
    assert len(seen) == len(sent_by_the_client) == len(service.requests) == 2
    [warning] = warnings_of(caplog)
    assert "tools_own_handler" in warning


@pytest.fixture
def powertools() -> Iterator[None]:
    """Powertools, imported."""
    user_agent = pytest.importorskip("aws_lambda_powertools.shared.user_agent")
    names_itself = user_agent._initializer_botocore_session
    with contextlib.suppress(ValueError):
        botocore.unregister_initializer(names_itself)  # if this is its first import
    botocore.register_initializer(names_itself)
    yield
    botocore.unregister_initializer(names_itself)


@pytest.mark.usefixtures("powertools")
async def test_powertools_is_named_past_the_client(
    service: RecordingService, sent_by_the_client: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Its handler does the same to every request, and so it is in those sent past the client."""
    async with opened(AioBoto3Client) as client:
        await checkpoint(client)
    by_the_client = len(sent_by_the_client)
    async with opened(PreparedClient) as client:
        await client.warm_up()
        await checkpoint(client)
        await checkpoint(client)
    assert len(sent_by_the_client) == by_the_client
    assert warnings_of(caplog) == []
    names = [request.headers["user-agent"].rpartition(" PT/")[2] for request in service.requests]
    assert len(names) == 3
    assert names == [names[0]] * 3
    assert "PTEnv/" in names[0]


async def test_requests_prepared_in_an_unknown_way(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    sent_by_the_client: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where botocore's requests have what is not known here, the client makes them all."""
    add_auth = botocore.auth.SigV4Auth.add_auth

    def add_more(self: Any, request: Any) -> None:
        request.headers["X-Amz-Novelty"] = "1"
        add_auth(self, request)

    monkeypatch.setattr(botocore.auth.SigV4Auth, "add_auth", add_more)
    async with opened(PreparedClient) as client:
        await checkpoint(client)
        await checkpoint(client)
    assert len(sent_by_the_client) == len(service.requests) == 2
    [warning] = warnings_of(caplog)
    assert "it has the headers x-amz-novelty" in warning


async def test_botocore_with_other_inner_parts(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    sent_by_the_client: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where aiobotocore does not fit what attempts past it need, the client makes them all."""
    # As if a name that it imports were gone.
    monkeypatch.setitem(sys.modules, "aws_durable_execution_sdk_python._service.events", None)
    async with opened(PreparedClient) as client:
        await checkpoint(client)
    assert len(sent_by_the_client) == len(service.requests) == 1
    [warning] = warnings_of(caplog)
    assert "botocore has changed (ModuleNotFoundError)" in warning


async def test_another_signature(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where botocore signs in another way than is known here, the client signs."""
    monkeypatch.setattr(botocore.auth.SigV4Auth, "canonical_headers", lambda *_: "moved")
    async with opened(PreparedClient) as client:
        await checkpoint(client)
    assert len(service.requests) == 1
    [warning] = warnings_of(caplog)
    assert "its signature is another" in warning


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", PreparedClient), ("fast", PreparedClient), ("aioboto3", AioBoto3Client)],
)
def test_choice(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: type[AioBoto3Client]
) -> None:
    """DURABLE_EXECUTION_TRANSPORT chooses the client."""
    monkeypatch.setenv("DURABLE_EXECUTION_TRANSPORT", value)
    assert type(default_client()) is expected


def test_unknown_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt choice is not taken for the default."""
    monkeypatch.setenv("DURABLE_EXECUTION_TRANSPORT", "aiobotto3")
    with pytest.raises(ValidationError, match="'fast' or 'aioboto3', got 'aiobotto3'"):
        default_client()
