"""The service client on aioboto3, every call of which the aioboto3 client makes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.client_calls import Caller, ClientCalls
from aws_durable_execution_sdk_python._service.model import ensure_durable_operations
from aws_durable_execution_sdk_python.exceptions import InvalidStateError

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 50

_DISTRIBUTION = "aws-durable-execution-sdk-python"


class AioBoto3Client(ClientCalls):
    """Calls the service with an aioboto3 Lambda client made from the environment.

    Region, credentials, endpoint, retries, proxies, certificates, FIPS and dual stack are all
    botocore's business: its environment variables and configuration files apply.

    An instance belongs to the event loop that opened it, and keeps its connections until it is
    closed.

    Example:
        client = await AioBoto3Client().open()
        try:
            output = await client.checkpoint(arn, token, updates, None)
        finally:
            await client.aclose()
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._opened: Any = None

    async def open(self) -> Self:
        """Create the aioboto3 client. Opening an open client changes nothing.

        Raises:
            botocore.exceptions.BotoCoreError: the configuration is incomplete, without a region
                for instance.
        """
        if self._opened is None:
            self._opened = await self._make()
        return self

    async def warm_up(self) -> None:
        """Do ahead what the first call would have to do. Here, there is nothing."""

    async def aclose(self) -> None:
        """Close the connections. The client can be opened again."""
        self._opened = None
        await self._stack.aclose()

    async def _make(self) -> Any:
        import aioboto3

        return ensure_durable_operations(await self._enter(aioboto3.Session()))

    async def _enter(self, session: Any, **config: Any) -> Any:
        """A client of the session with what is ours in its configuration."""
        from aiobotocore.config import AioConfig

        merged = AioConfig(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            user_agent_extra=f"{_DISTRIBUTION}/{_version()}",
            **config,
        )
        return await self._stack.enter_async_context(session.client("lambda", config=merged))

    async def _call(
        self, client: Any, operation: wire.ApiOperation, request: dict[str, object]
    ) -> Wire:
        return await by_client(client, operation, request)

    def _caller(self) -> Caller:
        if self._opened is None:
            raise InvalidStateError("the service client is not open: await open() first")
        return partial(self._call, self._opened)


async def by_client(client: Any, operation: wire.ApiOperation, request: Wire) -> Wire:
    """Have an aioboto3 client make a call."""
    method = getattr(client, operation.method)
    response: Wire = await method(**wire.parameters(request))
    return response


def _version() -> str:
    # Imported here for what it costs: about 10 ms, which is needed only when a client is made.
    import importlib.metadata

    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        # Packages copied into a deployment bundle often lose their metadata.
        return "unknown"
