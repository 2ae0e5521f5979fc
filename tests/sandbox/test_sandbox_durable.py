"""Durable functions in runtime processes: with the SDK's own client, over HTTP, killed or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox_calls import DIRECTORY

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, Limits, StartExecution
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

DURABLE = ("blocking", "asynchronous", "dies_once", "hangs_once", "calls_plain", "large")


class Executions:
    """Runs executions, and looks at what has become of them."""

    def __init__(self, service: LocalService) -> None:
        self._service = service
        self.arn = ""

    def run(self, function: str, event: Any, **members: Any) -> Any:
        """What an execution returns."""
        request = StartExecution(function_name=function, input=json.dumps(event), **members)
        self.arn = self._service.start(request)
        self._service.wait_until_ended(self.arn)
        execution = self._service.execution(self.arn)
        assert execution["Status"] == "SUCCEEDED", execution
        return json.loads(execution["Result"])

    def invocation_errors(self) -> list[str | None]:
        """The error type of each invocation of the last execution; None for a good one."""
        return [
            event["InvocationCompletedDetails"].get("Error", {}).get("Payload", {}).get("ErrorType")
            for event in self._service.history(self.arn)
            if event["EventType"] == "InvocationCompleted"
        ]


@pytest.fixture
def executions() -> Iterator[Executions]:
    functions = [
        DeclaredFunction(
            name=name,
            handler=f"{DIRECTORY}/durable_functions.py:{name}",
            durable=DurableTarget(),
            timeout=1 if name == "hangs_once" else None,
        )
        for name in DURABLE
    ]
    functions.append(DeclaredFunction(name="echo", handler=f"{DIRECTORY}/plain_functions.py:echo"))
    settings = ServerSettings(
        runtime="lambda", skip_time=True, limits=Limits(invocation_retry_initial=0.01)
    )
    with DurableServer(functions, settings) as server:
        assert server.service is not None
        yield Executions(server.service)


def test_an_async_handler_runs_with_the_default_client(executions: Executions) -> None:
    assert executions.run("asynchronous", {"name": "you"}) == "hello you"


def test_a_blocking_handler_resumes_in_the_same_process(executions: Executions) -> None:
    before, after = executions.run("blocking", {})
    assert before == after
    assert executions.invocation_errors() == [None, None]


def test_a_process_killed_in_a_step_is_replaced_and_completed_steps_do_not_run_again(
    executions: Executions, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    counted, tried, _ = executions.run("dies_once", {"notes": str(notes)})
    assert (counted, tried) == (1, 2)
    assert notes.read_text().split() == ["counted", "tried", "tried"]
    assert executions.invocation_errors() == ["Runtime.ExitError", None]


def test_an_invocation_that_takes_too_long_is_killed_and_replaced(
    executions: Executions, tmp_path: Path
) -> None:
    # On a busy machine others may be late too: before the step, or before its result is recorded.
    assert executions.run("hangs_once", {"notes": str(tmp_path / "notes")}) >= 2
    *late, last = executions.invocation_errors()
    assert set(late) == {"Sandbox.Timedout"}
    assert last is None


def test_a_plain_function_is_called_in_a_process_too(executions: Executions) -> None:
    assert executions.run("calls_plain", {"a": [1, "æ"]}) == {"a": [1, "æ"]}


def test_state_larger_than_an_event_is_read_page_by_page(executions: Executions) -> None:
    size = 250_000
    assert executions.run("large", {"size": size}) == 24 * size
