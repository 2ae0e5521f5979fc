"""What only the default client does: it is made from the environment."""

from __future__ import annotations

import importlib.metadata

import pytest
from recording_service import ARN, RecordingService

from aws_durable_execution_sdk_python.exceptions import InvalidStateError
from aws_durable_execution_sdk_python.service.aws import AioBoto3Client

pytest.importorskip("aioboto3")


async def checkpoint(client: AioBoto3Client) -> None:
    await client.open()
    try:
        await client.checkpoint(ARN, "token-1", [], None)
        await client.get_execution_state(ARN, "token-1", "m")
    finally:
        await client.aclose()


async def test_user_agent(service: RecordingService) -> None:
    """Every call names the SDK and its version."""
    await checkpoint(AioBoto3Client())
    version = importlib.metadata.version("aws-durable-execution-sdk-python")
    product = f"aws-durable-execution-sdk-python/{version}"
    assert [product in request.user_agent.split() for request in service.requests] == [True, True]


async def test_user_agent_without_metadata(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed without its metadata the SDK works, and says that it does not know its version."""

    def not_found(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", not_found)
    await checkpoint(AioBoto3Client())
    assert "aws-durable-execution-sdk-python/unknown" in service.requests[0].user_agent


async def test_general_endpoint_variable(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_ENDPOINT_URL is used where AWS_ENDPOINT_URL_LAMBDA is absent."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    await checkpoint(AioBoto3Client())
    assert len(service.requests) == 2


async def test_region_and_credentials(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are signed for the environment's region with the environment's credentials."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    await checkpoint(AioBoto3Client())
    authorization = service.requests[0].headers["authorization"]
    assert "Credential=AKIATEST/" in authorization
    assert "/eu-central-1/lambda/aws4_request" in authorization


async def test_timeouts() -> None:
    """A connection may take 5 s, an answer 50 s."""
    client = await AioBoto3Client().open()
    try:
        config = client._client().meta.config
        assert (config.connect_timeout, config.read_timeout) == (5, 50)
    finally:
        await client.aclose()


async def test_not_open(service: RecordingService) -> None:
    """A call on a client that is not open says what to do."""
    with pytest.raises(InvalidStateError, match="open"):
        await AioBoto3Client().checkpoint(ARN, "token-1", [], None)
    assert service.requests == []


async def test_open_twice() -> None:
    """Opening an open client keeps it; so does closing a closed one."""
    client = await AioBoto3Client().open()
    inner = client._client()
    assert (await client.open())._client() is inner
    await client.aclose()
    await client.aclose()


async def test_open_again(service: RecordingService) -> None:
    """A closed client can be opened again."""
    client = AioBoto3Client()
    await checkpoint(client)
    await checkpoint(client)
    assert len(service.requests) == 4
