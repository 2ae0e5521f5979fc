"""Blocking and async code nested in every way, on fewer threads than there are branches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._kernel import workers
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner
from aws_durable_execution_sdk_python_testing.engine import Limits

Item = Callable[..., Any]


def run(handler: Any) -> Any:
    with Runner(handler=handler, limits=Limits(operations=100_000)) as runner:
        result = runner.run(input=None, timeout=100)
    assert result.status == "SUCCEEDED", result.error
    return result.result


# -- what lies below each blocking branch; all give 1 ------------------------------------------


def over_child(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        return await inner.step(lambda: 1)

    return context.run_in_child_context(child)


def over_parallel(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def branch(inner: AsyncDurableContext) -> int:
        return await inner.step(lambda: 1)

    def blocking(inner: DurableContext) -> int:
        return inner.step(lambda: 1)

    return min(context.parallel([branch, blocking, branch]))


def over_gather(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        def grandchild(innermost: DurableContext) -> int:
            return innermost.step(lambda: 1)

        async with asyncio.TaskGroup() as tasks:
            one = tasks.create_task(inner.run_in_child_context(grandchild))
            await asyncio.sleep(0)
        return one.result()

    return context.run_in_child_context(child)


def over_task_group(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        results: list[int] = []

        async def task() -> None:
            results.append(await inner.step(lambda: 1))

        async with anyio.create_task_group() as group:
            group.start_soon(task)
        return results[0]

    return context.run_in_child_context(child)


def over_limited_step(context: DurableContext, x: int, i: int, xs: Any) -> int:
    return context.step(lambda: 1, config=StepConfig(timeout=60))


def over_condition(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        config: WaitForConditionConfig[int] = WaitForConditionConfig(
            lambda state, attempt: WaitForConditionDecision.stop_polling(), initial_state=0
        )
        return await inner.wait_for_condition(lambda state: state + 1, config)

    return context.run_in_child_context(child)


def over_child_over_child(context: DurableContext, x: int, i: int, xs: Any) -> int:
    async def child(inner: AsyncDurableContext) -> int:
        def grandchild(below: DurableContext) -> int:
            return over_child(below, x, i, xs)

        return await inner.run_in_child_context(grandchild)

    return context.run_in_child_context(child)


BELOW = [
    over_child,
    over_parallel,
    over_gather,
    over_task_group,
    over_limited_step,
    over_condition,
    over_child_over_child,
]


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("style", ["blocking", "async"])
@pytest.mark.parametrize("threads", [1, 8])
def test_branches_beyond_the_threads_never_deadlock(
    threads: int, style: str, below: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MAX_THREADS", threads)

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> int:
        return sum(context.map(range(20), below))

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> int:
        return sum(await context.map(range(20), below))

    assert run(blocking if style == "blocking" else asynchronous) == 20


def test_branches_that_all_hold_their_threads_before_they_nest() -> None:
    """At the bound itself: no thread is free when the first of 260 asks for one below."""
    everyone = threading.Barrier(workers.MAX_THREADS)

    @durable_execution
    def handler(event: Any, context: DurableContext) -> int:
        def branch(inner: DurableContext, x: int, i: int, xs: Any) -> int:
            if i < workers.MAX_THREADS:
                everyone.wait(60)
            return over_child(inner, x, i, xs)

        return sum(context.map(range(260), branch))

    assert run(handler) == 260


def test_limited_steps_share_the_bounded_pool() -> None:
    """Each of 400 async branches has a blocking body under a time limit."""
    most = 0

    def body() -> int:
        nonlocal most
        most = max(most, threading.active_count())
        return 1

    async def branch(context: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
        return await context.step(body, config=StepConfig(timeout=60))

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> int:
        return sum(await context.map(range(400), branch))

    assert run(handler) == 400
    assert most <= 300


def test_submitters_beyond_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_THREADS", 1)
    submitted: list[str] = []

    def branch(context: DurableContext, x: int, i: int, xs: Any) -> Any:
        async def child(inner: AsyncDurableContext) -> Any:
            return await inner.wait_for_callback(submitted.append, name=f"callback-{i}")

        return context.run_in_child_context(child)

    @durable_execution
    def handler(event: Any, context: DurableContext) -> int:
        return len(context.map(range(5), branch))

    with Runner(handler=handler) as runner:
        arn = runner.run_async(input=None)
        for i in range(5):
            callback = runner.wait_for_callback(arn, name=f"callback-{i} create callback id")
            runner.send_callback_success(callback, b'"done"')
        assert runner.wait_for_result(arn).result == 5
    assert len(submitted) == 5


def test_a_branch_may_wait_for_what_another_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such dependencies are unknown to the pool: with nothing else to run it gets a thread more."""
    monkeypatch.setattr(workers, "MAX_THREADS", 1)

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        async def listen(inner: AsyncDurableContext) -> str:
            await news.wait()
            return "heard"

        def listener(inner: DurableContext) -> str:
            return inner.run_in_child_context(listen)

        def speaker(inner: DurableContext) -> str:
            loop.call_soon_threadsafe(news.set)
            return "said"

        return " ".join(await context.parallel([listener, speaker]))

    assert run(handler) == "heard said"


@pytest.mark.parametrize("limit", [None, 60])
def test_move_on_after_around_a_blocking_step(limit: int | None) -> None:
    ended: list[bool] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        started, release = threading.Event(), threading.Event()

        def slow() -> None:
            started.set()
            ended.append(release.wait(60))

        config = StepConfig(timeout=limit) if limit else None
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: context.step(slow, name="slow", config=config))
                await asyncio.to_thread(started.wait, 60)
                scope.cancel()
        release.set()
        after = await context.step(lambda: "after", name="after")
        return [scope.cancelled_caught, after]

    assert run(handler) == [True, "after"]
    assert ended == [True]
