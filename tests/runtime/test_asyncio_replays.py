"""Ordinary asyncio and anyio code takes the path of its first run on replay, one by one.

Each program is followed by a wait, so that it is replayed once; what both runs have seen must be
the same. Bodies that are to be cancelled never end by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import CallbackConfig, ChildConfig
from aws_durable_execution_sdk_python.exceptions import OperationCancelledError
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

Emit = Callable[[object], None]
Program = Callable[[AsyncDurableContext, Emit], Awaitable[None]]
UNRECORDED: ChildConfig[Any] = ChildConfig(is_virtual=True)
ONE_CHECK: WaitForConditionConfig[Any] = WaitForConditionConfig(
    wait_strategy=lambda state, attempt: WaitForConditionDecision.stop_polling(),
    initial_state=0,
)
CANCELLED = f"{OperationCancelledError.__module__}.{OperationCancelledError.__qualname__}"
PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def run_twice(function: Program) -> tuple[list[list[object]], DurableFunctionTestResult]:
    """What a program has seen in each of its two invocations, and the execution's result."""
    seen: list[list[object]] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        trace: list[object] = []
        seen.append(trace)
        await function(c, trace.append)
        await c.wait(seconds=1, name="replay")

    with Runner(handler) as runner:
        result = runner.run(timeout=20)
    assert result.status == "SUCCEEDED", result.error
    return seen, result


async def forever(*_: Any) -> None:
    await asyncio.Event().wait()


async def quick(*_: Any) -> str:
    return "quick"


async def failing(*_: Any) -> None:
    raise ValueError("failed")


@program
async def timeout_around_a_step(c: AsyncDurableContext, emit: Emit) -> None:
    try:
        async with asyncio.timeout(0.05):
            await c.step(forever)
    except TimeoutError:
        emit("timed out")
        emit(await c.step(quick))


@program
async def wait_for_a_step(c: AsyncDurableContext, emit: Emit) -> None:
    try:
        await asyncio.wait_for(c.step(forever), 0.05)
    except TimeoutError:
        emit("timed out")


@program
async def fail_after_around_a_step(c: AsyncDurableContext, emit: Emit) -> None:
    try:
        with anyio.fail_after(0.05):
            await c.step(forever)
    except TimeoutError:
        emit("timed out")


@program
async def move_on_after_a_step(c: AsyncDurableContext, emit: Emit) -> None:
    with anyio.move_on_after(0.05) as scope:
        await c.step(forever)
    emit(scope.cancelled_caught)


@program
async def timeout_that_is_not_reached(c: AsyncDurableContext, emit: Emit) -> None:
    async with asyncio.timeout(100):
        emit(await c.step(quick))


@program
async def timeout_in_the_second_of_two_steps(c: AsyncDurableContext, emit: Emit) -> None:
    try:
        async with asyncio.timeout(0.2):
            emit(await c.step(quick))
            await c.step(forever)
    except TimeoutError:
        emit("timed out")


@program
async def a_step_that_a_sibling_cancels(c: AsyncDurableContext, emit: Emit) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(c.step(forever))
            group.create_task(c.step(failing))
    except* ValueError:
        emit("failed")


@program
async def a_task_that_is_cancelled(c: AsyncDurableContext, emit: Emit) -> None:
    task = asyncio.ensure_future(c.step(forever))
    await c.step(quick)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    emit(task.cancelled())


@program
async def a_cancellation_that_is_swallowed(c: AsyncDurableContext, emit: Emit) -> None:
    async def stubborn(child: AsyncDurableContext) -> None:
        try:
            await child.step(forever)
        except asyncio.CancelledError:
            emit("swallowed")
        emit(await child.step(quick))

    task = asyncio.ensure_future(c.run_in_child_context(stubborn, config=UNRECORDED))
    await c.step(quick)
    task.cancel()
    await asyncio.wait([task])


@program
async def the_loser_of_a_race(c: AsyncDurableContext, emit: Emit) -> None:
    tasks = [asyncio.ensure_future(c.step(forever)), asyncio.ensure_future(c.step(quick))]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.wait(tasks)
    emit([task in done for task in tasks])


@program
async def a_child_that_is_cancelled(c: AsyncDurableContext, emit: Emit) -> None:
    async def child(inner: AsyncDurableContext) -> None:
        await inner.step(quick)
        await inner.step(forever)

    try:
        async with asyncio.timeout(0.2):
            await c.run_in_child_context(child)
    except TimeoutError:
        emit("timed out")


@program
async def a_map_that_is_cancelled(c: AsyncDurableContext, emit: Emit) -> None:
    async def item(inner: AsyncDurableContext, *_: Any) -> None:
        await inner.step(forever)

    try:
        async with asyncio.timeout(0.2):
            await c.map([1, 2], item)
    except TimeoutError:
        emit("timed out")


@program
async def a_queue_between_branches(c: AsyncDurableContext, emit: Emit) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    def produce(number: int) -> Any:
        async def put(child: AsyncDurableContext) -> None:
            # The first one ends last.
            for _ in range(5 - number):
                await child.step(quick)
            await queue.put(number)

        return c.run_in_child_context(put, config=UNRECORDED)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(produce(number))
        for _ in range(4):
            emit(await queue.get())


@program
async def a_cancelled_check(c: AsyncDurableContext, emit: Emit) -> None:
    async def check(state: int, _: Any) -> int:
        await forever()
        return state

    try:
        async with asyncio.timeout(0.05):
            await c.wait_for_condition(check, ONE_CHECK)
    except TimeoutError:
        emit("timed out")


@program
async def one_after_the_other(c: AsyncDurableContext, emit: Emit) -> None:
    for _ in range(3):
        emit(await c.step(quick))


def apart(c: AsyncDurableContext, emit: Emit, steps: int, what: object) -> Awaitable[None]:
    """So many steps in a context of its own, which emit what they are."""

    async def run(child: AsyncDurableContext) -> None:
        for number in range(steps):
            await child.step(quick)
            emit((what, number))

    return c.run_in_child_context(run, config=UNRECORDED)


@program
async def side_by_side(c: AsyncDurableContext, emit: Emit) -> None:
    await asyncio.gather(*[apart(c, emit, 3 - n, n) for n in range(3)])
    async with anyio.create_task_group() as group:
        for n in range(3):
            group.start_soon(lambda n=n: apart(c, emit, n + 1, n))


@program
async def as_they_complete(c: AsyncDurableContext, emit: Emit) -> None:
    running = [asyncio.ensure_future(apart(c, emit, 3 - n, n)) for n in range(3)]
    for each in asyncio.as_completed(running):
        await each
        emit("next")


@program
async def locks_and_signals(c: AsyncDurableContext, emit: Emit) -> None:
    two, happened = asyncio.Semaphore(2), asyncio.Event()
    sender, receiver = anyio.create_memory_object_stream[int](1)

    def one(number: int) -> Awaitable[None]:
        async def run(child: AsyncDurableContext) -> None:
            async with two:
                emit(("in", number))
                await child.step(quick)
                await sender.send(number)
            await happened.wait()
            emit(("woke", number))
            await child.step(quick)

        return c.run_in_child_context(run, config=UNRECORDED)

    async with asyncio.TaskGroup() as group, sender, receiver:
        for number in range(4):
            group.create_task(one(number))
        for _ in range(4):
            emit(await receiver.receive())
        happened.set()


@program
async def background_tasks(c: AsyncDurableContext, emit: Emit) -> None:
    background = asyncio.ensure_future(apart(c, emit, 2, "background"))
    background.add_done_callback(lambda _: emit("called back"))
    await asyncio.shield(background)
    emit(background.done())


@program
async def async_generators(c: AsyncDurableContext, emit: Emit) -> None:
    async def pages() -> Any:
        for _ in range(3):
            yield await c.step(quick)

    async for page in pages():
        emit(page)


@program
async def a_wait_that_is_given_up(c: AsyncDurableContext, emit: Emit) -> None:
    waiting = asyncio.ensure_future(c.wait(seconds=60, name="given up"))
    emit(await c.step(quick))
    waiting.cancel()
    emit((await asyncio.wait([waiting]))[0] == {waiting})


@program
async def a_wait_with_a_time_out(c: AsyncDurableContext, emit: Emit) -> None:
    async def nap(*_: Any) -> None:
        await asyncio.sleep(0.3)

    step = asyncio.ensure_future(c.step(nap))
    done, _ = await asyncio.wait([step], timeout=0.1)
    emit(len(done))
    await step


@program
async def sleeps(c: AsyncDurableContext, emit: Emit) -> None:
    async def sleeper(_: AsyncDurableContext) -> None:
        await asyncio.sleep(0.1)
        emit("slept")

    asyncio.get_running_loop().call_later(0.2, emit, "called")

    async def nap(*_: Any) -> None:
        await asyncio.sleep(0.4)

    sleeping = c.run_in_child_context(sleeper, config=UNRECORDED)
    await asyncio.gather(sleeping, c.step(nap))
    emit("both")


@program
async def a_map(c: AsyncDurableContext, emit: Emit) -> None:
    async def item(inner: AsyncDurableContext, *_: Any) -> str:
        return await inner.step(quick)

    emit(list(await c.map([1, 2, 3], item)))


@program
async def a_blocking_parallel(c: AsyncDurableContext, emit: Emit) -> None:
    def branch(inner: DurableContext) -> str:
        return inner.step(lambda _: "quick")

    emit(list(await c.parallel([branch, branch])))


async def keeps_it_to_itself(*_: Any) -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "kept"


async def makes_another_error_of_it(*_: Any) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise LookupError from None


def cancelled_by_hand(ask: Callable[[AsyncDurableContext], Awaitable[object]]) -> Program:
    async def cancels(c: AsyncDurableContext, emit: Emit) -> None:
        task = asyncio.ensure_future(ask(c))
        emit(await c.step(quick))
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        emit(type(outcome).__name__)

    return cancels


@pytest.mark.parametrize("body", [keeps_it_to_itself, makes_another_error_of_it])
@pytest.mark.parametrize("how", ["step", "check", "child", "child of a child"])
def test_a_body_cannot_keep_a_cancellation_to_itself(body: Any, how: str) -> None:
    """On replay it does not run, so nobody could do so again."""

    async def child(c: AsyncDurableContext) -> object:
        return await c.run_in_child_context(body)

    asks: dict[str, Callable[[AsyncDurableContext], Awaitable[object]]] = {
        "step": lambda c: c.step(body),
        "check": lambda c: c.wait_for_condition(body, ONE_CHECK),
        "child": lambda c: c.run_in_child_context(body),
        "child of a child": lambda c: c.run_in_child_context(child),
    }
    (first, replay), result = run_twice(cancelled_by_hand(asks[how]))
    assert first == replay == ["quick", "CancelledError"]
    error = result.operations[0].error
    assert error is not None
    assert error.type == CANCELLED


async def time_out_of_asyncio() -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def scope_of_anyio() -> None:
    with anyio.move_on_after(0), contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def groups() -> None:
    for group in (asyncio.TaskGroup(), anyio.create_task_group()):
        with contextlib.suppress(ExceptionGroup):
            async with group as each:
                if isinstance(each, asyncio.TaskGroup):
                    each.create_task(failing())
                else:
                    each.start_soon(failing)
                await asyncio.Event().wait()


@pytest.mark.parametrize("cancels", [time_out_of_asyncio, scope_of_anyio, groups])
def test_what_a_body_cancels_of_its_own_is_no_cancellation_of_it(cancels: Any) -> None:
    async def body(*_: Any) -> str:
        await cancels()
        return "went on"

    async def both(c: AsyncDurableContext, emit: Emit) -> None:
        emit(await c.step(body))
        emit(await c.run_in_child_context(body))

    (first, replay), _ = run_twice(both)
    assert first == replay == ["went on", "went on"]


# What shows that a row of docs/asyncio.md is true; None where it says that nothing is promised.
ROWS: dict[str, tuple[Program, ...] | None] = {
    "`await` one": (one_after_the_other,),
    "`asyncio.gather`": (side_by_side,),
    "`asyncio.wait(FIRST": (the_loser_of_a_race, as_they_complete),
    "`as_completed` over coroutines": None,
    "`asyncio.Queue`": (a_queue_between_branches, locks_and_signals),
    "`asyncio.shield`": (background_tasks,),
    "async generators": (async_generators,),
    "`task.cancel()`": (
        a_task_that_is_cancelled,
        a_step_that_a_sibling_cancels,
        a_child_that_is_cancelled,
        a_map_that_is_cancelled,
        a_cancelled_check,
    ),
    "the same around": (a_wait_that_is_given_up,),
    "several tasks": None,
    "`asyncio.timeout`": (
        timeout_around_a_step,
        wait_for_a_step,
        fail_after_around_a_step,
        move_on_after_a_step,
        timeout_that_is_not_reached,
        timeout_in_the_second_of_two_steps,
    ),
    "`asyncio.wait(timeout": (a_wait_with_a_time_out,),
    "`asyncio.sleep`": (sleeps,),
    "`map`": (a_map, a_map_that_is_cancelled),
    "blocking branches": (a_blocking_parallel,),
}


def test_every_row_of_the_documentation_is_shown_by_programs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "asyncio.md").read_text("utf-8")
    section = page.partition("## Constructs\n")[2].partition("\n## ")[0]
    rows = [line[2:] for line in section.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        assert [begin for begin in ROWS if row.startswith(begin)], row
    for begin, programs in ROWS.items():
        assert [row for row in rows if row.startswith(begin)], begin
        assert programs is None or {each.__name__ for each in programs} <= {*PROGRAMS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_replay_takes_the_path_of_the_first_run(name: str) -> None:
    (first, replay), _ = run_twice(PROGRAMS[name])
    assert first
    assert replay == first


def test_a_cancelled_step_is_recorded_as_such() -> None:
    _, result = run_twice(timeout_around_a_step)
    step = result.operations[0]
    assert step.status == "FAILED"
    assert step.error is not None
    assert step.error.type == CANCELLED


def test_a_blocking_body_that_is_cancelled_away_runs_once() -> None:
    bodies: list[int] = []
    left = threading.Event()

    async def blocking(c: AsyncDurableContext, emit: Emit) -> None:
        def body(_: Any) -> None:
            bodies.append(1)
            left.wait()

        try:
            async with asyncio.timeout(0.05):
                await c.step(body)
        except TimeoutError:
            emit("timed out")
        left.set()

    (first, replay), _ = run_twice(blocking)
    assert first == replay == ["timed out"]
    assert bodies == [1]


def test_a_blocking_child_that_is_cancelled_away_is_recorded_as_such() -> None:
    left = threading.Event()

    async def blocking(c: AsyncDurableContext, emit: Emit) -> None:
        def child(_: DurableContext) -> None:
            left.wait()

        try:
            async with asyncio.timeout(0.05):
                await c.run_in_child_context(child)
        except TimeoutError:
            emit("timed out")
        left.set()

    (first, replay), result = run_twice(blocking)
    assert first == replay == ["timed out"]
    error = result.operations[0].error
    assert error is not None
    assert error.type == CANCELLED


def test_a_callback_that_lost_a_race_loses_it_again() -> None:
    """The callback times out while the execution is suspended, after the wait that it raced."""
    seen: list[bool] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        config: CallbackConfig[Any] = CallbackConfig(timeout=100)
        callback = await c.create_callback(name="approval", config=config)
        answer = asyncio.ensure_future(callback.result())
        done, _ = await asyncio.wait(
            [answer, asyncio.ensure_future(c.wait(seconds=10))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        seen.append(answer in done)
        await c.wait(seconds=200)

    with Runner(handler) as runner:
        assert runner.run(timeout=20).status == "SUCCEEDED"
    assert len(seen) > 1
    assert not any(seen)
