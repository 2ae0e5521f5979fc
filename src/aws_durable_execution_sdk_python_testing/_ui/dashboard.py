"""The page as an extension of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
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
from aws_durable_execution_sdk_python_testing._ui.static_files import StaticFiles


class ReloadedCode(Protocol):
    """Code that is loaded anew when it changes."""

    def describe(self) -> Mapping[str, Any]:
        """What the page shows of it."""
        ...


class Dashboard:
    """Serves the page, and what it needs beyond the API.

    Parameters:
        code: what functions run with, if that changes.
    """

    def __init__(self, code: ReloadedCode | None = None) -> None:
        self._code = code
        self._files = StaticFiles()

    def routes(self, service: DurableService, hosting: Hosting) -> Iterable[Route]:
        streams = LiveStreams(service, self._describe_code)
        details = _Details(service, hosting)
        return [
            ("GET", "/", self._files.page),
            ("GET", "/ui/files/{file}", self._files.file),
            ("GET", "/ui/functions", details.functions),
            ("GET", "/ui/live", streams.executions),
            ("GET", "/ui/live/{arn}", streams.execution),
            ("GET", "/ui/executions/{arn}/operations/{id}", details.operation),
            ("GET", "/ui/executions/{arn}/cost", details.cost),
            ("GET", "/ui/executions/{arn}/recording", details.recording),
            ("POST", "/ui/executions/{arn}/replay", details.replay),
        ]

    def _describe_code(self) -> Mapping[str, Any]:
        return {} if self._code is None else self._code.describe()


class _Details:
    """Answers what the API has no single request for."""

    def __init__(self, service: DurableService, hosting: Hosting) -> None:
        self._service = service
        self._hosting = hosting

    async def functions(self, request: web.Request) -> web.Response:
        functions = [
            {
                "Name": function.name,
                "Durable": function.durable is not None,
                "Replays": self._hosting.handler(function.name) is not None,
            }
            for function in self._hosting.functions
        ]
        return json_answer({"Functions": functions})

    async def operation(self, request: web.Request) -> web.Response:
        """The events of one operation, with their data."""
        wanted = request.match_info["id"]
        events = self._service.history(request.match_info["arn"])
        return json_answer({"Events": [event for event in events if event.get("Id") == wanted]})

    async def cost(self, request: web.Request) -> web.Response:
        """What the execution has used, and what that would cost on AWS."""
        arn = request.match_info["arn"]
        function = self._hosting.functions.find(FunctionArn.parse(function_part(arn)).name)
        memory = None if function is None else function.memory_size
        return json_answer(estimate(self._service.history(arn), memory or DEFAULT_MEMORY_MB))

    async def recording(self, request: web.Request) -> web.Response:
        """The file that `durable record` writes."""
        recording = self._record(request)
        name = execution_name(recording.arn or "")
        headers = {
            # Names have letters, digits, - and _ alone.
            "Content-Disposition": f'attachment; filename="{name}.json"',
            "X-Content-Type-Options": "nosniff",
        }
        return text_answer(recording.to_json(), headers=headers)

    async def replay(self, request: web.Request) -> web.Response:
        """What the code as it is now makes of the execution's history."""
        recording = self._record(request)
        handler = self._hosting.handler(recording.function_name or "")
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

    def _record(self, request: web.Request) -> Recording:
        arn = request.match_info["arn"]
        function_arn = self._service.describe(arn, False)["FunctionArn"]
        events = [_in_iso_8601(event) for event in self._service.history(arn)]
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
