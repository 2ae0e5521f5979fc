"""Code that asks for something else than was recorded fails, and says where and why."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import EXECUTION_ID, FakeService, Wire, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import MapConfig, StepConfig
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


def divergence(answer: Wire) -> str:
    kind, message = failure(answer)
    assert kind == "aws_durable_execution_sdk_python.exceptions.NonDeterministicExecutionError"
    assert message is not None
    return message


def check(flavour: Flavour, stored: Wire, operation: Any) -> str:
    async def handler(event: Any, ctx: Any) -> Any:
        await operation(ctx)

    service = FakeService(stored)
    message = divergence(service.invoke(flavour.durable(handler)))
    assert service.updates == []
    return message


CONDITION = WaitForConditionConfig(lambda s, n: WaitForConditionDecision.stop_polling(), 0)
OPERATIONS = {
    "step": lambda ctx: ctx.step(lambda: 1, name="same"),
    "wait": lambda ctx: ctx.wait(seconds=1, name="same"),
    "create_callback": lambda ctx: ctx.create_callback("same"),
    "wait_for_callback": lambda ctx: ctx.wait_for_callback(lambda i: None, "same"),
    "invoke": lambda ctx: ctx.invoke("f", name="same"),
    "run_in_child_context": lambda ctx: ctx.run_in_child_context(lambda c: 1, "same"),
    "wait_for_condition": lambda ctx: ctx.wait_for_condition(lambda s: s, CONDITION, "same"),
    "map": lambda ctx: ctx.map([1], lambda c, *a: 1, "same"),
    "parallel": lambda ctx: ctx.parallel([lambda c: 1], "same"),
}
RECORDED = {
    "step": recorded("STEP", "STARTED", 1, "same"),
    "wait": recorded("WAIT", "STARTED", 1, "same"),
    "create_callback": recorded("CALLBACK", "STARTED", 1, "same", CallbackId="c"),
    "wait_for_callback": recorded("CONTEXT", "STARTED", 1, "same", SubType="WaitForCallback"),
    "invoke": recorded("CHAINED_INVOKE", "STARTED", 1, "same"),
    "run_in_child_context": recorded("CONTEXT", "STARTED", 1, "same"),
    "wait_for_condition": recorded("STEP", "STARTED", 1, "same", SubType="WaitForCondition"),
    "map": recorded("CONTEXT", "STARTED", 1, "same", SubType="Map"),
    "parallel": recorded("CONTEXT", "STARTED", 1, "same", SubType="Parallel"),
}
# 1.4 recorded wait_for_callback as it records a child context.
PAIRS = [
    (asked, found)
    for asked in OPERATIONS
    for found in RECORDED
    if asked != found and (asked, found) != ("wait_for_callback", "run_in_child_context")
]


@pytest.mark.parametrize(("asked", "found"), PAIRS)
def test_another_kind_of_operation_is_noticed(flavour: Flavour, asked: str, found: str) -> None:
    message = check(flavour, RECORDED[found], OPERATIONS[asked])
    assert oid(1) in message
    assert f"({RECORDED[found]['SubType']})" in message


@pytest.mark.parametrize("asked", OPERATIONS)
def test_another_name_is_noticed(flavour: Flavour, asked: str) -> None:
    message = check(flavour, {**RECORDED[asked], "Name": "other"}, OPERATIONS[asked])
    assert "'same'" in message
    assert "'other'" in message


@pytest.mark.parametrize("asked", OPERATIONS)
def test_another_parent_is_noticed(flavour: Flavour, asked: str) -> None:
    message = check(flavour, {**RECORDED[asked], "ParentId": oid(9)}, OPERATIONS[asked])
    assert oid(9)[:12] in message
    assert "at the top level" in message


def test_a_name_that_was_added_or_dropped_is_noticed(flavour: Flavour) -> None:
    stored = {key: value for key, value in RECORDED["step"].items() if key != "Name"}
    assert "without a name" in check(flavour, stored, OPERATIONS["step"])
    unnamed = check(flavour, RECORDED["step"], lambda ctx: ctx.step(lambda: 1))
    assert "without a name" in unnamed


def test_no_name_and_an_empty_one_are_the_same(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1)

    service = FakeService({**recorded("STEP", "SUCCEEDED", 1, Result="7"), "Name": ""})
    assert service.invoke(flavour.durable(handler)) == succeeded(7)


def test_the_execution_counts_as_no_parent(flavour: Flavour) -> None:
    """Some versions of the service give top-level operations the execution as their parent."""

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1)

    service = FakeService(recorded("STEP", "SUCCEEDED", 1, Result="7", ParentId=EXECUTION_ID))
    assert service.invoke(flavour.durable(handler)) == succeeded(7)


def test_another_sub_type_is_noticed(flavour: Flavour) -> None:
    message = check(
        flavour,
        RECORDED["step"],
        lambda ctx: ctx.step(lambda: 1, "same", StepConfig(sub_type="Payment")),
    )
    assert "(Payment)" in message


def test_swapped_operations_are_noticed(flavour: Flavour) -> None:
    async def swapped(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: "b", name="b")
        await ctx.step(lambda: "a", name="a")

    service = FakeService(
        recorded("STEP", "SUCCEEDED", 1, "a"), recorded("STEP", "SUCCEEDED", 2, "b")
    )
    assert "reordered" in divergence(service.invoke(flavour.durable(swapped)))


def test_a_removed_operation_is_noticed_at_the_next_one(flavour: Flavour) -> None:
    async def removed(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: "b", name="b")

    service = FakeService(
        recorded("STEP", "SUCCEEDED", 1, "a"), recorded("STEP", "SUCCEEDED", 2, "b")
    )
    message = divergence(service.invoke(flavour.durable(removed)))
    assert "named 'b'" in message
    assert "recorded STEP (Step) named 'a'" in message


def test_it_cannot_be_caught_as_a_failed_operation(flavour: Flavour) -> None:
    """Also inside a child context and a branch it fails the execution, and nothing is written."""

    async def branch(ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="new name")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.parallel([branch])

    service = FakeService(
        recorded("CONTEXT", "STARTED", 1, SubType="Parallel"),
        recorded("CONTEXT", "STARTED", (1, 0), "parallel-branch-0", SubType="ParallelBranch"),
        recorded("STEP", "SUCCEEDED", (1, 0, 1), "old name"),
    )
    assert "'old name'" in divergence(service.invoke(flavour.durable(handler)))
    assert service.updates == []


# ------------------------------------------------------------------------------- the source line


def line_of(function: Any, text: str) -> str:
    """How a message names the line of the function that contains the text."""
    lines, first = inspect.getsourcelines(function)
    (offset,) = [i for i, line in enumerate(lines) if text in line]
    return f'File "{__file__}", line {first + offset}, in {function.__name__}'


def blocking_handler(event: Any, context: DurableContext) -> Any:
    context.wait(seconds=1)
    return context.step(lambda: 1, name="new")


async def async_handler(event: Any, context: AsyncDurableContext) -> Any:
    await context.wait(seconds=1)
    return await context.step(lambda: 1, name="new")


@pytest.mark.parametrize("function", [blocking_handler, async_handler])
def test_the_message_names_the_line_of_the_operation(function: Any) -> None:
    service = FakeService(recorded("WAIT", "SUCCEEDED", 1), recorded("STEP", "SUCCEEDED", 2, "old"))
    message = divergence(service.invoke(durable_execution(function)))
    assert line_of(function, "context.step") in message


def blocking_map(event: Any, context: DurableContext) -> Any:
    config: MapConfig[Any] = MapConfig(item_namer=lambda item, index: "new")
    return context.map([1], lambda child, *_: 1, config=config)


async def async_map(event: Any, context: AsyncDurableContext) -> Any:
    config: MapConfig[Any] = MapConfig(item_namer=lambda item, index: "new")
    return await context.map([1], lambda child, *_: 1, config=config)


@pytest.mark.parametrize("function", [blocking_map, async_map])
def test_a_renamed_branch_is_reported_at_the_line_of_its_map(function: Any) -> None:
    service = FakeService(
        recorded("CONTEXT", "STARTED", 1, SubType="Map"),
        recorded("CONTEXT", "STARTED", (1, 0), "old", SubType="MapIteration"),
    )
    message = divergence(service.invoke(durable_execution(function)))
    assert "'old'" in message
    assert line_of(function, "context.map") in message
