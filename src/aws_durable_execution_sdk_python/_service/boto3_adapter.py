"""A service client over the user's own boto3 client, which blocks."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

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
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread
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
    """Make a call in a thread of its own.

    Not of a pool: one of user code's may be taken up by code that waits for this very checkpoint,
    and an idle thread would look like user code's, which could still wake an invocation.

    Raises:
        RuntimeError: no thread can be started.
        Whatever the call raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(done.set_result, call(**wire.parameters(request)))
        except Exception as error:
            settle = partial(done.set_exception, error)
        except BaseException as error:
            settle = partial(done.set_exception, RuntimeError(f"the call was left by {error!r}"))
        # Nobody waits any more where the loop has been closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_unless_done, done, settle)

    context = contextvars.copy_context()
    EngineThread(target=context.run, args=(work,), name="durable-boto3", daemon=True).start()
    return await done


def _unless_done(done: asyncio.Future[T], settle: Callable[[], object]) -> None:
    if not done.done():
        settle()
