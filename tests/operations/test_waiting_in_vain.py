"""What a context that has ended did to others is not done again: who waits for that is told so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fake_service import FakeService, recorded

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python.config import ChildConfig

PRODUCER = recorded("CONTEXT", "SUCCEEDED", 1, "producer", Result="null")
VIRTUAL: ChildConfig[None] = ChildConfig(is_virtual=True)


async def by_queue(c: AsyncDurableContext, config: ChildConfig[None] | None) -> Any:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def producer(_: AsyncDurableContext) -> None:
        await queue.put(1)

    await c.run_in_child_context(producer, "producer", config)
    return await queue.get()


async def by_event_below_a_task_group(
    c: AsyncDurableContext, config: ChildConfig[None] | None
) -> Any:
    event = asyncio.Event()

    async def producer(_: AsyncDurableContext) -> None:
        event.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(c.run_in_child_context(producer, "producer", config))
        group.create_task(event.wait())
    return 1


PROGRAMS = [by_queue, by_event_below_a_task_group]
Program = Callable[[AsyncDurableContext, ChildConfig[None] | None], Awaitable[Any]]


@pytest.mark.parametrize("program", PROGRAMS)
def test_who_waits_for_what_a_context_on_record_did_is_refused(program: Program) -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        return await program(c, None)

    answer = FakeService(PRODUCER).invoke(handler)
    assert answer["Error"]["ErrorType"].endswith("NonDeterministicExecutionError")
    message = answer["Error"]["ErrorMessage"]
    assert f'in file "{__file__}", line ' in message
    assert "('producer')" in message
    assert "is_virtual=True" in message


@pytest.mark.parametrize("config", [None, VIRTUAL])
@pytest.mark.parametrize("program", PROGRAMS)
def test_who_waits_for_what_runs_is_not(program: Program, config: ChildConfig[None] | None) -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        return await program(c, config)

    service = FakeService()
    assert service.invoke(handler)["Result"] == "1"


def test_who_is_woken_by_a_timer_or_a_thread_is_not() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def producer(_: AsyncDurableContext) -> None: ...

        await c.run_in_child_context(producer, "producer")
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(int, "1")

    assert FakeService(PRODUCER).invoke(handler)["Result"] == "1"
