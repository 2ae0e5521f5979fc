"""Requests made past the client are the client's own, to the last byte that matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_service import ARN, RecordingService
from service_calls import checkpoint, opened

from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationType,
    OperationUpdate,
)
from aws_durable_execution_sdk_python._service import signing, wire
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.prepared_client import PreparedClient
from aws_durable_execution_sdk_python._service.prepared_request import (
    RequestTemplate,
    UnknownRequestError,
    learn,
)

FIXED = datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC)
CREDENTIALS = ReadOnlyCredentials("AKIATEST", "secret", "token/+=")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
# The same JSON has fewer blanks in ours.
OF_EACH_REQUEST = {"authorization", "x-amz-date", "amz-sdk-invocation-id", "content-length"}


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sign at one moment, however they ask for the time."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return FIXED

        utcnow = now

    monkeypatch.setattr(signing, "datetime", Stopped)
    monkeypatch.setattr(botocore.auth.datetime, "datetime", Stopped, raising=False)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: FIXED, raising=False)


def template(method: str, base: str, token: bool) -> tuple[RequestTemplate, ReadOnlyCredentials]:
    constant = {"content-type": "application/json"} if method == "POST" else {}
    host = base.partition("//")[2].partition("/")[0]
    signed = {"host": host, **constant}
    made = RequestTemplate(method, base, constant, signed, "eu-central-1", "lambda")
    return made, CREDENTIALS if token else CREDENTIALS._replace(token=None)


def by_botocore(request: Any, body: bytes, credentials: ReadOnlyCredentials) -> str:
    """The Authorization header that botocore's own signer gives such a request."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in ("content-type", "content-length")
    }
    theirs = AWSRequest(request.method, request.url, headers=headers, data=body)
    botocore.auth.SigV4Auth(credentials, "lambda", "eu-central-1").add_auth(theirs)
    header: str = theirs.headers["Authorization"]
    return header


@given(
    arn=TEXT.filter(bool),
    token=TEXT.filter(bool),
    payload=TEXT,
    marker=TEXT.filter(bool),
    base=st.sampled_from(["https://lambda.eu-central-1.amazonaws.com", "http://h:4566/a%20b/c"]),
    has_token=st.booleans(),
)
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_signature(
    arn: str, token: str, payload: str, marker: str, base: str, has_token: bool
) -> None:
    """Whatever the request, its signature is the one that botocore's own signer gives it."""
    parameters = {"DurableExecutionArn": arn, "CheckpointToken": token}
    update = OperationUpdate(
        operation_id="1",
        operation_type=OperationType.STEP,
        action=OperationAction.SUCCEED,
        payload=payload,
    )
    requests: list[tuple[str, wire.ApiOperation, Mapping[str, Any]]] = [
        ("POST", wire.CHECKPOINT, {**parameters, "Updates": [update]}),
        ("GET", wire.STATE, {**parameters, "Marker": marker, "MaxItems": 7}),
    ]
    for method, operation, request in requests:
        made, credentials = template(method, base, has_token)
        signer = made.signer(credentials)
        path, body = operation.write(request)
        for _ in range(2):
            ours = made.request(path, body, signer)
            assert ours.headers["Authorization"] == by_botocore(ours, body, credentials)


async def exchange(client_class: type[AioBoto3Client]) -> None:
    async with opened(client_class) as client:
        await client.checkpoint(ARN, "tok+en/1==", [], "client-token")
        await checkpoint(client)
        await client.get_execution_state(ARN, "tok+en/1==", "marker &1", 10)


@pytest.mark.parametrize("session_token", ["", "session/+="], ids=["", "session token"])
@pytest.mark.parametrize("trace", ["", "Root=1-5759e988;Parent=ö 1;Sampled=1"], ids=["", "trace"])
async def test_same_request(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch, session_token: str, trace: str
) -> None:
    """Both clients send the same target, headers and JSON; only ids of the call differ."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    for name, value in (("AWS_SESSION_TOKEN", session_token), ("_X_AMZN_TRACE_ID", trace)):
        if value:
            monkeypatch.setenv(name, value)
    await exchange(PreparedClient)
    await exchange(AioBoto3Client)
    for ours, theirs in zip(service.requests[:3], service.requests[3:], strict=True):
        assert (ours.method, ours.target) == (theirs.method, theirs.target)
        constant = ours.headers.keys() - OF_EACH_REQUEST
        assert {name: ours.headers[name] for name in constant} == {
            name: value for name, value in theirs.headers.items() if name not in OF_EACH_REQUEST
        }
        assert ours.headers["x-amz-date"]
    assert service.requests[0].json == service.requests[3].json
    # The signature of what has no body is the same too; `test_signature` is about the others.
    ours, theirs = service.requests[2], service.requests[5]
    assert ours.headers["authorization"] == theirs.headers["authorization"]


async def test_trace_of_the_invocation(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace that goes along is that of the invocation, which changes while the client stays."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    async with opened(PreparedClient) as client:
        await checkpoint(client)
        for trace in ("Root=1-a", "Root=1-b"):
            monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
            await checkpoint(client)
    traces = [request.headers.get("x-amzn-trace-id") for request in service.requests]
    assert traces == [None, "Root=1-a", "Root=1-b"]


CAPTURED = {
    "User-Agent": b"aiobotocore",
    "X-Amz-Date": b"20261121T123015Z",
    "amz-sdk-request": b"attempt=1",
}


def captured() -> AWSRequest:
    """A request as botocore prepares it."""
    request = AWSRequest("GET", "https://lambda.example.com/path", headers={}, data=b"")
    signer = botocore.auth.SigV4Auth(CREDENTIALS, "lambda", "eu-central-1")
    signer.add_auth(request)
    for name, value in CAPTURED.items():
        del request.headers[name]
        request.headers[name] = value
    return request


def test_learnt() -> None:
    """A request of the known kind is understood: its endpoint, and what it is signed for."""
    made = learn(captured(), "/path", b"", CREDENTIALS)
    assert (made.base, made.region, made.service) == (
        "https://lambda.example.com",
        "eu-central-1",
        "lambda",
    )


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Amz-Checksum-Crc32": "abc"}, "has the headers x-amz-checksum-crc32"),
        ({"Authorization": "Bearer abc"}, "not signed"),
        (
            {"Authorization": "AWS4-ECDSA-P256-SHA256 Credential=A/20261121/lambda/aws4_request"},
            "not signed",
        ),
        ({"X-Amz-Date": "20261121T123016Z"}, "signature is another"),
    ],
    ids=["unknown header", "bearer token", "asymmetric signature", "another signature"],
)
def test_not_learnt(headers: Mapping[str, str], reason: str) -> None:
    """What is not understood to the last header and bit is not imitated."""
    request = captured()
    for name, value in headers.items():
        del request.headers[name]
        request.headers[name] = value
    with pytest.raises(UnknownRequestError, match=reason):
        learn(request, "/path", b"", CREDENTIALS)


def test_not_learnt_unsigned() -> None:
    """A request without a signature is not imitated."""
    request = captured()
    del request.headers["Authorization"]
    with pytest.raises(UnknownRequestError, match="not signed"):
        learn(request, "/path", b"", CREDENTIALS)


def test_not_learnt_elsewhere() -> None:
    """A request to another path is not imitated."""
    with pytest.raises(UnknownRequestError, match="another path"):
        learn(captured(), "/elsewhere", b"", CREDENTIALS)


def test_not_learnt_with_another_body() -> None:
    """A request whose body something has changed is not imitated."""
    with pytest.raises(UnknownRequestError, match="body says something else"):
        learn(captured(), "/path", b'{"CheckpointToken": "t"}', CREDENTIALS)
