"""The event loop of an execution environment, kept warm from invocation to invocation.

- Every invocation runs in the same loop, so that the service client, its TLS connections and the
  async clients that the user's module opened survive.
- The main coroutine of an invocation ends what the invocation began, before it ends itself. If the
  loop is left before that (user code stops the loop, or raises SystemExit or KeyboardInterrupt in
  a task, which asyncio lets out at once), the environment is closed: nothing in it goes on.
- Closing takes no longer than it may.

Not an `asyncio.Runner`: its `close` waits for good, for a task that resists as well as for a job of
the loop's executor. What it does for SIGINT, cancelling the main task, is done here whatever has
left the loop, and costs a good part of an empty invocation there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._kernel.ending import TaskEnding
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool
from aws_durable_execution_sdk_python._lambda.collector import collector_paused
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient

T = TypeVar("T")

# How long closing an environment may take that was left in the middle of an invocation.
CLOSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Environment:
    """An event loop, and the default service client and worker threads that belong to it."""

    def __init__(self) -> None:
        self._loop = EventLoop()
        self._client: Any = None
        self.threads = ThreadPool()

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def run(self, main: Callable[[Environment], Op[T]]) -> T:
        """Run one invocation in a copy of the caller's context.

        Raises:
            Whatever the invocation raises.
            RuntimeError: user code has stopped the event loop.
        """
        task = self._loop.create_engine_task(main(self))
        try:
            return self._loop.run_until_complete(task)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit) or not task.done():
                self._close_within(CLOSE_SECONDS, task)
            raise

    async def default_client(self) -> DurableServiceClient:
        """The client made from the process's environment, once per event loop."""
        if self._client is None:
            from aws_durable_execution_sdk_python._service.default import default_client

            with collector_paused():
                self._client = await default_client().open()
        client: DurableServiceClient = self._client
        return client

    async def warm_up(self) -> None:
        """Open the default client, and have it do ahead what its first call would."""
        await self.default_client()
        await self._client.warm_up()

    def close(self, seconds: float) -> None:
        """End what is left in the loop, within so many seconds, and close it."""
        self._close_within(seconds, None)

    def _close_within(self, seconds: float, main: asyncio.Task[object] | None) -> None:
        loop = self._loop
        closing = loop.create_engine_task(self._close(loop.time() + seconds, main))
        closing.add_done_callback(lambda _: loop.stop())
        while not closing.done():
            # A task that raises SystemExit leaves the loop, amid the others' clean-up.
            with contextlib.suppress(KeyboardInterrupt, SystemExit):
                loop.run_forever()
        self.threads.close()
        loop.close()

    async def _close(self, limit: float, main: asyncio.Task[object] | None) -> None:
        loop = self._loop
        if main is not None:
            main.cancel()
            await asyncio.wait({main}, timeout=limit - loop.time())
            if main.done() and not main.cancelled():
                main.exception()  # the caller has another one, or the same
        await TaskEnding(loop, loop.tasks_to_end, limit - loop.time()).run()
        try:
            async with asyncio.timeout_at(limit):
                await loop.shutdown_asyncgens()
                if self._client is not None:
                    await self._client.aclose()
        except Exception:
            _log.debug("the service client could not be closed", exc_info=True)
