"""Runs handlers on a faulty service, in process or over HTTP with a real client."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import Limits, StartExecution
from aws_durable_execution_sdk_python_testing._exploration.history_rules import problems
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

REAL_SECONDS = 60.0
LIMITS = Limits(page_bytes=1_500, invocation_retry_initial=0.01)


@dataclass
class Bodies:
    """How often bodies ran, by step and attempt."""

    runs: Counter[tuple[str, int]] = field(default_factory=Counter)

    def ran(self, step: str, attempt: int) -> None:
        self.runs[step, attempt] += 1

    def of(self, step: str) -> dict[int, int]:
        """Attempt: how often its body ran."""
        return {attempt: count for (name, attempt), count in self.runs.items() if name == step}


@dataclass(frozen=True)
class Run:
    """What came of an execution.

    Attributes:
        answers: what the handler answered to each delivery of an event: a status, or the class
            of what it raised.
        status, result, error_type: how the execution ended.
        violations: what is wrong with its history.
        injected: the faults that happened.
    """

    answers: list[str]
    status: str
    result: Any
    error_type: str | None
    violations: list[str]
    injected: list[str]


class FaultyRuns:
    """Runs handlers.

    Parameters:
        client: "in process", "aioboto3" or "boto3": what calls the service.
        monkeypatch: sets the environment of the default client.
    """

    def __init__(self, client: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client = client
        self._monkeypatch = monkeypatch

    def run(self, handler: Callable[[Any, Any], Any], faults: Faults) -> Run:
        """Run a handler, not decorated yet, to its end."""
        answers: list[str] = []
        settings = ServerSettings(
            skip_time=True, limits=LIMITS, faults=faults, allow_unqualified=True, api_rates=False
        )
        late: list[Any] = []

        def function(event: Any, context: Any) -> Any:
            return late[0](event, context)

        function.__durable_handler__ = True  # type: ignore[attr-defined]
        with DurableServer([hosted("function", function)], settings) as server:
            with self._connected(handler, server.url) as durable:
                late.append(_noting(durable, answers, self._client))
                return _execute(server, answers)

    @contextlib.contextmanager
    def _connected(self, handler: Any, url: str) -> Iterator[Any]:
        """The durable handler with the client that it is to use."""
        if self._client == "boto3":
            client = boto3.Session().client("lambda", endpoint_url=url)
            yield durable_execution(boto3_client=client)(handler)
            client.close()
        else:
            self._monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
            yield durable_execution(handler)


def _noting(durable: Any, answers: list[str], client: str) -> Callable[[Any, Any], Any]:
    def function(event: Any, context: Any) -> Any:
        # What the runner passes brings a client of its own: over HTTP there is none.
        received = event if client == "in process" else json.loads(json.dumps(event.to_dict()))
        try:
            answer = durable(received, context)
        except Exception as error:
            answers.append(type(error).__name__)
            raise
        answers.append(answer["Status"])
        return answer

    return function


def _execute(server: DurableServer, answers: list[str]) -> Run:
    service = server.service
    assert service is not None
    assert service.faults is not None
    arn = service.start(StartExecution(function_name="function", input="{}"))
    service.wait_until_ended(arn, REAL_SECONDS)
    execution = service.execution(arn)
    events = service.history(arn)
    result = execution.get("Result")
    injected = [str(one) for one in service.faults.injected]
    duplicates = sum(text.startswith("duplicate") for text in injected)
    return Run(
        answers,
        execution["Status"],
        None if result is None else json.loads(result),
        execution.get("Error", {}).get("ErrorType"),
        problems(events, invocations=len(answers) - duplicates, ended=True),
        injected,
    )
