"""The invoker that runs functions in sandboxes."""

from __future__ import annotations

import concurrent.futures
import importlib.util
import json
import uuid
from typing import Any, Self

from aws_durable_execution_sdk_python._core.arns import function_part
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import function_arn
from aws_durable_execution_sdk_python_testing._functions.wire_errors import no_function
from aws_durable_execution_sdk_python_testing._sandbox import runtime_errors
from aws_durable_execution_sdk_python_testing._sandbox.function_logs import FunctionLogs
from aws_durable_execution_sdk_python_testing._sandbox.guardian import Guardian
from aws_durable_execution_sdk_python_testing._sandbox.loop_thread import LoopThread
from aws_durable_execution_sdk_python_testing._sandbox.runtime_api import RuntimeEvent
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_function import SandboxFunction
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_instance import SandboxHost
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_pool import SandboxPool
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError


class SandboxInvoker:
    """An `Invoker` that runs each invocation in a process of its own, under Lambda's runtime.

    Processes are kept and used again, as Lambda keeps them. One that crashes or takes too long is
    gone, and the next invocation starts a new one. Close it, or use it in a `with` statement.

    Parameters:
        service_url: where the durable service listens: what handlers check-point against.

    Attributes:
        logs: what the functions have written.

    Raises:
        DurableFunctionsLocalRunnerError: `awslambdaric` is not installed.

    Example:
        with SandboxInvoker("http://127.0.0.1:5000") as invoker:
            invoker.register("orders", SandboxFunction.parse("app/orders.py:handler"))
            service = LocalService(invoker, InMemoryExecutionStore())
    """

    def __init__(self, service_url: str) -> None:
        if importlib.util.find_spec("awslambdaric") is None:
            raise DurableFunctionsLocalRunnerError(
                "Lambda runtime processes need the package awslambdaric: pip install awslambdaric"
            )
        self.logs = FunctionLogs()
        self._host = SandboxHost(service_url, self.logs, Guardian())
        self._loop = LoopThread("durable-sandboxes")
        self._pools: dict[str, SandboxPool] = {}
        # Those that were replaced, too: they may run something.
        self._opened: list[SandboxPool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, function_name: str, function: SandboxFunction) -> None:
        """Run this for `name` or `name:qualifier`, from the next invocation on."""
        pool = self._pools[function_name] = SandboxPool(function_name, function, self._host)
        self._opened.append(pool)

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        """Run one invocation of a durable handler."""
        event = RuntimeEvent(
            request_id=invocation.request_id,
            function_arn=function_part(invocation.arn),
            execution_arn=invocation.arn,
            payload=json.dumps(invocation.event),
            tenant_id=invocation.tenant_id,
            trace_header=invocation.trace_header,
            client_context=invocation.client_context,
        )
        answer = self._run(invocation.function_name, event, service)
        if answer.error is not None:
            return Crashed(answer.error)
        return Returned(_decode(answer.result))

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        """Run a plain function once."""
        event = RuntimeEvent(
            request_id=str(uuid.uuid4()),
            function_arn=function_arn(call),
            execution_arn=call.arn,
            payload=call.payload,
            tenant_id=call.tenant_id,
            trace_header=call.trace_header,
            client_context=call.client_context,
        )
        return self._run(call.function_name, event, service)

    def close(self) -> None:
        """End all processes; what runs is given up. Idempotent."""
        self._loop.close(self._close_pools)
        self._host.guardian.close()

    async def _close_pools(self) -> None:
        for pool in self._opened:
            await pool.close()

    def _run(
        self, function_name: str, event: RuntimeEvent, service: HandlerService
    ) -> FunctionResult:
        pool = self._find(function_name)
        if pool is None:
            return FunctionResult(error=no_function(function_name))
        try:
            return self._loop.run(lambda: pool.run(event, service.invocation_timeout))
        except concurrent.futures.CancelledError:
            return runtime_errors.closed(event.request_id)

    def _find(self, function_name: str) -> SandboxPool | None:
        name, _, _ = function_name.partition(":")
        return self._pools.get(function_name) or self._pools.get(name)


def _decode(text: str | None) -> Any:
    """The answer's value. What is no JSON goes on as it is: the service refuses it."""
    try:
        return json.loads(text or "")
    except ValueError:
        return text
