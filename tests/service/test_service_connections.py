"""Connections of the clients made from the environment: kept, lost, slow, secured, proxied."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from recording_service import ARN, Answer, RecordingService, failure
from service_calls import UPDATE, checkpoint, opened
from tunnel import Tunnel

from aws_durable_execution_sdk_python._service import aws
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.prepared_client import PreparedClient
from aws_durable_execution_sdk_python.exceptions import CheckpointError

CERTIFICATES = Path(__file__).parent / "certificates"
CA = str(CERTIFICATES / "ca.pem")
# What answers either call.
KEPT = Answer({"CheckpointToken": "next", "Operations": []}, keep_alive=True)
LOST = Answer(status=0)


@pytest.fixture
def secure_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingService]:
    """A service over TLS, whose certificate is for `localhost` and of a CA nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    server = RecordingService(context)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    yield server
    server.close()


async def test_kept_alive(service: RecordingService, client_class: type[AioBoto3Client]) -> None:
    """Calls that follow one another share one connection."""
    service.answer(KEPT)
    async with opened(client_class) as client:
        for _ in range(3):
            await checkpoint(client)
        await client.get_execution_state(ARN, "token-1", "m")
    assert len(service.requests) == 4
    assert service.connections == 1


async def test_closed_by_the_service(
    service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """Where the service closes after each answer, each call has its connection."""
    async with opened(client_class) as client:
        for _ in range(3):
            await checkpoint(client)
    assert service.connections == 3


async def test_connection_gone_stale(service: RecordingService) -> None:
    """A kept connection that the service has dropped costs nothing: a fresh one takes its place.

    So it is after a freeze of the execution environment, also where no attempts are left.
    """
    service.answer(KEPT, LOST, KEPT)
    async with opened(PreparedClient) as client:
        await checkpoint(client)
        output = await checkpoint(client)
    assert output.checkpoint_token == "next"
    assert service.connections == 2
    assert len({request.json["ClientToken"] for request in service.requests[1:]}) == 1


async def test_several_connections_gone_stale(service: RecordingService) -> None:
    """However many are kept: only what happens over a fresh one is an attempt's failure."""
    held = threading.Event()
    waiting = Answer({"CheckpointToken": "a"}, held=held, keep_alive=True)
    service.answer(waiting, KEPT, LOST, LOST, KEPT)
    async with opened(PreparedClient) as client:
        first = asyncio.create_task(checkpoint(client))
        await asyncio.to_thread(service.received.wait)
        await checkpoint(client)
        held.set()
        await first
        assert (await checkpoint(client)).checkpoint_token == "next"
    assert service.connections == 3


async def test_first_connection_lost(service: RecordingService) -> None:
    """A connection that was never used is fresh: its loss is a failed attempt."""
    service.answer(LOST, KEPT)
    async with opened(PreparedClient) as client:
        with pytest.raises(CheckpointError, match="ConnectionClosedError"):
            await checkpoint(client)
    assert len(service.requests) == 1


async def test_fresh_connection_lost(service: RecordingService) -> None:
    """Where a fresh connection is lost as well, that is a failed attempt."""
    service.answer(KEPT, LOST)
    async with opened(PreparedClient) as client:
        await checkpoint(client)
        with pytest.raises(CheckpointError, match="ConnectionClosedError"):
            await checkpoint(client)
    assert len(service.requests) == 3


async def test_connection_lost_within_the_answer(
    service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """An answer that breaks off is no answer."""
    service.answer(Answer(b"{}", headers={"Content-Length": "100"}))
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError) as caught:
            await checkpoint(client)
    assert caught.value.is_retryable()


async def test_cancelled_call(
    service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """After a call that was cancelled, the next gets its own answer over its own connection."""
    held = threading.Event()
    service.answer(KEPT, Answer({"CheckpointToken": "of the first"}, held=held, keep_alive=True))
    async with opened(client_class) as client:
        await checkpoint(client)
        call = asyncio.create_task(checkpoint(client))
        service.received.clear()
        await asyncio.to_thread(service.received.wait)
        service.answer(Answer({"CheckpointToken": "of the second"}, keep_alive=True))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        held.set()
        output = await checkpoint(client)
    assert output.checkpoint_token == "of the second"
    assert service.connections == 2


async def test_calls_side_by_side(
    service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """Calls under way at once have connections of their own, which are kept."""
    held = threading.Event()
    service.answer(Answer({"CheckpointToken": "a"}, held=held, keep_alive=True), KEPT)
    async with opened(client_class) as client:
        first = asyncio.create_task(checkpoint(client))
        await asyncio.to_thread(service.received.wait)
        assert (await checkpoint(client)).checkpoint_token == "next"
        held.set()
        assert (await first).checkpoint_token == "a"
        await checkpoint(client)
    assert service.connections == 2


async def test_failure_behind_a_proxy(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """The service's error comes through a proxy whole."""
    monkeypatch.setenv("HTTP_PROXY", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://lambda.example.invalid")
    service.answer(failure("KMSDisabledException", 502))
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError, match="KMSDisabledException") as caught:
            await checkpoint(client)
    assert not caught.value.is_retryable()
    assert len(service.requests) == 1


@pytest.mark.parametrize("size", [0, 5_000_000], ids=["whole", "segments"])
async def test_over_ipv6(
    monkeypatch: pytest.MonkeyPatch, client_class: type[AioBoto3Client], size: int
) -> None:
    """An endpoint may be an IPv6 address; large answers come in many segments."""
    answer = json.dumps({"CheckpointToken": "t" * size or "t"}).encode()
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(answer), 70_001):
            chunk = answer[start : start + 70_001]
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "::1", 0)
    host = f"[::1]:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://{host}")
    monkeypatch.setenv("no_proxy", "::1")
    async with server, opened(client_class) as client:
        output = await checkpoint(client)
    assert output.checkpoint_token == ("t" * size or "t")
    assert f"\r\nhost: {host}\r\n".encode() in heads[0].lower()


async def test_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, client_class: type[AioBoto3Client]
) -> None:
    """A refused connection is worth another invocation."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{port}")
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError, match="EndpointConnectionError") as caught:
            await checkpoint(client)
    assert caught.value.is_retryable()


async def test_no_answer_in_time(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """An answer that does not come within the read time-out is given up."""
    monkeypatch.setattr(aws, "READ_TIMEOUT_SECONDS", 0.05)
    held = threading.Event()
    service.answer(Answer(held=held))
    async with opened(client_class) as client:
        try:
            with pytest.raises(CheckpointError, match="ReadTimeoutError") as caught:
                await checkpoint(client)
        finally:
            held.set()
    assert caught.value.is_retryable()


async def test_no_connection_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not set up within the connect time-out is given up."""
    monkeypatch.setattr(aws, "CONNECT_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"https://127.0.0.1:{deaf.getsockname()[1]}")
        async with opened(PreparedClient) as client:
            with pytest.raises(CheckpointError, match="ConnectTimeoutError") as caught:
                await checkpoint(client)
    assert caught.value.is_retryable()


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_own_certificate_authority(
    secure_service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
    variable: str,
) -> None:
    """botocore's variables name the certificates to trust."""
    monkeypatch.setenv(variable, CA)
    secure_service.answer(KEPT)
    async with opened(client_class) as client:
        await checkpoint(client)
        await checkpoint(client)
    assert len(secure_service.requests) == 2
    assert secure_service.connections == 1


async def test_unknown_certificate_authority(
    secure_service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """Nothing is sent to a server whose certificate nobody vouches for."""
    async with opened(client_class) as client:
        with pytest.raises(CheckpointError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await checkpoint(client)
    assert caught.value.is_retryable()
    assert secure_service.requests == []


async def test_certificate_of_another_host(
    secure_service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to a server whose certificate is another's."""
    monkeypatch.setenv("AWS_CA_BUNDLE", CA)
    other_name = secure_service.url.replace("localhost", "127.0.0.1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", other_name)
    async with opened(PreparedClient) as client:
        with pytest.raises(CheckpointError, match="CERTIFICATE_VERIFY_FAILED"):
            await checkpoint(client)
    assert secure_service.requests == []


async def test_plain_proxy(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """HTTP_PROXY gets the whole URL."""
    monkeypatch.setenv("HTTP_PROXY", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://lambda.example.invalid")
    service.answer(KEPT)
    async with opened(client_class) as client:
        output = await checkpoint(client)
        await client.get_execution_state(ARN, "token-1", "m")
    assert output.checkpoint_token == "next"
    for request in service.requests:
        assert request.target.startswith("http://lambda.example.invalid/2025-12-01/")
        assert request.headers["host"] == "lambda.example.invalid"


async def test_tunnel_through_a_proxy(
    secure_service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """HTTPS_PROXY is asked for a tunnel, through which TLS goes."""
    monkeypatch.setenv("AWS_CA_BUNDLE", CA)
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    monkeypatch.setenv("no_proxy", "elsewhere")
    with Tunnel() as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        async with opened(client_class) as client:
            await checkpoint(client)
    assert len(secure_service.requests) == 1
    assert tunnel.asked_for == [secure_service.url.removeprefix("https://")]


async def test_no_proxy(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """Hosts that NO_PROXY names are called directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.invalid:3128")
    async with opened(client_class) as client:
        await checkpoint(client)
    assert service.requests[0].target.startswith("/2025-12-01/")


async def test_large_request(service: RecordingService) -> None:
    """A result may have megabytes; aiohttp's warning of large bodies does not come of it."""
    update = dataclasses.replace(UPDATE, payload="x" * 3_000_000)
    async with opened(PreparedClient) as client:
        await client.checkpoint(ARN, "token-1", [update], None)
    assert service.requests[0].json["Updates"][0]["Payload"] == update.payload


async def test_not_compressed(
    service: RecordingService, client_class: type[AioBoto3Client]
) -> None:
    """As botocore does, the clients ask for answers as they are."""
    async with opened(client_class) as client:
        await checkpoint(client)
    assert service.requests[0].headers["accept-encoding"] == "identity"


async def test_visible_to_what_instruments_aiohttp(
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    client_class: type[AioBoto3Client],
) -> None:
    """Tools that patch `aiohttp.ClientSession` see each attempt, also those that fail."""
    shown: list[str] = []

    async def on_request_start(session: Any, context: Any, params: Any) -> None:
        params.headers["traceparent"] = "00-1-2-01"
        shown.append(f"{params.method} {params.url.name}")

    made = aiohttp.ClientSession.__init__

    def instrumented(self: Any, *args: Any, **kwargs: Any) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(on_request_start)
        kwargs["trace_configs"] = [*(kwargs.get("trace_configs") or ()), tracing]
        made(self, *args, **kwargs)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", instrumented)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    service.answer(KEPT, KEPT, failure("ServiceException", 500), KEPT)
    async with opened(client_class) as client:
        await checkpoint(client)
        await client.get_execution_state(ARN, "token-1", "m")
        await checkpoint(client)
    assert shown == [
        "POST checkpoint",
        "GET state",
        "POST checkpoint",
        "POST checkpoint",
    ]
    assert {request.headers["traceparent"] for request in service.requests} == {"00-1-2-01"}


async def test_closing_closes_connections(service: RecordingService) -> None:
    """A closed client leaves no connection open, and can be opened again."""
    service.answer(KEPT)
    client = PreparedClient()
    for _ in range(2):
        await client.open()
        await checkpoint(client)
        await client.aclose()
    assert service.connections == 2
