"""Real AWS clients behind one awaitable face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self

import aioboto3

from aws_durable_execution_sdk_python._service.model import ensure_durable_operations


class Api(Protocol):
    """A Lambda client: `await api.call("get_durable_execution", DurableExecutionArn=...)`."""

    exceptions: Any

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]: ...


class BlockingApi:
    """boto3's client."""

    def __init__(self, client: Any) -> None:
        self._client = ensure_durable_operations(client)
        self.exceptions = self._client.exceptions

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._call, operation, parameters)

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        if "Payload" in answer:
            answer["Payload"] = answer["Payload"].read()
        return answer


class AioApi:
    """aioboto3's client."""

    def __init__(self, client: Any) -> None:
        self._client = ensure_durable_operations(client)
        self.exceptions = self._client.exceptions

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        async with aioboto3.Session().client("lambda", endpoint_url=url) as client:
            yield cls(client)

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
        if "Payload" in answer:
            answer["Payload"] = await answer["Payload"].read()
        return answer
