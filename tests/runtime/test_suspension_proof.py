"""Suspended exactly when nothing can run: programs at work and at rest, on the real SDK."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from typing import Any

import programs_at_rest
import programs_at_work
import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

# An invocation that is suspended leaves what its programs had open to the garbage collector.
pytestmark = [
    pytest.mark.usefixtures("left_open"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# For what has to end by itself, below the time-outs of the programs: one that is not suspended
# fails by this, and a machine under load has time enough.
SECONDS = 25


def is_worked_off(handler: Any, done: list[int]) -> bool:
    """Whether the first invocation got as far as `done` before it was suspended."""
    with Runner(handler) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, "approval", timeout=SECONDS)
        was_done = bool(done)
        runner.send_callback_success(callback_id, '"approved"')
        assert runner.wait_for_result(arn, SECONDS).status == "SUCCEEDED"
    return was_done


@pytest.mark.parametrize("name", programs_at_work.PROGRAMS)
def test_work_is_done_before_the_suspension(name: str) -> None:
    """Nobody would approve what nobody was asked for: the step must run in this invocation."""
    done: list[int] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def approve(c: AsyncDurableContext) -> Any:
            return await (await c.create_callback(name="approval")).result()

        async def prepare(c: AsyncDurableContext) -> Any:
            await programs_at_work.PROGRAMS[name](c)
            return await c.step(lambda _: done.append(1), name="ask for approval")

        return list(await context.parallel([approve, prepare]))

    assert is_worked_off(handler, done)


def test_a_task_nobody_awaits_that_holds_the_context_is_work() -> None:
    done: list[int] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def later(c: AsyncDurableContext) -> None:
            await asyncio.to_thread(programs_at_work.load)
            await c.step(lambda _: done.append(1))

        task = asyncio.create_task(context.run_in_child_context(later))
        callback = await context.create_callback(name="approval")
        result = await callback.result()
        await task
        return result

    assert is_worked_off(handler, done)


def test_a_spinning_task_nobody_awaits_that_holds_the_context_is_work() -> None:
    done: list[int] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def later(c: AsyncDurableContext) -> None:
            until = time.monotonic() + 0.06
            while time.monotonic() < until:  # noqa: ASYNC110 - what is tested
                await asyncio.sleep(0)
            await c.step(lambda _: done.append(1))

        task = asyncio.create_task(context.run_in_child_context(later))
        callback = await context.create_callback(name="approval")
        result = await callback.result()
        await task
        return result

    assert is_worked_off(handler, done)


@pytest.mark.parametrize("name", programs_at_rest.PROGRAMS)
def test_rest_is_suspended(name: str) -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        await programs_at_rest.PROGRAMS[name](context)
        return "done"

    with Runner(handler) as runner:
        result = runner.run(timeout=SECONDS)
    assert result.result == "done"
    assert len(result.invocations) > 1


# ------------------------------------------------------------------------------ blocking twins


def _in_a_pool() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        concurrent.futures.wait([pool.submit(programs_at_work.load) for _ in range(2)])


def _in_a_thread() -> None:
    thread = threading.Thread(target=programs_at_work.load)
    thread.start()
    thread.join()


def _in_a_loop() -> None:
    asyncio.run(asyncio.sleep(0.02))


@pytest.mark.parametrize("work", [programs_at_work.load, _in_a_pool, _in_a_thread, _in_a_loop])
def test_blocking_work_is_done_before_the_suspension(work: Callable[[], Any]) -> None:
    done: list[int] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def approve(c: DurableContext) -> Any:
            return c.create_callback(name="approval").result()

        def prepare(c: DurableContext) -> Any:
            work()
            return c.step(lambda _: done.append(1), name="ask for approval")

        return list(context.parallel([approve, prepare]))

    assert is_worked_off(handler, done)


@pytest.mark.parametrize("name", ["queue_fed_by_a_thread", "httpx_stream", "timeout_around_a_lock"])
def test_async_work_below_blocking_code_is_done_before_the_suspension(name: str) -> None:
    done: list[int] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def approve(c: DurableContext) -> Any:
            return c.create_callback(name="approval").result()

        async def work(c: AsyncDurableContext) -> None:
            await programs_at_work.PROGRAMS[name](c)

        def prepare(c: DurableContext) -> Any:
            c.run_in_child_context(work)
            return c.step(lambda _: done.append(1), name="ask for approval")

        return list(context.parallel([approve, prepare]))

    assert is_worked_off(handler, done)


@pytest.mark.parametrize("name", ["plain", "anyio_groups", "beat_beside_a_lock", "gather"])
def test_async_rest_below_blocking_code_is_suspended(name: str) -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        async def rest(c: AsyncDurableContext) -> None:
            await programs_at_rest.PROGRAMS[name](c)

        context.run_in_child_context(rest)
        return "done"

    with Runner(handler) as runner:
        result = runner.run(timeout=SECONDS)
    assert result.result == "done"


def test_a_thread_in_the_background_does_not_hold_up_blocking_code() -> None:
    stop = threading.Event()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        threading.Thread(target=stop.wait, daemon=True).start()
        context.wait(seconds=600)
        return "done"

    with Runner(handler) as runner:
        result = runner.run(timeout=SECONDS)
    stop.set()
    assert result.result == "done"
