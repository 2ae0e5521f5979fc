"""A service client over the user's own boto3 client, which blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.answers import checkpoint_output, state_page
from aws_durable_execution_sdk_python._service.classification import cause, classify
from aws_durable_execution_sdk_python._service.model import ensure_durable_operations
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

T = TypeVar("T")


class Boto3Client:
    """Calls the service through a boto3 Lambda client, in a worker thread.

    The client's configuration, credentials, retries, event hooks and user agent apply to every
    call, because it is that very client that makes it. It stays the user's: it is not closed
    here. Durable operations that an old botocore lacks are added to it.

    Parameters:
        boto3_client: what `boto3.client("lambda", ...)` returned.

    Example:
        client = Boto3Client(boto3.client("lambda", config=Config(read_timeout=20)))
    """

    def __init__(self, boto3_client: object) -> None:
        self._client: Any = ensure_durable_operations(boto3_client)

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """See `DurableServiceClient.checkpoint`."""
        request = wire.checkpoint_request(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        try:
            response = await _in_thread(self._client.checkpoint_durable_execution, request)
        except Exception as error:
            raise classify(error, CheckpointError) from cause(error)
        return checkpoint_output(response)

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        """See `DurableServiceClient.get_execution_state`."""
        request = wire.state_request(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )
        try:
            response = await _in_thread(self._client.get_durable_execution_state, request)
        except Exception as error:
            raise classify(error, GetExecutionStateError) from cause(error)
        return state_page(response)


async def _in_thread(call: Callable[..., T], request: Wire) -> T:
    # A limiter of its own for each call: the default one may be taken up by user code that waits
    # for this very checkpoint, and a shared one would be tied to the event loop that used it.
    limiter = anyio.CapacityLimiter(1)
    call = functools.partial(call, **wire.parameters(request))
    return await anyio.to_thread.run_sync(call, limiter=limiter)
