"""What changes, as server-sent events.

A stream says what there is, waits for a change, and pauses before it says more, so that a busy
service sends a page a few messages a second however much happens. The id of a message about an
execution is the last event's: a browser that reconnects sends it back, and goes on from there.
Events come without execution data, which the page asks for when somebody looks at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from aws_durable_execution_sdk_python._core.model import TERMINAL
from aws_durable_execution_sdk_python_testing._engine import ResourceNotFoundError, ServiceError
from aws_durable_execution_sdk_python_testing._http.http_answers import identified
from aws_durable_execution_sdk_python_testing._ui.sources import ExecutionSource
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores import StoreError

# Seconds between two messages at least, and at most: a connection that nobody reads is found then.
_PAUSE_SECONDS = 0.2
_SILENCE_SECONDS = 15.0
# Events of one message: a long history comes in parts, each shown as it comes.
_EVENTS_AT_ONCE = 2000

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


# A comment: it keeps the connection, and finds one that nobody reads any more.
_STILL_THERE = b": \n\n"


class LiveStreams:
    """Follows executions for pages.

    Parameters:
        source: what to follow.
        code: the state of the code that runs, which every stream tells when it has changed.
    """

    def __init__(self, source: ExecutionSource, code: Callable[[], Mapping[str, Any]]) -> None:
        self._source = source
        self._code = code

    async def executions(self, request: web.Request) -> web.StreamResponse:
        """Says that something has changed somewhere; the page reads its list anew."""
        return await _send(request, self._changes())

    async def execution(self, request: web.Request) -> web.StreamResponse:
        """The events of one execution as they come, until it has ended."""
        arn = request.match_info["arn"]
        await self._source.execution(arn)  # one that does not exist is answered as such
        last = request.headers.get("Last-Event-ID", "")
        return await _send(request, self._progress(arn, int(last) if last.isdecimal() else 0))

    async def _changes(self) -> AsyncIterator[bytes]:
        changes = self._source.changes()
        code = None
        while True:
            if code != (code := self._code()):
                yield _message("code", code)
            yield _message("changed", {"Now": self._source.now()})
            await asyncio.sleep(_PAUSE_SECONDS)
            while not await changes.come(_SILENCE_SECONDS):
                yield _STILL_THERE

    async def _progress(self, arn: str, last: int) -> AsyncIterator[bytes]:
        changes = self._source.changes()
        status = code = None
        while True:
            if code != (code := self._code()):
                yield _message("code", code)
            try:
                execution = await self._source.execution(arn)
                events = await self._source.events_after(arn, last)
            except ResourceNotFoundError:
                yield _message("gone", {})
                return
            facts = {"Now": self._source.now(), "Execution": execution}
            for start in range(0, len(events), _EVENTS_AT_ONCE):
                part = events[start : start + _EVENTS_AT_ONCE]
                last = part[-1]["EventId"]
                yield _message("progress", {**facts, "Events": part}, last)
            if not events and execution["Status"] != status:
                yield _message("progress", {**facts, "Events": []})
            status = execution["Status"]
            if status in TERMINAL:
                yield _message("ended", {})
                return
            await asyncio.sleep(_PAUSE_SECONDS)
            while not await changes.come(_SILENCE_SECONDS):
                yield _STILL_THERE


def _message(kind: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    text = json.dumps(data, allow_nan=False)
    lines = [f"event: {kind}", f"data: {text}", "", ""]
    if number is not None:
        lines.insert(0, f"id: {number}")
    return "\n".join(lines).encode()


async def _send(request: web.Request, messages: AsyncIterator[bytes]) -> web.StreamResponse:
    response = identified(web.StreamResponse(headers=_HEADERS))
    await response.prepare(request)
    # The page or the service is gone, or another service does not answer: a page that is still
    # there asks again, and is told then.
    with contextlib.suppress(
        ConnectionError, DurableFunctionsLocalRunnerError, ServiceError, StoreError
    ):
        async for message in messages:
            await response.write(message)
    return response
