"""The part of the API that the page uses, answered by way of a client of another service.

The page asks for the same paths wherever it comes from. What changes anything is only there if
it may.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from aws_durable_execution_sdk_python._core.api_paths import CALLBACKS, EXECUTIONS
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi
from aws_durable_execution_sdk_python_testing._server.app import Route
from aws_durable_execution_sdk_python_testing._server.request_reading import (
    Query,
    read_body,
    read_object,
)
from aws_durable_execution_sdk_python_testing._ui.remote_source import RemoteSource

_FILTERS = ("DurableExecutionName", "StartedAfter", "StartedBefore", "Marker")


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
        one = f"{EXECUTIONS}/{{arn}}"
        callback = f"{CALLBACKS}/{{id}}"
        reading: list[Route] = [
            ("GET", EXECUTIONS, self.executions),
            ("GET", one, self.execution),
            ("GET", f"{one}/logs", self.logs),
        ]
        if not self._source.writable:
            return reading
        return [
            *reading,
            ("POST", "/2015-03-31/functions/{name}/invocations", self.invoke),
            ("POST", f"{one}/stop", self.stop),
            ("POST", f"{one}/pause", self.pause),
            ("POST", f"{one}/resume", self.resume),
            ("DELETE", one, self.delete),
            ("POST", f"{callback}/succeed", self.succeed),
            ("POST", f"{callback}/fail", self.fail),
            ("POST", f"{callback}/heartbeat", self.heartbeat),
        ]

    async def executions(self, request: web.Request) -> web.Response:
        """A page of executions; of several functions, the newest of each."""
        query = Query(request)
        count = query.count("MaxItems")
        wanted: dict[str, Any] = {key: query.text(key) for key in _FILTERS}
        wanted["Statuses"] = query.texts("Statuses")
        wanted["MaxItems"] = count
        wanted = {key: value for key, value in wanted.items() if value}
        name = query.text("FunctionName")
        names: list[str | None] = [name] if name else list(self._source.names)
        if self._lists_all and name is None:
            names = [None]
        pages = [await self._page(name, wanted) for name in names]
        if len(pages) == 1:
            return json_answer(pages[0])
        found = (one for page in pages for one in page["DurableExecutions"])
        newest = heapq.nlargest(count, found, key=lambda one: float(one["StartTimestamp"]))
        return json_answer({"DurableExecutions": newest})

    async def _page(self, name: str | None, wanted: dict[str, Any]) -> dict[str, Any]:
        page = await self._source.call(lambda api: api.executions_page(name, **wanted))
        shown = {"DurableExecutions": page.get("DurableExecutions", [])}
        return {**shown, "NextMarker": page["NextMarker"]} if page.get("NextMarker") else shown

    async def execution(self, request: web.Request) -> web.Response:
        arn = request.match_info["arn"]
        answer = await self._source.call(lambda api: api.execution(arn))
        answer.pop("ResponseMetadata", None)
        return json_answer(answer)

    async def logs(self, request: web.Request) -> web.Response:
        """What a local service kept; those on AWS are for `durable logs`."""
        arn = request.match_info["arn"]
        if not self._lists_all:
            return json_answer({"Lines": []})
        return json_answer({"Lines": await self._source.call(lambda api: api.logs(arn))})

    # -------------------------------------------------------------------------- changing

    async def invoke(self, request: web.Request) -> web.Response:
        parameters = {
            "FunctionName": request.match_info["name"],
            "InvocationType": "Event",
            "Payload": await read_body(request),
            "Qualifier": Query(request).text("Qualifier"),
            "DurableExecutionName": request.headers.get("X-Amz-Durable-Execution-Name"),
        }
        given = {key: value for key, value in parameters.items() if value is not None}
        answer = await self._source.call(lambda api: api.client.invoke(**given))
        headers = {"X-Amz-Durable-Execution-Arn": answer.get("DurableExecutionArn", "")}
        return web.Response(status=202, headers=headers)

    async def stop(self, request: web.Request) -> web.Response:
        error = await read_object(request)
        return await self._change(request, "stop_durable_execution", **_given(Error=error))

    async def pause(self, request: web.Request) -> web.Response:
        return await self._change(request, "pause_durable_execution")

    async def resume(self, request: web.Request) -> web.Response:
        return await self._change(request, "resume_durable_execution")

    async def delete(self, request: web.Request) -> web.Response:
        return await self._change(request, "delete_durable_execution")

    async def succeed(self, request: web.Request) -> web.Response:
        result = await read_body(request)
        return await self._answer(request, "success", **_given(Result=result))

    async def fail(self, request: web.Request) -> web.Response:
        error = await read_object(request)
        return await self._answer(request, "failure", **_given(Error=error))

    async def heartbeat(self, request: web.Request) -> web.Response:
        return await self._answer(request, "heartbeat")

    async def _change(self, request: web.Request, method: str, **members: Any) -> web.Response:
        members["DurableExecutionArn"] = request.match_info["arn"]
        return await self._do(method, members)

    async def _answer(self, request: web.Request, how: str, **members: Any) -> web.Response:
        members["CallbackId"] = request.match_info["id"]
        return await self._do(f"send_durable_execution_callback_{how}", members)

    async def _do(self, method: str, members: dict[str, Any]) -> web.Response:
        def act(api: DurableApi) -> None:
            getattr(api.client, method)(**members)

        await self._source.call(act)
        return json_answer({})


def _given(**members: Any) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value}
