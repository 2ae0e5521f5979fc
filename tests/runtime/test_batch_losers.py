"""When a batch is decided its branches that still run are cancelled, by one mechanism.

Async ones have ended when the operation returns; blocking ones are abandoned: refused at their next
durable call, and joined before the invocation ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import CompletionConfig, ParallelConfig
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

FIRST: ParallelConfig[Any] = ParallelConfig(completion_config=CompletionConfig.first_successful())


def run(handler: Any) -> DurableFunctionTestResult:
    with Runner(handler=durable_execution(handler)) as runner:
        return runner.run(timeout=20)


async def fast(child: AsyncDurableContext) -> str:
    return "fast"


async def sleeps(child: AsyncDurableContext) -> None:
    await asyncio.sleep(3600)


async def sleeps_in_a_step(child: AsyncDurableContext) -> None:
    await child.step(lambda _: asyncio.sleep(3600))


async def waits(child: AsyncDurableContext) -> None:
    await child.wait(seconds=3600)


async def nests(child: AsyncDurableContext) -> None:
    await child.parallel([sleeps, waits])


async def swallows(child: AsyncDurableContext) -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)
    return "swallowed"


async def fails_in_finally(child: AsyncDurableContext) -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        raise KeyError("in finally")


@pytest.mark.parametrize(
    "loser", [sleeps, sleeps_in_a_step, waits, nests, swallows, fails_in_finally]
)
def test_async_losers_have_ended_when_the_operation_returns(loser: Any) -> None:
    ended_by_then: list[int] = []

    async def handler(event: Any, context: AsyncDurableContext) -> str:
        ended: list[bool] = []

        async def watched(child: AsyncDurableContext) -> Any:
            try:
                return await loser(child)
            finally:
                ended.append(True)

        batch = await context.parallel([fast, watched], config=FIRST)
        ended_by_then.append(len(ended))
        await context.wait(seconds=5)
        return str(batch[0])

    result = run(handler)
    assert result.result == "fast"
    # The first invocation ran it; the second has the batch's result on record.
    assert ended_by_then == [1, 0]


def test_a_loser_may_await_while_it_cleans_up() -> None:
    cleaned: list[str] = []

    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        async def cleans_up(child: AsyncDurableContext) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                for _ in range(3):
                    await asyncio.sleep(0.005)
                cleaned.append("up")

        await context.parallel([fast, cleans_up], config=FIRST)
        return cleaned

    assert run(handler).result == ["up"]


def test_a_batch_that_user_code_cancels_ends_its_branches() -> None:
    ended: list[str] = []

    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def ends(child: AsyncDurableContext) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.005)
                ended.append("one")

        with anyio.move_on_after(0.01) as scope:
            await context.parallel([ends, ends])
        try:
            async with asyncio.timeout(0.01):
                await context.parallel([ends, ends])
        except TimeoutError:
            return f"{scope.cancelled_caught} {len(ended)}"
        return "in time"

    assert run(handler).result == "True 4"


def test_nothing_of_an_async_loser_is_recorded_after_the_decision() -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        async def tries_on(child: AsyncDurableContext) -> None:
            for _ in range(3):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)
                with contextlib.suppress(BaseException):
                    await child.step(lambda: None, name="late")

        await context.parallel([fast, tries_on], config=FIRST)
        await context.step(lambda: None, name="after")

    result = run(handler)
    assert result.status == "SUCCEEDED"
    assert "late" not in {operation.name for operation in result.get_all_operations()}


def test_a_branch_that_has_not_begun_never_begins() -> None:
    begun: list[int] = []

    async def handler(event: Any, context: AsyncDurableContext) -> None:
        async def one(child: AsyncDurableContext, item: int, i: int, items: Any) -> int:
            begun.append(item)
            return item

        config: Any = ParallelConfig(
            completion_config=CompletionConfig.first_successful(), max_concurrency=1
        )
        await context.parallel([lambda c, n=n: one(c, n, n, ()) for n in range(5)], config=config)

    run(handler)
    assert begun == [0]


def test_a_blocking_loser_is_refused_at_its_next_durable_call() -> None:
    begun, decided, refused = threading.Event(), threading.Event(), threading.Event()
    ran: list[str] = []

    def handler(event: Any, context: DurableContext) -> str:
        def winner(child: DurableContext) -> str:
            assert begun.wait(10)
            return "won"

        def loser(child: DurableContext) -> None:
            begun.set()
            assert decided.wait(10)
            try:
                child.step(lambda: ran.append("late"), name="late")
            except BaseException:
                refused.set()
                raise

        batch = context.parallel([winner, loser], config=FIRST)
        decided.set()
        assert refused.wait(10)
        return batch[0]

    result = run(handler)
    assert result.result == "won"
    assert ran == []
    assert "late" not in {operation.name for operation in result.get_all_operations()}


def test_a_users_timeout_that_fires_with_the_decision_leaves_the_batch_whole() -> None:
    """The batch is decided in the pass in which the timeout around it is cancelled for good."""

    async def handler(event: Any, context: AsyncDurableContext) -> str:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as timeout:

                async def decides(child: AsyncDurableContext) -> str:
                    timeout.reschedule(loop.time())
                    return "decided"

                batch = await context.parallel([decides, sleeps], config=FIRST)
        except TimeoutError:
            task = asyncio.current_task()
            assert task is not None
            return f"timed out, {task.cancelling()} to answer"
        return str(batch[0])

    assert run(handler).result in ("decided", "timed out, 0 to answer")
