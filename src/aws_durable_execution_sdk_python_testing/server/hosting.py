"""Sends each invocation to whatever runs its function."""

from __future__ import annotations

from typing import Protocol

from aws_durable_execution_sdk_python_testing.engine import (
    Crashed,
    Invocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing.invoker import (
    FunctionResult,
    InProcessInvoker,
    Invoker,
    Service,
)
from aws_durable_execution_sdk_python_testing.sandbox.logs import LogLine
from aws_durable_execution_sdk_python_testing.server.functions import (
    Function,
    Functions,
    made_durable,
)
from aws_durable_execution_sdk_python_testing.server.loading import is_durable, load_handler


class Runtime(Invoker, Protocol):
    """Runs functions that are declared with a handler."""

    def add(self, function: Function) -> Function:
        """Take a function in; returns it with what is only known of a loaded one.

        Raises:
            DeclarationError: its handler cannot be loaded.
        """
        ...

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What functions wrote in an execution and for it, oldest first."""
        ...

    def close(self) -> None:
        """End what runs. Idempotent."""


class InProcessRuntime(InProcessInvoker):
    """Runs handlers in the service's own process: they start at once, and cannot be killed."""

    def add(self, function: Function) -> Function:
        """Import the function's handler."""
        handler = load_handler(function.handler or "")
        for name in function.names:
            self.register(name, handler)
        return made_durable(function) if is_durable(handler) else function

    def lines(self, execution_arn: str) -> list[LogLine]:
        """None: what handlers write goes to the server's own output."""
        return []

    def close(self) -> None:
        """Nothing: threads that run handlers end with the process."""


class Hosting:
    """An `Invoker` that sends functions with a handler to a runtime, all others elsewhere.

    Args:
        functions: the declared functions.
        runtime: runs those that are hosted here.
        elsewhere: invokes the others, declared or not.
    """

    def __init__(self, functions: Functions, runtime: Runtime, elsewhere: Invoker) -> None:
        self._runtime = runtime
        self._elsewhere = elsewhere
        self._functions = functions
        self._here: set[str] = set()

    def host(self, function: Function) -> None:
        """Take a function with a handler in."""
        function = self._runtime.add(function)
        self._functions.add(function)
        self._here.update(function.names)

    def invoke(self, invocation: Invocation, service: Service) -> Returned | Crashed:
        """Run one invocation of a durable handler."""
        return self._for(invocation.function_name).invoke(invocation, service)

    def call(self, call: InvokeFunction, service: Service) -> FunctionResult:
        """Run a plain function once."""
        return self._for(call.function_name).call(call, service)

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What functions hosted here wrote in an execution and for it, oldest first."""
        return self._runtime.lines(execution_arn)

    def close(self) -> None:
        """End what runs here."""
        self._runtime.close()

    def _for(self, function_name: str) -> Invoker:
        here = function_name.partition(":")[0] in self._here
        return self._runtime if here else self._elsewhere
