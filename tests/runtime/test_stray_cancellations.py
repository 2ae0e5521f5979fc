"""A CancelledError that nobody asked for is an ordinary failure of what it came out of.

The same inside a batch and outside, in blocking code and in async code: the error is recorded, the
retry strategy applies, every branch has an outcome, and the execution ends in one invocation.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    ParallelConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.exceptions import (
    CallbackSubmitterError,
    ChildContextError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

ALL: ParallelConfig[Any] = ParallelConfig(completion_config=CompletionConfig.all_completed())
ONE_CHECK: Any = WaitForConditionConfig(
    initial_state=0, wait_strategy=lambda state, n: WaitForConditionDecision.stop_polling()
)


def run(handler: Any) -> DurableFunctionTestResult:
    with Runner(handler=durable_execution(handler)) as runner:
        result = runner.run(timeout=20)
    assert len(result.invocations) == 1
    return result


# -- how code comes to raise one ------------------------------------------------------------------


def blocking_raise(*args: Any) -> Any:
    raise asyncio.CancelledError("out of user code")


def blocking_loop(*args: Any) -> Any:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    return asyncio.run(main())


async def async_raise(*args: Any) -> Any:
    raise asyncio.CancelledError("out of user code")


async def async_task(*args: Any) -> Any:
    task = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await task


CODE = [blocking_raise, blocking_loop, async_raise, async_task]
BLOCKING_CODE = [blocking_raise, blocking_loop]
ASYNC_CODE = [async_raise, async_task]


# -- where it comes out ---------------------------------------------------------------------------


def is_recorded_failure(result: DurableFunctionTestResult, name: str) -> bool:
    operation = next(o for o in result.get_all_operations() if o.name == name)
    assert operation.error is not None
    return operation.status == "FAILED" and "CancelledError" in str(operation.error.type)


@pytest.mark.parametrize("body", CODE)
def test_of_a_step_in_async_code(body: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        with pytest.raises(StepError):
            await context.step(body, name="work")
        return "went on"

    result = run(handler)
    assert result.result == "went on"
    assert is_recorded_failure(result, "work")


@pytest.mark.parametrize("body", CODE)
def test_of_a_step_in_blocking_code(body: Callable[..., Any]) -> None:
    def handler(event: Any, context: DurableContext) -> str:
        with pytest.raises(StepError):
            context.step(body, name="work")
        return "went on"

    result = run(handler)
    assert result.result == "went on"
    assert is_recorded_failure(result, "work")


@pytest.mark.parametrize("body", CODE)
@pytest.mark.parametrize("seconds", [None, 60])
def test_the_retry_strategy_is_asked(body: Callable[..., Any], seconds: int | None) -> None:
    seen: list[str] = []

    def strategy(error: BaseException, attempt: int) -> RetryDecision:
        seen.append(type(error).__name__)
        return RetryDecision.no_retry()

    async def handler(event: Any, context: AsyncDurableContext) -> None:
        config: StepConfig[Any] = StepConfig(retry_strategy=strategy, timeout=seconds)
        with pytest.raises(StepError):
            await context.step(body, config=config)

    run(handler)
    assert seen == ["CancelledError"]


@pytest.mark.parametrize("code", CODE)
def test_of_a_child_context(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        with pytest.raises(ChildContextError):
            await context.run_in_child_context(code, name="child")
        return "went on"

    result = run(handler)
    assert result.result == "went on"
    assert is_recorded_failure(result, "child")


@pytest.mark.parametrize("code", CODE)
def test_of_a_child_context_of_blocking_code(code: Callable[..., Any]) -> None:
    def handler(event: Any, context: DurableContext) -> str:
        with pytest.raises(ChildContextError):
            context.run_in_child_context(code, name="child")
        return "went on"

    result = run(handler)
    assert result.result == "went on"
    assert is_recorded_failure(result, "child")


@pytest.mark.parametrize("code", CODE)
def test_of_a_branch(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        async def other(child: AsyncDurableContext) -> int:
            return await child.step(lambda: 1)

        batch = await context.parallel([code, other], config=ALL)
        return [item.status.value for item in batch.all]

    assert run(handler).result == ["FAILED", "SUCCEEDED"]


@pytest.mark.parametrize("code", CODE)
def test_of_a_branch_of_blocking_code(code: Callable[..., Any]) -> None:
    def handler(event: Any, context: DurableContext) -> list[str]:
        batch = context.parallel([code, lambda child: child.step(lambda: 1)], config=ALL)
        return [item.status.value for item in batch.all]

    assert run(handler).result == ["FAILED", "SUCCEEDED"]


@pytest.mark.parametrize("code", CODE)
def test_of_a_step_in_a_branch(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        async def one(child: AsyncDurableContext) -> Any:
            return await child.step(code, name="work")

        batch = await context.parallel([one, one], config=ALL)
        return [item.status.value for item in batch.all]

    assert run(handler).result == ["FAILED", "FAILED"]


def test_of_a_branch_that_cancels_itself() -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        async def one(child: AsyncDurableContext) -> Any:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)

        batch = await context.parallel([one], config=ALL)
        return [item.status.value for item in batch.all]

    assert run(handler).result == ["FAILED"]


def test_of_a_branch_that_awaited_what_another_cancelled() -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        shared = asyncio.create_task(asyncio.sleep(100))

        async def cancels(child: AsyncDurableContext) -> None:
            shared.cancel()

        async def awaits(child: AsyncDurableContext) -> None:
            await shared

        batch = await context.parallel([cancels, awaits], config=ALL)
        return [item.status.value for item in batch.all]

    assert run(handler).result == ["SUCCEEDED", "FAILED"]


@pytest.mark.parametrize("code", CODE)
def test_of_a_check(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        with pytest.raises(WaitForConditionError):
            await context.wait_for_condition(code, ONE_CHECK, name="check")
        return "went on"

    assert run(handler).result == "went on"


@pytest.mark.parametrize("code", CODE)
def test_of_a_submitter(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        with pytest.raises(CallbackSubmitterError):
            await context.wait_for_callback(code, name="ask")
        return "went on"

    assert run(handler).result == "went on"


@pytest.mark.parametrize("code", BLOCKING_CODE)
def test_out_of_a_blocking_handler_it_fails_the_execution(code: Callable[..., Any]) -> None:
    def handler(event: Any, context: DurableContext) -> None:
        code()

    result = run(handler)
    assert result.status == "FAILED"
    assert "CancelledError" in str(result.error)


@pytest.mark.parametrize("code", ASYNC_CODE)
def test_out_of_an_async_handler_it_fails_the_execution(code: Callable[..., Any]) -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        await code()

    result = run(handler)
    assert result.status == "FAILED"
    assert "CancelledError" in str(result.error)


# -- and where somebody did ask -------------------------------------------------------------------


def test_a_step_that_user_code_cancels_is_cancelled() -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> list[Any]:
        task = asyncio.create_task(context.step(lambda _: asyncio.sleep(60), name="slow"))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return [task.cancelled(), await context.step(lambda: "after")]

    assert run(handler).result == [True, "after"]


def test_a_request_that_was_withdrawn_as_its_error_passed_was_made() -> None:
    """So does AnyIO, where an asyncio.TaskGroup and a scope of its own cancel a task at once."""

    async def child(context: AsyncDurableContext) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            assert task.uncancel() == 0
            raise

    async def handler(event: Any, context: AsyncDurableContext) -> str:
        task = asyncio.create_task(context.run_in_child_context(child))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"

    assert run(handler).result == "cancelled"


async def failing_group(*args: Any) -> None:
    async def fail(number: int) -> None:
        raise KeyError(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(fail(1))
        group.create_task(fail(2))


async def answering_group(*args: Any) -> int:
    count = 0
    try:
        await failing_group()
    except* KeyError as caught:
        count = len(caught.exceptions)
    return count


async def checked_group(state: int, *args: Any) -> int:
    return await answering_group()


@pytest.mark.parametrize("operation", ["step", "run_in_child_context", "wait_for_condition"])
def test_a_task_group_that_fails_within_an_operation_cancels_nobody(operation: str) -> None:
    """Before Python 3.13 a group cancels the task that waits for it, and leaves it at that."""

    async def handler(event: Any, context: AsyncDurableContext) -> list[Any]:
        if operation == "wait_for_condition":
            answers: list[Any] = [await context.wait_for_condition(checked_group, config=ONE_CHECK)]
        else:
            answers = [await getattr(context, operation)(answering_group)]
        try:
            if operation == "wait_for_condition":
                await context.wait_for_condition(failing_group, config=ONE_CHECK)
            else:
                await getattr(context, operation)(failing_group)
        except* KeyError as caught:
            answers += [error.args[0] for error in caught.exceptions]
        task = asyncio.current_task()
        assert task is not None
        return [*answers, task.cancelling()]

    assert run(handler).result == [2, 1, 2, 0]


def test_another_error_than_the_one_that_passed_is_nobodys() -> None:
    async def child(context: AsyncDurableContext) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        cancelled = asyncio.get_running_loop().create_future()
        cancelled.cancel()
        await cancelled

    async def handler(event: Any, context: AsyncDurableContext) -> str:
        try:
            await context.run_in_child_context(child)
        except ChildContextError as error:
            return str(error.error_type)
        return "no error"

    assert run(handler).result == "asyncio.exceptions.CancelledError"


def test_a_timeout_around_a_step_is_a_timeout() -> None:
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        async def one(child: AsyncDurableContext) -> str:
            try:
                async with asyncio.timeout(0.01):
                    await child.step(lambda _: asyncio.sleep(60))
            except TimeoutError:
                return "timed out"
            return "in time"

        return (await context.parallel([one]))[0]

    assert run(handler).result == "timed out"


# -- one that the code asked for ------------------------------------------------------------------


@pytest.mark.parametrize("in_branch", [False, True])
def test_code_that_cancels_its_own_task_is_cancelled_before_the_next_operation(
    in_branch: bool,
) -> None:
    """As anywhere in asyncio; the operation does not begin."""

    async def cancelled(context: AsyncDurableContext) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await context.step(lambda _: "never", name="never")
        task.uncancel()
        return await context.step(lambda _: "after", name="after")

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        if in_branch:
            result = (await context.parallel([cancelled]))[0]
        else:
            result = await cancelled(context)
        await context.wait(seconds=1)
        return result

    with Runner(handler=handler) as runner:
        result = runner.run(timeout=20)
    assert result.result == "after"
    assert "never" not in [operation.name for operation in result.get_all_operations()]
