"""A durable service that listens, on a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from aiohttp import web

from aws_durable_execution_sdk_python._core.limits import KIB
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    DeclaredFunctions,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, Target
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)
from aws_durable_execution_sdk_python_testing._http.http_listener import HttpListener
from aws_durable_execution_sdk_python_testing._server.api_rates import ApiRates, NoRates
from aws_durable_execution_sdk_python_testing._server.app import Extension, make_app
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.endpoints import (
    CurrentEndpoint,
    EndpointInvoker,
)
from aws_durable_execution_sdk_python_testing._server.hosting import (
    FunctionRuntime,
    Hosting,
    InProcessRuntime,
)
from aws_durable_execution_sdk_python_testing._server.invoke_routes import InvokeRoutes
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock, VirtualClock
from aws_durable_execution_sdk_python_testing.stores import EventStore, InMemoryExecutionStore

# Seconds for requests in flight to be answered once the service is closed: they all are, at
# once, but for those that wait for a function to return.
_SHUTDOWN_SECONDS = 1.0
# Bytes of a request line or header; tokens and markers travel in the query.
_LINE_BYTES = 16 * KIB


class DurableServer:
    """The durable service over HTTP.

    What an earlier server left unfinished in the store goes on when this one starts. A server
    serves once: it is not started again after it is stopped.

    Parameters:
        functions: the functions it knows.
        settings: where and how it serves.
        store: where executions are kept, by default in memory; closed with the server.
        extension: what it serves besides the API.

    Attributes:
        url: where it can be reached from this machine, once it is started.
        address: what it listens at, once it is started.
        service: the service behind it, once it is started, for waiting in the same process.

    Example:
        ```python
        with DurableServer([hosted("order", handler)]) as server:
            client = boto3.client("lambda", endpoint_url=server.url)
            client.invoke(FunctionName="order", Payload=b"{}")
        ```
    """

    def __init__(
        self,
        functions: Iterable[DeclaredFunction] = (),
        settings: ServerSettings = ServerSettings(),  # noqa: B008 - frozen
        store: EventStore | None = None,
        extension: Extension | None = None,
    ) -> None:
        self.url = ""
        self.address = ""
        self.service: DurableService | None = None
        self._settings = settings
        self._functions = DeclaredFunctions(functions)
        self._store = InMemoryExecutionStore() if store is None else store
        self._extension = extension
        self._hosting: Hosting | None = None
        self._resources = contextlib.ExitStack()
        self._resources.callback(self._store.close)
        self._started = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Listen, and take up what the store holds. Returns once requests are answered.

        Raises:
            DeclarationError: a function's handler cannot be loaded.
            InvalidParameterValueError: the settings' endpoint is no URL.
            OSError: the address cannot be listened at.
            ValueError: there is no address.
        """
        if self._started:
            return
        try:
            listener = _listen(self._settings.host, self._settings.port)
            self._resources.callback(listener.close)
            self.url = _url(listener)
            self.address = listener.getsockname()[0]
            self._open(listener, self._resources)
        except BaseException:
            self._resources.close()
            raise
        self._started = True

    def host(self, functions: Iterable[DeclaredFunction]) -> None:
        """Run these functions from now on, or these with new code; once it is started.

        An invocation that is under way goes on with the code that it began with.

        Raises:
            DeclarationError: a function's handler cannot be loaded.
        """
        service, hosting = self.service, self._hosting
        assert service is not None
        assert hosting is not None
        for function in functions:
            if function.handler is not None:
                function = hosting.host(function)
            for name in function.names:
                service.register_target(name, self._target(function))
        service.note_change()

    def serve_forever(self) -> None:
        """Start if need be, and return when `stop` is called, from another thread or a signal.

        Raises:
            DurableFunctionsLocalRunnerError: the store has failed: nothing can be done any more.
        """
        self.start()
        self._stopped.wait()
        if self._started and self.service is not None:
            self.service.check_failure()

    def stop(self) -> None:
        """Stop serving. Functions that run are abandoned; the store knows of them. Idempotent."""
        self._resources.close()
        self._stopped.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _open(self, listener: socket.socket, resources: contextlib.ExitStack) -> None:
        """Build the service behind the listener; requests that come early wait in its queue."""
        settings = self._settings
        current = CurrentEndpoint(settings.lambda_endpoint)
        elsewhere = EndpointInvoker(self._functions, current, settings.endpoint_margin)
        hosting = self._hosting = Hosting(self._functions, self._make_runtime(), elsewhere)
        resources.callback(hosting.close)
        service = self.service = self._make_service(hosting)
        self.host(list(self._functions))
        rates = ApiRates() if settings.api_rates else NoRates()
        lenient = settings.allow_unqualified
        invoking = InvokeRoutes(service, self._functions, hosting, current, rates, lenient=lenient)
        resources.callback(invoking.close)
        app = make_app(
            service,
            hosting,
            invoking,
            rates,
            max_request_bytes=settings.max_request_bytes,
            allowed_hosts=settings.allowed_hosts,
            further=self._extension.routes(service, hosting) if self._extension else (),
        )
        http = _HttpThread(app, listener)
        resources.callback(http.stop)
        # Closed first: whoever waits for an execution is answered while somebody answers.
        resources.callback(service.close)
        # Before the first request is read: an execution it starts is not one to recover.
        service.recover()
        http.start()

    def _target(self, function: DeclaredFunction) -> Target:
        """What chained invokes find."""
        target = function.target
        if isinstance(target, DurableTarget):
            return replace(target, qualified=not self._settings.allow_unqualified)
        return target

    def _make_runtime(self) -> FunctionRuntime:
        if self._settings.runtime == "lambda":
            # Here, so that only those who use it need Lambda's runtime client.
            from aws_durable_execution_sdk_python_testing._server.lambda_runtime import (
                LambdaRuntime,
            )

            return LambdaRuntime(self.url)
        return InProcessRuntime()

    def _make_service(self, hosting: Hosting) -> DurableService:
        settings = self._settings
        region, account_id = self._functions.owner()
        return DurableService(
            hosting,
            self._store,
            clock=VirtualClock() if settings.skip_time else RealClock(),
            limits=settings.limits,
            region=settings.region or region or DEFAULT_REGION,
            account_id=settings.account_id or account_id or DEFAULT_ACCOUNT_ID,
            invocation_timeout=settings.invocation_timeout,
            time_limit=lambda name: hosting.time_limit(name, settings.invocation_timeout),
            faults=settings.faults,
            on_failure=self._stopped.set,
        )


class _HttpThread:
    """Runs the event loop that answers requests."""

    def __init__(self, app: web.Application, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        self._thread = EngineThread(target=self._run, name="durable-http", daemon=True)
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Return once requests are answered."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        if self._loop is None or not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            # Whoever waits for it to be ready must learn that it never will be.
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        http = HttpListener(
            self._app,
            _SHUTDOWN_SECONDS,
            # By `read_body`: aiohttp waits for ever for the rest of some malformed bodies.
            auto_decompress=False,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
        )
        await http.open(self._listener)
        self._ready.set_result(None)
        await self._stopping.wait()
        await http.close()


def _listen(host: str, port: int) -> socket.socket:
    if not host.strip():
        # To a socket that is every address of the machine.
        raise ValueError("an address to listen at is needed, as in --host 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    # What listens at every address can be reached at this one.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, str(host))
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
