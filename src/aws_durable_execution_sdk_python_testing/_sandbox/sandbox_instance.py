"""One execution environment: a process under the Lambda runtime, and what it is connected to."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult
from aws_durable_execution_sdk_python_testing._sandbox import runtime_errors
from aws_durable_execution_sdk_python_testing._sandbox.function_environment import (
    UNIQUE_VARIABLE,
    lambda_environment,
)
from aws_durable_execution_sdk_python_testing._sandbox.function_logs import FunctionLogs
from aws_durable_execution_sdk_python_testing._sandbox.guardian import Guardian
from aws_durable_execution_sdk_python_testing._sandbox.process_group import ProcessGroup
from aws_durable_execution_sdk_python_testing._sandbox.process_output import Output
from aws_durable_execution_sdk_python_testing._sandbox.runtime_api import (
    RuntimeApi,
    RuntimeEvent,
    Turn,
)
from aws_durable_execution_sdk_python_testing._sandbox.sandbox_function import SandboxFunction

# What Lambda grants for importing the handler's module, if the function's own time-out is less.
_INITIALISATION_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SandboxHost:
    """What all sandboxes share.

    Attributes:
        service_url: of the durable service.
        logs: where their output goes.
        guardian: kills their processes if this one cannot.
    """

    service_url: str
    logs: FunctionLogs
    guardian: Guardian


class Sandbox:
    """Runs invocations of one function, one at a time, in one process.

    The process starts at once, and when it has ended the sandbox is of no more use. Made and used
    on one event loop.

    Parameters:
        name: the function's name in the logs.
        function: what to run.
        function_arn: its ARN, with qualifier.
        host: what it shares with others.

    Attributes:
        ended: gives the process's exit code; fails with OSError if it could not be started.
    """

    def __init__(
        self, name: str, function: SandboxFunction, function_arn: str, host: SandboxHost
    ) -> None:
        self._name = name
        self._function = function
        self._host = host
        self._turn: Turn | None = None
        self._process: ProcessGroup | None = None
        self._killed = False
        self._output = Output(self._log)
        self._api = RuntimeApi(at_rest=self._output.flush)
        self.ended = asyncio.create_task(self._live(function_arn))

    @property
    def alive(self) -> bool:
        """Whether it can run another invocation."""
        return not self._killed and not self.ended.done()

    async def run(self, event: RuntimeEvent, seconds: float) -> FunctionResult:
        """Run one invocation. If it is cancelled the process is killed.

        Parameters:
            event: what to hand over.
            seconds: what the function may take from when it has the event.

        Raises:
            OSError: the process could not be started.
        """
        turn = self._turn = Turn(event, seconds)
        self._api.offer(turn)
        try:
            late = await self._follow(turn)
        finally:
            if not turn.over.is_set():
                self.kill()
        if turn.answer is not None:
            return turn.answer
        code = await asyncio.shield(self.ended)
        failure = late or runtime_errors.exited(event.request_id, code)
        self._log(runtime_errors.message(failure))
        return failure

    def kill(self) -> None:
        """End it, whatever it does. Wait for `ended` to see it gone."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    async def _follow(self, turn: Turn) -> FunctionResult | None:
        """Wait until the turn is over, or for as long as it may take: then its failure."""
        seconds = max(turn.timeout, _INITIALISATION_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await turn.delivered.wait()
            seconds = turn.timeout
            async with asyncio.timeout(seconds):
                await turn.over.wait()
        except TimeoutError:
            return runtime_errors.timed_out(turn.event.request_id, seconds)
        return None

    async def _live(self, function_arn: str) -> int:
        try:
            self._process = await self._start(function_arn)
            if self._killed:
                self._process.kill()
            return await self._process.wait()
        finally:
            self._output.flush()
            self._output.close()
            if self._turn is not None:
                self._turn.delivered.set()
                self._turn.over.set()
            await self._api.close()

    async def _start(self, function_arn: str) -> ProcessGroup:
        try:
            environment = lambda_environment(
                self._function,
                function_arn,
                runtime_api=await self._api.open(),
                service_url=self._host.service_url,
            )
            return await ProcessGroup.start(
                [sys.executable, "-m", "awslambdaric", self._function.handler],
                directory=self._function.task_root,
                environment=environment,
                mark=UNIQUE_VARIABLE,
                output=self._output.writer,
                guardian=self._host.guardian,
            )
        finally:
            self._output.close_writer()

    def _log(self, text: str) -> None:
        if self._turn is not None:
            event = self._turn.event
            self._host.logs.append(
                time.time(), self._name, event.request_id, event.execution_arn, text
            )
