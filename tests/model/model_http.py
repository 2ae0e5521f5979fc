"""The way to the service over HTTP: one server for all runs, by which each calls its own service.

The routes, their errors and the cut connections are those of the testing SDK's server. What they
carry calls out on is the `Process` whose execution it is, as in process. The real clients call it:
the SDK's own, made from the environment, and one of boto3's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from aws_durable_execution_sdk_python._core.api_paths import EXECUTIONS
from aws_durable_execution_sdk_python._lambda.pool import close_idle_environments
from aws_durable_execution_sdk_python.exceptions import BotoClientError
from aws_durable_execution_sdk_python_testing._faults import NoAnswerError
from aws_durable_execution_sdk_python_testing._faults.http_faults import cut_unanswered
from aws_durable_execution_sdk_python_testing._http.http_answers import answer_errors
from aws_durable_execution_sdk_python_testing._server.api_rates import NoRates
from aws_durable_execution_sdk_python_testing._server.execution_routes import ExecutionRoutes

if TYPE_CHECKING:
    from model_process import Process

_MOST_BYTES = 10 * 1024 * 1024
_EXECUTION = f"{EXECUTIONS}/{{DurableExecutionArn}}"
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    # Each call is made once, so that a program's faults hit what they are meant to hit.
    "AWS_MAX_ATTEMPTS": "1",
    "NO_PROXY": "127.0.0.1",
}

_processes: dict[str, Process] = {}
_clients: list[Any] = []


def boto3_client() -> Any:
    """The client of boto3's that calls the server; all runs share it."""
    return _clients[0]


@contextlib.contextmanager
def calling(arn: str, process: Process) -> Iterator[None]:
    """While this process runs, calls for its execution are its."""
    _processes[arn] = process
    try:
        yield
    finally:
        del _processes[arn]


@contextlib.contextmanager
def serving() -> Iterator[None]:
    """Serve, and have all clients that are made meanwhile call this server."""
    server = _Server()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_DATA_PATH", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        # The client of an idle environment calls the server that was there when it was made.
        close_idle_environments()
        _clients.append(boto3.Session().client("lambda"))
        try:
            yield
        finally:
            close_idle_environments()
            _clients.pop().close()
            server.stop()


class _Calls:
    """The service as the routes know it: it hands each call to the process that makes it."""

    faults = None

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return _answered(lambda: _calling(arn).checkpoint(arn, body))

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        return _answered(lambda: _calling(arn).get_state(arn, checkpoint_token, marker, max_items))


def _calling(arn: str) -> Process:
    process = _processes.get(arn)
    if process is None:
        raise NoAnswerError("nobody who could call runs")
    return process


def _answered(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What became of a call; that of a process which died on the way gets no answer."""
    try:
        return call()
    except (SystemExit, BotoClientError) as error:
        raise NoAnswerError(str(error)) from error


@web.middleware
async def _late(request: web.Request, handler: Handler) -> web.StreamResponse:
    process = _processes.get(request.match_info["DurableExecutionArn"])
    if process is None:
        return await handler(request)
    try:
        return await process.world.delays.around(lambda: handler(request))
    finally:
        process.answered()


class _Server:
    """Listens on a loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner, self.url = asyncio.run_coroutine_threadsafe(_listen(), self._loop).result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _listen() -> tuple[web.AppRunner, str]:
    routes = ExecutionRoutes(cast(Any, _Calls()), cast(Any, None), NoRates())
    app = web.Application(
        middlewares=[answer_errors, cut_unanswered, _late], client_max_size=_MOST_BYTES
    )
    app.router.add_post(f"{_EXECUTION}/checkpoint", routes.checkpoint)
    app.router.add_get(f"{_EXECUTION}/state", routes.state)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, "http://{}:{}".format(*runner.addresses[0][:2])
