"""The runner for async tests: every method of the other one, and what waits is awaited."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python_testing import (
    AsyncDurableFunctionTestRunner,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError

DAY = WaitForCallbackConfig(timeout=Duration.from_days(1))


@durable_execution
def blocking(event: Any, context: DurableContext) -> Any:
    context.wait(seconds=3600, name="an hour")
    return context.wait_for_callback(lambda *_: None, name="approval", config=DAY)


@durable_execution
async def awaiting(event: Any, context: AsyncDurableContext) -> Any:
    async def nothing(*_: Any) -> None: ...

    await context.wait(seconds=3600, name="an hour")
    return await context.wait_for_callback(nothing, name="approval", config=DAY)


HANDLERS = pytest.mark.parametrize("handler", [blocking, awaiting])


@HANDLERS
async def test_run(handler: Any) -> None:
    async with AsyncDurableFunctionTestRunner(handler) as runner:
        result = await runner.run(callbacks={"approval": "yes"})
    assert result.result == "yes"


@HANDLERS
async def test_the_loop_goes_on_while_the_test_waits(handler: Any) -> None:
    async with AsyncDurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        waiting = asyncio.create_task(runner.wait_for_result(arn))
        callback = await runner.wait_for_callback(arn, "approval")
        assert not waiting.done()
        runner.send_callback_success(callback, b'"yes"')
        assert (await waiting).result == "yes"


@HANDLERS
async def test_time_can_be_let_pass(handler: Any) -> None:
    async with AsyncDurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        await runner.wait_for_callback(arn, "approval")
        await runner.advance(Duration.from_days(1))
        assert (await runner.wait_for_result(arn)).result is None


@HANDLERS
async def test_a_cancelled_test_leaves_nothing_that_waits(handler: Any) -> None:
    async with AsyncDurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        await runner.wait_for_callback(arn, "approval")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await runner.wait_for_result(arn, timeout=None)


async def test_unused_mocks_are_said() -> None:
    async def run() -> None:
        async with AsyncDurableFunctionTestRunner(blocking) as runner:
            runner.mock_step("nothing", result=1)

    with pytest.raises(DurableFunctionsTestError, match="nothing"):
        await run()


def test_it_has_every_method_of_the_blocking_runner() -> None:
    names = {
        name
        for name, _ in inspect.getmembers(DurableFunctionTestRunner, inspect.isfunction)
        if not name.startswith("_")
    }
    assert names <= set(dir(AsyncDurableFunctionTestRunner))
    for name in names:
        twin = getattr(AsyncDurableFunctionTestRunner, name)
        original = getattr(DurableFunctionTestRunner, name)
        assert inspect.signature(twin) == inspect.signature(original)
        assert twin.__doc__ == original.__doc__
