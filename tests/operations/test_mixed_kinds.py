"""Blocking and async code in one execution: each function gets the context it was written for."""

from __future__ import annotations

from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext, durable_execution


def blocking_work(context: Any, *_: Any) -> Any:
    assert isinstance(context, DurableContext)
    context.wait(seconds=1)
    return context.step(lambda: "blocking")


async def async_work(context: Any, *_: Any) -> Any:
    assert isinstance(context, AsyncDurableContext)
    await context.wait(seconds=1)
    return await context.step(lambda: "async")


@pytest.mark.parametrize(("work", "result"), [(blocking_work, "blocking"), (async_work, "async")])
def test_children_of_either_kind(work: Any, result: str) -> None:
    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return context.run_in_child_context(work)

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return await context.run_in_child_context(work)

    for handler in (blocking, asynchronous):
        assert FakeService().run(handler) == succeeded(result)


def test_branches_of_both_kinds() -> None:
    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return list(context.parallel(blocking_work, async_work, lambda c: c.step(lambda: "own")))

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        work = blocking_work, async_work, lambda c: c.step(lambda: "own")
        return list(await context.parallel(*work))

    traces = []
    for handler in (blocking, asynchronous):
        service = FakeService()
        assert service.run(handler) == succeeded(["blocking", "async", "own"])
        traces.append(sorted((u["Id"], u["Action"]) for u in service.updates))
    assert traces[0] == traces[1]


def test_an_annotation_decides_before_anything_else() -> None:
    def declared(context: AsyncDurableContext) -> Any:
        assert isinstance(context, AsyncDurableContext)
        return context.step(lambda: 1)

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.run_in_child_context(declared)

    assert FakeService().invoke(handler) == succeeded(1)


def test_a_blocking_callback_cannot_be_awaited_in_async_code() -> None:
    """It would block the event loop; the error says what to do."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        callback = context.create_callback()

        async def child(inner: AsyncDurableContext) -> Any:
            return callback.result()

        return context.run_in_child_context(child)

    kind, message = failure(FakeService().invoke(handler))
    assert kind == "aws_durable_execution_sdk_python.exceptions.ValidationError"
    assert "AsyncDurableContext" in (message or "")
