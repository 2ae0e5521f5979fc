"""The page as an extension of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web

from aws_durable_execution_sdk_python._core.arns import (
    FunctionArn,
    execution_name,
    function_part,
)
from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing._http.http_answers import (
    json_answer,
    text_answer,
)
from aws_durable_execution_sdk_python_testing._recordings import Recording, RecordingError, replay
from aws_durable_execution_sdk_python_testing._results.folding import event_time
from aws_durable_execution_sdk_python_testing._server.app import Route
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._ui.costs import DEFAULT_MEMORY_MB, estimate
from aws_durable_execution_sdk_python_testing._ui.live_streams import LiveStreams
from aws_durable_execution_sdk_python_testing._ui.sources import ExecutionSource, LocalSource
from aws_durable_execution_sdk_python_testing._ui.static_files import StaticFiles


class WatchedCode(Protocol):
    """Code that is loaded anew when it changes."""

    def describe(self) -> Mapping[str, Any]:
        """What the page shows of it."""
        ...


class Dashboard:
    """Serves the page of a service in its process, and what it needs beyond the API.

    Parameters:
        code: what functions run with, if that changes.
    """

    def __init__(self, code: WatchedCode | None = None) -> None:
        self._code = code

    def routes(self, service: DurableService, hosting: Hosting) -> Iterable[Route]:
        return page_routes(LocalSource(service, hosting), self._describe_code)

    def _describe_code(self) -> Mapping[str, Any]:
        return {} if self._code is None else self._code.describe()


def page_routes(
    source: ExecutionSource, code: Callable[[], Mapping[str, Any]] = dict[str, Any]
) -> Iterable[Route]:
    """The page, and what it needs beyond the API.

    Parameters:
        source: the executions.
        code: the state of the code that runs, if that is loaded anew when it changes.
    """
    files = StaticFiles()
    streams = LiveStreams(source, code)
    details = _Details(source)
    return [
        ("GET", "/", files.page),
        ("GET", "/ui/files/{file}", files.file),
        ("GET", "/ui/functions", details.functions),
        ("GET", "/ui/live", streams.executions),
        ("GET", "/ui/live/{arn}", streams.execution),
        ("GET", "/ui/executions/{arn}/operations/{id}", details.operation),
        ("GET", "/ui/executions/{arn}/cost", details.cost),
        ("GET", "/ui/executions/{arn}/recording", details.recording),
        ("POST", "/ui/executions/{arn}/replay", details.replay),
    ]


class _Details:
    """Answers what the API has no single request for."""

    def __init__(self, source: ExecutionSource) -> None:
        self._source = source

    async def functions(self, request: web.Request) -> web.Response:
        functions = await self._source.functions()
        return json_answer({"Functions": functions, "Writable": self._source.writable})

    async def operation(self, request: web.Request) -> web.Response:
        """The events of one operation, with their data, and the line that asked for it."""
        arn, wanted = request.match_info["arn"], request.match_info["id"]
        line = self._source.line(arn, wanted)
        events = await self._source.history(arn)
        return json_answer(
            {
                "Events": [event for event in events if event.get("Id") == wanted],
                "Source": None if line is None else line.to_dict(),
            }
        )

    async def cost(self, request: web.Request) -> web.Response:
        """What the execution has used, and what that would cost on AWS."""
        arn = request.match_info["arn"]
        events = await self._source.history(arn)
        memory = self._source.memory(FunctionArn.parse(function_part(arn)).name)
        return json_answer(estimate(events, memory or DEFAULT_MEMORY_MB))

    async def recording(self, request: web.Request) -> web.Response:
        """The file that `durable record` writes."""
        recording = await self._record(request)
        name = execution_name(recording.arn or "")
        headers = {
            # Names have letters, digits, - and _ alone.
            "Content-Disposition": f'attachment; filename="{name}.json"',
            "X-Content-Type-Options": "nosniff",
        }
        return text_answer(recording.to_json(), headers=headers)

    async def replay(self, request: web.Request) -> web.Response:
        """What the code as it is now makes of the execution's history."""
        recording = await self._record(request)
        handler = self._source.handler(recording.function_name or "")
        if handler is None:
            raise ResourceNotFoundError(
                f"The code of {recording.function_name} is not loaded in this process."
            )
        try:
            report = await asyncio.to_thread(replay, handler, recording)
        except RecordingError as error:
            raise InvalidParameterValueError(str(error)) from error
        sources = {key: source.to_dict() for key, source in report.sources.items()}
        return json_answer({**report.to_dict(), "Sources": sources})

    async def _record(self, request: web.Request) -> Recording:
        arn = request.match_info["arn"]
        function_arn = (await self._source.execution(arn))["FunctionArn"]
        events = [_in_iso_8601(event) for event in await self._source.history(arn)]
        return Recording(events, arn, function_arn)


def _in_iso_8601(value: Any) -> Any:
    """Times as a recording has them; the engine gives epoch seconds."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: event_time(member).isoformat()
        if key.endswith("Timestamp") and isinstance(member, int | float)
        else _in_iso_8601(member)
        for key, member in value.items()
    }
