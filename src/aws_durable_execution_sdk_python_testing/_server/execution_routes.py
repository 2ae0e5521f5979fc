"""Routes of executions and callbacks: the operations of Lambda's durable API."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from aws_durable_execution_sdk_python._core.arns import is_valid_execution_arn
from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing._faults.http_faults import HttpCalls
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._server.request_reading import (
    Query,
    member,
    read_body,
    read_object,
)


class ExecutionRoutes:
    """Reads requests about executions, and answers them from the service.

    Parameters:
        service: where executions run.
        hosting: knows what functions wrote.
    """

    def __init__(self, service: DurableService, hosting: Hosting) -> None:
        self._service = service
        self._hosting = hosting
        self._calls = HttpCalls(service, service.faults)

    async def checkpoint(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        member(body, "CheckpointToken", str)
        member(body, "Updates", list)
        return json_answer(await self._calls.checkpoint(_arn(request), body))

    async def state(self, request: web.Request) -> web.Response:
        query = Query(request)
        return json_answer(
            await self._calls.get_state(
                _arn(request),
                query.text("CheckpointToken") or "",
                query.text("Marker") or "",
                query.count("MaxItems"),
            )
        )

    async def describe(self, request: web.Request) -> web.Response:
        include = Query(request).flag("IncludeExecutionData", True)
        return json_answer(self._service.describe(_arn(request), include))

    async def history(self, request: web.Request) -> web.Response:
        query = Query(request)
        return json_answer(
            self._service.history_page(
                _arn(request),
                include_execution_data=query.flag("IncludeExecutionData", True),
                marker=query.text("Marker"),
                max_items=query.count("MaxItems"),
                reverse_order=query.flag("ReverseOrder", False),
            )
        )

    async def logs(self, request: web.Request) -> web.Response:
        arn = _arn(request)
        self._service.describe(arn, False)  # one that does not exist has no logs
        lines = [
            {
                "Timestamp": line.timestamp,
                "FunctionName": line.function_name,
                "RequestId": line.request_id,
                "Text": line.text,
            }
            for line in self._hosting.lines(arn)
        ]
        return json_answer({"Lines": lines})

    async def stop(self, request: web.Request) -> web.Response:
        # The body is the error itself, not an object that holds it.
        error = await read_object(request)
        return json_answer({"StopTimestamp": self._service.stop(_arn(request), error or None)})

    async def pause(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        timeout_paused = member(body, "ExecutionTimeoutPaused", bool)
        self._service.pause(
            _arn(request),
            reason=member(body, "Reason", str),
            execution_timeout_paused=True if timeout_paused is None else timeout_paused,
            client_token=member(body, "ClientToken", str),
        )
        return json_answer({}, 202)

    async def resume(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        self._service.resume(
            _arn(request),
            reason=member(body, "Reason", str),
            client_token=member(body, "ClientToken", str),
        )
        return json_answer({}, 202)

    async def delete(self, request: web.Request) -> web.Response:
        requested = self._service.delete(_arn(request))
        return json_answer({"DeletionRequestTimestamp": requested}, 202)

    async def list_of_function(self, request: web.Request) -> web.Response:
        return json_answer(self._list(request, request.match_info["name"]))

    async def list_all(self, request: web.Request) -> web.Response:
        return json_answer(self._list(request, Query(request).text("FunctionName")))

    def _list(self, request: web.Request, function_name: str | None) -> dict[str, Any]:
        query = Query(request)
        return self._service.list_executions(
            function_name,
            qualifier=query.text("Qualifier"),
            execution_name=query.text("DurableExecutionName"),
            statuses=query.texts("Statuses"),
            started_after=query.time("StartedAfter"),
            started_before=query.time("StartedBefore"),
            reverse_order=query.flag("ReverseOrder", False),
            marker=query.text("Marker"),
            max_items=query.count("MaxItems"),
        )

    async def callback_succeed(self, request: web.Request) -> web.Response:
        result = await read_body(request)
        self._service.callback_succeed(request.match_info["id"], result or None)
        return json_answer({})

    async def callback_fail(self, request: web.Request) -> web.Response:
        error = await read_object(request)
        self._service.callback_fail(request.match_info["id"], error or None)
        return json_answer({})

    async def callback_heartbeat(self, request: web.Request) -> web.Response:
        await read_body(request)
        self._service.callback_heartbeat(request.match_info["id"])
        return json_answer({})


def _arn(request: web.Request) -> str:
    arn = request.match_info["arn"]
    if not is_valid_execution_arn(arn):
        raise InvalidParameterValueError(f"Invalid durable execution ARN: {arn!r}")
    return arn
