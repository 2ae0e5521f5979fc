"""Decorated functions as programs have them: methods, and below or above decorators of others."""

from __future__ import annotations

import asyncio
import functools
import typing
from collections.abc import Callable
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
    durable_parallel_branch,
    durable_step,
    durable_wait_for_callback,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.types import StepContext as Alias

if typing.TYPE_CHECKING:
    from aws_durable_execution_sdk_python.types import StepContext as Unresolvable


class Prices:
    rate = 2

    @durable_step
    def plain(self, amount: int) -> int:
        return amount * self.rate

    @durable_step
    def with_context(self, step_context: StepContext, amount: int) -> int:
        return amount * self.rate * step_context.attempt

    @durable_step
    def with_any_name(self, sc, amount):  # type: ignore[no-untyped-def]
        return amount * self.rate * sc.attempt

    @durable_step
    async def asynchronous(self, ctx: StepContext, amount: int) -> int:
        return amount * self.rate * ctx.attempt

    @staticmethod
    @durable_step
    def static(ctx: StepContext, amount: int) -> int:
        return amount * 2 * ctx.attempt

    @durable_step
    @staticmethod
    def static_below(amount: int) -> int:
        return amount * 2

    @classmethod
    @durable_step
    def of_class(cls, step_context: StepContext, amount: int) -> int:
        return amount * cls.rate * step_context.attempt

    @durable_step
    @classmethod
    def of_class_below(cls, amount: int) -> int:
        return amount * cls.rate

    @durable_with_child_context
    def child(self, context: DurableContext, amount: int) -> int:
        return context.step(lambda: amount * self.rate)

    @durable_parallel_branch(name="branch")
    def branch(self, context: DurableContext, amount: int) -> int:
        return context.step(lambda: amount * self.rate)

    @durable_wait_for_callback
    def submit(self, callback_id: str, context: Any, to: str) -> None:
        self.asked = (bool(callback_id), type(context).__name__, to)


STEPS = ["plain", "with_context", "with_any_name", "asynchronous", "static", "static_below"]


@pytest.mark.parametrize("name", [*STEPS, "of_class", "of_class_below"])
@pytest.mark.parametrize("owner", [Prices, Prices()], ids=["class", "instance"])
def test_a_method_is_a_step_named_after_it(flavour: Flavour, name: str, owner: Any) -> None:
    if isinstance(owner, type) and name in STEPS[:4]:
        step = functools.partial(getattr(owner, name), Prices())
    else:
        step = getattr(owner, name)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(step(3))

    if name == "with_any_name" and isinstance(owner, type):
        pytest.skip("on the class, nothing says which argument the StepContext is")
    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(6)
    assert service.trace[0] == f"STEP START {name}"


def test_methods_are_child_contexts_branches_and_submitters(flavour: Flavour) -> None:
    prices = Prices()

    async def handler(event: Any, ctx: Any) -> Any:
        child = await ctx.run_in_child_context(prices.child(3))
        branches = await ctx.parallel([prices.branch(4)])
        answer = await ctx.wait_for_callback(prices.submit("boss"), name="ask")
        return [child, list(branches), answer]

    service = FakeService()
    durable = flavour.durable(handler)
    service.invoke(durable)
    service.complete("SUCCEEDED", (3, 1), Result="true")
    assert service.run(durable) == succeeded([6, [8], True])
    assert prices.asked == (True, "WaitForCallbackContext", "boss")
    assert "CONTEXT START child" in service.trace


# ------------------------------------------------------------------------------- what is declared


@durable_step
def aliased(x: Alias, n: int = 1) -> int:
    return n * x.attempt


@durable_step
def in_a_module(x: typing.Annotated[StepContext, "mine"], n: int = 1) -> int:
    return n * x.attempt


@durable_step
def not_resolvable(x: Unresolvable, n: int = 1) -> int:
    return n


@durable_step
def declared_otherwise(order: str, note: str = "none") -> str:
    return f"{order}: {note}"


@durable_step
def open_to_both(sc, note="none"):  # type: ignore[no-untyped-def]
    return note


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (lambda: aliased(4), 4),
        (lambda: aliased(n=4), 4),
        (lambda: aliased(), 1),
        (lambda: in_a_module(4), 4),
        (lambda: declared_otherwise("o-1"), "o-1: none"),
        (lambda: declared_otherwise("o-1", "gift"), "o-1: gift"),
        (lambda: open_to_both(None, "gift"), "gift"),
    ],
)
def test_annotations_say_whether_there_is_a_step_context(
    flavour: Flavour, step: Callable[[], Any], expected: Any
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(step())

    assert FakeService().run(flavour.durable(handler)) == succeeded(expected)


def test_what_fits_both_ways_is_refused_before_anything_is_recorded(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(open_to_both("gift"))

    service = FakeService()
    kind, message = failure(service.run(flavour.durable(handler)))
    assert (kind or "").endswith("ValidationError")
    assert "the step open_to_both can be called" in (message or "")
    assert service.updates == []


def test_an_alias_of_a_durable_context_decides_too() -> None:
    from aws_durable_execution_sdk_python import AsyncDurableContext as Other

    def declared(context: Other) -> Any:
        assert isinstance(context, AsyncDurableContext)
        return context.step(lambda: 1)

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.run_in_child_context(declared)

    declared.__globals__["Other"] = Other
    try:
        assert FakeService().run(handler) == succeeded(1)
    finally:
        del declared.__globals__["Other"]


# --------------------------------------------------------------------------- decorators of others


def traced(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@durable_step
def charge(step_context: StepContext, amount: int) -> int:
    return amount * step_context.attempt


def test_a_wrapper_around_a_bound_step_keeps_its_name(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        alone = await ctx.step(traced(charge(2)))
        branches = await ctx.parallel([traced(traced(charge(3)))])
        return [alone, list(branches)]

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded([2, [3]])
    assert service.trace.count("STEP START charge") == 2


@pytest.mark.parametrize("step", [durable_step(traced(charge(2).function)), traced(charge)])
def test_a_wrapper_below_or_above_the_decorator(flavour: Flavour, step: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(step(2))

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(2)
    assert service.trace[0] == "STEP START charge"


def test_a_blocking_wrapper_around_an_async_function_is_called_as_what_it_is(
    flavour: Flavour,
) -> None:
    """It may run the function on a loop of its own, which it cannot on the invocation's."""

    async def asynchronous(amount: int) -> int:
        await asyncio.sleep(0)
        return amount * 2

    @functools.wraps(asynchronous)
    def blocking(amount: int) -> int:
        return asyncio.run(asynchronous(amount))

    step = durable_step(blocking)

    async def handler(event: Any, ctx: Any) -> Any:
        bare = await ctx.step(lambda: blocking(1), name="bare")
        return [bare, await ctx.step(step(2)), await ctx.step(traced(lambda: asynchronous(3)))]

    assert FakeService().run(flavour.durable(handler)) == succeeded([2, 4, 6])
