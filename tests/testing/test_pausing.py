"""`pause_execution` and `resume_execution` of the local runner."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionsTestError,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._engine import ResourceConflictError, StartExecution
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore


@durable_execution
def approval(event: Any, context: DurableContext) -> Any:
    return context.wait_for_callback(lambda *_: None, name="approval")


def types(runner: DurableFunctionTestRunner, arn: str) -> list[str]:
    return [event.event_type for event in runner.get_execution_history(arn).events]


def test_an_answer_during_a_pause_is_seen_after_it() -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, "approval")
        runner.pause_execution(arn)
        runner.send_callback_success(callback_id, b"1")
        assert types(runner, arn)[-2:] == ["ExecutionPaused", "CallbackSucceeded"]
        runner.resume_execution(arn)
        assert runner.wait_for_result(arn).result == 1


class Working:
    """A service with an execution that works until told to go on."""

    def __init__(self, *, checkpoints: bool) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()

        @durable_execution
        def handler(event: Any, context: DurableContext) -> str:
            return str(context.step(self.work) if checkpoints else self.work())

        invoker = InProcessInvoker()
        invoker.register("working", handler)
        self.service = LocalService(invoker, InMemoryExecutionStore())
        self.arn = self.service.start(StartExecution(function_name="working", input="{}"))
        self.entered.wait()

    def work(self, *_: Any) -> str:
        self.entered.set()
        self.leave.wait()
        return "worked"


def test_a_handler_that_works_pauses_with_its_next_checkpoint() -> None:
    working = Working(checkpoints=True)
    with contextlib.closing(working.service) as service:
        service.pause(working.arn)
        with pytest.raises(TimeoutError, match="has not paused"):
            service.wait_until_paused(working.arn, 0)
        working.leave.set()
        service.wait_until_paused(working.arn, 60)
        service.resume(working.arn)
        service.wait_until_ended(working.arn, 60)
        assert service.execution(working.arn)["Result"] == '"worked"'


def test_an_execution_that_ends_before_it_paused_is_an_error() -> None:
    working = Working(checkpoints=False)
    with contextlib.closing(working.service) as service:
        service.pause(working.arn)
        working.leave.set()
        with pytest.raises(DurableFunctionsTestError, match="ended before it paused"):
            service.wait_until_paused(working.arn, 60)


def test_an_execution_that_has_ended_cannot_be_paused() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> None: ...

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        runner.wait_for_result(arn)
        with pytest.raises(ResourceConflictError):
            runner.pause_execution(arn)


def test_what_is_not_paused_cannot_be_resumed() -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        runner.wait_for_callback(arn)
        with pytest.raises(ResourceConflictError):
            runner.resume_execution(arn)
