"""Routes of executions and callbacks: the operations of Lambda's durable API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from aws_durable_execution_sdk_python_testing._engine.api_model import check_members
from aws_durable_execution_sdk_python_testing._faults.http_faults import HttpCalls
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer
from aws_durable_execution_sdk_python_testing._server.api_rates import ApiRates
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._server.request_reading import (
    checked_request,
    read_request,
)

_LIST = "ListDurableExecutionsByFunction"


class ExecutionRoutes:
    """Reads requests about executions, and answers them from the service.

    Parameters:
        service: where executions run.
        hosting: knows what functions wrote.
        rates: how often each may be called.
    """

    def __init__(self, service: DurableService, hosting: Hosting, rates: ApiRates) -> None:
        self._service = service
        self._rates = rates
        self._hosting = hosting
        self._calls = HttpCalls(service, service.faults)

    async def checkpoint(self, request: web.Request) -> web.Response:
        self._rates.take("CheckpointDurableExecution")
        body = await read_request(request, "CheckpointDurableExecution")
        arn = body.pop("DurableExecutionArn")
        return json_answer(await self._calls.checkpoint(arn, body))

    async def state(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "GetDurableExecutionState")
        return json_answer(
            await self._calls.get_state(
                asked["DurableExecutionArn"],
                asked["CheckpointToken"],
                asked.get("Marker", ""),
                asked.get("MaxItems", 0),
            )
        )

    async def describe(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "GetDurableExecution")
        include = asked.get("IncludeExecutionData", True)
        return json_answer(self._service.describe(asked["DurableExecutionArn"], include))

    async def history(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "GetDurableExecutionHistory")
        return json_answer(
            self._service.history_page(
                asked["DurableExecutionArn"],
                include_execution_data=asked.get("IncludeExecutionData", True),
                marker=asked.get("Marker"),
                max_items=asked.get("MaxItems", 0),
                reverse_order=asked.get("ReverseOrder", False),
            )
        )

    async def logs(self, request: web.Request) -> web.Response:
        """What functions wrote for an execution. AWS has no such call: its logs are elsewhere."""
        asked = await checked_request(request, "GetDurableExecution")
        arn = asked["DurableExecutionArn"]
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
        asked = await self._asked(request, "StopDurableExecution")
        stopped = self._service.stop(asked["DurableExecutionArn"], asked.get("Error"))
        return json_answer({"StopTimestamp": stopped})

    async def pause(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "PauseDurableExecution")
        timeout_paused = asked.get("ExecutionTimeoutPaused")
        self._service.pause(
            asked["DurableExecutionArn"],
            reason=asked.get("Reason"),
            execution_timeout_paused=True if timeout_paused is None else timeout_paused,
            client_token=asked.get("ClientToken"),
        )
        return json_answer({}, 202)

    async def resume(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "ResumeDurableExecution")
        self._service.resume(
            asked["DurableExecutionArn"],
            reason=asked.get("Reason"),
            client_token=asked.get("ClientToken"),
        )
        return json_answer({}, 202)

    async def delete(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "DeleteDurableExecution")
        requested = self._service.delete(asked["DurableExecutionArn"])
        return json_answer({"DeletionRequestTimestamp": requested}, 202)

    async def list_of_function(self, request: web.Request) -> web.Response:
        return json_answer(self._list(await self._asked(request, _LIST)))

    async def list_all(self, request: web.Request) -> web.Response:
        """The executions of all functions, or of one named in the query."""
        function_name = request.query.get("FunctionName")
        asked = {**await read_request(request, _LIST), "FunctionName": function_name}
        check_members(_LIST, asked)
        return json_answer(self._list(asked))

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._service.list_executions(
            asked["FunctionName"],
            qualifier=asked.get("Qualifier"),
            execution_name=asked.get("DurableExecutionName"),
            statuses=asked.get("Statuses", ()),
            started_after=asked.get("StartedAfter"),
            started_before=asked.get("StartedBefore"),
            reverse_order=asked.get("ReverseOrder", False),
            marker=asked.get("Marker"),
            max_items=asked.get("MaxItems", 0),
        )

    async def callback_succeed(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "SendDurableExecutionCallbackSuccess")
        self._service.callback_succeed(asked["CallbackId"], asked.get("Result"))
        return json_answer({})

    async def callback_fail(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "SendDurableExecutionCallbackFailure")
        self._service.callback_fail(asked["CallbackId"], asked.get("Error"))
        return json_answer({})

    async def callback_heartbeat(self, request: web.Request) -> web.Response:
        asked = await self._asked(request, "SendDurableExecutionCallbackHeartbeat")
        self._service.callback_heartbeat(asked["CallbackId"])
        return json_answer({})

    async def _asked(self, request: web.Request, operation: str) -> dict[str, Any]:
        """The members of a request, if it may come now and is one."""
        self._rates.take(operation)
        return await checked_request(request, operation)
