"""Async code learns of ends one by one, in the order of the record: by time, then by id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from answers import succeeded
from fake_service import START_TIME, FakeService, Wire, oid, recorded

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python._kernel.completion_order import SPINNING_PASSES


def ended(operation: Wire, seconds: float) -> Wire:
    return {**operation, "EndTimestamp": START_TIME + timedelta(seconds=seconds)}


def steps(*ends: float) -> list[Wire]:
    """Steps that have ended at these times, each with its number as its result."""
    return [
        ended(recorded("STEP", "SUCCEEDED", n, Result=str(n), Attempt=1), seconds)
        for n, seconds in enumerate(ends, 1)
    ]


async def never(*_: Any) -> int:
    raise AssertionError("it is on record")


def as_they_end(*ends: float, beside: Any = None) -> tuple[list[int], FakeService]:
    """In which order concurrent code learns of these ends."""
    return as_recorded(*steps(*ends), beside=beside)


def as_recorded(*ended: Wire, beside: Any = None) -> tuple[list[int], FakeService]:
    learnt: list[int] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        async def one(step: Any) -> None:
            learnt.append(await step)

        others = [asyncio.ensure_future(beside())] if beside else []
        await asyncio.gather(*[one(c.step(never)) for _ in ended])
        for other in others:
            other.cancel()

    service = FakeService(*ended)
    assert service.invoke(handler) == succeeded(None)
    return learnt, service


def test_what_ended_first_is_learnt_of_first() -> None:
    assert as_they_end(3, 1, 2)[0] == [2, 3, 1]


def test_of_what_ended_at_once_the_smaller_id_comes_first() -> None:
    assert as_they_end(1, 1, 1, 1)[0] == sorted(range(1, 5), key=oid)


def test_ends_that_the_service_tells_no_time_of_are_learnt_of_as_they_are_waited_for() -> None:
    untold = [{**step, "EndTimestamp": None} for step in steps(*[1] * 6)]
    assert as_recorded(*untold)[0] == [1, 2, 3, 4, 5, 6]


def test_an_end_whose_time_is_told_comes_before_one_whose_time_is_not() -> None:
    first, *others = steps(3, 2, 1)
    assert as_recorded({**first, "EndTimestamp": None}, *others)[0] == [3, 2, 1]


def test_ends_are_told_apart_to_the_microsecond() -> None:
    assert as_they_end(1.000_002, 1.000_001)[0] == [2, 1]


def test_a_task_that_never_rests_does_not_hold_them_up() -> None:
    passes: list[int] = []

    async def spin() -> None:
        while True:
            passes.append(1)
            await asyncio.sleep(0)

    assert as_they_end(2, 1, beside=spin)[0] == [2, 1]
    assert len(passes) >= SPINNING_PASSES


def test_what_one_end_wakes_is_at_rest_before_the_next_is_learnt_of() -> None:
    events: list[Any] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        async def busy(step: Any) -> None:
            number = await step
            for _ in range(5):
                events.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(busy(c.step(never)), busy(c.step(never)))

    FakeService(*steps(2, 1)).invoke(handler)
    assert events == [2] * 5 + [1] * 5


def test_a_lone_task_goes_on_without_a_rest() -> None:
    passes: list[int] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        asyncio.get_running_loop().call_soon(passes.append, 1)
        results = [await c.step(never) for _ in range(3)]
        return results, len(passes)

    assert FakeService(*steps(3, 2, 1)).invoke(handler) == succeeded([[1, 2, 3], 0])


def test_ends_that_one_answer_brings_are_learnt_of_in_the_order_of_the_record() -> None:
    """Also on the first run: here those of one request, which are of the same time."""
    learnt: list[int] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        async def one(n: int, step: Any) -> None:
            await step
            learnt.append(n)

        async def body() -> None:
            pass

        await asyncio.gather(*[one(n, c.step(body)) for n in range(1, 6)])

    service = FakeService()
    service.invoke(handler)
    first, learnt[:] = list(learnt), []
    service.invoke(handler)
    assert first == learnt == sorted(range(1, 6), key=oid)


def test_the_start_of_a_callback_is_learnt_of_when_it_began() -> None:
    learnt: list[str] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        async def create() -> None:
            await creating
            learnt.append("callback")

        async def step() -> None:
            await stepping
            learnt.append("step")

        creating, stepping = c.create_callback(), c.step(never)
        await asyncio.gather(create(), step())

    callback = recorded("CALLBACK", "STARTED", 1, CallbackId="id")
    callback["StartTimestamp"] = START_TIME + timedelta(seconds=2)
    step = ended(recorded("STEP", "SUCCEEDED", 2, Result="2", Attempt=1), 1)
    FakeService(callback, step).invoke(handler)
    assert learnt == ["step", "callback"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_blocking_children_of_async_code_come_in_order_too(order: Sequence[float]) -> None:
    learnt: list[int] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        def child(_: Any) -> int:
            raise AssertionError("it is on record")

        async def one(running: Any) -> None:
            learnt.append(await running)

        await asyncio.gather(*[one(c.run_in_child_context(child, name=n)) for n in "ab"])

    history = [
        ended(recorded("CONTEXT", "SUCCEEDED", n, name, Result=str(n)), seconds)
        for n, name, seconds in zip((1, 2), "ab", order, strict=True)
    ]
    FakeService(*history).invoke(handler)
    assert learnt == sorted((1, 2), key=lambda n: order[n - 1])


def test_async_branches_on_record_end_in_order() -> None:
    """Two of three suffice; the third, which is still open, is not waited for."""
    from aws_durable_execution_sdk_python.config import CompletionConfig, ParallelConfig

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def branch(_: AsyncDurableContext) -> None:
            await asyncio.Event().wait()

        config = ParallelConfig(completion_config=CompletionConfig(min_successful=1))
        result = await c.parallel([branch, branch], config=config)
        return [item.index for item in result.succeeded()]

    history = [recorded("CONTEXT", "STARTED", 1, SubType="Parallel")]
    for index, seconds in enumerate((2, 1)):
        branch = recorded(
            "CONTEXT", "SUCCEEDED", (1, 9), f"parallel-branch-{index}", SubType="ParallelBranch"
        )
        details = {"Result": "1"}
        branch |= {"Id": oid(1, index), "ContextDetails": details}
        history.append(ended(branch, seconds))
    assert FakeService(*history).invoke(handler) == succeeded([1])


def test_a_step_that_was_cancelled_and_that_nothing_cancels_any_more_is_refused() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        await c.step(never)

    error = {
        "ErrorType": "aws_durable_execution_sdk_python.exceptions.OperationCancelledError",
        "ErrorData": "aws-durable-cancelled",
    }
    history = recorded("STEP", "FAILED", 1, Error=error, Attempt=1)
    answer = FakeService(history).invoke(handler)
    assert answer["Status"] == "FAILED"
    assert answer["Error"]["ErrorType"].endswith("NonDeterministicExecutionError")
