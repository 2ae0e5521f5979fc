"""The default service client, on aioboto3."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Self

from aws_durable_execution_sdk_python.core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.exceptions import (
    CheckpointError,
    GetExecutionStateError,
    InvalidStateError,
)
from aws_durable_execution_sdk_python.service import calls
from aws_durable_execution_sdk_python.service.errors import classify
from aws_durable_execution_sdk_python.service.model import ensure_durable_operations

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 50

_DISTRIBUTION = "aws-durable-execution-sdk-python"


class AioBoto3Client:
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
            import aioboto3
            from aiobotocore.config import AioConfig

            config = AioConfig(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                user_agent_extra=f"{_DISTRIBUTION}/{_version()}",
            )
            session: Any = aioboto3.Session()
            client = await self._stack.enter_async_context(session.client("lambda", config=config))
            self._opened = ensure_durable_operations(client)
        return self

    async def aclose(self) -> None:
        """Close the connections. The client can be opened again."""
        self._opened = None
        await self._stack.aclose()

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """See `DurableServiceClient.checkpoint`."""
        client = self._client()
        request = calls.checkpoint_request(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        try:
            response = await client.checkpoint_durable_execution(**request)
        except Exception as error:
            raise classify(error, CheckpointError) from error
        return calls.checkpoint_output(response)

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        """See `DurableServiceClient.get_execution_state`."""
        client = self._client()
        request = calls.state_request(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )
        try:
            response = await client.get_durable_execution_state(**request)
        except Exception as error:
            raise classify(error, GetExecutionStateError) from error
        return calls.state_output(response)

    def _client(self) -> Any:
        if self._opened is None:
            raise InvalidStateError("the service client is not open: await open() first")
        return self._opened


def _version() -> str:
    # Imported here for what it costs: about 10 ms, which is needed only when a client is made.
    import importlib.metadata

    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        # Packages copied into a deployment bundle often lose their metadata.
        return "unknown"
