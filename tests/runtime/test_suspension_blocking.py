"""A blocking handler, or branch, is unwound when it has to wait; nothing it does then counts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    ConcurrentContextUseError,
    DurableContext,
    durable_execution,
    with_retry,
)
from aws_durable_execution_sdk_python.config import CompletionConfig, ParallelConfig
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

runs: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def fresh_counter() -> None:
    runs.clear()


def run(handler: Any, event: Any = None) -> DurableFunctionTestResult:
    with Runner(handler=handler) as runner:
        return runner.run(input=event, timeout=20)


def counted(name: str) -> Any:
    def body() -> str:
        runs[name] += 1
        return name

    return body


def test_bare_except_around_a_wait_cannot_fake_a_result() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        runs["invocation"] += 1
        try:
            context.wait(seconds=60)
        except:  # noqa: E722 - what this test is about
            return "faked"
        return "waited"

    result = run(handler)
    assert (result.status, result.result, runs["invocation"]) == ("SUCCEEDED", "waited", 2)


def test_finally_cannot_run_a_step_early() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        try:
            context.wait(seconds=60)
        finally:
            context.step(counted("cleanup"), name="cleanup")
        return "done"

    result = run(handler)
    assert result.result == "done"
    assert runs["cleanup"] == 1


def test_an_error_raised_while_unwinding_is_not_a_failure() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        try:
            context.wait(seconds=60)
        except BaseException as error:
            raise RuntimeError("changed into an ordinary error") from error
        return "waited"

    assert run(handler).result == "waited"


def test_branch_that_swallows_the_suspension_keeps_its_outcome_open() -> None:
    """One branch unwinds while the other works: its faked value is not its result."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def waiting(child: DurableContext) -> str:
            try:
                child.wait(seconds=60)
            except:  # noqa: E722 - what this test is about
                child.step(counted("early"), name="early")
                return "faked"
            return "waited"

        def working(child: DurableContext) -> str:
            return child.step(counted("work"), name="work")

        return list(context.parallel([waiting, working]))

    assert run(handler).result == ["waited", "work"]
    assert (runs["early"], runs["work"]) == (0, 1)


@pytest.mark.parametrize("operation", ["child", "retry", "map", "nested children"])
def test_a_context_that_swallows_the_suspension_is_not_recorded_as_done(operation: str) -> None:
    """The function of a nested context returns a value while it is unwound: nobody saves it."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def swallowing(child: DurableContext, *_: Any) -> str:
            try:
                child.wait(seconds=60)
            except BaseException:
                return "faked"
            return "waited"

        if operation == "child":
            return context.run_in_child_context(swallowing)
        if operation == "retry":
            return with_retry(context, swallowing)
        if operation == "map":
            return context.run_in_child_context(lambda c: c.map([1], swallowing)[0])
        return context.run_in_child_context(
            lambda c: c.run_in_child_context(lambda inner: swallowing(inner))
        )

    assert run(handler).result == "waited"


def test_due_branch_resumes_while_a_sibling_still_works() -> None:
    """In process: the wait ends in the invocation that began it."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        runs["invocation"] += 1
        resumed = threading.Event()

        def waiting(child: DurableContext) -> str:
            child.wait(seconds=1)
            resumed.set()
            return "waited"

        def working(child: DurableContext) -> Any:
            return child.step(lambda: resumed.wait(15), name="work")

        return list(context.parallel([waiting, working]))

    assert run(handler).result == ["waited", True]
    assert runs["invocation"] == 1


def test_two_threads_on_one_context_are_refused() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        refused: list[str] = []
        inside, release = threading.Event(), threading.Event()

        def intruder() -> None:
            inside.wait(10)
            try:
                context.step(counted("intruder"))
            except ConcurrentContextUseError as error:
                refused.append(str(error))
            release.set()

        thread = threading.Thread(target=intruder)
        thread.start()

        def body() -> None:
            inside.set()
            release.wait(10)

        context.step(body, name="busy")
        thread.join()
        return refused[0]

    assert "parallel" in run(handler).result
    assert runs["intruder"] == 0


def test_running_branches_of_a_decided_batch_are_joined_before_the_answer() -> None:
    """The loser of a race ends before the invocation does, and cannot checkpoint any more."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        begun, decided = threading.Event(), threading.Event()

        def winner(child: DurableContext) -> str:
            return child.step(lambda: begun.wait() and "won", name="win")

        def slow() -> None:
            begun.set()
            decided.wait(10)

        def loser(child: DurableContext) -> str:
            try:
                child.step(slow, name="slow")
                runs["after"] += 1
                return child.step(counted("orphan"), name="orphan")
            finally:
                runs["ended"] += 1

        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.first_successful()
        )
        result = context.parallel([winner, loser], config=config)
        decided.set()
        return [result[0], result.completion_reason, result.all[1].status]

    result = run(handler)
    assert result.result == ["won", "MIN_SUCCESSFUL_REACHED", "STARTED"]
    assert (runs["after"], runs["orphan"], runs["ended"]) == (0, 0, 1)


def test_blocking_code_does_not_stall_other_branches() -> None:
    """A branch that blocks its thread leaves the loop free for an async one."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        from aws_durable_execution_sdk_python import AsyncDurableContext

        async_done = threading.Event()

        def blocking(child: DurableContext) -> bool:
            return async_done.wait(10)

        async def quick(child: AsyncDurableContext) -> str:
            value = await child.step(counted("quick"), name="quick")
            async_done.set()
            return value

        return list(context.parallel([blocking, quick]))

    assert run(handler).result == [True, "quick"]


def test_system_exit_in_a_step_is_a_crash_and_the_environment_stays_usable() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        def body() -> str:
            runs["body"] += 1
            if runs["body"] == 1:
                raise SystemExit(1)
            return "second time"

        return context.step(body, name="crash")

    assert run(handler).result == "second time"
    assert runs["body"] == 2


def test_context_variables_of_the_caller_reach_step_bodies() -> None:
    from contextvars import ContextVar

    trace: ContextVar[str] = ContextVar("trace", default="none")

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        trace.set("mine")
        one = context.step(trace.get, name="one")
        many = list(context.map([1, 2], lambda c, x, i, xs: c.step(trace.get, name="inner")))
        return [one, *many]

    assert run(handler).result == ["mine", "mine", "mine"]


def test_time_is_read_from_the_clock_of_the_service() -> None:
    """Skipped time: an hour's wait takes no real hour, though nothing in the SDK knows."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> float:
        begin = context.step(time.time, name="begin")
        context.wait(hours=1)
        return context.step(time.time, name="end") - begin

    assert run(handler).result < 60
