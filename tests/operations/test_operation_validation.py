"""Arguments outside what an operation accepts: a clear error, no update, no id used."""

from __future__ import annotations

from typing import Any

import pytest
from answers import succeeded
from fake_service import FakeService
from flavours import Flavour, retrying

from aws_durable_execution_sdk_python import ParallelBranch, ValidationError, WithRetryConfig
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    CompletionConfig,
    InvokeConfig,
    MapConfig,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

CONDITION = WaitForConditionConfig(lambda s, n: WaitForConditionDecision.stop_polling(), 0)


def refused(flavour: Flavour, call: Any) -> str:
    """The message of the ValidationError; the next operation is still the first."""
    messages = []

    async def handler(event: Any, ctx: Any) -> Any:
        with pytest.raises(ValidationError) as problem:
            await call(ctx)
        messages.append(str(problem.value))
        return await ctx.step(lambda: "first", name="first")

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded("first")
    assert service.trace == ["STEP START first", "STEP SUCCEED first"]
    assert service.sent("SUCCEED", 1)["Name"] == "first"
    return messages[0]


NAMED = {
    "step": lambda ctx, name: ctx.step(lambda: 1, name=name),
    "wait": lambda ctx, name: ctx.wait(1, name=name),
    "create_callback": lambda ctx, name: ctx.create_callback(name=name),
    "wait_for_callback": lambda ctx, name: ctx.wait_for_callback(lambda i: None, name=name),
    "invoke": lambda ctx, name: ctx.invoke("f", name=name),
    "run_in_child_context": lambda ctx, name: ctx.run_in_child_context(lambda c: 1, name=name),
    "wait_for_condition": lambda ctx, name: ctx.wait_for_condition(lambda s: s, CONDITION, name),
    "map": lambda ctx, name: ctx.map([1], lambda c, *a: 1, name=name),
    "parallel": lambda ctx, name: ctx.parallel([lambda c: 1], name=name),
    "with_retry": lambda ctx, name: retrying(ctx, lambda c, n: 1, None, name),
    "item_namer": lambda ctx, name: ctx.map(
        [1], lambda c, *a: 1, config=MapConfig(item_namer=lambda item, index: name)
    ),
}


@pytest.mark.parametrize("operation", NAMED)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (7, ("7", "int")),
        (b"bytes", ("a value of type bytes",)),
        ({"card": "4111"}, ("a value of type dict",)),
        ("n" * 257, ("257 characters", "256")),
        ("zwölf", ("'zwölf'", "printable ASCII")),
        ("new\nline", (r"'new\nline'", "printable ASCII")),
    ],
)
def test_names_are_1_to_256_printable_ascii_characters(
    flavour: Flavour, operation: str, name: Any, said: tuple[str, ...]
) -> None:
    message = refused(flavour, lambda ctx: NAMED[operation](ctx, name))
    assert all(part in message for part in said)


def test_the_longest_name_is_accepted(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="~ " * 128)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(1)


def test_the_names_made_from_a_callbacks_name_must_fit_too(flavour: Flavour) -> None:
    message = refused(flavour, lambda ctx: ctx.wait_for_callback(lambda i: None, name="n" * 256))
    assert "create callback id" in message


FUNCTIONS = {
    "step": lambda ctx, f: ctx.step(f),
    "wait_for_callback": lambda ctx, f: ctx.wait_for_callback(f),
    "run_in_child_context": lambda ctx, f: ctx.run_in_child_context(f),
    "wait_for_condition": lambda ctx, f: ctx.wait_for_condition(f, CONDITION),
    "map": lambda ctx, f: ctx.map([1], f),
    "parallel": lambda ctx, f: ctx.parallel([lambda c: 1, f]),
    "with_retry": lambda ctx, f: retrying(ctx, f),
}


@pytest.mark.parametrize("operation", FUNCTIONS)
@pytest.mark.parametrize("function", [None, 42, "name"])
def test_what_runs_must_be_callable(flavour: Flavour, operation: str, function: Any) -> None:
    """A common slip: `context.step(work())`, the result instead of the function.

    The message tells its type only: it is data, and messages are logged.
    """
    message = refused(flavour, lambda ctx: FUNCTIONS[operation](ctx, function))
    assert operation in message
    assert type(function).__name__.removesuffix("Type") in message
    assert function is None or repr(function) not in message


CONFIGURED = {
    "step": (StepConfig, lambda ctx, c: ctx.step(lambda: 1, config=c)),
    "create_callback": (CallbackConfig, lambda ctx, c: ctx.create_callback(config=c)),
    "wait_for_callback": (
        WaitForCallbackConfig,
        lambda ctx, c: ctx.wait_for_callback(lambda i: None, config=c),
    ),
    "invoke": (InvokeConfig, lambda ctx, c: ctx.invoke("f", config=c)),
    "run_in_child_context": (
        ChildConfig,
        lambda ctx, c: ctx.run_in_child_context(lambda child: 1, config=c),
    ),
    "wait_for_condition": (
        WaitForConditionConfig,
        lambda ctx, c: ctx.wait_for_condition(lambda s: s, c),
    ),
    "map": (MapConfig, lambda ctx, c: ctx.map([1], lambda child, *a: 1, config=c)),
    "parallel": (ParallelConfig, lambda ctx, c: ctx.parallel([lambda child: 1], config=c)),
    "with_retry": (WithRetryConfig, lambda ctx, c: retrying(ctx, lambda child, n: 1, c)),
}


@pytest.mark.parametrize("operation", CONFIGURED)
def test_the_config_must_be_the_operations_own(flavour: Flavour, operation: str) -> None:
    kind, call = CONFIGURED[operation]
    other = ChildConfig() if operation == "step" else StepConfig()
    message = refused(flavour, lambda ctx: call(ctx, other))
    assert kind.__name__ in message
    assert type(other).__name__ in message


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda ctx: ctx.invoke(""), ("''", "256")),
        (lambda ctx: ctx.invoke(None), ("None", "function_name")),
        (lambda ctx: ctx.invoke("not a name"), ("'not a name'",)),
        (lambda ctx: ctx.invoke("f" * 257), ("257 characters",)),
        (lambda ctx: ctx.map(None, lambda c, *a: 1), ("None", "inputs")),
        (lambda ctx: ctx.map(7, lambda c, *a: 1), ("a value of type int", "inputs")),
        (lambda ctx: ctx.parallel(None), ("None",)),
        (lambda ctx: ctx.parallel([lambda c: 1], "n", ParallelConfig(), 4), ("4 positional",)),
        (lambda ctx: ctx.parallel([lambda c: 1], "n", name="m"), ("2 positional",)),
        (lambda ctx: ctx.parallel([ParallelBranch(None)]), ("None",)),  # type: ignore[arg-type]
        (
            lambda ctx: ctx.map(
                [1],
                lambda c, *a: 1,
                config=MapConfig(completion_config=CompletionConfig(min_successful=2)),
            ),
            ("min_successful is 2", "only 1 items"),
        ),
        (
            lambda ctx: ctx.parallel(
                [lambda c: 1],
                config=ParallelConfig(completion_config=CompletionConfig(min_successful=2)),
            ),
            ("min_successful is 2", "only 1 items"),
        ),
    ],
)
def test_other_arguments(flavour: Flavour, call: Any, said: tuple[str, ...]) -> None:
    message = refused(flavour, call)
    assert all(part in message for part in said)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "2"])
def test_max_concurrency_is_at_least_one(limit: Any) -> None:
    with pytest.raises(ValidationError, match="max_concurrency"):
        MapConfig(max_concurrency=limit)


# ----------------------------------------------------------------- the context's kind is decided


def test_a_def_function_that_returns_an_awaitable_is_told_what_to_do(flavour: Flavour) -> None:
    async def later() -> int:
        return 1

    def child(context: Any) -> Any:
        return later()

    async def handler(event: Any, ctx: Any) -> Any:
        with pytest.raises(ValidationError, match="async def"):
            await ctx.run_in_child_context(child)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)
