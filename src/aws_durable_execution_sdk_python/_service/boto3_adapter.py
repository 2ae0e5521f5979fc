"""A service client over the user's own boto3 client, which blocks."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.client_calls import Caller, ClientCalls
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread
from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

T = TypeVar("T")


class Boto3Client(ClientCalls):
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

    def _caller(self) -> Caller:
        return self._call

    async def _call(self, operation: wire.ApiOperation, request: Wire) -> Wire:
        response: Wire = await _in_thread(getattr(self._client, operation.method), request)
        return response


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
