"""A context belongs to the function it was given to: one task, one thread, one event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ConcurrentContextUseError,
    DurableContext,
    ForeignContextError,
    NestedOperationError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    InvokeConfig,
    MapConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.exceptions import SuspendExecution
from aws_durable_execution_sdk_python.logger import LoggerInterface
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


def work(ctx: Any) -> Any:
    return ctx.step(lambda: "paid", name="pay")


# ---------------------------------------------------------------------------- another invocation


@pytest.mark.parametrize("use", ["step", "callback"])
def test_a_context_of_an_earlier_invocation_is_refused(flavour: Flavour, use: str) -> None:
    """As in a module-level service object that is made once with the context it gets."""
    kept: list[Any] = []

    async def handler(event: Any, ctx: Any) -> Any:
        pending = await ctx.create_callback()
        if not kept:
            kept.append(ctx if use == "step" else pending)
            await ctx.wait(seconds=1)
        await (work(kept[0]) if use == "step" else kept[0].result())

    service = FakeService()
    kind, message = failure(service.run(flavour.durable(handler)))
    assert (kind or "").endswith(ForeignContextError.__name__)
    assert "invocation" in (message or "")
    assert "STEP START pay" not in service.trace


def test_a_context_of_another_execution_is_refused(flavour: Flavour) -> None:
    """Both are under way: what one asks for must not be recorded in the other."""
    other = FakeService()

    async def outer(event: Any, ctx: Any) -> Any:
        async def inner(event: Any, _: Any) -> Any:
            await work(ctx)

        return await ctx.step(lambda: failure(other.invoke(flavour.durable(inner)))[0])

    service = FakeService()
    answer = service.invoke(flavour.durable(outer))
    assert ForeignContextError.__name__ in answer["Result"]
    assert "STEP START pay" not in [*service.trace, *other.trace]


def test_after_its_invocation_a_context_is_refused_in_code_that_knows_of_none() -> None:
    kept: list[DurableContext] = []
    FakeService().invoke(durable_execution(lambda event, ctx: kept.append(ctx)))
    with pytest.raises(ForeignContextError):
        work(kept[0])


def test_while_its_invocation_ends_a_context_suspends(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.wait(seconds=1)
        except BaseException:
            with pytest.raises(SuspendExecution):
                await work(ctx)
            refused.append(True)
            raise

    refused: list[bool] = []
    assert FakeService().invoke(flavour.durable(handler)) == PENDING
    assert refused


# ------------------------------------------------------------------------------ another function


def test_the_context_of_a_child_that_has_ended_is_refused(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        kept: list[Any] = []

        async def child(inner: Any) -> None:
            kept.append(inner)

        await ctx.run_in_child_context(child)
        with pytest.raises(ForeignContextError):
            await work(kept[0])

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(None)
    assert service.trace == ["CONTEXT START", "CONTEXT SUCCEED"]


def test_the_context_of_another_branch_is_refused(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        kept: list[Any] = []

        async def branch(inner: Any, item: int, index: int, inputs: Any) -> None:
            kept.append(inner)
            await work(kept[0])

        config: MapConfig[Any] = MapConfig(
            max_concurrency=1, completion_config=CompletionConfig.all_completed()
        )
        result = await ctx.map([0, 1], branch, config=config)
        return [error.type for error in result.get_errors()]

    service = FakeService()
    answer = service.invoke(flavour.durable(handler))
    assert ForeignContextError.__name__ in answer["Result"]
    assert service.trace.count("STEP START pay") == 1


def test_an_additional_context_is_for_the_function_that_made_it(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        beside = ctx.create_child_context("beside", is_virtual=True)

        async def child(inner: Any) -> None:
            with pytest.raises(NestedOperationError):
                await work(beside)

        await ctx.run_in_child_context(child)
        pending = await beside.create_callback()
        assert pending.callback_id
        return await work(beside)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded("paid")


# --------------------------------------------------------------------------------- other threads


def in_thread(function: Callable[[], Any]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def in_pool(function: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()


def in_pool_with_variables(function: Callable[[], Any]) -> None:
    in_pool(lambda: contextvars.copy_context().run(function))


@pytest.mark.parametrize("runner", [in_thread, in_pool, in_pool_with_variables])
@pytest.mark.parametrize("begun", [False, True], ids=["first use", "taking turns"])
@pytest.mark.parametrize("use", ["context", "beside", "callback"])
def test_another_thread_is_refused(
    runner: Callable[[Callable[[], Any]], None], begun: bool, use: str
) -> None:
    """Also when no call is under way: which thread comes next is not the same on replay."""

    @durable_execution
    def handler(event: Any, ctx: DurableContext) -> Any:
        pending = ctx.create_callback()
        beside = ctx.create_child_context("beside")
        uses = {
            "context": lambda: work(ctx),
            "beside": lambda: work(beside),
            "callback": pending.result,
        }
        refused: list[str] = []

        def intruder() -> None:
            with pytest.raises(ConcurrentContextUseError, match="parallel") as caught:
                uses[use]()
            refused.append(str(caught.value))

        if begun:
            work(ctx)
        runner(intruder)
        return len(refused)

    service = FakeService()
    assert service.invoke(handler) == succeeded(1)
    assert service.trace.count("STEP START pay") == begun


def test_a_function_that_runs_again_in_another_thread_has_its_context_there() -> None:
    """Branches that were parked and resumed, each wherever a thread is free."""

    @durable_execution
    def handler(event: Any, ctx: DurableContext) -> Any:
        def branch(inner: DurableContext, item: int, index: int, inputs: Any) -> Any:
            inner.wait(seconds=item)
            return work(inner)

        return list(ctx.map([1, 2, 3], branch))

    assert FakeService().run(handler) == succeeded(["paid"] * 3)


def test_blocking_code_may_run_an_event_loop_of_its_own() -> None:
    @durable_execution
    def handler(event: Any, ctx: DurableContext) -> Any:
        async def main() -> Any:
            return work(ctx)

        return asyncio.run(main())

    assert FakeService().invoke(handler) == succeeded("paid")


# ----------------------------------------------------------------------------- other event loops


@pytest.mark.parametrize("called", ["there", "here"])
@pytest.mark.parametrize("use", ["context", "callback"])
def test_another_event_loop_is_refused(called: str, use: str) -> None:
    @durable_execution
    async def handler(event: Any, ctx: AsyncDurableContext) -> Any:
        pending = await ctx.create_callback()

        def operation() -> Any:
            return work(ctx) if use == "context" else pending.result()

        prepared = operation() if called == "here" else None

        async def use_it() -> Any:
            return await (operation() if prepared is None else prepared)

        with pytest.raises(ConcurrentContextUseError, match="its own event loop"):
            await asyncio.to_thread(asyncio.run, use_it())

    service = FakeService()
    assert service.invoke(handler) == succeeded(None)
    assert service.trace == ["CALLBACK START"]


def test_a_thread_without_an_event_loop_is_refused() -> None:
    @durable_execution
    async def handler(event: Any, ctx: AsyncDurableContext) -> Any:
        with pytest.raises(ConcurrentContextUseError, match="its own event loop"):
            await asyncio.to_thread(work, ctx)

    assert FakeService().invoke(handler) == succeeded(None)


def test_an_operation_that_was_called_before_a_step_is_not_awaited_inside_it() -> None:
    @durable_execution
    async def handler(event: Any, ctx: AsyncDurableContext) -> Any:
        prepared = work(ctx)

        async def body() -> Any:
            with pytest.raises(NestedOperationError):
                await prepared

        await ctx.step(body, name="outer")

    service = FakeService()
    assert service.invoke(handler) == succeeded(None)
    assert service.trace == ["STEP START outer", "STEP SUCCEED outer"]


# -------------------------------------------------------- what an operation calls besides its body


def retry_strategy(ctx: Any, alert: Callable[[], Any]) -> Any:
    def strategy(problem: Exception, attempt: int) -> RetryDecision:
        alert()
        return RetryDecision.no_retry()

    def fail() -> None:
        raise ValueError

    return ctx.step(fail, name="op", config=StepConfig(retry_strategy=strategy))


def wait_strategy(ctx: Any, alert: Callable[[], Any]) -> Any:
    def strategy(state: Any, attempt: int) -> WaitForConditionDecision:
        alert()
        return WaitForConditionDecision.stop_polling()

    config: WaitForConditionConfig[Any] = WaitForConditionConfig(strategy, 0)
    return ctx.wait_for_condition(lambda state: state, config, "op")


def check(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: WaitForConditionConfig[Any] = WaitForConditionConfig(
        lambda state, attempt: WaitForConditionDecision.stop_polling(), 0
    )
    return ctx.wait_for_condition(lambda state: alert(), config, "op")


class Calling(SerDes[Any]):
    def __init__(
        self, *, writing: Callable[[], Any] = int, reading: Callable[[], Any] = int
    ) -> None:
        self.writing, self.reading = writing, reading

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        self.writing()
        return "text"

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        self.reading()


def serdes(ctx: Any, alert: Callable[[], Any]) -> Any:
    return ctx.step(lambda: 1, name="op", config=StepConfig(serdes=Calling(writing=alert)))


def serdes_that_reads(ctx: Any, alert: Callable[[], Any]) -> Any:
    return ctx.step(lambda: 1, name="op", config=StepConfig(serdes=Calling(reading=alert)))


def childs_serdes(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: ChildConfig[Any] = ChildConfig(serdes=Calling(writing=alert))
    return ctx.run_in_child_context(lambda inner: 1, "op", config)


def payload_serdes(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: InvokeConfig[Any, Any] = InvokeConfig(serdes_payload=Calling(writing=alert))
    return ctx.invoke("function", 1, "op", config)


def item_namer(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: MapConfig[Any] = MapConfig(item_namer=lambda item, index: alert())
    return ctx.map([1], lambda inner, *_: 1, "op", config)


def summary_generator(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: ChildConfig[Any] = ChildConfig(summary_generator=lambda result: alert())
    return ctx.run_in_child_context(lambda inner: "x" * 300_000, "op", config)


def batch_summary_generator(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: MapConfig[Any] = MapConfig(summary_generator=lambda result: alert())
    return ctx.map([1, 2], lambda inner, *_: "x" * 200_000, "op", config)


def completion_predicate(ctx: Any, alert: Callable[[], Any]) -> Any:
    config: MapConfig[Any] = MapConfig(
        completion_config=CompletionConfig(should_complete=lambda status: alert())
    )
    return ctx.map([1], lambda inner, *_: 1, "op", config)


# What each is called in the refusal.
CALLBACKS = {
    retry_strategy: "the retry strategy of 'op'",
    wait_strategy: "the wait strategy of 'op'",
    check: "the check 'op'",
    serdes: "the serdes of 'op'",
    serdes_that_reads: "the serdes of 'op'",
    childs_serdes: "the serdes of 'op'",
    payload_serdes: "the serdes of 'op'",
    item_namer: "the item namer of 'op'",
    summary_generator: "the summary generator of 'op'",
    batch_summary_generator: "the summary generator of 'op'",
    completion_predicate: "the completion predicate",
}


@pytest.mark.parametrize("operation", CALLBACKS)
def test_an_operation_in_a_callback_is_refused(flavour: Flavour, operation: Any) -> None:
    """It would be recorded, and not asked for when the operation is replayed."""
    seen: list[str] = []

    async def handler(event: Any, ctx: Any) -> Any:
        def alert() -> Any:
            try:
                return ctx.step(lambda: 1, name="alert")
            except NestedOperationError as problem:
                seen.append(str(problem))
                raise

        await operation(ctx, alert)

    service = FakeService()
    kind, _ = failure(service.invoke(flavour.durable(handler)))
    assert (kind or "").endswith(NestedOperationError.__name__)
    assert "STEP START alert" not in service.trace
    (text,) = seen
    assert CALLBACKS[operation] in text


class CallingLogger:
    """Writes to the log by an operation."""

    def __init__(self, alert: Callable[[], Any]) -> None:
        self.alert = alert

    def info(self, msg: object, *args: object, extra: Any = None) -> None:
        self.alert()

    debug = warning = error = exception = info


def test_an_operation_in_a_logger_is_refused(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        logger: LoggerInterface = CallingLogger(lambda: work(ctx))
        ctx.set_logger(logger)
        with pytest.raises(NestedOperationError, match="logger"):
            ctx.logger.info("hello")
        return await work(ctx)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded("paid")
    assert service.sent("SUCCEED", 1)["Id"] == oid(1)


def test_a_coroutine_may_be_closed_in_another_context() -> None:
    """As the collector does with one that nobody awaits to its end."""

    async def child(c: AsyncDurableContext) -> None:
        await asyncio.Event().wait()

    async def handler(event: Any, c: AsyncDurableContext) -> str:
        config: ChildConfig[Any] = ChildConfig(is_virtual=True)
        coroutine: Any = c.run_in_child_context(child, config=config)
        contextvars.copy_context().run(coroutine.send, None)
        coroutine.close()
        return "closed"

    assert FakeService().invoke(durable_execution(handler)) == succeeded("closed")
