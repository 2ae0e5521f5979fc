"""The Lambda Runtime API for one runtime process: where it asks for events and answers them.

One port per process tells the processes apart: the address the runtime is given has no room for
a path.
"""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult
from aws_durable_execution_sdk_python_testing._http.http_answers import answer_errors
from aws_durable_execution_sdk_python_testing._http.http_listener import HttpListener
from aws_durable_execution_sdk_python_testing._http.page_guard import keep_web_pages_out
from aws_durable_execution_sdk_python_testing._sandbox import runtime_errors

_HOST = "127.0.0.1"
_VERSION = "/2018-06-01/runtime"
# Connections end with the process they lead to; this is for one that a stranger holds.
_SHUTDOWN_SECONDS = 1.0
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeEvent:
    """What one invocation hands to a function.

    Attributes:
        request_id: of this invocation.
        function_arn: ARN of the function, with its qualifier.
        execution_arn: the execution it is for.
        payload: JSON text.
        tenant_id: whom it works for, if anybody.
        trace_header: the X-Ray header; None takes a fresh one.
        client_context: the caller's client context, JSON text.
    """

    request_id: str
    function_arn: str
    execution_arn: str
    payload: str
    tenant_id: str | None = None
    trace_header: str | None = None
    client_context: str | None = None


@dataclass(slots=True)
class Turn:
    """One event's way through a runtime.

    Attributes:
        event: what the runtime gets.
        timeout: seconds it may take from then on.
        delivered: set when the runtime has the event, or is gone.
        over: set when the runtime asks for the next event, or is gone.
        answer: what the function answered, if it did.
    """

    event: RuntimeEvent
    timeout: float
    delivered: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answer: FunctionResult | None = None


class RuntimeApi:
    """Serves one runtime, which gets one event at a time.

    Parameters:
        at_rest: called when the runtime asks for an event, and so has done with the last one.
    """

    def __init__(self, at_rest: Callable[[], None]) -> None:
        self._at_rest = at_rest
        self._offers: asyncio.Queue[Turn] = asyncio.Queue()
        # The runtime has the event of this turn, and has not asked for another one.
        self._turn: Turn | None = None
        self._http = HttpListener(
            self._application(),
            _SHUTDOWN_SECONDS,
            # A runtime that has died must not be given the next event.
            handler_cancellation=True,
        )

    async def open(self) -> str:
        """Listen; returns host and port, as `AWS_LAMBDA_RUNTIME_API` has them."""
        listener = socket.create_server((_HOST, 0))
        await self._http.open(listener)
        return f"{_HOST}:{listener.getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and cut all connections."""
        await self._http.close()

    def offer(self, turn: Turn) -> None:
        """Give the runtime an event, when it asks for one. The last turn must be over."""
        self._offers.put_nowait(turn)

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[answer_errors, keep_web_pages_out()],
            client_max_size=runtime_errors.LARGEST_RESPONSE,
        )
        application.add_routes(
            [
                web.get(f"{_VERSION}/invocation/next", self._next),
                web.post(_VERSION + "/invocation/{request_id}/response", self._response),
                web.post(_VERSION + "/invocation/{request_id}/error", self._error),
                web.post(f"{_VERSION}/init/error", self._init_error),
            ]
        )
        return application

    async def _next(self, request: web.Request) -> web.Response:
        last = self._turn
        if last is not None:
            if last.answer is None:
                return _refusal(403, "InvalidStateTransition", "The last event is not answered.")
            self._at_rest()
            self._turn = None
            last.over.set()
        turn = self._turn = await self._offers.get()
        turn.delivered.set()
        # The runtime decodes JSON only if the type has no parameter. A lone surrogate is legal in
        # JSON's escapes and may have come in that way.
        body = turn.event.payload.encode("utf-8", "surrogatepass")
        return web.Response(body=body, headers=_headers(turn), content_type="application/json")

    async def _response(self, request: web.Request) -> web.Response:
        turn = self._turn_of(request)
        if turn is None:
            return _unknown_request()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            turn.answer = runtime_errors.too_large()
            return _refusal(413, "RequestEntityTooLarge", "The response is too large.")
        turn.answer = FunctionResult(body.decode(errors="replace"))
        return _accepted()

    async def _error(self, request: web.Request) -> web.Response:
        turn = self._turn_of(request)
        if turn is None:
            return _unknown_request()
        turn.answer = runtime_errors.reported(
            await request.read(), request.headers.get(_ERROR_TYPE)
        )
        return _accepted()

    async def _init_error(self, request: web.Request) -> web.Response:
        if self._turn is not None or self._offers.empty():
            return _refusal(403, "InvalidStateTransition", "The function is initialised.")
        turn = await self._offers.get()
        turn.answer = runtime_errors.reported(
            await request.read(), request.headers.get(_ERROR_TYPE)
        )
        return _accepted()

    def _turn_of(self, request: web.Request) -> Turn | None:
        """The turn a request answers; None if it is another one's, or answered already."""
        turn = self._turn
        if turn is None or turn.answer is not None:
            return None
        return turn if turn.event.request_id == request.match_info["request_id"] else None


def _headers(turn: Turn) -> dict[str, str]:
    event, deadline = turn.event, time.time() + turn.timeout
    headers = {
        "Lambda-Runtime-Aws-Request-Id": event.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
        "Lambda-Runtime-Trace-Id": event.trace_header or _new_trace(),
    }
    if event.tenant_id is not None:
        headers["Lambda-Runtime-Aws-Tenant-Id"] = event.tenant_id
    if event.client_context is not None:
        headers["Lambda-Runtime-Client-Context"] = event.client_context
    return headers


def _new_trace() -> str:
    """The header of a trace that is not recorded."""
    unique = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[:16]};Sampled=0"


def _accepted() -> web.Response:
    return web.json_response({"status": "OK"}, status=202)


def _unknown_request() -> web.Response:
    return _refusal(400, "InvalidRequestID", "Invalid request ID")


def _refusal(status: int, error_type: str, message: str) -> web.Response:
    return web.json_response({"errorType": error_type, "errorMessage": message}, status=status)
