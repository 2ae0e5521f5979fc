"""A Lambda-compatible endpoint: what SAM local or the RIE would be."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web


class FunctionFailed(Exception):
    """Raised by a function of the fake: its runtime reports `report`."""

    def __init__(self, report: Any) -> None:
        super().__init__(report)
        self.report = report


@dataclass(frozen=True)
class Call:
    """One Invoke the endpoint has received."""

    function: str
    query: dict[str, str]
    headers: Mapping[str, str]
    event: Any


class LambdaFake:
    """Runs functions on threads, as many at once as are called.

    Attributes:
        url: the endpoint.
        functions: by name; they get the event and answer with a JSON value, or raise
            `FunctionFailed`, or an aiohttp error to answer with that.
        calls: every call, oldest first.
    """

    def __init__(self, **functions: Callable[[Any], Any]) -> None:
        self.functions = functions
        self.calls: list[Call] = []
        self.url = ""
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = web.Application()
        app.router.add_post("/2015-03-31/functions/{name}/invocations", self._invoke)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _invoke(self, request: web.Request) -> web.Response:
        name, event = request.match_info["name"], await request.json()
        self.calls.append(Call(name, dict(request.query), request.headers.copy(), event))
        if name not in self.functions:
            raise web.HTTPNotFound(text='{"Type": "User", "Message": "Function not found"}')
        try:
            answer = await asyncio.to_thread(self.functions[name], event)
        except FunctionFailed as error:
            headers = {"X-Amz-Function-Error": "Unhandled"}
            text = error.report if isinstance(error.report, str) else json.dumps(error.report)
            return web.Response(text=text, headers=headers)
        return web.Response(text=json.dumps(answer))
