"""A time-out around nothing but durable work, which a suspension forgets, is named once a line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

Program = Callable[[AsyncDurableContext], Awaitable[object]]


async def timeout(c: AsyncDurableContext) -> None:
    async with asyncio.timeout(30):
        await c.wait(seconds=60)  # timeout


async def wait_for(c: AsyncDurableContext) -> None:
    await asyncio.wait_for(c.wait(seconds=60), 30)  # wait_for


async def fail_after(c: AsyncDurableContext) -> None:
    with anyio.fail_after(30):
        await c.wait(seconds=60)  # fail_after


async def around_gather(c: AsyncDurableContext) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(c.wait(seconds=60), c.wait(seconds=60))  # around_gather


async def wait(c: AsyncDurableContext) -> None:
    await asyncio.wait([asyncio.ensure_future(c.wait(seconds=60))], timeout=30)  # wait


async def below_a_child(c: AsyncDurableContext) -> None:
    async def child(inner: AsyncDurableContext) -> None:
        async with asyncio.timeout(30):
            await inner.wait(seconds=60)  # below_a_child

    await c.run_in_child_context(child)


def warnings_of(program: Program, caplog: pytest.LogCaptureFixture) -> list[str]:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        await program(c)

    with Runner(handler) as runner, caplog.at_level(logging.WARNING):
        assert runner.run(timeout=20).status == "SUCCEEDED"
    return [each.getMessage() for each in caplog.records if "forgotten" in each.getMessage()]


@pytest.mark.parametrize(
    "program", [timeout, wait_for, fail_after, around_gather, wait, below_a_child]
)
def test_the_line_that_waits_is_named(program: Any, caplog: pytest.LogCaptureFixture) -> None:
    (message,) = warnings_of(program, caplog)
    with open(__file__, encoding="utf-8") as file:
        lines = file.read().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.endswith(f"# {program.__name__}"))
    assert f'File "{__file__}", line {number}:' in message
    assert "context.wait" in message


def test_a_line_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    async def program(c: AsyncDurableContext) -> None:
        for _ in range(2):
            async with asyncio.timeout(30):
                await c.wait(seconds=60)

    assert len(warnings_of(program, caplog)) == 1


def test_a_timer_that_concerns_nobody_who_waits_is_not_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def program(c: AsyncDurableContext) -> None:
        asyncio.get_running_loop().call_later(1000, int)
        await c.wait(seconds=60)

    assert warnings_of(program, caplog) == []
