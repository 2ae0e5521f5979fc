"""What is given in place of a function, or returned, and cannot work: the fix is in the text.

Decorated methods and mocks, which look unusual, work.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from answers import failure, succeeded
from fake_service import FakeService
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    DurableContext,
    ParallelBranch,
    durable_execution,
    durable_parallel_branch,
    durable_step,
    durable_wait_for_callback,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.types import StepContext


async def with_blocking_context(ctx: DurableContext) -> int:
    return 1


def add(step_context: StepContext, a: int, b: int) -> int:
    return a + b


async def fetch(step_context: StepContext) -> int:
    return 1


step = durable_step(add)
child = durable_with_child_context(add)
branch = durable_parallel_branch()(add)
submitter = durable_wait_for_callback(add)


def message(flavour: Flavour, run: Callable[[Any], Any]) -> str:
    """What an execution fails with."""

    async def handler(event: Any, ctx: Any) -> Any:
        await run(ctx)

    kind, text = failure(FakeService().invoke(flavour.durable(handler)))
    assert kind is not None
    assert kind.endswith("ValidationError")
    return text or ""


UNCALLED: dict[str, Callable[[Any], Any]] = {
    "step": lambda ctx: ctx.step(step),
    "run_in_child_context": lambda ctx: (
        ctx.context.run_in_child_context(child)
        if hasattr(ctx, "context")
        else ctx.run_in_child_context(child)
    ),
    "parallel": lambda ctx: (
        ctx.context.parallel([branch]) if hasattr(ctx, "context") else ctx.parallel([branch])
    ),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback(submitter),
}


@pytest.mark.parametrize("operation", UNCALLED)
def test_a_decorated_function_has_to_be_called(flavour: Flavour, operation: str) -> None:
    text = message(flavour, UNCALLED[operation])
    assert text.startswith(f"{operation} was given add itself, which is decorated")
    assert text.endswith("call it with its arguments, `name(...)`, or `name()` if there are none")


def test_map_takes_the_undecorated_function(flavour: Flavour) -> None:
    text = message(flavour, lambda ctx: getattr(ctx, "context", ctx).map([1], child))
    assert text.endswith("give it the undecorated function")


@pytest.mark.filterwarnings("error")
def test_a_coroutine_is_no_function_and_is_closed(flavour: Flavour) -> None:
    text = message(flavour, lambda ctx: ctx.step(fetch(StepContext(Mock()))))
    assert "the coroutine that calling fetch(...) gave" in text
    assert text.endswith("pass the function, or a lambda that calls it")
    gc.collect()  # it would say that it was never awaited


ASYNC_DEF = (
    "with_blocking_context is `async def`, but annotates its context as DurableContext, the "
    "blocking one: annotate it as AsyncDurableContext, or declare the function `def`"
)


def test_an_async_def_with_the_blocking_context_is_refused(flavour: Flavour) -> None:
    def run(ctx: Any) -> Any:
        return getattr(ctx, "context", ctx).run_in_child_context(with_blocking_context)

    assert message(flavour, run) == ASYNC_DEF


def test_an_async_handler_with_the_blocking_context_is_refused_where_it_is_defined() -> None:
    async def handler(event: Any, context: DurableContext) -> None: ...

    with pytest.raises(ValidationError, match="AsyncDurableContext, or declare"):
        durable_execution(handler)  # type: ignore[call-overload]


def test_a_handler_that_cannot_take_an_event_and_a_context_is_refused() -> None:
    def refused(function: Any) -> None:
        with pytest.raises(ValidationError, match="takes two arguments, the event and the context"):
            durable_execution(function)

    refused(lambda event: None)
    refused(lambda self, event, context: None)
    with pytest.raises(ValidationError, match="Decorate a function; a method may be called"):

        class Orders:
            @durable_execution  # type: ignore[arg-type, call-overload]
            def handler(self, event: Any, context: DurableContext) -> None: ...


class Orders:
    """Operations as methods: `self` goes before the arguments, and the context before them."""

    rate = 10

    @durable_step
    def plain(self, a: int) -> int:
        return self.rate * a

    @durable_step
    def told(self, step_context: StepContext, a: int) -> list[int]:
        return [self.rate * a, step_context.attempt]

    @durable_with_child_context
    def child(self, ctx: Any, a: int) -> Any:
        return [self.rate, a, type(ctx).__name__]

    @durable_parallel_branch(name="ship")
    def ship(self, ctx: Any, a: int) -> Any:
        return [self.rate, a, type(ctx).__name__]

    @staticmethod
    @durable_step
    def static(a: int) -> int:
        return a

    @durable_step
    def namespaced(a: int) -> int:  # type: ignore[misc]
        return a  # type: ignore[return-value]


def test_methods_can_be_decorated(flavour: Flavour) -> None:
    orders: Any = Orders()

    async def handler(event: Any, ctx: Any) -> Any:
        real = getattr(ctx, "context", ctx)
        results = [await ctx.step(orders.plain(2)), await ctx.step(orders.told(3))]
        results.append(await ctx.step(Orders.static(4)))
        results.append(await ctx.step(Orders.namespaced(5)))  # type: ignore[arg-type]
        if real is ctx:
            results.append(await ctx.run_in_child_context(orders.child(6)))
            results.append((await ctx.parallel([orders.ship(7)]))[0])
        else:
            results.append(real.run_in_child_context(orders.child(6)))
            results.append(real.parallel([orders.ship(7)])[0])
        return results

    expected = [
        *(20, [30, 1], 4, 5),
        [10, 6, "DurableContext"],
        [10, 7, "DurableContext"],
    ]
    assert FakeService().run(flavour.durable(handler)) == succeeded(expected)
    assert isinstance(orders.ship(1), ParallelBranch)
    assert orders.ship(1).name == "ship"


MOCKS = {
    "plain": lambda: Mock(return_value=3),
    "of a function": lambda: Mock(spec=add, return_value=3),
    "of an async function": lambda: Mock(spec=fetch, return_value=3),
    "async": lambda: AsyncMock(return_value=3),
}


@pytest.mark.parametrize("kind", MOCKS)
def test_a_mock_stands_in_for_a_step_function(flavour: Flavour, kind: str) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(MOCKS[kind](), name="mocked")

    assert FakeService().run(flavour.durable(handler)) == succeeded(3)


UNKNOWN_NUMBER = type("bool", (), {"__module__": "numpy", "dtype": "bool", "item": None})


def test_a_type_with_the_name_of_a_builtin_is_named_with_its_module(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(UNKNOWN_NUMBER)

    text = failure(FakeService().invoke(flavour.durable(handler)))[1] or ""
    assert "(numpy.bool): numpy.bool cannot be stored: return its item()" in text


# ------------------------------------------------------------------------------ handlers' results


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({1: 1, "1": 2}, "two keys of the dict at result become the same text in JSON"),
        ({"a": [{None: 1, "null": 2}]}, "two keys of the dict at result.a[0] become the same"),
        ({True: 1, "true": 2}, "use string keys"),
        (float("nan"), "result is nan, which JSON does not have: give None, or a text"),
        ({"a": [1.5, (float("inf"),)]}, "result.a[1][0] is inf"),
        ({"the secret": float("-inf")}, "result.... is -inf"),
    ],
)
def test_a_result_that_json_would_change_is_refused(
    flavour: Flavour, result: Any, text: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return result

    kind, message = failure(FakeService().invoke(flavour.durable(handler)))
    assert kind == "ValueError"
    assert text in (message or "")


@pytest.mark.parametrize("result", [{1: 1, 2: 2}, {"1": 1.5, None: 2, True: 3}, [(1, {2: []})]])
def test_other_keys_that_are_no_text_are_written_as_ever(flavour: Flavour, result: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return result

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(result)
