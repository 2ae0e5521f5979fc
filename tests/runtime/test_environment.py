"""An environment survives its invocations, or is replaced; and it never holds up the process."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
from invocation_scopes import begin, leftovers

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._kernel import ending
from aws_durable_execution_sdk_python._kernel.ending import Patience
from aws_durable_execution_sdk_python._lambda import pool
from aws_durable_execution_sdk_python._lambda.collector import collector_paused
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._lambda.pool import (
    close_idle_environments,
    run_in_environment,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

# The tasks of the engine are named after what they run.
_OURS = "aws_durable_execution_sdk_python._kernel."


@pytest.fixture(autouse=True)
def no_idle_environments() -> Iterator[None]:
    close_idle_environments()
    yield
    close_idle_environments()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "PATIENCE", Patience(grace=0.01, crash=0.05, rounds=3))


def run(handler: Any) -> DurableFunctionTestResult:
    with Runner(handler=handler) as runner:
        return runner.run(timeout=20)


@durable_execution
async def look_around(event: Any, context: AsyncDurableContext) -> Any:
    """What there is in an invocation besides its own: tasks of the user's, and timers."""
    tasks, timers = leftovers()
    return [name for name in tasks if not name.startswith(("Task-", _OURS))], timers


async def loop_of(environment: Environment) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


# --------------------------------------------------------------------- from one to the next


def test_the_next_invocation_finds_nothing(impatient: None) -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        begin(asyncio.sleep(3600), name="background")
        asyncio.get_running_loop().call_later(3600, print, "late")
        await context.wait(seconds=1)

    assert run(handler).status == "SUCCEEDED"
    assert run(look_around).result == [[], 0]


def test_a_task_begun_from_a_blocking_handlers_thread_ends_with_it() -> None:
    begun: list[Any] = []

    async def background() -> None:
        asyncio.current_task().set_name("background")  # type: ignore[union-attr]
        await asyncio.sleep(3600)

    loops: list[asyncio.AbstractEventLoop] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        async def step(_: Any) -> None:
            loops.append(asyncio.get_running_loop())

        context.step(step)
        begun.append(asyncio.run_coroutine_threadsafe(background(), loops[0]))

    assert run(handler).status == "SUCCEEDED"
    assert begun[0].cancelled()
    assert run(look_around).result == [[], 0]


def test_a_generator_that_a_suspension_leaves_is_closed_in_its_own_invocation() -> None:
    invocations = 0
    closed_in: list[tuple[int, int]] = []

    async def numbers(began_in: int) -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0.01)
            closed_in.append((began_in, invocations))

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        nonlocal invocations
        invocations += 1
        async for _ in numbers(invocations):
            await context.wait(seconds=60)

    assert run(handler).status == "SUCCEEDED"
    assert closed_in == [(1, 1), (2, 2), (3, 3)]


def test_a_resisting_task_calls_no_durable_operation_later(
    impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on in later invocations, which take no notice of it."""
    resisting = [True]
    called: list[str] = []
    wake: list[asyncio.Event] = []
    stubborn: list[asyncio.Task[None]] = []

    async def resists(context: AsyncDurableContext) -> None:
        while resisting:
            with suppress(asyncio.CancelledError):
                await wake[0].wait()
                resisting.clear()
                await context.step(lambda _: called.append("step"), name="ghost")

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        wake.append(asyncio.Event())
        stubborn.append(begin(resists(context), name="stubborn"))
        await asyncio.sleep(0)

    @durable_execution
    async def later(event: Any, context: AsyncDurableContext) -> list[str]:
        wake[0].set()
        await asyncio.wait(stubborn)
        return [type(task.exception()).__name__ for task in stubborn]

    assert run(handler).status == "SUCCEEDED"
    assert ["stubborn" in record.message for record in caplog.records] == [True]
    result = run(later)
    assert (result.result, called) == (["SuspendExecution"], [])
    assert [operation.name for operation in result.operations] == []


def test_tasks_from_before_survive_on_whichever_thread() -> None:
    """And they end with the environment: from Python 3.14 on asyncio alone would not know them."""
    tasks: list[asyncio.Task[Any]] = []
    ended: list[bool] = []

    async def client() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    async def open_client(environment: Environment) -> None:
        tasks.append(asyncio.create_task(client()))
        await asyncio.sleep(0)

    thread = threading.Thread(target=run_in_environment, args=(open_client,))
    thread.start()
    thread.join()
    assert run(look_around).status == "SUCCEEDED"
    assert not tasks[0].done()
    close_idle_environments()
    assert ended == [True]


def test_a_handler_that_resists_its_suspension_does_not_hold_it_up(
    impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    invocations: list[int] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        invocations.append(1)
        with suppress(BaseException):
            await context.wait(seconds=60)
        if len(invocations) > 1:
            return "second"
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    assert run(handler).result == "second"
    assert ["does not end" in record.message for record in caplog.records] == [True]


# -------------------------------------------------------------------------- in the middle


@pytest.mark.parametrize("how", ["stop", "SystemExit", "KeyboardInterrupt"])
def test_what_leaves_the_loop_ends_the_invocation(impatient: None, how: str) -> None:
    """As a crash would: what is in the middle of things is cleaned up, and does not go on."""
    events: list[str] = []
    leaving: list[asyncio.Task[None]] = []

    async def leaves() -> None:
        if how == "stop":
            asyncio.get_running_loop().stop()
        else:
            raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}[how]

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        if not events:
            events.append("first")
            leaving.append(begin(leaves()))
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                events.append("cleaned up")
        return "second"

    result = run(handler)
    assert (result.status, result.result) == ("SUCCEEDED", "second")
    assert events == ["first", "cleaned up"]
    assert type(leaving[0].exception()).__name__ == ("NoneType" if how == "stop" else how)


def test_a_thread_whose_loop_was_left_runs_no_further_operation(impatient: None) -> None:
    """The ghost of the first invocation is refused, when it comes to itself."""
    held, ended = threading.Event(), threading.Event()
    steps: list[str] = []
    invocations: list[int] = []

    loops: list[asyncio.AbstractEventLoop] = []

    async def find_loop(_: Any) -> None:
        loops.append(asyncio.get_running_loop())

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        invocations.append(1)
        context.step(find_loop)
        if len(invocations) > 1:
            return "second"
        loops[0].call_soon_threadsafe(loops[0].stop)
        held.wait()
        try:
            context.step(lambda _: steps.append("ghost"))
        finally:
            ended.set()
        return "first"

    result = run(handler)
    held.set()
    ended.wait()
    assert (result.result, steps) == ("second", [])


@pytest.mark.parametrize("flavour", ["blocking", "async"])
def test_a_handler_that_exits_crashes_its_invocation(impatient: None, flavour: str) -> None:
    invocations: list[str] = []

    def exit_once() -> str:
        invocations.append(flavour)
        if len(invocations) == 1:
            raise SystemExit(3)
        return "second"

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> str:
        return exit_once()

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> str:
        return exit_once()

    result = run(blocking if flavour == "blocking" else asynchronous)
    assert (result.result, invocations) == ("second", [flavour, flavour])


def test_an_exit_beside_a_task_that_resists_ends_in_time(
    impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    invocations: list[int] = []

    async def resists() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        invocations.append(1)
        if len(invocations) == 1:
            begin(resists(), name="stubborn")
            await asyncio.sleep(0)
            raise SystemExit(3)
        return "second"

    assert run(handler).result == "second"
    assert any("stubborn" in record.message for record in caplog.records)


def test_an_environment_left_in_the_middle_is_replaced() -> None:
    async def stop(environment: Environment) -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(3600)

    first = run_in_environment(loop_of)
    with pytest.raises(RuntimeError, match="stopped"):
        run_in_environment(stop)
    assert first.is_closed()
    assert not run_in_environment(loop_of).is_closed()


def test_an_ordinary_error_keeps_the_environment() -> None:
    async def fail(environment: Environment) -> None:
        raise ValueError("the user's")

    first = run_in_environment(loop_of)
    with pytest.raises(ValueError, match="user's"):
        run_in_environment(fail)
    assert run_in_environment(loop_of) is first


# ------------------------------------------------------------------------------- the end


def test_closing_waits_for_no_task_that_resists(impatient: None) -> None:
    async def resists() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    async def main(environment: Environment) -> asyncio.AbstractEventLoop:
        begin(resists())
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    loop = run_in_environment(main)
    close_idle_environments()
    assert loop.is_closed()


def test_closing_waits_for_no_job_of_an_executor() -> None:
    held = threading.Event()

    async def main(environment: Environment) -> asyncio.AbstractEventLoop:
        asyncio.get_running_loop().run_in_executor(None, held.wait)
        return asyncio.get_running_loop()

    loop = run_in_environment(main)
    close_idle_environments()
    closed = loop.is_closed()
    held.set()
    assert closed


def run_script(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_process_exits_whoever_resists() -> None:
    """The bounds here are the real ones."""
    began = time.monotonic()
    out = run_script("""
        import asyncio
        from aws_durable_execution_sdk_python._lambda.pool import run_in_environment

        async def resists():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        async def main(environment):
            global task
            task = asyncio.create_task(resists())
            await asyncio.sleep(0)

        run_in_environment(main)
        print("ended")
    """)
    assert out == "ended\n"
    assert time.monotonic() - began < 40


def test_a_platform_that_does_not_fork() -> None:
    out = run_script("""
        import os
        del os.fork, os.register_at_fork
        from aws_durable_execution_sdk_python import durable_execution
        from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

        @durable_execution
        async def handler(event, context):
            return await context.step(lambda _: 7)

        with DurableFunctionTestRunner(handler) as runner:
            print(runner.run().result)
    """)
    assert out == "7\n"


# ------------------------------------------------------------------------- whose process


def test_the_collector_is_left_alone_outside_of_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    frozen = gc.get_freeze_count()
    with collector_paused():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


def test_the_collector_skips_the_libraries_in_lambda() -> None:
    out = run_script("""
        import gc, os
        os.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9001"
        from aws_durable_execution_sdk_python._lambda.collector import collector_paused
        with collector_paused():
            print(gc.isenabled(), end=" ")
        print(gc.isenabled(), gc.get_freeze_count() > 0)
    """)
    assert out == "False True True\n"


# ----------------------------------------------------------------------- inside a loop


current: ContextVar[str] = ContextVar("current", default="none")


async def test_inside_a_running_loop_another_thread_runs_it() -> None:
    current.set("the caller's")

    async def main(environment: Environment) -> tuple[Any, ...]:
        thread = threading.current_thread()
        return thread.daemon, thread is threading.main_thread(), current.get()

    assert run_in_environment(main) == (True, False, "the caller's")


async def test_inside_a_running_loop_idle_environments_can_be_closed() -> None:
    loop = run_in_environment(loop_of)
    close_idle_environments()
    assert loop.is_closed()


async def test_inside_a_running_loop_that_loop_is_what_it_was() -> None:
    hooks, loop = sys.get_asyncgen_hooks(), asyncio.get_running_loop()
    first = run_in_environment(loop_of)
    second = run_in_environment(loop_of)  # in another thread
    assert first is second is not loop
    assert sys.get_asyncgen_hooks() == hooks
    assert asyncio.get_running_loop() is loop


def test_invocations_at_once_have_environments_of_their_own() -> None:
    together = threading.Barrier(2)
    loops: list[asyncio.AbstractEventLoop] = []

    async def main(environment: Environment) -> None:
        together.wait()
        loops.append(asyncio.get_running_loop())

    threads = [threading.Thread(target=run_in_environment, args=(main,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(loops)) == 2
    assert len(pool._idle) == 2
