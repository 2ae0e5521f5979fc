"""An async handler is suspended only when nothing can run, and nothing it does then counts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ConcurrentContextUseError,
    durable_execution,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

runs: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def fresh_counter() -> None:
    runs.clear()


def run(handler: Any, event: Any = None) -> DurableFunctionTestResult:
    with Runner(handler=handler) as runner:
        return runner.run(input=event, timeout=20)


def counted(name: str, value: Any = None) -> Any:
    async def body() -> Any:
        runs[name] += 1
        return name if value is None else value

    return body


def test_bare_except_around_a_wait_cannot_fake_a_result() -> None:
    """What a handler does after swallowing the suspension is not used."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        runs["invocation"] += 1
        try:
            await context.wait(seconds=60)
        except BaseException:
            return "faked"
        return "waited"

    result = run(handler)
    assert (result.status, result.result, runs["invocation"]) == ("SUCCEEDED", "waited", 2)


def test_finally_cannot_run_a_step_early() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        try:
            await context.wait(seconds=60)
        finally:
            await context.step(counted("cleanup"), name="cleanup")
        return "done"

    result = run(handler)
    assert result.result == "done"
    assert runs["cleanup"] == 1
    assert [op.name for op in result.get_all_operations()] == [None, "cleanup"]


def test_sibling_of_a_parked_operation_completes_before_the_suspension() -> None:
    """gather: the short operation is checkpointed in the invocation that began it."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        runs["invocation"] += 1
        return await asyncio.gather(
            context.wait(seconds=60), context.step(counted("work"), name="work")
        )

    result = run(handler)
    assert result.result == [None, "work"]
    assert (runs["work"], runs["invocation"]) == (1, 2)


def test_sibling_that_works_outside_of_steps_is_waited_for() -> None:
    """A plain coroutine that is about to call a durable operation delays the suspension."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        runs["invocation"] += 1

        async def plain(child: AsyncDurableContext) -> Any:
            await asyncio.sleep(0.01)
            await asyncio.to_thread(lambda: None)
            return await child.step(counted("late"), name="late")

        return await asyncio.gather(
            context.wait(seconds=60), context.run_in_child_context(plain, name="plain")
        )

    result = run(handler)
    assert result.result == [None, "late"]
    assert (runs["late"], runs["invocation"]) == (1, 2)


def test_a_durable_task_that_nobody_awaits_yet_is_waited_for() -> None:
    """It is between two operations when the handler parks: the second one is not put off."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        runs["invocation"] += 1

        async def worker(child: AsyncDurableContext) -> Any:
            await child.step(counted("first"), name="first")
            await asyncio.to_thread(time.sleep, 0.02)
            runs[f"second in {runs['invocation']}"] += 1
            return await child.step(counted("second"), name="second")

        task = asyncio.create_task(context.run_in_child_context(worker))
        await context.wait(seconds=60)
        return await task

    assert run(handler).result == "second"
    assert runs["second in 1"] == 1


def test_return_exceptions_does_not_see_the_suspension() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        outcomes = await asyncio.gather(
            context.wait(seconds=60),
            context.step(counted("work"), name="work"),
            return_exceptions=True,
        )
        return [repr(outcome) for outcome in outcomes]

    assert run(handler).result == ["None", "'work'"]


def test_task_group_siblings_resume_in_place() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async with asyncio.TaskGroup() as group:
            waited = group.create_task(context.wait(seconds=60))
            worked = group.create_task(context.step(counted("work"), name="work"))
        return [waited.result(), worked.result()]

    assert run(handler).result == [None, "work"]
    assert runs["work"] == 1


def test_asyncio_wait_first_completed_leaves_the_parked_one() -> None:
    """The race is decided by the step; the parked wait is neither lost nor waited for."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        waiting = asyncio.create_task(context.wait(seconds=3600, name="long"))
        working = asyncio.create_task(context.step(counted("work"), name="work"))
        done, _ = await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
        return [working in done, waiting in done]

    result = run(handler)
    assert result.result == [True, False]
    assert result.get_wait("long").status == "STARTED"


def test_as_completed_goes_on_while_others_are_parked() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        seen = []
        for done in asyncio.as_completed(
            [context.wait(seconds=60), context.step(counted("work"), name="work")]
        ):
            seen.append(await done)
        return seen

    result = run(handler)
    # On replay both have completed: which comes first then is for asyncio to say.
    assert set(result.result) == {None, "work"}
    assert runs["work"] == 1


def test_wait_for_around_a_parked_operation_suspends_and_resumes() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        await asyncio.wait_for(context.wait(seconds=60), timeout=30)
        return "waited"

    assert run(handler).result == "waited"


def test_shielded_operation_suspends_and_resumes() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        await asyncio.shield(context.wait(seconds=60))
        return "waited"

    assert run(handler).result == "waited"


def test_step_cancelled_by_the_user_is_not_recorded_as_done() -> None:
    """A body cut off by wait_for has no result; the handler goes on, and replays the same."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def slow() -> None:
            runs["slow"] += 1
            await asyncio.sleep(60)

        try:
            await asyncio.wait_for(context.step(slow, name="slow"), timeout=0.01)
        except TimeoutError:
            return "timed out"
        return "done"

    result = run(handler)
    assert result.result == "timed out"
    assert runs["slow"] == 1
    assert all(op.status != "SUCCEEDED" for op in result.get_all_operations())


def test_the_wait_for_a_blocking_step_that_is_cancelled_ends_at_once() -> None:
    """A thread cannot be cut off; what it comes to is ignored."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        started, release = threading.Event(), threading.Event()

        def blocking() -> str:
            started.set()
            release.wait(10)
            runs["ended"] += 1
            return "paid"

        task = asyncio.create_task(context.step(blocking, name="pay"))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not runs["ended"]
        release.set()
        return "end"

    result = run(handler)
    assert result.result == "end"
    assert all(op.status != "SUCCEEDED" for op in result.get_all_operations())
    assert runs["ended"] == 1  # and the invocation has waited for it


def test_two_tasks_on_one_context_are_refused() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def worker(name: str) -> None:
            await context.step(counted(name + "1"))
            await context.step(counted(name + "2"))

        outcomes = await asyncio.gather(worker("a"), worker("b"), return_exceptions=True)
        return [type(o).__name__ for o in outcomes], str(outcomes[1])

    kinds, text = run(handler).result
    assert kinds == ["NoneType", ConcurrentContextUseError.__name__]
    assert "run_in_child_context" in text
    assert "parallel" in text


def test_a_context_may_be_handed_from_task_to_task() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def helper(name: str) -> Any:
            return await context.step(counted(name), name=name)

        first = await asyncio.create_task(helper("a"))
        second = await asyncio.wait_for(helper("b"), 10)
        return [first, second, await context.step(counted("c"), name="c")]

    assert run(handler).result == ["a", "b", "c"]


def test_ids_are_taken_when_the_method_is_called() -> None:
    """Awaiting in another order than calling does not change which operation is which."""

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        one = context.step(counted("one"), name="one")
        two = context.step(counted("two"), name="two")
        results = [await two, await one]
        await context.wait(seconds=5)
        return results

    result = run(handler)
    assert result.result == ["two", "one"]
    assert (runs["one"], runs["two"]) == (1, 1)


def test_no_task_outlives_the_invocation() -> None:
    """A task nobody awaits is cancelled, and waited for, before the answer."""
    seen: list[str] = []

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def stray() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                seen.append("cleaned up")

        task = asyncio.create_task(stray())
        await asyncio.sleep(0)
        assert not task.done()
        return "end"

    assert run(handler).result == "end"
    assert seen == ["cleaned up"]


def test_a_background_task_nobody_awaits_does_not_hold_up_the_suspension() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def heartbeat() -> None:
            while True:  # noqa: ASYNC110 - as such tasks do
                await asyncio.sleep(0.001)

        background = {asyncio.create_task(heartbeat())}
        await context.wait(seconds=60)
        return f"{len(background)}"

    assert run(handler).result == "1"


def test_a_parked_task_that_swallows_cancellation_is_ended() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def stubborn(child: AsyncDurableContext) -> None:
            for _ in range(3):
                try:
                    await child.wait(seconds=60)
                except asyncio.CancelledError:
                    runs["swallowed"] += 1

        await context.run_in_child_context(stubborn, name="stubborn")
        return "end"

    assert run(handler).result == "end"


def test_threads_and_what_is_local_to_them_survive_from_one_invocation_to_the_next() -> None:
    """A boto3 client kept in a threading.local is made once for each thread."""
    local = threading.local()

    def session() -> None:
        if not hasattr(local, "session"):
            local.session = object()
            runs["sessions"] += 1

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        for _ in range(3):
            await context.step(lambda: session())
            await context.wait(seconds=60)  # the next step is another invocation's

    run(handler)
    assert runs["sessions"] == 1
