"""What only the default client does: it is made from the environment."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import aioboto3
import pytest
from recording_service import ARN, RecordingService

from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python.exceptions import InvalidStateError


async def checkpoint(client: AioBoto3Client) -> None:
    await client.open()
    try:
        await client.checkpoint(ARN, "token-1", [], None)
        await client.get_execution_state(ARN, "token-1", "m")
    finally:
        await client.aclose()


async def test_user_agent(
    client_class: type[AioBoto3Client], service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call names the SDK and its version."""
    versions = {"aws-durable-execution-sdk-python": "7.8.9"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    await checkpoint(client_class())
    product = "aws-durable-execution-sdk-python/7.8.9"
    assert [product in request.user_agent.split() for request in service.requests] == [True, True]


async def test_user_agent_without_metadata(
    client_class: type[AioBoto3Client], service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed without its metadata the SDK works, and says that it does not know its version."""

    def not_found(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", not_found)
    await checkpoint(client_class())
    assert "aws-durable-execution-sdk-python/unknown" in service.requests[0].user_agent


async def test_general_endpoint_variable(
    client_class: type[AioBoto3Client], service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_ENDPOINT_URL is used where AWS_ENDPOINT_URL_LAMBDA is absent."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    await checkpoint(client_class())
    assert len(service.requests) == 2


async def test_region_and_credentials(
    client_class: type[AioBoto3Client], service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are signed for the environment's region with the environment's credentials."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    await checkpoint(client_class())
    authorization = service.requests[0].headers["authorization"]
    assert "Credential=AKIATEST/" in authorization
    assert "/eu-central-1/lambda/aws4_request" in authorization


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The configuration of every aioboto3 client that is made."""
    configurations = []

    class Session(aioboto3.Session):
        def client(self, *args: Any, **kwargs: Any) -> Any:
            configurations.append(kwargs["config"])
            return super().client(*args, **kwargs)

    monkeypatch.setattr(aioboto3, "Session", Session)
    return configurations


async def test_timeouts(client_class: type[AioBoto3Client], made: list[Any]) -> None:
    """A connection may take 5 s, an answer 50 s."""
    await checkpoint(client_class())
    assert [(config.connect_timeout, config.read_timeout) for config in made] == [(5, 50)]


async def test_not_open(client_class: type[AioBoto3Client], service: RecordingService) -> None:
    """A call on a client that is not open says what to do."""
    with pytest.raises(InvalidStateError, match="open"):
        await client_class().checkpoint(ARN, "token-1", [], None)
    assert service.requests == []


async def test_open_twice(client_class: type[AioBoto3Client], made: list[Any]) -> None:
    """Opening an open client keeps its connections, and closing a closed one is allowed."""
    client = await client_class().open()
    assert await client.open() is client
    assert len(made) == 1
    await client.aclose()
    await client.aclose()


async def test_closed(client_class: type[AioBoto3Client], service: RecordingService) -> None:
    """A closed client makes no more calls."""
    client = await client_class().open()
    await client.aclose()
    with pytest.raises(InvalidStateError):
        await client.get_execution_state(ARN, "token-1", "m")
    assert service.requests == []


async def test_open_again(client_class: type[AioBoto3Client], service: RecordingService) -> None:
    """A closed client can be opened again."""
    client = client_class()
    await checkpoint(client)
    await checkpoint(client)
    assert len(service.requests) == 4


async def test_configuration_file(
    client_class: type[AioBoto3Client],
    service: RecordingService,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Endpoint, region and user agent come from the configuration file where the rest is silent."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = ap-south-2\nservices = local\nsdk_ua_app_id = orders-app\n"
        f"[services local]\nlambda =\n  endpoint_url = {service.url}/prefix%20x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    await checkpoint(client_class())
    for request in service.requests:
        assert request.target.startswith("/prefix%20x/2025-12-01/durable-executions/")
        assert "/ap-south-2/lambda/aws4_request" in request.headers["authorization"]
        assert "app/orders-app" in request.user_agent
