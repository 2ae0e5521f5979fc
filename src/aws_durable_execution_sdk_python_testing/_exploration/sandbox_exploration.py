"""Crash exploration with real processes, which die of SIGKILL."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, Limits, StartExecution
from aws_durable_execution_sdk_python_testing._exploration import sandboxed_handler
from aws_durable_execution_sdk_python_testing._exploration.crash_notes import read_notes
from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint
from aws_durable_execution_sdk_python_testing._exploration.crash_report import CrashReport
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import ExploredRun
from aws_durable_execution_sdk_python_testing._exploration.exploring import explore
from aws_durable_execution_sdk_python_testing._exploration.judging import Compare
from aws_durable_execution_sdk_python_testing._exploration.waiting import wait_until_ended
from aws_durable_execution_sdk_python_testing._exploration.witness import Memory
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._results.payloads import encode_input
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

_FUNCTION_NAME = "explored-function"
# Real time passes while a process starts: the service need not wait on top.
_LIMITS = Limits(invocation_retry_initial=0.01)
# What a step has called may answer a callback over HTTP.
_PATIENCE = 3.0


def explore_sandbox_crashes(
    handler: str,
    input: Any = None,
    *,
    callbacks: Mapping[str, Any] | None = None,
    functions: Iterable[DeclaredFunction] = (),
    samples: int | None = 10,
    seconds: float | None = None,
    seed: int = 0,
    only: CrashPoint | None = None,
    compare: Compare | None = None,
    before_each: Callable[[], object] | None = None,
    check: bool = True,
) -> CrashReport:
    """Explore crashes as `runner.explore_crashes` does, in processes that are really killed.

    The handler runs under Lambda's own runtime, with the SDK's own client, against the local
    service over HTTP. Each run kills one process with SIGKILL at one place. That takes about a
    second, so that by default only some of the places are tried.

    Parameters:
        handler: `FILE:HANDLER` or `MODULE:HANDLER`; it always uses the SDK's default client.
        input, callbacks: as for `DurableFunctionTestRunner.run`.
        functions: what it may invoke; see `hosted` in `_declarations.declared_functions`.
        samples: try so many places; None tries all of them.
        seconds: start no further run after so many real seconds.
        only, seed, compare, before_each, check: as for `runner.explore_crashes`.

    Raises:
        CrashExplorationError: a promise was broken.
        DurableFunctionsLocalRunnerError: `awslambdaric` is not installed.
        DurableFunctionsTestError: two runs without a crash end differently already.

    Example:
        ```python
        explore_sandbox_crashes("order.py:handler", {"amount": 5}, samples=20, seed=1).print()
        ```
    """
    with tempfile.TemporaryDirectory() as directory:
        sandboxes = _Sandboxes(handler, encode_input(input), callbacks, Path(directory))
        with sandboxes.serve(functions) as server:

            def run(memory: Memory) -> ExploredRun:
                if before_each is not None:
                    before_each()
                return sandboxes.run(server, memory)

            report = explore(
                run, only=only, samples=samples, seconds=seconds, seed=seed, compare=compare
            )
    if check:
        report.assert_ok()
    return report


class _Sandboxes:
    """Runs executions whose processes read from a plan where to die."""

    def __init__(
        self, handler: str, input: str | None, callbacks: Mapping[str, Any] | None, place: Path
    ) -> None:
        self._handler = _absolute(handler)
        self._input = input
        self._callbacks = callbacks
        self._directory = place
        self._plan = place / "plan.json"
        self._numbers = itertools.count(1)

    def serve(self, functions: Iterable[DeclaredFunction]) -> DurableServer:
        explored = DeclaredFunction(
            name=_FUNCTION_NAME,
            handler=f"{sandboxed_handler.__name__}:{sandboxed_handler.handler.__name__}",
            durable=DurableTarget(),
            environment={sandboxed_handler.PLAN_VARIABLE: str(self._plan)},
        )
        settings = ServerSettings(
            runtime="lambda",
            skip_time=True,
            limits=_LIMITS,
            allow_unqualified=True,
            api_rates=False,
        )
        return DurableServer([explored, *functions], settings)

    def run(self, server: DurableServer, memory: Memory) -> ExploredRun:
        """Run one execution to its end."""
        notes = self._directory / f"notes-{next(self._numbers)}"
        target = memory.target
        sandboxed_handler.CrashPlan(
            handler=self._handler,
            notes=str(notes),
            target=target,
            lines=None if target is None else memory.lines.get(target),
            counts_lines=memory.counts_lines,
        ).write(self._plan)
        result = self._execute(server)
        read_notes(notes, memory)
        return ExploredRun(memory, result, {"": result})

    def _execute(self, server: DurableServer) -> DurableFunctionTestResult:
        service = server.service
        assert service is not None  # it has been started
        answers = self._callbacks
        arn = service.start(
            StartExecution(function_name=_FUNCTION_NAME, input=self._input),
            responder=None if answers is None else CallbackResponder(answers),
        )
        wait_until_ended(service, arn, _PATIENCE)
        return DurableFunctionTestResult.from_service(
            service.execution(arn), service.operations(arn), service.history(arn)
        )


def _absolute(handler: str) -> str:
    """The handler as a process with another working directory finds it."""
    place, colon, name = handler.rpartition(":")
    return f"{Path(place).resolve()}:{name}" if colon and place.endswith(".py") else handler
