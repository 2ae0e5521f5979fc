"""A failed operation raises the same thing on the first run and on every replay."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, error, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ChildContextError,
    DurableOperationError,
    InvokeError,
    SerDesError,
    StepError,
)
from aws_durable_execution_sdk_python._core.errors import describe, rebuild
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)


class OrderError(Exception):
    """A class of the user's."""


class LimitError(OrderError):
    """One whose constructor needs arguments."""

    def __init__(self, limit: int, *, unit: str) -> None:
        super().__init__(f"over {limit} {unit}")
        self.limit = limit


class StrictError(Exception):
    """One that cannot even be allocated without arguments, by its own code."""

    def __new__(cls, code: int) -> StrictError:
        return super().__new__(cls, code)


class StepKind(StepError):
    """One that is a StepError already."""


class Outer:
    class InnerError(ValueError):
        """One nested in a class."""


def local_error() -> Exception:
    class LocalError(ValueError):
        """One that cannot be found by name."""

    return LocalError("local")


def unicode_error() -> Exception:
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


def raised(make: Any) -> Exception:
    """The error as it is raised: some get more of a text only then."""
    try:
        make()
    except Exception as problem:
        return problem
    raise AssertionError


# (error, the classes that catch it besides StepError, error_type)
CASES: dict[str, tuple[Exception, tuple[type[Exception], ...], str]] = {
    "ValueError": (ValueError("bad"), (ValueError,), "ValueError"),
    "KeyError": (KeyError("k"), (KeyError, LookupError), "KeyError"),
    "OSError": (OSError("disk"), (OSError,), "OSError"),
    "FileNotFoundError": (FileNotFoundError(2, "x"), (OSError,), "FileNotFoundError"),
    "JSONDecodeError": (
        raised(lambda: json.loads("{")),
        (json.JSONDecodeError, ValueError),
        "json.decoder.JSONDecodeError",
    ),
    "UnicodeDecodeError": (unicode_error(), (UnicodeDecodeError,), "UnicodeDecodeError"),
    "CalledProcessError": (
        subprocess.CalledProcessError(1, "make"),
        (subprocess.CalledProcessError,),
        "subprocess.CalledProcessError",
    ),
    "user": (OrderError("o-1"), (OrderError,), f"{__name__}.OrderError"),
    "arguments": (LimitError(3, unit="kg"), (LimitError, OrderError), f"{__name__}.LimitError"),
    "nested": (Outer.InnerError("in"), (Outer.InnerError,), f"{__name__}.Outer.InnerError"),
    "step error": (StepKind("own"), (StepKind,), f"{__name__}.StepKind"),
    "without text": (OrderError(), (OrderError,), f"{__name__}.OrderError"),
    "allocation": (StrictError(7), (StrictError,), f"{__name__}.StrictError"),
    # No instance can be made, or the class not be found again: a plain StepError, both times.
    "local": (local_error(), (), f"{__name__}.local_error.<locals>.LocalError"),
}


@pytest.mark.parametrize("case", CASES)
def test_first_run_and_replay_raise_the_same(flavour: Flavour, case: str) -> None:
    problem, classes, kind = CASES[case]
    caught = []

    def function() -> None:
        raise problem

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(function, name="work")
        except StepError as seen:
            caught.append(seen)
        await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    first, again = caught
    for seen in caught:
        assert all(isinstance(seen, cls) for cls in classes)
        assert (str(seen), seen.message, seen.error_type) == (str(problem), str(problem), kind)
        assert seen.data is None
        assert seen.stack_trace is not None
        assert any(line.endswith(", in function\n    raise problem\n") for line in seen.stack_trace)
        if not classes:
            assert type(seen) is StepError
    assert type(first) is type(again)


async def failing_step(ctx: Any) -> Any:
    return await ctx.step(lambda: {}["missing"])


async def unreadable_step(ctx: Any) -> Any:
    return await ctx.step(lambda: {1})


async def retried_step(ctx: Any) -> Any:
    def strategy(problem: Exception, attempt: int) -> RetryDecision:
        return RetryDecision.retry(1) if attempt == 1 else RetryDecision.no_retry()

    return await ctx.step(lambda: {}["missing"], config=StepConfig(retry_strategy=strategy))


async def failing_check(ctx: Any) -> Any:
    config: WaitForConditionConfig[Any] = WaitForConditionConfig(
        lambda state, attempt: WaitForConditionDecision.stop_polling(), 0
    )
    return await ctx.wait_for_condition(lambda state: {}["missing"], config)


def failing_child(flavour: Flavour) -> Any:
    async def child(ctx: Any) -> Any:
        return {}["missing"]

    async def operation(ctx: Any) -> Any:
        return await ctx.run_in_child_context(child)

    return operation


def failing_branch(flavour: Flavour) -> Any:
    async def child(ctx: Any, item: int, index: int, inputs: Any) -> Any:
        return {}["missing"]

    async def operation(ctx: Any) -> Any:
        (await ctx.map([1], child)).throw_if_error()

    return operation


async def failing_submitter(ctx: Any) -> Any:
    return await ctx.wait_for_callback(lambda callback_id: {}["missing"])


OPERATIONS: dict[str, Any] = {
    "step": lambda _: failing_step,
    "step's result": lambda _: unreadable_step,
    "step's second attempt": lambda _: retried_step,
    "check": lambda _: failing_check,
    "child": failing_child,
    "branch": failing_branch,
    "submitter": lambda _: failing_submitter,
}
# What the SDK itself raises from something else.
CAUSES = {"step's result": "SerDesError", "submitter": "KeyError"}


@pytest.mark.parametrize("handled", [False, True], ids=["alone", "handling another error"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_cause_and_context_are_the_same_first_and_on_replay(
    flavour: Flavour, operation: str, handled: bool
) -> None:
    """A replay has nothing but the record, so what is not in it is not shown on the first run.

    Python makes what is being handled the context of what is raised, then as ever.
    """
    seen = []
    run = OPERATIONS[operation](flavour)

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            if not handled:
                await run(ctx)
            else:
                try:
                    raise OSError("before")
                except OSError:
                    await run(ctx)
        except DurableOperationError as problem:
            context = problem.__context__
            seen.append((repr(problem.__cause__), problem.__suppress_context__, repr(context)))
        await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert len(seen) >= 2
    assert len(set(seen)) == 1
    cause, suppressed, context = seen[0]
    assert suppressed == (operation in CAUSES)
    assert CAUSES.get(operation, "None") in cause
    assert context == ("OSError('before')" if handled else cause)


def test_the_class_of_a_module_that_is_gone_gives_a_plain_step_error(flavour: Flavour) -> None:
    """The program that replays may no longer have it; nothing is imported to find out."""
    module = types.ModuleType("orders_v1")
    exec("class Rejected(Exception): pass", module.__dict__)
    caught = []

    def function() -> None:
        raise module.Rejected("no")

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(function)
        except StepError as problem:
            caught.append(problem)
        await ctx.wait(seconds=1)

    service = FakeService()
    sys.modules["orders_v1"] = module
    try:
        service.invoke(flavour.durable(handler))
    finally:
        del sys.modules["orders_v1"]
    service.pass_time(1)
    service.invoke(flavour.durable(handler))
    assert isinstance(caught[0], module.Rejected)
    assert type(caught[1]) is StepError
    assert [c.error_type for c in caught] == ["orders_v1.Rejected"] * 2


def test_the_class_survives_two_levels_of_child_contexts(flavour: Flavour) -> None:
    async def inner(ctx: Any) -> Any:
        def function() -> None:
            raise LimitError(3, unit="kg")

        return await ctx.step(function)

    async def outer(ctx: Any) -> Any:
        return await ctx.run_in_child_context(inner, name="inner")

    async def handler(event: Any, ctx: Any) -> Any:
        seen = []
        try:
            await ctx.run_in_child_context(outer, name="outer")
        except LimitError as problem:
            seen = [isinstance(problem, ChildContextError), str(problem)]
        await ctx.wait(seconds=1)
        return seen

    expected = [True, "over 3 kg"]
    assert FakeService().run(flavour.durable(handler)) == succeeded(expected)


def test_an_unhandled_error_fails_the_execution_under_its_original_type(flavour: Flavour) -> None:
    def function() -> None:
        raise OrderError("o-1")

    async def child(ctx: Any) -> Any:
        return await ctx.step(function)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.run_in_child_context(child)

    answer = FakeService().invoke(flavour.durable(handler))
    assert failure(answer) == (f"{__name__}.OrderError", "o-1")


# ------------------------------------------------------------ histories of the official SDK

PREFIX = "aws_durable_execution_sdk_python.exceptions."


@pytest.mark.parametrize(
    "kind",
    [
        PREFIX + "StepError",
        PREFIX + "CallableRuntimeError",
        "CallableRuntimeError",
        "StepInterruptedError",
        "some.module.of.the.past.Error",
        "Callback.Timeout",
        "",
    ],
)
def test_a_child_that_the_official_sdk_failed_raises_a_child_context_error(
    flavour: Flavour, kind: str
) -> None:
    service = FakeService(recorded("CONTEXT", "FAILED", 1, Error=error(kind, "bad")))

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(lambda child: None)
        except ChildContextError as problem:
            return str(problem)

    assert service.invoke(flavour.durable(handler)) == succeeded("bad")


def test_a_bare_name_of_an_sdk_error_is_recognised() -> None:
    """1.4 wrote class names without their module."""
    problem = rebuild(StepError, describe(rebuild(StepError, _stored("SerDesError"))))
    assert isinstance(problem, SerDesError)
    assert isinstance(problem, StepError)


def _stored(kind: str) -> Any:
    return ErrorObject("bad", kind, "data", ["line 1"])


def test_every_field_of_a_stored_error_is_kept_across_levels() -> None:
    problem: DurableOperationError = rebuild(InvokeError, _stored("Remote.Error"))
    outer = rebuild(ChildContextError, describe(problem))
    assert (outer.message, outer.error_type, outer.data, outer.stack_trace) == (
        "bad",
        "Remote.Error",
        "data",
        ["line 1"],
    )


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt", "int", "os.system", "a..b"])
def test_a_stored_name_of_anything_but_an_exception_is_only_text(kind: str) -> None:
    assert type(rebuild(StepError, _stored(kind))) is StepError
