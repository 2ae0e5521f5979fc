"""The sandboxes of one function: as many as it has invocations at once, kept for the next ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult
from aws_durable_execution_sdk_python_testing._sandbox import runtime_errors
from aws_durable_execution_sdk_python_testing._sandbox.runtime_api import RuntimeEvent
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_function import SandboxFunction
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_instance import Sandbox, SandboxHost


class SandboxPool:
    """Runs a function's invocations, each in a sandbox that no other one uses meanwhile.

    Parameters:
        name: the function's name in the logs.
        function: what to run.
        host: what the sandboxes share.
    """

    def __init__(self, name: str, function: SandboxFunction, host: SandboxHost) -> None:
        self._name = name
        self._function = function
        self._timeout = float("inf") if function.timeout is None else function.timeout
        self._host = host
        self._slots = asyncio.Semaphore(function.concurrency)
        # By the function's ARN: a process is told once which version it is.
        self._idle: defaultdict[str, list[Sandbox]] = defaultdict(list)
        self._sandboxes: set[Sandbox] = set()

    async def run(self, event: RuntimeEvent, limit: float) -> FunctionResult:
        """Run one invocation, after others if the function's concurrency is used up.

        Parameters:
            event: what to hand over.
            limit: seconds it may take altogether, waiting included.
        """
        try:
            async with asyncio.timeout(limit), self._slots:
                return await self._run(event, min(limit, self._timeout))
        except TimeoutError:
            return runtime_errors.timed_out(event.request_id, limit)
        except OSError as error:
            return runtime_errors.not_started(event.request_id, error)

    async def close(self) -> None:
        """Kill all processes, and wait until they are gone."""
        sandboxes = list(self._sandboxes)
        for sandbox in sandboxes:
            sandbox.kill()
        await asyncio.gather(*(sandbox.ended for sandbox in sandboxes), return_exceptions=True)

    async def _run(self, event: RuntimeEvent, seconds: float) -> FunctionResult:
        sandbox = self._take_idle(event.function_arn) or self._start(event.function_arn)
        try:
            return await sandbox.run(event, seconds)
        finally:
            if sandbox.alive:
                self._idle[event.function_arn].append(sandbox)

    def _take_idle(self, function_arn: str) -> Sandbox | None:
        idle = self._idle[function_arn]
        while idle:
            # The last one used is the one most likely in the machine's caches.
            sandbox = idle.pop()
            if sandbox.alive:
                return sandbox
        return None

    def _start(self, function_arn: str) -> Sandbox:
        sandbox = Sandbox(self._name, self._function, function_arn, self._host)
        self._sandboxes.add(sandbox)
        sandbox.ended.add_done_callback(lambda _: self._sandboxes.discard(sandbox))
        return sandbox
