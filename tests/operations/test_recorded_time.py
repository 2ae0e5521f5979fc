"""Which timers of async code came before an end that is on record: what the record shows of it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from answers import succeeded
from fake_service import START_TIME, FakeService, Wire, recorded

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python.config import ChildConfig

CANCELLED = {
    "ErrorType": "aws_durable_execution_sdk_python.exceptions.OperationCancelledError",
    "ErrorData": "aws-durable-cancelled",
}
UNRECORDED: ChildConfig[Any] = ChildConfig(is_virtual=True)


def spanning(operation: Wire, began: float, ended: float) -> Wire:
    """An operation that began and ended so many seconds after the execution did."""
    moments = {"StartTimestamp": began, "EndTimestamp": ended}
    return {
        **operation,
        **{key: START_TIME + timedelta(seconds=value) for key, value in moments.items()},
    }


def step(position: Any, began: float, ended: float, *, cancelled: bool = False) -> Wire:
    outcome: Wire = {"Error": CANCELLED} if cancelled else {"Result": "1"}
    status = "FAILED" if cancelled else "SUCCEEDED"
    return spanning(recorded("STEP", status, position, Attempt=1, **outcome), began, ended)


def wait(position: Any, began: float, ended: float) -> Wire:
    return spanning(recorded("WAIT", "SUCCEEDED", position), began, ended)


async def never(*_: Any) -> None:
    raise AssertionError("it is on record")


def replayed(program: Any, *history: Wire) -> list[Any]:
    """What code emits on replay of this record."""
    emitted: list[Any] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        await program(c, emitted.append)

    assert FakeService(*history).invoke(handler) == succeeded(None)
    return emitted


async def two_steps_in_time(c: AsyncDurableContext, emit: Any) -> None:
    try:
        async with asyncio.timeout(1):
            await c.step(never)
            await c.step(never)
    except TimeoutError:
        emit("timed out")
    else:
        emit("in time")


def test_a_time_out_is_not_reached_where_what_it_would_cancel_has_ended() -> None:
    """However long that took: an invocation that crashed may lie between."""
    assert replayed(two_steps_in_time, step(1, 0, 60), step(2, 61, 62)) == ["in time"]


def test_a_time_out_is_reached_where_it_has_cancelled() -> None:
    history = step(1, 0, 0.1), step(2, 0.1, 0.2, cancelled=True)
    assert replayed(two_steps_in_time, *history) == ["timed out"]


async def group_in_time(c: AsyncDurableContext, emit: Any) -> None:
    try:
        async with asyncio.timeout(1), asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(c.step(never))
    except TimeoutError:
        emit("timed out")
    else:
        emit("in time")


def test_so_it_is_around_a_group() -> None:
    assert replayed(group_in_time, step(1, 0, 60), step(2, 0, 61)) == ["in time"]


def test_a_group_of_which_one_was_cancelled_was_late() -> None:
    history = step(1, 0, 0.1), step(2, 0, 0.3, cancelled=True)
    assert replayed(group_in_time, *history) == ["timed out"]


async def time_out_beside(c: AsyncDurableContext, emit: Any) -> None:
    async def beside(child: AsyncDurableContext) -> None:
        await child.step(never)
        emit("beside")

    task = asyncio.ensure_future(c.run_in_child_context(beside, config=UNRECORDED))
    try:
        async with asyncio.timeout(1):
            await c.step(never)
    except TimeoutError:
        emit("timed out")
    await task


@pytest.mark.parametrize("cancelled_at", [0.5, 5])
def test_a_cancellation_comes_before_what_ended_later(cancelled_at: float) -> None:
    """By the record, whatever the clocks say."""
    history = (
        step((1, 1), 0, cancelled_at + 0.01),
        step(2, 0, cancelled_at, cancelled=True),
    )
    history = ({**history[0], "ParentId": None}, history[1])
    assert replayed(time_out_beside, *history) == ["timed out", "beside"]


def test_a_sleep_that_kept_the_invocation_awake_has_ended_before_a_longer_wait() -> None:
    async def program(c: AsyncDurableContext, emit: Any) -> None:
        async def sleep() -> None:
            await asyncio.sleep(60)
            emit("slept")

        task = asyncio.ensure_future(sleep())
        waiting = asyncio.ensure_future(c.wait(seconds=100))
        await task
        await waiting
        emit("waited")

    assert replayed(program, wait(1, 0, 100)) == ["slept", "waited"]


def test_polls_beside_a_wait_are_as_many_as_they_were() -> None:
    async def program(c: AsyncDurableContext, emit: Any) -> None:
        waiting = asyncio.ensure_future(c.wait(seconds=100))
        polls = 0
        while not waiting.done():
            await asyncio.sleep(30)
            polls += 1
            if polls == 3:  # the next one takes real time, as far as the record does not go
                break
        emit((polls, waiting.done()))

    assert replayed(program, wait(1, 0, 100)) == [(3, False)]


def test_a_time_out_around_a_wait_is_forgotten_where_nothing_else_ran() -> None:
    async def program(c: AsyncDurableContext, emit: Any) -> None:
        async with asyncio.timeout(60):
            await c.wait(seconds=100)
        emit("waited")

    assert replayed(program, wait(1, 0, 100)) == ["waited"]


def test_a_time_out_around_a_wait_is_reached_where_a_step_ran() -> None:
    async def program(c: AsyncDurableContext, emit: Any) -> None:
        async def beside(child: AsyncDurableContext) -> None:
            await child.step(never)
            emit("step")

        task = asyncio.ensure_future(c.run_in_child_context(beside, config=UNRECORDED))
        try:
            async with asyncio.timeout(60):
                await c.wait(seconds=100)
        except TimeoutError:
            emit("timed out")
        await task

    history = {**step((1, 1), 0, 80), "ParentId": None}
    assert replayed(program, history, wait(2, 0, 100)) == ["timed out", "step"]


def test_what_something_else_cancelled_is_not_laid_to_a_time_out_that_was_far_off() -> None:
    """It was a thread's end then, which comes later now than the end of the wait."""
    thread_may_end = threading.Event()

    async def race(c: AsyncDurableContext, emit: Any) -> None:
        tasks = [
            asyncio.ensure_future(c.wait(seconds=1)),
            asyncio.ensure_future(c.step(never)),
            asyncio.ensure_future(asyncio.to_thread(thread_may_end.wait)),
        ]
        try:
            async with asyncio.timeout(3600):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            emit("in time")
        finally:
            thread_may_end.set()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    assert replayed(race, wait(1, 0, 1), step(2, 0, 0.1, cancelled=True)) == ["in time"]
