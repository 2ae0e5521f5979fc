"""The services a requirement is run on: one in this process, and one behind HTTP.

Time is virtual on both, unless it is asked for otherwise.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, Protocol

import boto3
from botocore.config import Config

from aws_durable_execution_sdk_python._service.model import ensure_durable_operations
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import StartExecution
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock, VirtualClock
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

# Real seconds after which something that does not come is an error instead of a hanging test.
PATIENCE = 60.0


class Service(Protocol):
    """A durable service with some functions.

    Attributes:
        local: the service behind it, for waiting for what happens there.
    """

    local: LocalService

    def start(self, function_name: str, payload: str) -> str:
        """Start an execution; returns its ARN."""
        ...

    def invoke(self, function_name: str, payload: str) -> str:
        """Run an execution to its end; returns its ARN."""
        ...

    def execution(self, arn: str) -> Mapping[str, Any]: ...

    def history(self, arn: str) -> list[dict[str, Any]]: ...

    def callback_succeed(self, callback_id: str, result: bytes) -> None: ...

    def callback_fail(self, callback_id: str, error: Mapping[str, Any] | None) -> None: ...

    def callback_heartbeat(self, callback_id: str) -> None: ...


class Open(Protocol):
    """Opens a service with these functions."""

    def __call__(
        self, functions: Mapping[str, Handler], *, skip_time: bool
    ) -> AbstractContextManager[Service]: ...


class _Direct:
    """The service, called directly."""

    def __init__(self, local: LocalService) -> None:
        self.local = local
        self.execution = local.execution
        self.history = local.history
        self.callback_succeed = local.callback_succeed
        self.callback_fail = local.callback_fail
        self.callback_heartbeat = local.callback_heartbeat

    def start(self, function_name: str, payload: str) -> str:
        return self.local.start(StartExecution(function_name=function_name, input=payload))

    def invoke(self, function_name: str, payload: str) -> str:
        arn = self.start(function_name, payload)
        self.local.wait_until_ended(arn, PATIENCE)
        return arn


class _Served:
    """The service over HTTP, called with boto3's client."""

    def __init__(self, local: LocalService, client: Any) -> None:
        self.local = local
        self._client = ensure_durable_operations(client)

    def start(self, function_name: str, payload: str) -> str:
        answer = self._client.invoke(
            FunctionName=function_name, Payload=payload, InvocationType="Event"
        )
        return str(answer["DurableExecutionArn"])

    def invoke(self, function_name: str, payload: str) -> str:
        answer = self._client.invoke(FunctionName=function_name, Payload=payload)
        arn = str(answer["DurableExecutionArn"])
        answered = json.loads(answer["Payload"].read())
        execution = self.execution(arn)
        if execution["Status"] == "SUCCEEDED":
            assert "FunctionError" not in answer
            assert answered == json.loads(execution.get("Result") or "null")
        else:
            assert answer["FunctionError"] == "Unhandled"
            assert answered is None
        return arn

    def execution(self, arn: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._client.get_durable_execution(DurableExecutionArn=arn)
        return answer

    def history(self, arn: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while not page or page.get("NextMarker"):
            marker = {"Marker": page["NextMarker"]} if page else {}
            page = self._client.get_durable_execution_history(
                DurableExecutionArn=arn, IncludeExecutionData=True, **marker
            )
            events += page["Events"]
        return events

    def callback_succeed(self, callback_id: str, result: bytes) -> None:
        self._client.send_durable_execution_callback_success(CallbackId=callback_id, Result=result)

    def callback_fail(self, callback_id: str, error: Mapping[str, Any] | None) -> None:
        self._client.send_durable_execution_callback_failure(
            CallbackId=callback_id, Error=error or {}
        )

    def callback_heartbeat(self, callback_id: str) -> None:
        self._client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)


@contextmanager
def direct(functions: Mapping[str, Handler], *, skip_time: bool) -> Iterator[Service]:
    """A service in this process."""
    invoker = InProcessInvoker()
    for name, handler in functions.items():
        invoker.register(name, handler)
    clock = VirtualClock(scale=1) if skip_time else RealClock(scale=1)
    with closing(LocalService(invoker, InMemoryExecutionStore(), clock=clock)) as local:
        yield _Direct(local)


@contextmanager
def served(functions: Mapping[str, Handler], *, skip_time: bool) -> Iterator[Service]:
    """A service that listens on this machine, and boto3's client for it."""
    server = DurableServer(
        [hosted(name, handler) for name, handler in functions.items()],
        ServerSettings(skip_time=skip_time, allow_unqualified=True, api_rates=False),
    )
    # One attempt: what does not work the first time does not work. No proxy is asked.
    config = Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE, proxies={})
    with server, closing(_session().client("lambda", endpoint_url=server.url, config=config)) as it:
        assert server.service is not None
        yield _Served(server.service, it)


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session("AKIATEST", "secret", region_name="us-west-2")
