"""The local service with the parts of the API that only remote callers need."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._functions.contracts import Invoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock
from aws_durable_execution_sdk_python_testing._time.time_limits import TimeLimit
from aws_durable_execution_sdk_python_testing.stores import EventStore


class DurableService(LocalService):
    """A `LocalService` for an event loop: its calls are short, and waiting does not block.

    Parameters:
        invoker: calls the functions.
        store: where executions are kept. It stays open: it belongs to the caller.
        clock, limits, invocation_timeout, time_limit, faults, on_failure: as for
            `LocalService`.
        region, account_id: what ARNs are made of.
    """

    def __init__(
        self,
        invoker: Invoker,
        store: EventStore,
        *,
        clock: RealClock,
        limits: Limits,
        region: str,
        account_id: str,
        invocation_timeout: float,
        time_limit: Callable[[str], TimeLimit],
        faults: Faults | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            invoker,
            store,
            clock=clock,
            limits=limits,
            region=region,
            account_id=account_id,
            invocation_timeout=invocation_timeout,
            time_limit=time_limit,
            faults=faults,
            attended=True,
            on_failure=on_failure,
        )
        self._region = region
        self._account_id = account_id
        self._waiting: dict[asyncio.Future[None], str] = {}
        self._watcher: threading.Thread | None = None
        self._unwatched = False
        self._changes = 0
        self._curious: set[asyncio.Future[None]] = set()
        self._driver.listeners.append(self._note_change)

    def check_open(self) -> None:
        """Raise DurableFunctionsLocalRunnerError if the service is closed or has failed."""
        self._driver.check_open()

    def check_failure(self) -> None:
        """Raise DurableFunctionsLocalRunnerError if the service has failed."""
        with self._driver.query():
            pass

    def function_arn(self, target_name: str, account_id: str | None) -> str:
        """The ARN of `name` or `name:qualifier`."""
        account = account_id or self._account_id
        name, _, qualifier = target_name.partition(":")
        return str(FunctionArn(self._region, account, name, qualifier or None))

    # ------------------------------------------------------------------------- executions

    def delete(self, arn: str) -> float:
        """DeleteDurableExecution; see `Engine.delete_execution`."""
        with self._driver.command() as (engine, now):
            return engine.delete_execution(arn, now)

    def describe(self, arn: str, include_execution_data: bool) -> dict[str, Any]:
        """GetDurableExecution; see `Engine.get_execution`."""
        with self._driver.query() as engine:
            return engine.get_execution(arn, include_execution_data)

    def history_page(self, arn: str, **request: Any) -> dict[str, Any]:
        """GetDurableExecutionHistory; see `Engine.get_history`."""
        with self._driver.query() as engine:
            return engine.get_history(arn, **request)

    def list_executions(self, function_name: str | None, **request: Any) -> dict[str, Any]:
        """ListDurableExecutionsByFunction; see `Engine.list_executions`."""
        with self._driver.query() as engine:
            return engine.list_executions(function_name, **request)

    def statuses(self) -> Iterator[str]:
        """The status of every execution."""
        marker: str | None = None
        while True:
            page = self.list_executions(None, marker=marker, max_items=MAX_PAGE_ITEMS)
            for execution in page["DurableExecutions"]:
                yield execution["Status"]
            marker = page.get("NextMarker")
            if not marker:
                return

    # ---------------------------------------------------------------------------- waiting

    async def ended(self, arn: str) -> None:
        """Return when the execution has ended; raises as `wait_until_ended`."""
        future = asyncio.get_running_loop().create_future()
        with self._driver.lock:
            if self._has_ended(arn):
                return
            self._waiting[future] = arn
            if self._watcher is None:
                self._watcher = EngineThread(target=self._watch, name="durable-ended", daemon=True)
                self._watcher.start()
        try:
            await future
        finally:
            with self._driver.lock:
                self._waiting.pop(future, None)

    async def changed_after(self, seen: int) -> int:
        """How many changes there have been, once they are more than `seen`.

        A change is whatever a command may have done, what `note_change` says, and the end.
        """
        with self._driver.lock:
            if self._changes > seen:
                return self._changes
            future = asyncio.get_running_loop().create_future()
            self._curious.add(future)
        try:
            await future
        finally:
            with self._driver.lock:
                self._curious.discard(future)
        return self._changes

    def note_change(self) -> None:
        """Say that something changed that no command has brought about."""
        with self._driver.lock:
            self._note_change()

    def _note_change(self) -> None:
        self._changes += 1
        curious, self._curious = self._curious, set()
        for future in curious:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                future.get_loop().call_soon_threadsafe(partial(_settle, future, None))

    def _watch(self) -> None:
        """Wake those who wait for executions that have ended, until nobody will any more."""
        with self._driver.ended:
            while not self._unwatched:
                for future, arn in list(self._waiting.items()):
                    self._wake_if_ended(future, arn)
                self._driver.ended.wait()

    def _wake_if_ended(self, future: asyncio.Future[None], arn: str) -> None:
        failure: Exception | None = None
        try:
            if not self._has_ended(arn):
                return
        except Exception as error:  # the service is closed, or the execution deleted
            failure = error
        del self._waiting[future]
        with contextlib.suppress(RuntimeError):  # its loop is closed
            future.get_loop().call_soon_threadsafe(partial(_settle, future, failure))

    def close(self) -> None:
        """Stop; whoever waits is told so. Idempotent."""
        super().close()
        with self._driver.ended:
            self._unwatched = True
            for future, arn in list(self._waiting.items()):
                self._wake_if_ended(future, arn)
            self._driver.ended.notify_all()
        if self._watcher is not None:
            self._watcher.join()


def _settle(future: asyncio.Future[None], failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)
