"""The part of the API that the page uses, answered by way of a client of another service.

The page asks for the same paths wherever it comes from. What changes anything is only there if
it may.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from aws_durable_execution_sdk_python._core.api_paths import CALLBACKS, EXECUTIONS
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer
from aws_durable_execution_sdk_python_testing._server.app import Route
from aws_durable_execution_sdk_python_testing._server.request_reading import read_request
from aws_durable_execution_sdk_python_testing._ui.remote_source import RemoteSource

_ONE = f"{EXECUTIONS}/{{DurableExecutionArn}}"
_CALLBACK = f"{CALLBACKS}/{{CallbackId}}"
# What changes an execution, and needs no more than to be passed on: method, path, the operation,
# and boto3's name for it.
_CHANGES = (
    ("POST", f"{_ONE}/stop", "StopDurableExecution", "stop_durable_execution"),
    ("POST", f"{_ONE}/pause", "PauseDurableExecution", "pause_durable_execution"),
    ("POST", f"{_ONE}/resume", "ResumeDurableExecution", "resume_durable_execution"),
    ("DELETE", _ONE, "DeleteDurableExecution", "delete_durable_execution"),
    *(
        (
            "POST",
            f"{_CALLBACK}/{verb}",
            f"SendDurableExecutionCallback{how}",
            f"send_durable_execution_callback_{how.lower()}",
        )
        for verb, how in (("succeed", "Success"), ("fail", "Failure"), ("heartbeat", "Heartbeat"))
    ),
)


class RemoteRoutes:
    """Answers the page's requests by asking another service.

    Parameters:
        source: asks it.
        lists_all: whether it lists the executions of all functions at once, as local ones do.
    """

    def __init__(self, source: RemoteSource, *, lists_all: bool) -> None:
        self._source = source
        self._lists_all = lists_all

    def routes(self) -> Iterable[Route]:
        reading: list[Route] = [
            ("GET", EXECUTIONS, self.executions),
            ("GET", _ONE, self.execution),
            ("GET", f"{_ONE}/logs", self.logs),
        ]
        if not self._source.writable:
            return reading
        return [
            *reading,
            ("POST", "/2015-03-31/functions/{FunctionName}/invocations", self.invoke),
            *(
                (method, path, self._passed_on(operation, call))
                for method, path, operation, call in _CHANGES
            ),
        ]

    async def executions(self, request: web.Request) -> web.Response:
        """A page of executions; of several functions, the newest of each."""
        wanted = await read_request(request, "ListDurableExecutionsByFunction")
        name = request.query.get("FunctionName")
        names: list[str | None] = [name] if name else list(self._source.names)
        if self._lists_all and not name:
            names = [None]
        pages = [await self._page(name, wanted) for name in names]
        if len(pages) == 1:
            return json_answer(pages[0])
        found = [one for page in pages for one in page["DurableExecutions"]]
        count = wanted.get("MaxItems") or len(found)
        newest = heapq.nlargest(count, found, key=lambda one: float(one["StartTimestamp"]))
        return json_answer({"DurableExecutions": newest})

    async def _page(self, name: str | None, wanted: dict[str, Any]) -> dict[str, Any]:
        page = await self._source.call(lambda api: api.executions_page(name, **wanted))
        shown = {"DurableExecutions": page.get("DurableExecutions", [])}
        return {**shown, "NextMarker": page["NextMarker"]} if page.get("NextMarker") else shown

    async def execution(self, request: web.Request) -> web.Response:
        arn = request.match_info["DurableExecutionArn"]
        return json_answer(await self._source.call(lambda api: api.execution(arn)))

    async def logs(self, request: web.Request) -> web.Response:
        """What a local service kept; those on AWS are for `durable logs`."""
        arn = request.match_info["DurableExecutionArn"]
        if not self._lists_all:
            return json_answer({"Lines": []})
        return json_answer({"Lines": await self._source.call(lambda api: api.logs(arn))})

    async def invoke(self, request: web.Request) -> web.Response:
        """Start an execution, without waiting for its end."""
        asked = {**await read_request(request, "Invoke"), "InvocationType": "Event"}
        answer = await self._source.call(lambda api: api.client.invoke(**asked))
        headers = {"X-Amz-Durable-Execution-Arn": answer.get("DurableExecutionArn", "")}
        return web.Response(status=202, headers=headers)

    def _passed_on(self, operation: str, call: str) -> Handler:
        async def pass_on(request: web.Request) -> web.StreamResponse:
            members = await read_request(request, operation)
            await self._source.call(lambda api: getattr(api.client, call)(**members))
            return json_answer({})

        return pass_on
