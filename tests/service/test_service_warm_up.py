"""The client is opened in Lambda's init phase, and what goes wrong there shows at first use."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import NoRegionError
from recording_service import ARN, Answer, RecordingService

from aws_durable_execution_sdk_python._lambda import init_phase, pool
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._lambda.init_phase import warm_up
from aws_durable_execution_sdk_python._lambda.pool import (
    close_idle_environments,
    run_in_environment,
)
from aws_durable_execution_sdk_python._service import aws
from aws_durable_execution_sdk_python.exceptions import CheckpointError


@pytest.fixture(autouse=True)
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lambda's runtime API is there, and no environment is left from other tests."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    close_idle_environments()
    init_phase._warm_up_once.cache_clear()
    yield
    close_idle_environments()
    init_phase._warm_up_once.cache_clear()


async def checkpoint_once(env: Environment) -> Any:
    client = await env.default_client()
    return await client.checkpoint(ARN, "token-1", [], None)


def test_connected_ahead(service: RecordingService) -> None:
    """The first call of the first invocation finds client and connection ready."""
    service.answer(Answer({"CheckpointToken": "next"}, keep_alive=True))
    warm_up()
    warm_up()  # A module may define several handlers.
    assert service.requests == []
    assert run_in_environment(checkpoint_once).checkpoint_token == "next"
    assert service.connections == 1


def test_not_in_lambda(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere nothing is opened before it is needed."""
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API")
    warm_up()
    assert pool._idle == []


def test_snapshot() -> None:
    """What goes into a SnapStart snapshot is imported libraries, no client and no credentials."""
    code = (
        "import os, sys\n"
        "from aws_durable_execution_sdk_python._lambda import init_phase, pool\n"
        "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'] = 'snap-start'\n"
        "init_phase.warm_up()\n"
        "print('aiobotocore' in sys.modules, pool._idle)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "[]"]


def test_failure_shows_at_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that is incomplete does not break the import of the function's module."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    warm_up()
    with pytest.raises(NoRegionError):
        run_in_environment(checkpoint_once)


def test_service_out_of_reach(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is not there yet is called again when it is needed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    warm_up()
    with pytest.raises(CheckpointError, match="EndpointConnectionError"):
        run_in_environment(checkpoint_once)


def test_credentials_that_do_not_come(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint of credentials that hangs is waited for once and not for long; then again."""
    monkeypatch.setattr(init_phase, "WARM_UP_SECONDS", 0.5)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    held = threading.Event()
    expiration = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    keys = {"AccessKeyId": "AKIALATE", "SecretAccessKey": "secret", "Token": "t"}
    source = RecordingService()
    source.answer(
        Answer({"message": "too late"}, 500, held=held), Answer({**keys, "Expiration": expiration})
    )
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", source.url)
    try:
        warm_up()
        warm_up()
        assert len(source.requests) <= 1  # None, if opening alone took that long.
        run_in_environment(checkpoint_once)
    finally:
        held.set()
        source.close()
    assert "Credential=AKIALATE/" in service.requests[0].headers["authorization"]


def test_service_that_does_not_answer(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a handshake that hangs hold up the import of the function's module for long."""
    monkeypatch.setattr(init_phase, "WARM_UP_SECONDS", 0.5)
    monkeypatch.setattr(aws, "CONNECT_TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setblocking(False)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"https://127.0.0.1:{deaf.getsockname()[1]}")
        warm_up()
        warm_up()
        accepted = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.accept()[0].close()
                accepted += 1
        assert accepted <= 1
        with pytest.raises(CheckpointError, match="ConnectTimeoutError"):
            run_in_environment(checkpoint_once)


def test_forked_process(service: RecordingService) -> None:
    """A forked process has connections of its own, and leaves the parent's alone."""
    code = (
        "import os, sys\n"
        "from aws_durable_execution_sdk_python._lambda import init_phase, pool\n"
        "async def call(env):\n"
        "    client = await env.default_client()\n"
        "    output = await client.checkpoint('arn:x', 'token-1', [], None)\n"
        "    assert output.checkpoint_token == 'next'\n"
        "pool.run_in_environment(call)\n"
        "child = os.fork()\n"
        "pool.run_in_environment(call)\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "    pool.run_in_environment(call)\n"
    )
    service.answer(Answer({"CheckpointToken": "next"}, keep_alive=True))
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(service.requests) == 4
    assert service.connections == 2


async def test_within_a_loop(service: RecordingService) -> None:
    """A module imported from within a running loop is left alone."""
    warm_up()
    assert pool._idle == []


def test_full_client(service: RecordingService, monkeypatch: pytest.MonkeyPatch) -> None:
    """The aioboto3 client, where it is chosen, is opened ahead too."""
    monkeypatch.setenv("DURABLE_EXECUTION_TRANSPORT", "aioboto3")
    warm_up()
    assert len(pool._idle) == 1
    run_in_environment(checkpoint_once)
    assert len(service.requests) == 1
