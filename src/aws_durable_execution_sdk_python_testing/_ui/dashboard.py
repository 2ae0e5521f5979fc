"""The page as an extension of the service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web

from aws_durable_execution_sdk_python._core.arns import FunctionArn, execution_name
from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer
from aws_durable_execution_sdk_python_testing._recordings import Recording, RecordingError, replay
from aws_durable_execution_sdk_python_testing._results.folding import event_time
from aws_durable_execution_sdk_python_testing._server.app import Route
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._ui.live_streams import LiveStreams
from aws_durable_execution_sdk_python_testing._ui.static_files import StaticFiles


class RunningCode(Protocol):
    """The code that a service runs its functions with."""

    def describe(self) -> Mapping[str, Any]:
        """What the page shows of it; nothing if it does not change."""
        ...

    def handler(self, function_name: str) -> Handler | None:
        """The durable handler of a function as it is now, if it can be called here."""
        ...


class Dashboard:
    """Serves the page, and what it needs beyond the API.

    Parameters:
        code: what functions run with; None if it is not known here.
    """

    def __init__(self, code: RunningCode | None = None) -> None:
        self._code = code
        self._files = StaticFiles()

    def routes(self, service: DurableService, hosting: Hosting) -> Iterable[Route]:
        streams = LiveStreams(service, self._describe_code)
        details = _Details(service, hosting, self._code)
        return [
            ("GET", "/", self._files.page),
            ("GET", "/ui/files/{file}", self._files.file),
            ("GET", "/ui/functions", details.functions),
            ("GET", "/ui/live", streams.executions),
            ("GET", "/ui/live/{arn}", streams.execution),
            ("GET", "/ui/executions/{arn}/operations/{id}", details.operation),
            ("GET", "/ui/executions/{arn}/recording", details.recording),
            ("POST", "/ui/executions/{arn}/replay", details.replay),
        ]

    def _describe_code(self) -> Mapping[str, Any]:
        return {} if self._code is None else self._code.describe()


class _Details:
    """Answers what the API has no single request for."""

    def __init__(
        self, service: DurableService, hosting: Hosting, code: RunningCode | None
    ) -> None:
        self._service = service
        self._hosting = hosting
        self._code = code

    async def functions(self, request: web.Request) -> web.Response:
        functions = [
            {"Name": function.name, "Durable": function.durable is not None}
            for function in self._hosting.functions
        ]
        return json_answer({"Functions": functions, "Replays": self._code is not None})

    async def operation(self, request: web.Request) -> web.Response:
        """The events of one operation, with their data."""
        wanted = request.match_info["id"]
        events = self._service.history(request.match_info["arn"])
        return json_answer({"Events": [event for event in events if event.get("Id") == wanted]})

    async def recording(self, request: web.Request) -> web.Response:
        """The file that `durable record` writes."""
        recording = self._record(request)
        name = execution_name(recording.arn or "")
        return web.Response(
            text=recording.to_json(),
            content_type="application/json",
            headers={
                # Names have letters, digits, - and _ alone.
                "Content-Disposition": f'attachment; filename="{name}.json"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def replay(self, request: web.Request) -> web.Response:
        """What the code as it is now makes of the execution's history."""
        recording = self._record(request)
        name = recording.function_name or ""
        handler = None if self._code is None else self._code.handler(name)
        if handler is None:
            raise ResourceNotFoundError(f"The code of {name} is not known here.")
        try:
            report = await asyncio.to_thread(replay, handler, recording)
        except RecordingError as error:
            raise InvalidParameterValueError(str(error)) from error
        return json_answer(report.to_dict())

    def _record(self, request: web.Request) -> Recording:
        arn = request.match_info["arn"]
        function_arn = self._service.describe(arn, False)["FunctionArn"]
        events = [_in_iso_8601(event) for event in self._service.history(arn)]
        return Recording(events, arn, str(FunctionArn.parse(function_arn)))


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
