from __future__ import annotations

import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.retries.standard import ExponentialBackoff
from recording_service import RecordingService

from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client
from aws_durable_execution_sdk_python._service.model import durable_model
from aws_durable_execution_sdk_python._service.prepared_client import PreparedClient
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient


@pytest.fixture
def service() -> Iterator[RecordingService]:
    server = RecordingService()
    yield server
    server.close()


ABSENT = (
    "AWS_CA_BUNDLE",
    "AWS_DATA_PATH",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_SESSION_TOKEN",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "REQUESTS_CA_BUNDLE",
    "_X_AMZN_TRACE_ID",
    "http_proxy",
    "https_proxy",
)


@pytest.fixture(autouse=True)
def aws_environment(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever runs the tests: these credentials, this endpoint, one attempt for each call."""
    for name in ABSENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "absent-credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", service.url)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore makes up to three attempts, with a backoff of nothing."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    monkeypatch.setattr(random, "random", lambda: 0.0)
    # The standard mode's has kept the function it found when it was imported.
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)


@pytest.fixture
def make_boto3() -> Iterator[Callable[..., Any]]:
    """Make blocking boto3 Lambda clients, each from a session of its own."""
    clients = []

    def make(**kwargs: Any) -> Any:
        clients.append(boto3.Session().client("lambda", **kwargs))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


AIO_CLIENTS = {"fast": PreparedClient, "aioboto3": AioBoto3Client}


@pytest.fixture(params=[*AIO_CLIENTS, "boto3"])
async def client(
    request: pytest.FixtureRequest, make_boto3: Callable[..., Any]
) -> AsyncIterator[DurableServiceClient]:
    """Any of the clients the SDK has: what the tests say holds for all."""
    if request.param == "boto3":
        yield Boto3Client(make_boto3())
        return
    opened = await AIO_CLIENTS[request.param]().open()
    yield opened
    await opened.aclose()


@pytest.fixture(params=AIO_CLIENTS.values(), ids=AIO_CLIENTS)
def client_class(request: pytest.FixtureRequest) -> type[AioBoto3Client]:
    """Either of the clients that are made from the environment."""
    made: type[AioBoto3Client] = request.param
    return made


@pytest.fixture
def write_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[dict[str, Any]], None]:
    """Have new sessions read this Lambda model instead of the one botocore brings."""

    def write(model: dict[str, Any]) -> None:
        directory = tmp_path / "models" / "lambda" / "2015-03-31"
        directory.mkdir(parents=True)
        (directory / "service-2.json").write_text(json.dumps(model), encoding="utf-8")
        monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "models"))

    return write


@pytest.fixture
def model_without_durable_operations() -> dict[str, Any]:
    """The installed botocore's Lambda model as it was before durable functions."""
    directory = Path(botocore.__file__).parent / "data" / "lambda" / "2015-03-31"
    with gzip.open(directory / "service-2.json.gz", "rt", encoding="utf-8") as file:
        model: dict[str, Any] = json.load(file)
    ours = durable_model()
    for operation in ours["operations"]:
        model["operations"].pop(operation, None)
    for shape in ours["shapes"].keys() - {"String", "SensitiveString"}:
        model["shapes"].pop(shape, None)
    for shape, members in ours["members"].items():
        for member in members:
            model["shapes"][shape]["members"].pop(member, None)
    return model
