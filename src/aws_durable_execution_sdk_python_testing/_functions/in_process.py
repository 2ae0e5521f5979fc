"""Functions that run in the service's own process."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from aws_durable_execution_sdk_python._core.arns import FunctionArn, function_part
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import DEFAULT_QUALIFIER
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    Handler,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process_client import InProcessClient
from aws_durable_execution_sdk_python_testing._functions.lambda_context import (
    ClientContext,
    LambdaContext,
)
from aws_durable_execution_sdk_python_testing._functions.mocks import StepMocks
from aws_durable_execution_sdk_python_testing._functions.replaying import run_once, run_replaying
from aws_durable_execution_sdk_python_testing._functions.source_lines import AskedLines
from aws_durable_execution_sdk_python_testing._functions.wire_errors import (
    describe_crash,
    no_function,
)


class InProcessInvoker:
    """Calls registered handlers on the calling thread.

    Parameters:
        steps: what stands in for steps of some names.
        replay_every_checkpoint: run a durable handler from the top again after every
            checkpoint.
        compat_aws: see `Hooks`.
        lines: remembers which lines ask for operations.
    """

    def __init__(
        self,
        steps: StepMocks | None = None,
        *,
        replay_every_checkpoint: bool = False,
        compat_aws: bool | None = None,
        lines: AskedLines | None = None,
    ) -> None:
        self._functions: dict[str, _Function] = {}
        self._steps = steps or StepMocks()
        self._replay_every_checkpoint = replay_every_checkpoint
        self._compat_aws = compat_aws
        self._lines = lines

    def register(self, function_name: str, handler: Handler, timeout: float | None = None) -> None:
        """Make `handler` answer for `name` or `name:qualifier`.

        Parameters:
            function_name: what it answers for.
            handler: called with the event and a context.
            timeout: real seconds it is told it may take, if the service grants as much.
        """
        self._functions[function_name] = _Function(handler, timeout)

    def handler(self, function_name: str) -> Handler | None:
        """The handler that answers for `name` or `name:qualifier`, if there is one."""
        function = self._find(function_name)
        return None if function is None else function.handler

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        """Run one invocation of a durable handler."""
        function = self._find(invocation.function_name)
        if function is None:
            return Crashed(no_function(invocation.function_name))
        context = _context(
            function_part(invocation.arn),
            invocation.request_id,
            function.seconds(service),
            invocation.tenant_id,
            invocation.client_context,
        )
        recall = None if self._lines is None else self._lines.noting(invocation.arn)
        hooks = Hooks(service.clock, self._steps.stand_in, recall, compat_aws=self._compat_aws)
        client = InProcessClient(service, hooks)
        event = json.loads(json.dumps(invocation.event))
        run = run_replaying if self._replay_every_checkpoint else run_once
        try:
            output = run(lambda one: function.handler(one, context), event, client)
            return Returned(json.loads(json.dumps(output)))
        except BaseException as error:
            return Crashed(describe_crash(error, invocation.request_id))

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        """Run a plain function once."""
        function = self._find(call.function_name)
        if function is None:
            return FunctionResult(error=no_function(call.function_name))
        context = _context(
            function_arn(call),
            call.operation_id,
            function.seconds(service),
            call.tenant_id,
            call.client_context,
        )
        try:
            return FunctionResult(json.dumps(function.handler(json.loads(call.payload), context)))
        except BaseException as error:
            return FunctionResult(error=describe_crash(error, call.operation_id))

    def _find(self, function_name: str) -> _Function | None:
        name, _, _ = function_name.partition(":")
        return self._functions.get(function_name) or self._functions.get(name)


@dataclass(frozen=True, slots=True)
class _Function:
    handler: Handler
    timeout: float | None

    def seconds(self, service: HandlerService) -> float:
        """How long an invocation may take."""
        limit = service.invocation_timeout
        return limit if self.timeout is None else min(self.timeout, limit)


def function_arn(call: InvokeFunction) -> str:
    """The target's ARN, in the account and region of the caller."""
    name, _, qualifier = call.function_name.partition(":")
    caller = FunctionArn.parse(function_part(call.arn))
    return str(replace(caller, name=name, qualifier=qualifier or DEFAULT_QUALIFIER))


def _context(
    function_arn: str,
    request_id: str,
    timeout: float,
    tenant_id: str | None,
    client_context: str | None = None,
) -> LambdaContext:
    return LambdaContext(
        function_name=FunctionArn.parse(function_arn).name,
        function_arn=function_arn,
        request_id=request_id,
        timeout=timeout,
        tenant_id=tenant_id,
        client_context=None if client_context is None else ClientContext.read(client_context),
    )
