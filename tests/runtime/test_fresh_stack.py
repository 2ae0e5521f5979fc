"""Where contexts are nested deep, Python's stack starts afresh; for the code nothing changes."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._kernel.fresh_stack import LEVELS
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

DEPTH = 5 * LEVELS
variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


def result_of(handler: Any) -> Any:
    with Runner(handler) as runner:
        result = runner.run(timeout=60)
    assert result.status == "SUCCEEDED", result.error
    return result.result


async def deep(c: AsyncDurableContext, bottom: Callable[..., Awaitable[Any]], level: int) -> Any:
    async def inside(child: AsyncDurableContext) -> Any:
        return await deep(child, bottom, level - 1)

    if not level:
        return await bottom(c)
    return await c.run_in_child_context(inside, name="level")


def stack_size() -> int:
    size, frame = 0, sys._getframe()
    while frame is not None:
        size, frame = size + 1, frame.f_back  # type: ignore[assignment]
    return size


def test_the_stack_does_not_grow_with_the_depth() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> list[int]:
        async def bottom(_: AsyncDurableContext) -> int:
            return stack_size()

        return [await deep(c, bottom, levels) for levels in (LEVELS, DEPTH)]

    shallow, far = result_of(handler)
    assert far <= 2 * shallow


def test_the_stack_of_blocking_code_does_not_grow_either() -> None:
    @durable_execution
    def handler(event: Any, c: DurableContext) -> list[int]:
        def nested(context: DurableContext, level: int) -> int:
            def inside(child: DurableContext) -> int:
                return nested(child, level - 1)

            if not level:
                return stack_size()
            return context.run_in_child_context(inside, name="level")

        return [nested(c, levels) for levels in (LEVELS, DEPTH)]

    shallow, far = result_of(handler)
    assert far <= 2 * shallow


def test_task_and_context_variables_stay_the_same() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> list[bool]:
        async def bottom(_: AsyncDurableContext) -> list[bool]:
            seen = [asyncio.current_task() is task, variable.get() == 1]
            variable.set(2)
            return seen

        task = asyncio.current_task()
        variable.set(1)
        return [*await deep(c, bottom, DEPTH), variable.get() == 2]

    assert result_of(handler) == [True] * 3


def test_an_error_travels_up() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> str:
        async def bottom(_: AsyncDurableContext) -> None:
            raise LookupError("deep")

        try:
            await deep(c, bottom, DEPTH)
        except LookupError as error:
            return str(error)
        return "none"

    assert result_of(handler) == "deep"


@pytest.mark.parametrize("how", ["asyncio", "anyio"])
def test_a_cancellation_comes_down_and_clean_up_may_await(how: str) -> None:
    cleaned: list[int] = []

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> bool:
        async def bottom(_: AsyncDurableContext) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await asyncio.sleep(0)
                cleaned.append(1)

        if how == "anyio":
            with anyio.move_on_after(0.01) as scope:
                await deep(c, bottom, DEPTH)
            return scope.cancelled_caught
        try:
            async with asyncio.timeout(0.01):
                await deep(c, bottom, DEPTH)
        except TimeoutError:
            return True
        return False

    assert result_of(handler) is True
    assert cleaned


def test_tasks_and_generators_in_between_do_not_matter() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def through(context: AsyncDurableContext, level: int) -> Any:
            async def inside(child: AsyncDurableContext) -> Any:
                return await through(child, level - 1)

            async def generated() -> Any:
                yield await context.run_in_child_context(inside, name="level")

            if not level:
                return await context.step(lambda _: "bottom", name="bottom")
            if level % 3 == 0:
                async for each in generated():
                    return each
            running = context.run_in_child_context(inside, name="level")
            return await (asyncio.create_task(running) if level % 7 == 0 else running)

        result = await through(c, DEPTH)
        await c.wait(seconds=1)
        return result

    assert result_of(handler) == "bottom"
