"""An event loop on a thread of its own, for callers that block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads.

    Parameters:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._calls: set[concurrent.futures.Future[Any]] = set()
        self._thread = EngineThread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop, and wait for what it returns or raises.

        Raises:
            concurrent.futures.CancelledError: the loop is closed, or was before it returned.
        """
        with self._lock:
            if self._closed:
                raise concurrent.futures.CancelledError
            call = asyncio.run_coroutine_threadsafe(work(), self._loop)
            self._calls.add(call)
        try:
            return call.result()
        finally:
            with self._lock:
                self._calls.discard(call)

    def close(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what runs, run `finish`, and end the thread. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()
        asyncio.run_coroutine_threadsafe(self._end(finish), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await finish()
        # Cancelled calls may still clean up.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest, return_exceptions=True)
