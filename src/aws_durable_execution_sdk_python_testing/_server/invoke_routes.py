"""Routes that start executions: Lambda's Invoke, and the emulator's own start."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from aws_durable_execution_sdk_python._core.arns import FunctionArn, function_part
from aws_durable_execution_sdk_python._core.limits import (
    KIB,
    TENANT_ID,
)
from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    DeclaredFunctions,
)
from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    InvokeFunction,
    ResourceNotFoundError,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    ACCOUNT_ID,
    DEFAULT_QUALIFIER,
    UNQUALIFIED,
    executed_version,
    target_name,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult
from aws_durable_execution_sdk_python_testing._functions.wire_errors import (
    describe_broken_invoker,
    late_call,
)
from aws_durable_execution_sdk_python_testing._http.http_answers import json_answer, text_answer
from aws_durable_execution_sdk_python_testing._local_service.worker_threads import WorkerThreads
from aws_durable_execution_sdk_python_testing._server.api_rates import ApiRates
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.endpoints import (
    CurrentEndpoint,
    check_endpoint,
)
from aws_durable_execution_sdk_python_testing._server.hosting import Hosting
from aws_durable_execution_sdk_python_testing._server.invoke_reading import (
    DRY_RUN,
    EVENT,
    REQUEST_RESPONSE,
    TRACE_HEADER,
    check_member,
    client_context_of,
    payload_of,
    reference_of,
    trace_header_of,
)
from aws_durable_execution_sdk_python_testing._server.request_reading import (
    checked_request,
    member,
    read_object,
)

_TAIL = "Tail"
_TAIL_BYTES = 4 * KIB
_FUNCTION_ERROR = {"X-Amz-Function-Error": "Unhandled"}
# SAM sends them all, some as null.
_START_MEMBERS = (
    "AccountId",
    "FunctionName",
    "FunctionQualifier",
    "ExecutionName",
    "ExecutionTimeoutSeconds",
    "ExecutionRetentionPeriodDays",
)


@dataclass(frozen=True, slots=True)
class _Invoke:
    """An Invoke request: what is to run, with what, for whom."""

    function: DeclaredFunction
    account_id: str | None
    region: str | None
    qualifier: str
    kind: str
    payload: str
    log_tail: bool
    tenant_id: str | None
    trace_header: str | None
    client_context: str | None
    execution_name: str | None

    @property
    def version(self) -> str:
        return executed_version(self.function.target, self.qualifier)

    @property
    def target_name(self) -> str:
        return target_name(self.function.name, self.qualifier)

    @property
    def full_name(self) -> str:
        """The function's name, or its ARN where the caller or its declaration says whose it is."""
        if self.region is None or self.account_id is None:
            return self.function.name
        return str(FunctionArn(self.region, self.account_id, self.function.name))


class InvokeRoutes:
    """Starts executions of durable functions, and calls plain ones.

    Parameters:
        service: where executions run.
        functions: the declared functions: Invoke knows no others.
        hosting: calls plain functions.
        current: the endpoint of functions without one of their own.
        rates: how often executions may be started.
        lenient: whether durable functions may be invoked without a qualifier.
    """

    def __init__(
        self,
        service: DurableService,
        functions: DeclaredFunctions,
        hosting: Hosting,
        current: CurrentEndpoint,
        rates: ApiRates,
        *,
        lenient: bool = False,
    ) -> None:
        self._lenient = lenient
        self._rates = rates
        self._service = service
        self._functions = functions
        self._hosting = hosting
        self._current = current
        self._threads = WorkerThreads("durable-plain-function")
        self._background: set[asyncio.Task[None]] = set()

    async def invoke(self, request: web.Request) -> web.Response:
        """Invoke: the answer of RequestResponse waits until the execution has ended."""
        invoke = await self._read(request)
        version = {"X-Amz-Executed-Version": invoke.version}
        if invoke.kind == DRY_RUN:
            return web.Response(status=204, headers=version)
        if invoke.function.durable is None:
            return await self._call_plain(invoke, version)
        self._rates.take("Invoke")
        arn = self._start(invoke)
        # An execution that has the name already may run another version.
        version = {"X-Amz-Executed-Version": function_part(arn).rpartition(":")[2]}
        headers = {**version, "X-Amz-Durable-Execution-Arn": arn}
        if invoke.kind == EVENT:
            return web.Response(status=202, headers=headers)
        await self._service.ended(arn)
        return _outcome(self._service.execution(arn), {**headers, **self._tail(invoke, arn)})

    async def start(self, request: web.Request) -> web.Response:
        """Start an execution the way SAM asks for it; the function need not be declared."""
        body = await read_object(request)
        missing = [key for key in _START_MEMBERS if key not in body]
        if missing:
            raise InvalidParameterValueError(f"Missing members: {', '.join(missing)}")
        account_id = member(body, "AccountId", str)
        check_member(account_id, "AccountId", ACCOUNT_ID)
        tenant_id = member(body, "TenantId", str)
        check_member(tenant_id, "TenantId", TENANT_ID)
        reference = reference_of(
            member(body, "FunctionName", str) or "", member(body, "FunctionQualifier", str)
        )
        endpoint = member(body, "LambdaEndpoint", str)
        arn = self._service.start(
            StartExecution(
                function_name=reference.name,
                qualifier=reference.qualifier or DEFAULT_QUALIFIER,
                execution_name=member(body, "ExecutionName", str),
                input=member(body, "Input", str),
                execution_timeout=member(body, "ExecutionTimeoutSeconds", int),
                retention_period_days=member(body, "ExecutionRetentionPeriodDays", int),
                account_id=account_id or reference.account,
                tenant_id=tenant_id,
                trace_header=trace_header_of(member(body, "TraceFields", dict)),
                lambda_endpoint=check_endpoint(endpoint) if endpoint else None,
                chained_endpoint=self._current.url,
            )
        )
        return json_answer({"ExecutionArn": arn}, 201)

    async def change_endpoint(self, request: web.Request) -> web.Response:
        """Make another endpoint current, for executions started from now on."""
        body = await read_object(request)
        member(body, "RegionName", str)
        self._current.change(member(body, "EndpointUrl", str) or "")
        return json_answer({"EndpointUrl": self._current.url})

    def _tail(self, invoke: _Invoke, arn: str) -> dict[str, str]:
        """The end of what was logged for an invocation, if it was asked for."""
        if not invoke.log_tail:
            return {}
        text = "\n".join(line.text for line in self._hosting.lines(arn))
        tail = text.encode("utf-8", "replace")[-_TAIL_BYTES:]
        return {"X-Amz-Log-Result": base64.b64encode(tail).decode()}

    def close(self) -> None:
        """Let the threads of plain functions end."""
        self._threads.close()

    # --------------------------------------------------------------------------- reading

    async def _read(self, request: web.Request) -> _Invoke:
        asked = await checked_request(request, "Invoke")
        name = asked["FunctionName"]
        reference = reference_of(name, asked.get("Qualifier"))
        function = self._functions.find(reference.target_name)
        if function is None:
            raise ResourceNotFoundError(f"Function not found: {name}")
        if function.durable is not None and reference.qualifier is None and not self._lenient:
            raise InvalidParameterValueError(UNQUALIFIED)
        kind = asked.get("InvocationType", REQUEST_RESPONSE)
        tenant_id = asked.get("TenantId")
        if function.tenancy and tenant_id is None:
            raise InvalidParameterValueError(
                f"{function.name} is isolated by tenant: name one in X-Amz-Tenant-Id."
            )
        client_context = client_context_of(asked.get("ClientContext"))
        trace_header = request.headers.get("X-Amzn-Trace-Id")
        check_member(trace_header, "X-Amzn-Trace-Id", TRACE_HEADER)
        return _Invoke(
            function=function,
            account_id=reference.account or (function.arn.account if function.arn else None),
            region=reference.region or (function.arn.region if function.arn else None),
            qualifier=reference.qualifier or DEFAULT_QUALIFIER,
            kind=kind,
            payload=payload_of(asked.get("Payload", b""), kind),
            log_tail=self._wants_tail(function, asked.get("LogType"), kind),
            tenant_id=tenant_id,
            trace_header=trace_header,
            # Lambda passes it on to who is invoked by somebody that waits.
            client_context=client_context if kind == REQUEST_RESPONSE else None,
            execution_name=asked.get("DurableExecutionName"),
        )

    def _wants_tail(self, function: DeclaredFunction, log_type: str | None, kind: str) -> bool:
        wanted = log_type == _TAIL and kind == REQUEST_RESPONSE
        if wanted and not self._hosting.keeps_lines(function.name):
            raise InvalidParameterValueError(
                f"LogType Tail: what {function.name} writes is not kept here, but only for "
                "functions that run in real runtime processes (--runtime lambda)"
            )
        return wanted

    # --------------------------------------------------------------------------- running

    def _start(self, invoke: _Invoke) -> str:
        return self._service.start(
            StartExecution(
                function_name=invoke.full_name,
                qualifier=invoke.qualifier,
                execution_name=invoke.execution_name,
                input=invoke.payload,
                account_id=invoke.account_id,
                tenant_id=invoke.tenant_id,
                trace_header=invoke.trace_header,
                client_context=invoke.client_context,
                asynchronous=invoke.kind == EVENT,
                chained_endpoint=self._current.url,
            )
        )

    async def _call_plain(self, invoke: _Invoke, headers: Mapping[str, str]) -> web.Response:
        call = InvokeFunction(
            arn=self._service.function_arn(invoke.target_name, invoke.account_id),
            operation_id=str(uuid.uuid4()),
            function_name=invoke.target_name,
            payload=invoke.payload,
            tenant_id=invoke.tenant_id,
            trace_header=invoke.trace_header,
            client_context=invoke.client_context,
        )
        if invoke.kind == EVENT:
            task = asyncio.create_task(self._call_and_forget(call))
            self._background.add(task)  # a task nobody holds may vanish
            task.add_done_callback(self._background.discard)
            return web.Response(status=202, headers=headers)
        result = await self._call(call)
        if result.error is not None:
            return _function_error(result.error, headers)
        tail = self._tail(invoke, call.arn)
        return text_answer(result.result or "null", headers={**headers, **tail})

    async def _call_and_forget(self, call: InvokeFunction) -> None:
        await self._call(call)

    async def _call(self, call: InvokeFunction) -> FunctionResult:
        """Call a plain function on a thread; one that takes too long is given up."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[FunctionResult] = loop.create_future()

        def job() -> None:
            try:
                result = self._hosting.call(call, self._service)
            except BaseException as error:
                result = FunctionResult(error=describe_broken_invoker(error))
            with contextlib.suppress(RuntimeError):  # the server stopped meanwhile
                loop.call_soon_threadsafe(_deliver, future, result)

        self._threads.submit(job)
        limit = self._hosting.time_limit(call.function_name, self._service.invocation_timeout)
        try:
            return await asyncio.wait_for(future, limit.total)
        except TimeoutError:
            return late_call(call, limit)


def _deliver(future: asyncio.Future[FunctionResult], result: FunctionResult) -> None:
    if not future.done():
        future.set_result(result)


def _outcome(execution: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    """What Invoke answers for an execution that has ended.

    Of one that has failed it only tells that: what went wrong is what GetDurableExecution is for.
    """
    if execution["Status"] == Status.SUCCEEDED:
        return text_answer(execution.get("Result") or "null", headers=headers)
    return text_answer("null", headers={**headers, **_FUNCTION_ERROR})


def _function_error(error: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    """A function's error in the form of Lambda's runtimes."""
    body = {
        "errorMessage": error.get("ErrorMessage"),
        "errorType": error.get("ErrorType"),
        "errorData": error.get("ErrorData"),
        "stackTrace": error.get("StackTrace"),
    }
    present = {key: value for key, value in body.items() if value is not None}
    return json_answer(present, headers={**headers, **_FUNCTION_ERROR})
