"""run_in_child_context: operations grouped under one result."""

from __future__ import annotations

from typing import Any

import pytest
from answers import PENDING, failure, succeeded, untraced
from fake_service import FakeService, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ChildContextError,
    ExecutionError,
    InvocationError,
    NestedOperationError,
    SerDesError,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python._core.limits import LARGE_RESULT_BYTES
from aws_durable_execution_sdk_python.config import ChildConfig
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext


def child_of(
    flavour: Flavour,
    function: Any,
    config: ChildConfig[Any] | None = None,
    name: str | None = "group",
) -> Any:
    """A handler that runs one child context, and then waits: so it is replayed."""

    async def handler(event: Any, ctx: Any) -> Any:
        result = await ctx.run_in_child_context(function, name, config)
        await ctx.wait(seconds=1)
        return result

    return flavour.durable(handler)


async def one_step(ctx: Any) -> Any:
    return await ctx.step(lambda: "inner", name="one")


def test_a_child_context_starts_runs_and_succeeds(flavour: Flavour) -> None:
    service = FakeService()
    assert service.run(child_of(flavour, one_step)) == succeeded("inner")
    assert service.trace == [
        "CONTEXT START group",
        "STEP START one",
        "STEP SUCCEED one",
        "CONTEXT SUCCEED group",
        "WAIT START",
    ]
    assert service.sent("START", 1)["SubType"] == "RunInChildContext"
    closing = service.sent("SUCCEED", 1)
    assert (closing["Payload"], closing["ContextOptions"]) == ('"inner"', {"ReplayChildren": False})
    assert service.sent("START", 1, 1)["ParentId"] == oid(1)


def test_a_completed_child_context_does_not_run_again(flavour: Flavour) -> None:
    runs = []

    async def counting(ctx: Any) -> Any:
        runs.append("run")
        return ("a", 1)

    async def handler(event: Any, ctx: Any) -> Any:
        result = await ctx.run_in_child_context(counting)
        await ctx.wait(seconds=1)
        return repr(result)

    assert FakeService().run(flavour.durable(handler)) == succeeded("('a', 1)")
    assert runs == ["run"]


def test_a_started_child_context_goes_on_without_another_start(flavour: Flavour) -> None:
    async def waiting(ctx: Any) -> Any:
        await ctx.wait(seconds=5)
        return "waited"

    service = FakeService()
    assert service.run(child_of(flavour, waiting)) == succeeded("waited")
    assert service.trace.count("CONTEXT START group") == 1
    assert service.trace.count("CONTEXT SUCCEED group") == 1


@pytest.mark.parametrize("stored", [{}, {"Result": "null"}, {"Result": '{"t":"n","v":null}'}])
def test_a_stored_nothing_is_none(flavour: Flavour, stored: Any) -> None:
    service = FakeService(recorded("CONTEXT", "SUCCEEDED", 1, "group", **stored))
    assert service.run(child_of(flavour, one_step)) == succeeded(None)


def test_child_contexts_nest(flavour: Flavour) -> None:
    async def outer(ctx: Any) -> Any:
        first = await ctx.run_in_child_context(one_step, "inner")
        return [first, await ctx.step(lambda: "after", name="after")]

    service = FakeService()
    assert service.run(child_of(flavour, outer, name="outer")) == succeeded(["inner", "after"])
    ids = {u.get("Name"): (u["Id"], u.get("ParentId")) for u in service.updates}
    assert ids["inner"] == (oid(1, 1), oid(1))
    assert ids["one"] == (oid(1, 1, 1), oid(1, 1))
    assert ids["after"] == (oid(1, 2), oid(1))


def test_names_and_sub_types(flavour: Flavour) -> None:
    named = durable_with_child_context(flavour.function(one_step))
    service = FakeService()
    config: ChildConfig[Any] = ChildConfig(sub_type="Saga")
    assert service.run(child_of(flavour, named(), config, name=None)) == succeeded("inner")
    start = service.sent("START", 1)
    assert (start["Name"], start["SubType"]) == ("one_step", "Saga")


def test_a_decorated_function_gets_its_context_and_its_arguments(flavour: Flavour) -> None:
    async def add(ctx: Any, a: int, *, b: int) -> Any:
        return await ctx.step(lambda: a + b)

    bound = durable_with_child_context(flavour.function(add)) if flavour.name == "async" else None
    if bound is None:

        @durable_with_child_context
        def blocking_add(ctx: Any, a: int, *, b: int) -> Any:
            return ctx.step(lambda: a + b)

        bound = blocking_add
    assert FakeService().run(child_of(flavour, bound(2, b=3))) == succeeded(5)


def test_a_lambda_gets_the_context_of_its_parents_kind(flavour: Flavour) -> None:
    handler = child_of(flavour, lambda ctx: ctx.step(lambda: "inner"))
    assert FakeService().run(handler) == succeeded("inner")


# ---------------------------------------------------------------------------------------- errors


def raising(problem: BaseException) -> Any:
    async def function(ctx: Any) -> Any:
        raise problem

    return function


def test_an_error_fails_the_context_and_is_raised_on_replay_too(flavour: Flavour) -> None:
    seen = []

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(raising(ValueError("bad")), "group")
        except ValueError as problem:
            seen.append((isinstance(problem, ChildContextError), str(problem)))
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(None)
    assert seen == [(True, "bad")] * 2
    assert untraced(service.sent("FAIL", 1)["Error"]) == error("ValueError", "bad")


def test_an_execution_error_passes_unwritten(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(child_of(flavour, raising(ExecutionError("stop"))))
    assert failure(answer)[1] == "stop"
    assert service.trace in ([], ["CONTEXT START group"])


def test_a_retryable_invocation_error_passes_unwritten_and_is_raised(flavour: Flavour) -> None:
    service = FakeService()
    with pytest.raises(InvocationError, match="again"):
        service.invoke(child_of(flavour, raising(InvocationError("again"))))
    assert service.trace in ([], ["CONTEXT START group"])


class Permanent(InvocationError):
    def is_retryable(self) -> bool:
        return False


def test_a_permanent_invocation_error_is_a_failure_of_the_context(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(child_of(flavour, raising(Permanent("never"))))
    assert failure(answer) == (f"{__name__}.Permanent", "never")
    assert service.trace[-1] == "CONTEXT FAIL group"


def test_a_result_that_cannot_be_stored_fails_the_context(flavour: Flavour) -> None:
    async def function(ctx: Any) -> Any:
        return object()

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(function)
        except SerDesError as problem:
            return isinstance(problem, ChildContextError)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(True)


def test_using_the_parent_inside_the_child_is_refused(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        async def wrong(child: Any) -> Any:
            return await ctx.step(lambda: 1)

        return await ctx.run_in_child_context(wrong)

    service = FakeService()
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert kind == f"{NestedOperationError.__module__}.NestedOperationError"
    assert "first argument" in (message or "")
    assert service.trace == ["CONTEXT START", "CONTEXT FAIL"]


# --------------------------------------------------------------------------------- large results


def large(size: int = LARGE_RESULT_BYTES + 1) -> Any:
    """A function with one step whose result, in bytes of JSON, has that size."""

    async def function(ctx: Any) -> Any:
        part = await ctx.step(lambda: "x", name="one")
        return part * (size - 2)

    return function


def test_a_result_of_256_kib_is_stored(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.run(child_of(flavour, large(LARGE_RESULT_BYTES)))
    assert answer == succeeded("x" * (LARGE_RESULT_BYTES - 2))
    assert service.sent("SUCCEED", 1)["ContextOptions"] == {"ReplayChildren": False}


@pytest.mark.parametrize(
    ("summary", "stored"), [(None, ""), (lambda value: f"{len(value)} x", "262143 x")]
)
def test_a_larger_result_is_rebuilt_on_replay(flavour: Flavour, summary: Any, stored: str) -> None:
    service = FakeService()
    handler = child_of(flavour, large(), ChildConfig(summary_generator=summary))
    assert service.run(handler) == succeeded("x" * (LARGE_RESULT_BYTES - 1))
    closing = service.sent("SUCCEED", 1)
    assert (closing["Payload"], closing["ContextOptions"]) == (stored, {"ReplayChildren": True})
    assert len(service.updates) == 5


def test_size_counts_bytes_not_characters(flavour: Flavour) -> None:
    class Raw(SerDes[str]):
        def serialize(self, value: str, serdes_context: SerDesContext) -> str:
            return value

        def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
            return data

    async def function(ctx: Any) -> Any:
        return "é" * (LARGE_RESULT_BYTES // 2 + 1)

    service = FakeService()
    service.invoke(child_of(flavour, function, ChildConfig(serdes=Raw())))
    assert service.sent("SUCCEED", 1)["ContextOptions"] == {"ReplayChildren": True}


# --------------------------------------------------------------------------------------- virtual


def test_a_virtual_context_leaves_no_record_of_its_own(flavour: Flavour) -> None:
    service = FakeService()
    handler = child_of(flavour, one_step, ChildConfig(is_virtual=True))
    assert service.run(handler) == succeeded("inner")
    assert service.trace == ["STEP START one", "STEP SUCCEED one", "WAIT START"]
    start = service.sent("START", 1, 1)
    assert "ParentId" not in start


def test_a_virtual_context_in_a_child_hangs_its_operations_on_that_child(
    flavour: Flavour,
) -> None:
    async def outer(ctx: Any) -> Any:
        return await ctx.run_in_child_context(one_step, config=ChildConfig(is_virtual=True))

    service = FakeService()
    service.run(child_of(flavour, outer))
    assert service.sent("START", 1, 1, 1)["ParentId"] == oid(1)


def test_a_virtual_context_round_trips_its_result(flavour: Flavour) -> None:
    async def function(ctx: Any) -> Any:
        return {1: "x"}

    handler = child_of(flavour, function, ChildConfig(is_virtual=True))
    assert FakeService().run(handler) == succeeded({"1": "x"})


def test_a_virtual_context_below_a_large_one_is_rebuilt_with_it(flavour: Flavour) -> None:
    async def outer(ctx: Any) -> Any:
        part = await ctx.run_in_child_context(one_step, config=ChildConfig(is_virtual=True))
        return part * LARGE_RESULT_BYTES

    async def handler(event: Any, ctx: Any) -> Any:
        result = await ctx.run_in_child_context(outer)
        await ctx.wait(seconds=1)
        return len(result)

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(5 * LARGE_RESULT_BYTES)


def test_a_virtual_context_raises_as_a_real_one(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config: ChildConfig[Any] = ChildConfig(is_virtual=True)
        try:
            await ctx.run_in_child_context(raising(ValueError("bad")), config=config)
        except ValueError as problem:
            return isinstance(problem, ChildContextError)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(True)
    assert service.updates == []


def test_a_virtual_context_that_was_recorded_is_non_deterministic(flavour: Flavour) -> None:
    service = FakeService(recorded("CONTEXT", "STARTED", 1, "group"))
    kind, message = failure(
        service.invoke(child_of(flavour, one_step, ChildConfig(is_virtual=True)))
    )
    assert kind is not None
    assert kind.endswith("NonDeterministicExecutionError")
    assert "virtual" in (message or "")


def test_create_child_context_numbers_below_the_given_id(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        below = ctx.create_child_context("abc", is_virtual=True)
        assert below.is_virtual
        return await below.step(lambda: 1)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(1)
    (identity,) = {u["Id"] for u in service.updates}
    assert identity != oid(1)


def test_suspension_inside_passes_through(flavour: Flavour) -> None:
    async def waiting(ctx: Any) -> Any:
        try:
            await ctx.wait(seconds=5)
        except Exception as problem:  # a suspension is none
            return repr(problem)

    service = FakeService()
    assert service.invoke(child_of(flavour, waiting)) == PENDING
    assert service.trace == ["CONTEXT START group", "WAIT START"]
