"""Bugs that random programs found, each as the smallest program that shows it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from model_programs import Cancel, Child, Map, Parallel, Program, Race, Step, Wait
from model_run import check
from model_world import Crash, Plan, Point

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner


def test_an_invocation_that_two_steps_exit_from_is_cleaned_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each SystemExit stops the event loop; the invocation must still come to its end in it.

    Found by random programs: what was left was collected, and ran its clean-up, in the event loop
    of another invocation.
    """
    exits: list[str] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        if exits:
            return "again"
        begun = asyncio.Event()

        async def leave(_: StepContext) -> None:
            await begun.wait()
            exits.append("a")
            raise SystemExit(1)

        async def leave_when_cancelled(_: StepContext) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                exits.append("b")
                raise SystemExit(1)

        return await asyncio.gather(
            context.step(leave_when_cancelled, name="b"), context.step(leave, name="a")
        )

    with DurableFunctionTestRunner(handler) as runner:
        assert runner.run().result == "again"
    gc.collect()
    assert exits == ["a", "b"]
    assert [record.message for record in caplog.records if "destroyed" in record.message] == []


class FailingClient:
    """Fails every checkpoint; `failed` is set once the invocation knows."""

    def __init__(self) -> None:
        self.failed = threading.Event()

    async def checkpoint(
        self, arn: str, token: str, updates: Sequence[OperationUpdate], client_token: str | None
    ) -> CheckpointOutput:
        asyncio.get_running_loop().call_soon(self.failed.set)
        raise CheckpointError("throttled", retryable=True)

    async def get_execution_state(
        self, arn: str, token: str, marker: str, max_items: int = 1000
    ) -> StateOutput:
        raise AssertionError("there is only one page")


def test_an_async_body_that_comes_too_late_to_run_is_disposed_of() -> None:
    """Found by random programs: "coroutine was never awaited", from a blocking handler."""
    client = FailingClient()

    async def late() -> int:
        return 1

    def body(_: Any) -> Any:
        client.failed.wait()
        return late()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.step(body, name="late")

    root = {
        "Id": "run",
        "Type": "EXECUTION",
        "Status": "STARTED",
        "StartTimestamp": time.time() * 1000,
        "ExecutionDetails": {"InputPayload": "{}"},
    }
    event = {
        "DurableExecutionArn": "arn:aws:lambda:us-west-2:123456789012:function:f:1"
        "/durable-execution/name/run",
        "CheckpointToken": "t",
        "InitialExecutionState": {"Operations": [root], "NextMarker": ""},
    }
    with pytest.raises(CheckpointError):
        handler(DurableExecutionInvocationInputWithClient.from_event(event, client), None)
    gc.collect()  # a coroutine that was never awaited warns, and warnings are errors here


def test_what_a_completed_context_left_unfinished_leaves_no_record_on_replay() -> None:
    """Found by random programs: the loser of a race waited for its retry when its context ended.

    The context's result is too large to store, so it is made again on each replay. There the step
    began again, below a context that had completed long ago.
    """
    race = Race((Step(), Step(at_most_once=True)))
    branches = (Program((Wait(1), Wait(1))), Program((race,), is_async=True, is_large=True))
    program = Program((Step(), Parallel(branches=branches)))
    check(program, Plan((Crash(Point.REQUEST, 2),)))


def test_nothing_is_recorded_below_a_context_that_could_not_begin() -> None:
    """Found by random programs: "Invalid parent operation id." failed the execution, now and then.

    A map is cancelled and the context around it ends, while a thread begins one more branch: that
    comes too late to be recorded, and so must all that the branch does.
    """
    cancelled = Cancel(Map(program=Program((Step(),)), size=3), after=1)
    program = Program((Child(Program((cancelled,), is_async=True)), Wait(1)))
    for _ in range(10):  # threads decide
        check(program, Plan())
