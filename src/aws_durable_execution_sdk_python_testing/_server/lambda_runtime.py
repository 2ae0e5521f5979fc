"""Hosts functions in processes of Lambda's own runtime."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from aws_durable_execution_sdk_python_testing._declarations import handler_loading
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    made_durable,
)
from aws_durable_execution_sdk_python_testing._sandbox import (
    LogLine,
    SandboxFunction,
    SandboxInvoker,
)

# Exit statuses of the probe.
_DURABLE, _PLAIN = 10, 11
_PROBE = f"""
import sys
from {handler_loading.__name__} import DeclarationError, is_durable, load_handler
try:
    handler = load_handler(sys.argv[1])
except DeclarationError as error:
    sys.exit(str(error))
sys.exit({_DURABLE} if is_durable(handler) else {_PLAIN})
"""


class LambdaRuntime(SandboxInvoker):
    """Runs handlers in processes of Lambda's own runtime."""

    kills = True

    def add(self, function: DeclaredFunction) -> DeclaredFunction:
        """Take a function in. Its code is imported in processes only, also to learn its kind."""
        if not isinstance(function.handler, str):
            raise DeclarationError(f"{function.name}: has no handler that a process could import")
        try:
            code = _sandboxed(function, function.handler)
        except ValueError as error:
            raise DeclarationError(f"{function.name}: {error}") from error
        for name in function.names:
            self.register(name, code)
        if not function.declared and _shows_durable(function.handler):
            return made_durable(function)
        return function

    def lines(self, execution_arn: str) -> list[LogLine]:
        """What functions wrote in an execution and for it, oldest first."""
        return self.logs.read(execution_arn=execution_arn)

    def handler(self, function_name: str) -> None:
        """None: handlers are loaded in processes of their own."""

    def source(self, execution_arn: str, operation_id: str) -> None:
        """None: the code is in processes of its own."""


def _sandboxed(function: DeclaredFunction, handler: str) -> SandboxFunction:
    code = SandboxFunction.parse(handler)
    if function.code is not None:
        place, _, name = handler.rpartition(":")
        module = Path(place).relative_to(function.code).with_suffix("")
        code = replace(
            code, handler=f"{'.'.join(module.parts)}.{name}", task_root=function.code.resolve()
        )
    if function.memory_size is not None:
        code = replace(code, memory_size=function.memory_size)
    return replace(code, timeout=function.timeout, environment=function.environment)


def _shows_durable(handler: str) -> bool:
    """Import a handler in a process of its own, and look."""
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, handler], capture_output=True, text=True, check=False
    )
    if probe.returncode not in (_DURABLE, _PLAIN):
        reason = (probe.stderr.strip() or "it ended the process").splitlines()[-1]
        raise DeclarationError(reason)
    return probe.returncode == _DURABLE
