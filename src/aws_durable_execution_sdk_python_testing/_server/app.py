"""The service as an aiohttp application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from aws_durable_execution_sdk_python._core.api_paths import (
    CALLBACKS,
    EXECUTIONS,
    FUNCTIONS,
)
from aws_durable_execution_sdk_python_testing._faults.http_faults import cut_unanswered
from aws_durable_execution_sdk_python_testing._http.http_answers import (
    answer_errors,
    check_expectation,
    json_answer,
    refuse_route,
)
from aws_durable_execution_sdk_python_testing._http.page_guard import keep_web_pages_out
from aws_durable_execution_sdk_python_testing._server.api_rates import ApiRates
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.execution_routes import ExecutionRoutes
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._server.invoke_routes import InvokeRoutes

Route = tuple[str, str, Handler]


class Extension(Protocol):
    """Further routes of a server, behind the same guards as its own."""

    def routes(self, service: DurableService, hosting: Hosting) -> Iterable[Route]:
        """Method, path and handler of each."""
        ...


def make_app(
    service: DurableService,
    hosting: Hosting,
    invoking: InvokeRoutes,
    rates: ApiRates,
    *,
    max_request_bytes: int,
    allowed_hosts: Collection[str] = (),
    further: Iterable[Route] = (),
) -> web.Application:
    """The application that serves every route.

    Parameters:
        service: where executions run.
        hosting: runs their functions.
        invoking: starts them.
        rates: how often operations of the API may be called.
        max_request_bytes: larger bodies are answered with 413.
        allowed_hosts: public names this service is reached by, besides addresses and local names.
        further: routes of an extension.
    """
    app = web.Application(
        middlewares=[answer_errors, keep_web_pages_out(allowed_hosts), cut_unanswered],
        client_max_size=max_request_bytes,
    )
    executions = ExecutionRoutes(service, hosting, rates)
    status = StatusRoutes(service)
    table = [
        ("POST", "/2015-03-31/functions/{FunctionName}/invocations", invoking.invoke),
        ("POST", "/start-durable-execution", invoking.start),
        ("PUT", "/lambda-endpoint", invoking.change_endpoint),
        ("POST", f"{EXECUTIONS}/{{DurableExecutionArn}}/checkpoint", executions.checkpoint),
        ("GET", f"{EXECUTIONS}/{{DurableExecutionArn}}/state", executions.state),
        ("GET", f"{EXECUTIONS}/{{DurableExecutionArn}}/history", executions.history),
        ("GET", f"{EXECUTIONS}/{{DurableExecutionArn}}/logs", executions.logs),
        ("GET", f"{EXECUTIONS}/{{DurableExecutionArn}}", executions.describe),
        ("DELETE", f"{EXECUTIONS}/{{DurableExecutionArn}}", executions.delete),
        ("POST", f"{EXECUTIONS}/{{DurableExecutionArn}}/stop", executions.stop),
        ("POST", f"{EXECUTIONS}/{{DurableExecutionArn}}/pause", executions.pause),
        ("POST", f"{EXECUTIONS}/{{DurableExecutionArn}}/resume", executions.resume),
        ("GET", f"{FUNCTIONS}/{{FunctionName}}/durable-executions", executions.list_of_function),
        ("GET", EXECUTIONS, executions.list_all),
        ("POST", f"{CALLBACKS}/{{CallbackId}}/succeed", executions.callback_succeed),
        ("POST", f"{CALLBACKS}/{{CallbackId}}/fail", executions.callback_fail),
        ("POST", f"{CALLBACKS}/{{CallbackId}}/heartbeat", executions.callback_heartbeat),
        ("GET", "/health", status.health),
        ("GET", "/metrics", status.metrics),
        *further,
        ("*", "/{unknown:(?s:.*)}", refuse_route),
    ]
    for method, path, handler in table:
        app.router.add_route(method, path, handler, expect_handler=check_expectation)
    return app


class StatusRoutes:
    """How the service is."""

    def __init__(self, service: DurableService) -> None:
        self._service = service

    async def health(self, request: web.Request) -> web.Response:
        self._service.check_open()
        return json_answer({"status": "healthy"})

    async def metrics(self, request: web.Request) -> web.Response:
        statuses = Counter(self._service.statuses())
        return json_answer({"executions": {"total": statuses.total(), **statuses}})
