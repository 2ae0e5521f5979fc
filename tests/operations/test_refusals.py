"""An operation that cannot be carried out ends the invocation, whatever user code catches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, Wire, recorded
from flavours import Flavour, retrying

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    CompletionConfig,
    ParallelConfig,
    StepConfig,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    InvocationError,
    NonDeterministicExecutionError,
    RetryableSerDesError,
    UnrecoverableError,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


class Store(SerDes[Any]):
    """Does not answer the first time, and works from then on."""

    def __init__(self) -> None:
        self.calls = 0

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        self._answer()
        return str(value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        self._answer()
        return data

    def _answer(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise RetryableSerDesError("the store does not answer")


def storing(name: str = "charge") -> Callable[[Any], Any]:
    """A step whose result cannot be stored at first."""
    config: StepConfig[Any] = StepConfig(serdes=Store())
    return lambda ctx: ctx.step(lambda: "charged", name=name, config=config)


def fallback(ctx: Any) -> Any:
    return ctx.step(lambda: "refund", name="refund")


# ------------------------------------------------------------------------- ways to catch too much


async def excepting(ctx: Any, operation: Any) -> Any:
    try:
        return await operation(ctx)
    except Exception:
        return await fallback(ctx)


async def excepting_all(ctx: Any, operation: Any) -> Any:
    try:
        return await operation(ctx)
    except BaseException:
        return "all is well"


async def suppressing(ctx: Any, operation: Any) -> Any:
    with contextlib.suppress(Exception):
        return await operation(ctx)
    return await fallback(ctx)


async def returning_in_finally(ctx: Any, operation: Any) -> Any:
    try:
        await operation(ctx)
    finally:
        return "all is well"  # noqa: B012 - what this is about


async def changing(ctx: Any, operation: Any) -> Any:
    try:
        return await operation(ctx)
    except Exception as problem:
        raise ValueError("changed") from problem


async def trying_twice(ctx: Any, operation: Any) -> Any:
    for _ in range(2):
        with contextlib.suppress(Exception):
            return await operation(ctx)
    return "given up"


WAYS = pytest.mark.parametrize(
    "way",
    [
        excepting,
        excepting_all,
        suppressing,
        returning_in_finally,
        changing,
        trying_twice,
    ],
)


@WAYS
def test_a_divergence_fails_the_execution(flavour: Flavour, way: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await way(ctx, lambda c: c.wait_for_callback(lambda i: None, name="approval-v2"))

    history = recorded("CONTEXT", "STARTED", 1, "approval", SubType="WaitForCallback")
    service = FakeService(history)
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert (kind or "").endswith(".NonDeterministicExecutionError")
    assert "approval-v2" in (message or "")
    assert service.updates == []


@WAYS
def test_a_passing_failure_is_raised_and_the_next_invocation_goes_on(
    flavour: Flavour, way: Any
) -> None:
    operation = storing()

    async def handler(event: Any, ctx: Any) -> Any:
        value = await way(ctx, operation)
        await ctx.wait(seconds=1)
        return value

    service = FakeService()
    with pytest.raises(RetryableSerDesError, match="does not answer"):
        service.invoke(flavour.durable(handler))
    assert "refund" not in str(service.trace)
    assert service.run(flavour.durable(handler))["Status"] == "SUCCEEDED"
    assert "STEP SUCCEED charge" in service.trace
    assert "refund" not in str(service.trace)


# ------------------------------------------------------------------------ whatever the operation


def child(ctx: Any) -> Any:
    config: ChildConfig[Any] = ChildConfig(serdes=Store())
    return ctx.run_in_child_context(lambda c: "asked", "approval", config)


def callback(ctx: Any) -> Any:
    def submitter(callback_id: str) -> None:
        raise ExecutionError("no such approver")

    return ctx.wait_for_callback(submitter, "approval")


def condition(ctx: Any) -> Any:
    config: WaitForConditionConfig[Any] = WaitForConditionConfig(
        lambda state, attempt: WaitForConditionDecision.stop_polling(), 0, serdes=Store()
    )
    return ctx.wait_for_condition(lambda state: state, config)


def outer_step(ctx: Any) -> Any:
    def body() -> None:
        raise ExecutionError("no such order")

    return ctx.step(body)


def step(ctx: Any) -> Any:
    return storing()(ctx)


@pytest.mark.parametrize("operation", [child, condition, outer_step, step])
def test_every_later_operation_raises_the_same_error(flavour: Flavour, operation: Any) -> None:
    later: dict[str, Any] = {
        "step": fallback,
        "wait": lambda ctx: ctx.wait(seconds=1),
        "callback": lambda ctx: ctx.create_callback(),
        "child": lambda ctx: ctx.run_in_child_context(lambda c: 1),
        "map": lambda ctx: ctx.map([1], lambda c, *a: 1),
        "beside": lambda ctx: ctx.create_child_context("x").step(lambda: 1),
    }
    first: list[UnrecoverableError] = []
    again: dict[str, UnrecoverableError] = {}

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await operation(ctx)
        except UnrecoverableError as problem:
            first.append(problem)
        sent = len(service.updates)
        for name, call in later.items():
            try:
                await call(ctx)
            except UnrecoverableError as problem:
                again[name] = problem
        assert len(service.updates) == sent

    service = FakeService()
    with contextlib.suppress(UnrecoverableError):
        service.invoke(flavour.durable(handler))
    assert again == dict.fromkeys(later, first[0])


def test_the_answer_to_a_callback_that_cannot_be_read_now(flavour: Flavour) -> None:
    store = Store()

    async def handler(event: Any, ctx: Any) -> Any:
        pending = await ctx.create_callback(config=CallbackConfig(serdes=store))
        try:
            answer = await pending.result()
        except Exception:
            answer = await fallback(ctx)
        return answer

    history = recorded("CALLBACK", "SUCCEEDED", 1, CallbackId="c", Result="yes")
    service = FakeService(history)
    with pytest.raises(RetryableSerDesError):
        service.invoke(flavour.durable(handler))
    assert service.updates == []
    assert service.invoke(flavour.durable(handler)) == succeeded("yes")


# -------------------------------------------------------------------------------- on its way up


def refused(answer: Callable[[], Wire], service: FakeService) -> None:
    with pytest.raises(RetryableSerDesError, match="does not answer"):
        answer()
    assert "refund" not in str(service.trace)
    assert not [u for u in service.updates if u["Type"] == "CONTEXT" and u["Action"] != "START"]


@WAYS
def test_a_child_that_swallows_it_is_not_recorded(flavour: Flavour, way: Any) -> None:
    operation = storing()

    async def child(ctx: Any) -> Any:
        return await way(ctx, operation)

    async def handler(event: Any, ctx: Any) -> Any:
        return await way(ctx, lambda c: c.run_in_child_context(child))

    service = FakeService()
    refused(lambda: service.invoke(flavour.durable(handler)), service)


@WAYS
def test_a_branch_that_swallows_it_lets_its_siblings_come_to_their_end(
    flavour: Flavour, way: Any
) -> None:
    operation = storing()

    async def branch(ctx: Any, item: int, index: int, inputs: Any) -> Any:
        if index == 0:
            return await way(ctx, operation)
        return await ctx.step(lambda: "work", name="work")

    async def handler(event: Any, ctx: Any) -> Any:
        return await way(ctx, lambda c: c.map([0, 1], branch))

    service = FakeService()
    with pytest.raises(RetryableSerDesError):
        service.invoke(flavour.durable(handler))
    assert "STEP SUCCEED work" in service.trace
    assert "CONTEXT SUCCEED map-item-0" not in service.trace
    assert "refund" not in str(service.trace)


@pytest.mark.parametrize("wrapped", [True, False])
def test_with_retry_does_not_try_again(flavour: Flavour, wrapped: bool) -> None:
    operation = storing()

    async def attempts(ctx: Any, attempt: int) -> Any:
        return await excepting(ctx, operation)

    async def handler(event: Any, ctx: Any) -> Any:
        config = WithRetryConfig(wrap_in_child_context=wrapped)
        with contextlib.suppress(Exception):
            await retrying(ctx, attempts, config, "book")
        return await fallback(ctx)

    service = FakeService()
    refused(lambda: service.invoke(flavour.durable(handler)), service)


def test_an_error_that_left_a_child_cannot_be_caught_any_more(flavour: Flavour) -> None:
    """The child has no outcome on record: what went on without it would differ on replay."""

    async def child(ctx: Any) -> Any:
        raise InvocationError("try again")

    async def handler(event: Any, ctx: Any) -> Any:
        return await excepting(ctx, lambda c: c.run_in_child_context(child))

    service = FakeService()
    with pytest.raises(InvocationError, match="try again"):
        service.invoke(flavour.durable(handler))
    assert "refund" not in str(service.trace)


@pytest.mark.parametrize("kind", [ExecutionError, InvocationError, RetryableSerDesError])
def test_what_a_function_raises_itself_it_may_catch(
    flavour: Flavour, kind: type[Exception]
) -> None:
    async def function(ctx: Any) -> Any:
        try:
            raise kind("mine")
        except kind:
            return await fallback(ctx)

    async def handler(event: Any, ctx: Any) -> Any:
        return [await function(ctx), await ctx.run_in_child_context(function)]

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(["refund", "refund"])


# -------------------------------------------------------------------------------- async code only


def test_gathering_errors_as_values_does_not_help() -> None:
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        await asyncio.gather(operation(context), fallback(context), return_exceptions=True)
        return "all is well"

    service = FakeService()
    with pytest.raises(RetryableSerDesError):
        service.invoke(handler)
    assert "STEP SUCCEED refund" in service.trace  # it was under way


def test_an_invocation_does_not_suspend_over_it() -> None:
    """The others are parked, for days perhaps: the error would only come out after that."""
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        await asyncio.gather(operation(context), context.wait(days=30), return_exceptions=True)

    with pytest.raises(RetryableSerDesError):
        FakeService().invoke(handler)


def test_a_divergence_does_not_wait_for_what_is_parked() -> None:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        await asyncio.gather(
            context.step(lambda: 1, name="new"), context.wait(days=30), return_exceptions=True
        )

    service = FakeService(recorded("STEP", "SUCCEEDED", 1, "old"))
    kind, _ = failure(service.invoke(handler))
    assert (kind or "").endswith(NonDeterministicExecutionError.__name__)


def test_an_operation_that_was_called_before_is_not_begun_after() -> None:
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        prepared = fallback(context)
        with contextlib.suppress(Exception):
            await operation(context)
        return await prepared

    service = FakeService()
    refused(lambda: service.invoke(handler), service)


def test_a_child_at_work_notices_it_at_its_next_operation() -> None:
    """What it returns after swallowing it is not its result."""
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        failed = asyncio.Event()

        async def child(inner: AsyncDurableContext) -> Any:
            await failed.wait()
            return await excepting_all(inner, fallback)

        async def failing() -> Any:
            try:
                return await operation(context)
            finally:
                failed.set()

        child_run = context.run_in_child_context(child)
        return await asyncio.gather(child_run, failing(), return_exceptions=True)

    service = FakeService()
    refused(lambda: service.invoke(handler), service)


def test_neither_a_task_group_nor_an_async_generator_hides_it() -> None:
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def swallowing() -> AsyncIterator[Any]:
            with contextlib.suppress(Exception):
                yield await operation(context)
            yield "nothing"

        async def first() -> Any:
            return [value async for value in swallowing()]

        async with asyncio.TaskGroup() as group:
            task = group.create_task(first())
        return task.result()

    service = FakeService()
    refused(lambda: service.invoke(handler), service)


def test_of_a_branch_decided_against_nobody_wants_the_error() -> None:
    operation = storing()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        swallowed, never = asyncio.Event(), asyncio.Event()

        async def loser(inner: AsyncDurableContext) -> Any:
            with contextlib.suppress(Exception):
                await operation(inner)
            swallowed.set()
            await never.wait()

        async def winner(inner: AsyncDurableContext) -> Any:
            await swallowed.wait()
            return await inner.step(lambda: "won")

        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.first_successful()
        )
        return (await context.parallel([loser, winner], config=config))[1]

    assert FakeService().invoke(handler) == succeeded("won")
