"""Sends each invocation to whatever runs its function."""

from __future__ import annotations

from typing import Protocol

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    DeclaredFunctions,
    made_durable,
)
from aws_durable_execution_sdk_python_testing._declarations.handler_loading import (
    is_durable,
    load_handler,
)
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    Handler,
    HandlerService,
    Invoker,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._functions.source_lines import (
    AskedLines,
    SourceLine,
)
from aws_durable_execution_sdk_python_testing._sandbox.function_logs import LogLine
from aws_durable_execution_sdk_python_testing._server.context_logs import ContextLogs
from aws_durable_execution_sdk_python_testing._server.endpoints import EndpointInvoker
from aws_durable_execution_sdk_python_testing._time.time_limits import TimeLimit


class FunctionRuntime(Invoker, Protocol):
    """Runs functions that are declared with a handler."""

    def add(self, function: DeclaredFunction) -> DeclaredFunction:
        """Take a function in; returns it with what is only known of a loaded one.

        Raises:
            DeclarationError: its handler cannot be loaded.
        """
        ...

    @property
    def kills(self) -> bool:
        """Whether it ends a function itself that takes longer than its own time-out."""
        ...

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What functions wrote in an execution and for it, oldest first."""
        ...

    def handler(self, function_name: str) -> Handler | None:
        """The handler of a function as it is now, if it is loaded in this process."""
        ...

    def source(self, execution_arn: str, operation_id: str) -> SourceLine | None:
        """The line of code that asked for an operation last, if it ran in this process."""
        ...

    def close(self) -> None:
        """End what runs. Idempotent."""


class InProcessRuntime(InProcessInvoker):
    """Runs handlers in the service's own process: they start at once, and cannot be killed.

    One that takes longer than its time-out is given up: the service invokes it again, as it does
    after a time-out in Lambda, and whatever the late one still asks for or answers is refused.
    """

    kills = False

    def __init__(self) -> None:
        self._asked = AskedLines()
        super().__init__(lines=self._asked)
        self._logs = ContextLogs()
        self._logs.open()

    def add(self, function: DeclaredFunction) -> DeclaredFunction:
        """Import the function's handler."""
        handler = load_handler(function.handler or "", function.code)
        for name in function.names:
            self.register(name, handler, function.timeout)
        return made_durable(function) if is_durable(handler) else function

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        """Run one invocation of a durable handler."""
        arn = invocation.arn
        self._logs.begin(arn, invocation.function_name.partition(":")[0], invocation.request_id)
        try:
            return super().invoke(invocation, service)
        finally:
            self._logs.end(arn)

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What came by the context's logger: all else goes to the server's own output."""
        return self._logs.read(execution_arn)

    def source(self, execution_arn: str, operation_id: str) -> SourceLine | None:
        """The line of code that asked for an operation last, while it is remembered."""
        return self._asked.find(execution_arn, operation_id)

    def close(self) -> None:
        """Keep no more lines. Threads that run handlers end with the process."""
        self._logs.close()


class Hosting:
    """An `Invoker` that sends functions with a handler to a runtime, all others elsewhere.

    Parameters:
        functions: the declared functions.
        runtime: runs those that are hosted here.
        elsewhere: invokes the others, declared or not.
    """

    def __init__(
        self, functions: DeclaredFunctions, runtime: FunctionRuntime, elsewhere: EndpointInvoker
    ) -> None:
        self._runtime = runtime
        self._elsewhere = elsewhere
        self._functions = functions
        self._here: set[str] = set()

    @property
    def functions(self) -> DeclaredFunctions:
        """The declared functions, with what is known of those that are loaded."""
        return self._functions

    def host(self, function: DeclaredFunction) -> DeclaredFunction:
        """Take a function with a handler in, or its new code; returns it as it is now known."""
        function = self._runtime.add(function)
        self._functions.add(function)
        self._here.update(function.names)
        return function

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        """Run one invocation of a durable handler."""
        return self._for(invocation.function_name).invoke(invocation, service)

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        """Run a plain function once."""
        return self._for(call.function_name).call(call, service)

    def time_limit(self, function_name: str, invocation_timeout: float) -> TimeLimit:
        """How long a function may take before the service gives it up.

        Parameters:
            function_name: `name` or `name:qualifier`.
            invocation_timeout: real seconds that none may exceed.
        """
        if not self._is_here(function_name):
            return self._elsewhere.time_limit(function_name, invocation_timeout)
        function = self._functions.find(function_name)
        own = None if self._runtime.kills or function is None else function.timeout
        return TimeLimit(invocation_timeout if own is None else min(own, invocation_timeout))

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What functions hosted here wrote in an execution and for it, oldest first."""
        return self._runtime.lines(execution_arn)

    def handler(self, function_name: str) -> Handler | None:
        """The handler of a function as it is now, if it is loaded in this process."""
        return self._runtime.handler(function_name)

    def source(self, execution_arn: str, operation_id: str) -> SourceLine | None:
        """The line of code that asked for an operation last, if it ran in this process."""
        return self._runtime.source(execution_arn, operation_id)

    def keeps_lines(self, function_name: str) -> bool:
        """Whether what that function writes can be read by `lines`."""
        return self._runtime.kills and self._is_here(function_name)

    def close(self) -> None:
        """End what runs here."""
        self._runtime.close()

    def _for(self, function_name: str) -> Invoker:
        return self._runtime if self._is_here(function_name) else self._elsewhere

    def _is_here(self, function_name: str) -> bool:
        return function_name.partition(":")[0] in self._here
