"""Serves an application, and answers what is no HTTP request in the shape of all other errors.

aiohttp answers what it cannot parse by itself, before any middleware, with a text that quotes the
request, and logs it whole. A request that is broken in one place may hold a token or a payload in
another, so of such a one nothing is shown or logged but what kind of fault it has.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    ServiceError,
)
from aws_durable_execution_sdk_python_testing._http.http_answers import error_answer, identified

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.server.requests")


class _RequestHandler(web.RequestHandler):
    """Speaks HTTP on one connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        self.log_exception(exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        error: ServiceError = InvalidParameterValueError("The request cannot be read.")
        if status >= 500:
            error = ServiceError("The local service failed; its log says where.")
        answer = identified(error_answer(error))
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        error = kw.get("exc_info")
        kind = type(error).__name__ if isinstance(error, BaseException) else "unknown"
        _log.warning("a request could not be read or answered: %s", kind)


class HttpListener:
    """Serves an application at one socket, until closed.

    Parameters:
        app: the application.
        shutdown_timeout: seconds for requests in flight to be answered on `close`.
        handler_cancellation: whether a request is dropped with its connection.
        options: of aiohttp's `RequestHandler`.
    """

    def __init__(
        self,
        app: web.Application,
        shutdown_timeout: float,
        *,
        handler_cancellation: bool = False,
        **options: Any,
    ) -> None:
        self._runner = web.AppRunner(
            app, shutdown_timeout=shutdown_timeout, handler_cancellation=handler_cancellation
        )
        self._options = options
        self._server: asyncio.Server | None = None

    async def open(self, listener: socket.socket) -> None:
        """Serve at a socket that listens."""
        await self._runner.setup()
        manager = self._runner.server
        assert manager is not None
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"access_log": None, **self._options}
        self._server = await loop.create_server(
            lambda: _RequestHandler(manager, loop=loop, **options),
            sock=listener,
        )

    async def close(self) -> None:
        """Stop listening, and cut all connections."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
