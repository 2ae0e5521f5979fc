"""A declared time-out, for functions in the server's own process: they are given up there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from serving_bench import REAL_SECONDS, Served

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._local_service.running_functions import (
    RunningFunctions,
)

Serve = Callable[..., Served]

# Real seconds, like those of a function that is late: its own are over long before the service's.
SOON = 0.25


class Late:
    """Functions that take too long once.

    Attributes:
        open: lets those that are late go on.
        went_on: set when one has gone on to its end.
        attempts: how many there were.
    """

    def __init__(self) -> None:
        self.open = threading.Event()
        self.went_on = threading.Event()
        self.attempts = 0
        self.remaining: list[int] = []

    def linger(self) -> str:
        """Take too long the first time."""
        self.attempts += 1
        if self.attempts > 1:
            return "second"
        self.open.wait(REAL_SECONDS)
        self.went_on.set()
        return "first"

    def plain(self, event: Any, context: Any) -> str:
        self.remaining.append(context.get_remaining_time_in_millis())
        return self.linger()

    def durable(self, timeout: float | None) -> DeclaredFunction:
        @durable_execution
        def handler(event: Any, context: DurableContext) -> str:
            before = context.step(lambda _: "before")
            lingered = self.linger()
            return f"{before} {lingered} {context.step(lambda _: 'after')}"

        return replace(hosted("order", handler), timeout=timeout)


@pytest.fixture
def late() -> Iterator[Late]:
    functions = Late()
    yield functions
    functions.open.set()


def invoke(served: Served, name: str) -> Any:
    return served.send("POST", f"/2015-03-31/functions/{name}/invocations", {})


def test_a_handler_that_is_late_is_invoked_again_and_what_it_still_says_is_ignored(
    serve: Serve, late: Late
) -> None:
    served = serve(late.durable(timeout=SOON), skip_time=True)
    reply = invoke(served, "order")
    assert reply.json == "before second after"
    arn = reply.headers["x-amz-durable-execution-arn"]
    history = served.service.history(arn)
    completed = [e for e in history if e["EventType"] == "InvocationCompleted"]
    first, *_, last = (event["InvocationCompletedDetails"] for event in completed)
    assert first["Error"]["Payload"]["ErrorType"] == "Sandbox.Timedout"
    assert first["Error"]["Payload"]["ErrorMessage"].endswith("Task timed out after 0.25 seconds")
    assert "Error" not in last
    late.open.set()
    assert late.went_on.wait(REAL_SECONDS)
    assert served.service.history(arn) == history


def test_a_plain_function_that_is_late_is_a_function_error(serve: Serve, late: Late) -> None:
    served = serve(DeclaredFunction(name="mail", handler=late.plain, timeout=SOON))
    reply = invoke(served, "mail")
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert reply.json["errorType"] == "Sandbox.Timedout"
    assert reply.json["errorMessage"].endswith("Task timed out after 0.25 seconds")
    assert 0 < late.remaining[0] <= SOON * 1000


def test_a_chained_invoke_of_a_plain_function_that_is_late_fails(serve: Serve, late: Late) -> None:
    @durable_execution
    def mailer(event: Any, context: DurableContext) -> Any:
        try:
            return context.invoke("mail", event)
        except InvokeError as error:
            return error.error_type

    plain = DeclaredFunction(name="mail", handler=late.plain, timeout=SOON)
    reply = invoke(serve(hosted("mailer", mailer), plain), "mailer")
    assert reply.json == "Sandbox.Timedout"


def test_no_function_may_take_longer_than_invocations_may(serve: Serve, late: Late) -> None:
    served = serve(late.durable(timeout=900), skip_time=True, invocation_timeout=SOON)
    assert invoke(served, "order").json == "before second after"


def test_only_those_are_given_up_whose_own_time_is_over() -> None:
    running = RunningFunctions()
    given_up: list[str] = []
    patient = running.add("first", 900, lambda: given_up.append("first"))
    running.add("second", 0, lambda: given_up.append("second"))
    assert running.seconds_left() == 0
    running.give_up_late()
    assert given_up == ["second"]
    assert running.runs_for("first")
    assert not running.runs_for("second")
    assert running.remove(patient)
    assert not running.remove(patient)
    assert not running
    assert running.seconds_left() is None
