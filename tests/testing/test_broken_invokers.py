"""An invoker that raises, which it must not, ends the invocation and keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    PlainTarget,
    Returned,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._time.clocks import VirtualClock
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore


@durable_execution
def mailer(event: Any, context: DurableContext) -> Any:
    return context.invoke("mail", event, name="send")


class BrokenInvoker:
    """Loses its temper over the functions of these names."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._invoker = InProcessInvoker()
        self._invoker.register("mailer", mailer)

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        self._check(invocation.function_name)
        return self._invoker.invoke(invocation, service)

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        self._check(call.function_name)
        return self._invoker.call(call, service)

    def _check(self, function_name: str) -> None:
        if function_name.partition(":")[0] in self._names:
            raise KeyError("lost")


@pytest.fixture(params=["mailer", "mail"])
def ended(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """An execution of `mailer` whose invoker raises over it, or over what it invokes."""
    invoker = BrokenInvoker(request.param)
    clock = VirtualClock()
    with closing(LocalService(invoker, InMemoryExecutionStore(), clock=clock)) as service:
        service.register_target("mail", PlainTarget())
        arn = service.start(StartExecution(function_name="mailer", input="{}"))
        service.wait_until_ended(arn, timeout=60)
        yield service.execution(arn)


def test_the_execution_fails_and_says_why(ended: dict[str, Any]) -> None:
    assert ended["Status"] == "FAILED"
    expected = "The invoker raised instead of answering: KeyError: 'lost'"
    # What the runner adds is that it gives up.
    assert ended["Error"]["ErrorMessage"].splitlines()[0] == expected
