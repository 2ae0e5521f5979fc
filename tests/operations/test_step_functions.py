"""Which functions a step takes, what they are given, and how async ones run."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
import time
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService
from flavours import Flavour

from aws_durable_execution_sdk_python import StepContext, durable_step


def run_step(flavour: Flavour, function: Any) -> dict[str, Any]:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(function, name="work")

    return FakeService().invoke(flavour.durable(handler))


class Callables:
    """Functions of every shape that say what they were given."""

    def method(self) -> str:
        return "nothing"

    def method_with_context(self, anything: Any) -> str:
        return kind_of(anything)

    @staticmethod
    def static(anything: Any) -> str:
        return kind_of(anything)

    def __call__(self, anything: Any) -> str:
        return kind_of(anything)

    async def coroutine(self, anything: Any) -> str:
        await asyncio.sleep(0)
        return kind_of(anything)


def kind_of(value: Any) -> str:
    return "context" if isinstance(value, StepContext) else repr(value)


def two(a: Any, b: Any = "default") -> list[str]:
    return [kind_of(a), kind_of(b)]


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda: "nothing", "nothing"),
        (lambda anything: kind_of(anything), "context"),
        (lambda anything="default": kind_of(anything), "context"),
        (lambda *args: [kind_of(a) for a in args], ["context"]),
        (lambda **kwargs: kwargs, {}),
        (lambda *, keyword="default": keyword, "default"),
        (Callables().method, "nothing"),
        (Callables().method_with_context, "context"),
        (Callables.static, "context"),
        (Callables(), "context"),
        (Callables().coroutine, "context"),
        (functools.partial(two, "bound"), ["'bound'", "context"]),
        (functools.partial(two, b="bound"), ["context", "'bound'"]),
        (functools.partial(lambda: "nothing"), "nothing"),
        (dict, {}),
    ],
)
def test_a_bare_callable_gets_the_context_if_it_takes_a_positional_argument(
    flavour: Flavour, function: Any, given: Any
) -> None:
    assert run_step(flavour, function) == succeeded(given)


def test_a_builtin_without_a_signature_is_called_without_arguments(flavour: Flavour) -> None:
    answer = run_step(flavour, time.time)
    assert answer["Status"] == "SUCCEEDED"


# --------------------------------------------------------------------------------- @durable_step


@durable_step
def by_annotation(whatever: StepContext, a: int) -> Any:
    return [kind_of(whatever), a]


@durable_step
def by_name_step_context(step_context: Any, a: int) -> Any:
    return [kind_of(step_context), a]


@durable_step
def by_name_ctx(ctx: Any, a: int) -> Any:
    return [kind_of(ctx), a]


@durable_step
def by_name_underscore(_: Any, a: int) -> Any:
    return [kind_of(_), a]


@durable_step
def by_arguments(first: Any, a: int) -> Any:
    return [kind_of(first), a]


@durable_step
async def coroutine(ctx: Any, a: int) -> Any:
    await asyncio.sleep(0)
    return [kind_of(ctx), a]


@pytest.mark.parametrize(
    "step",
    [
        by_annotation,
        by_name_step_context,
        by_name_ctx,
        by_name_underscore,
        by_arguments,
        coroutine,
    ],
)
def test_a_durable_step_that_wants_the_context_gets_it(flavour: Flavour, step: Any) -> None:
    assert run_step(flavour, step(7)) == succeeded(["context", 7])


@durable_step
def without_context(a: int, b: int = 2) -> Any:
    return [a, b]


@durable_step
def with_defaults(a: int = 1) -> Any:
    return [a, 2]


@durable_step
def keywords(*, a: int, b: int = 2) -> Any:
    return [a, b]


@pytest.mark.parametrize(
    "bound", [without_context(1), without_context(a=1), with_defaults(), keywords(a=1)]
)
def test_a_durable_step_without_the_context_parameter_gets_none(
    flavour: Flavour, bound: Any
) -> None:
    assert run_step(flavour, bound) == succeeded([1, 2])


def test_a_durable_step_gives_the_operation_its_name(flavour: Flavour) -> None:
    service = FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(by_name_ctx(1))
        await ctx.step(by_name_ctx(2), name="renamed")

    service.invoke(flavour.durable(handler))
    assert [service.sent("START", n).get("Name") for n in (1, 2)] == ["by_name_ctx", "renamed"]


def test_wrong_arguments_of_a_durable_step_fail_the_step(flavour: Flavour) -> None:
    kind, message = failure(run_step(flavour, by_annotation(1, 2, 3)))
    assert kind == "TypeError"
    assert "by_annotation" in (message or "")


# ------------------------------------------------------------------------------- async functions


async def hello() -> str:
    await asyncio.sleep(0)
    return "hello"


@pytest.mark.parametrize(
    "function",
    [
        hello,
        lambda: hello(),
        lambda ctx: hello(),
        functools.partial(hello),
        lambda: asyncio.run(hello()),
    ],
    ids=["async def", "lambda", "lambda with context", "partial", "asyncio.run"],
)
def test_an_async_function_is_run_to_its_result(flavour: Flavour, function: Any) -> None:
    assert run_step(flavour, function) == succeeded("hello")


def test_an_async_function_that_raises_fails_the_step(flavour: Flavour) -> None:
    async def function() -> None:
        await asyncio.sleep(0)
        raise ValueError("bad")

    assert failure(run_step(flavour, function)) == ("ValueError", "bad")


def test_a_def_function_never_blocks_the_event_loop(flavour: Flavour) -> None:
    """It runs in a thread that has no running event loop, so `asyncio.run` works there."""
    threads = []

    def function() -> None:
        threads.append(threading.current_thread())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    run_step(flavour, function)
    assert threads != [threading.main_thread()]


request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_context_variables_of_the_handler_reach_the_step(
    flavour: Flavour, asynchronous: bool
) -> None:
    async def later() -> str:
        return request_id.get()

    async def handler(event: Any, ctx: Any) -> Any:
        request_id.set("r-1")
        return await ctx.step(later if asynchronous else request_id.get)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded("r-1")


# ------------------------------------------------------------- a context inside its own operation

OPERATIONS = {
    "step": lambda ctx: ctx.step(lambda: 1),
    "wait": lambda ctx: ctx.wait(seconds=1),
    "create_callback": lambda ctx: ctx.create_callback(),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback(lambda callback_id: None),
    "invoke": lambda ctx: ctx.invoke("other"),
    "run_in_child_context": lambda ctx: ctx.run_in_child_context(lambda child: 1),
    "map": lambda ctx: ctx.map([1], lambda child, item, index, items: 1),
    "parallel": lambda ctx: ctx.parallel([lambda child: 1]),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_using_the_context_in_a_step_is_refused_before_anything_is_recorded(
    flavour: Flavour, name: str, asynchronous: bool
) -> None:
    """The error says how to group operations; the outer step fails by it."""

    async def handler(event: Any, ctx: Any) -> Any:
        def function() -> Any:
            return OPERATIONS[name](ctx)

        async def coroutine_function() -> Any:
            return await OPERATIONS[name](ctx)

        return await ctx.step(coroutine_function if asynchronous else function, name="outer")

    service = FakeService()
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert kind == "aws_durable_execution_sdk_python.exceptions.NestedOperationError"
    assert "run_in_child_context" in (message or "")
    assert "'outer'" in (message or "")
    assert service.trace == ["STEP START outer", "STEP FAIL outer"]


def test_a_refused_use_takes_no_id(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        def function() -> str:
            with pytest.raises(Exception, match="inside the step"):
                ctx.wait(seconds=1)
            return "survived"

        await ctx.step(function, name="outer")
        return await ctx.step(lambda: "second", name="second")

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded("second")
    assert service.sent("SUCCEED", 2)["Name"] == "second"
