"""Where the page's executions are: the service of this process, or one that is reached by its API.

Times are epoch seconds, as in the API's JSON.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._functions.source_lines import SourceLine
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting


class Changes(Protocol):
    """Waits for changes, for one reader."""

    async def come(self, seconds: float) -> bool:
        """Whether something may have changed; False if nothing has for so many seconds.

        Raises:
            DurableFunctionsLocalRunnerError: the service is closed.
        """
        ...


class ExecutionSource(Protocol):
    """Answers about executions. One that does not exist raises ResourceNotFoundError.

    Attributes:
        writable: whether executions may be started, answered and stopped by way of the page.
    """

    writable: bool

    def now(self) -> float:
        """The service's time."""
        ...

    def changes(self) -> Changes:
        """Waits for what happens from now on."""
        ...

    async def execution(self, arn: str) -> dict[str, Any]:
        """GetDurableExecution, without execution data."""
        ...

    async def history(self, arn: str) -> list[dict[str, Any]]:
        """Every event, with execution data, oldest first."""
        ...

    async def events_after(self, arn: str, event_id: int) -> list[dict[str, Any]]:
        """The events with higher ids, without execution data, oldest first."""
        ...

    async def functions(self) -> list[dict[str, Any]]:
        """The functions that are known: `Name`, whether `Durable`, and whether one `Replays`."""
        ...

    def handler(self, function_name: str) -> Handler | None:
        """The handler of a function as it is now, if it is loaded in this process."""
        ...

    def line(self, arn: str, operation_id: str) -> SourceLine | None:
        """The line of code that asked for an operation last, if it ran in this process."""
        ...

    def memory(self, function_name: str) -> int | None:
        """The memory that a function is declared with, in MB."""
        ...


class LocalSource:
    """The service of this process."""

    writable = True

    def __init__(self, service: DurableService, hosting: Hosting) -> None:
        self._service = service
        self._hosting = hosting
        self.handler = hosting.handler

    def now(self) -> float:
        return self._service.clock.now()

    def changes(self) -> Changes:
        return _LocalChanges(self._service)

    async def execution(self, arn: str) -> dict[str, Any]:
        return self._service.describe(arn, False)

    async def history(self, arn: str) -> list[dict[str, Any]]:
        return self._service.history(arn)

    async def events_after(self, arn: str, event_id: int) -> list[dict[str, Any]]:
        return self._service.events_after(arn, event_id, include_execution_data=False)

    async def functions(self) -> list[dict[str, Any]]:
        return [
            {
                "Name": function.name,
                "Durable": function.durable is not None,
                "Replays": self.handler(function.name) is not None,
            }
            for function in self._hosting.functions
        ]

    def line(self, arn: str, operation_id: str) -> SourceLine | None:
        return self._hosting.source(arn, operation_id)

    def memory(self, function_name: str) -> int | None:
        function = self._hosting.functions.find(function_name)
        return None if function is None else function.memory_size


class _LocalChanges:
    def __init__(self, service: DurableService) -> None:
        self._service = service
        self._seen = 0

    async def come(self, seconds: float) -> bool:
        try:
            coming = self._service.changed_after(self._seen)
            self._seen = await asyncio.wait_for(coming, seconds)
        except TimeoutError:
            return False
        self._service.check_open()
        return True
