from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from api_clients import AioApi, Api, BlockingApi
from lambda_fake import LambdaFake
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests: these credentials, one attempt for each call, no proxy."""
    for name in ("AWS_PROFILE", "AWS_DATA_PATH", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_LAMBDA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "absent-credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start servers of given functions; they stop with the test."""
    servers: list[DurableServer] = []

    def start(*functions: DeclaredFunction, store: Any = None, **settings: Any) -> Served:
        given = {"allow_unqualified": True, "api_rates": False, **settings}
        server = DurableServer(functions, ServerSettings(**given), store)
        servers.append(server)
        server.start()
        return Served(server)

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def fake_lambda() -> Iterator[LambdaFake]:
    fake = LambdaFake()
    yield fake
    fake.close()


@pytest.fixture(params=["boto3", "aioboto3"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Served], Any]]:
    """Make a client of either library: what the tests say holds for both."""
    async with AsyncExitStack() as stack:

        async def make(served: Served) -> Api:
            if request.param == "aioboto3":
                return await stack.enter_async_context(AioApi.open(served.url))
            client = boto3.Session().client("lambda", endpoint_url=served.url)
            stack.callback(client.close)
            return BlockingApi(client)

        yield make
