"""The page in front of a service that is reached by its API."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from aiohttp import web

from aws_durable_execution_sdk_python_testing._http.http_answers import (
    answer_errors,
    refuse_route,
)
from aws_durable_execution_sdk_python_testing._http.http_listener import HttpListener
from aws_durable_execution_sdk_python_testing._http.page_guard import keep_web_pages_out
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi
from aws_durable_execution_sdk_python_testing._server.server_settings import MAX_REQUEST_BYTES
from aws_durable_execution_sdk_python_testing._ui.dashboard import page_routes
from aws_durable_execution_sdk_python_testing._ui.remote_routes import RemoteRoutes
from aws_durable_execution_sdk_python_testing._ui.remote_source import RemoteSource

_SHUTDOWN_SECONDS = 0.2


def make_remote_app(
    api: DurableApi, functions: Sequence[str], *, lists_all: bool, writable: bool
) -> web.Application:
    """The application that serves the page of another service.

    Parameters:
        api: reaches the service.
        functions: the functions whose executions are shown, where it lists them by function.
        lists_all: whether it lists the executions of all functions at once.
        writable: whether executions may be changed by way of the page.
    """
    app = web.Application(
        middlewares=[answer_errors, keep_web_pages_out()], client_max_size=MAX_REQUEST_BYTES
    )
    source = RemoteSource(api, functions, writable=writable)
    table = [
        *page_routes(source),
        *RemoteRoutes(source, lists_all=lists_all).routes(),
        ("*", "/{unknown:(?s:.*)}", refuse_route),
    ]
    for method, path, handler in table:
        app.router.add_route(method, path, handler)
    return app


def serve_remote_page(app: web.Application, port: int, ready: Callable[[str], None]) -> None:
    """Serve the application on this machine until interrupted.

    Parameters:
        app: what to serve.
        port: 0 takes a free one.
        ready: called with the URL once requests are answered.
    """

    async def serve() -> None:
        http = HttpListener(app, _SHUTDOWN_SECONDS, handler_cancellation=True)
        with socket.create_server(("127.0.0.1", port)) as listener:
            await http.open(listener)
            ready(f"http://127.0.0.1:{listener.getsockname()[1]}")
            try:
                await asyncio.Event().wait()
            finally:
                await http.close()

    asyncio.run(serve())
