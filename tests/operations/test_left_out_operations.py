"""What is on record and not asked for any more is never silently dropped."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from answers import succeeded
from fake_service import FakeService, Wire, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python.config import ChildConfig, MapConfig, NestingType

STEPS = [recorded("STEP", "SUCCEEDED", n, Result=str(n), Attempt=1) for n in (1, 2)]


def refusal(answer: Wire) -> str | None:
    """What a NonDeterministicExecutionError says, if the execution has failed with one."""
    error = answer.get("Error", {})
    is_one = error.get("ErrorType", "").endswith("NonDeterministicExecutionError")
    return error["ErrorMessage"] if is_one else None


async def never(*_: Any) -> None:
    raise AssertionError("it is on record")


def test_a_handler_that_returns_without_its_last_operation_is_refused(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 0)

    assert "STEP" in (refusal(FakeService(*STEPS).invoke(flavour.durable(handler))) or "")


def test_a_child_that_returns_without_its_last_operation_is_refused(flavour: Flavour) -> None:
    async def child(ctx: Any) -> None:
        pass

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(flavour.function(child), name="child")

    history = [
        recorded("CONTEXT", "STARTED", 1, "child"),
        recorded("STEP", "SUCCEEDED", (1, 1), Result="1"),
    ]
    assert refusal(FakeService(*history).invoke(flavour.durable(handler)))


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_what_contexts_without_a_record_hold_is_not_left_out_either(
    flavour: Flavour, levels: int
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        pass

    inside = recorded("STEP", "SUCCEEDED", 1, Result="1")
    inside["Id"] = oid(1, *[1] * levels)
    assert "STEP" in (refusal(FakeService(inside).invoke(flavour.durable(handler))) or "")


def test_a_child_in_a_task_of_its_own_is_refused_as_well() -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def child(_: AsyncDurableContext) -> None:
            pass

        await asyncio.create_task(c.run_in_child_context(child))

    history = [
        recorded("CONTEXT", "STARTED", 1, "child"),
        recorded("STEP", "SUCCEEDED", (1, 1), Result="1"),
    ]
    assert refusal(FakeService(*history).invoke(handler))


@pytest.mark.parametrize("items", [0, 1, 2])
def test_a_completed_map_of_more_items_than_there_are_is_refused(
    flavour: Flavour, items: int
) -> None:
    async def item(ctx: Any, index: int, *_: Any) -> Any:
        return index

    def handler(count: int) -> Any:
        async def run(event: Any, ctx: Any) -> Any:
            batch = await ctx.map(list(range(count)), flavour.function(item), "items")
            return len(batch)

        return flavour.durable(run)

    service = FakeService()
    assert service.invoke(handler(3)) == succeeded(3)
    assert service.invoke(handler(3)) == succeeded(3)
    assert f"{items} branches" in (refusal(service.invoke(handler(items))) or "")


def test_a_handler_that_asks_for_all_goes_on(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return [await ctx.step(lambda: 0) for _ in range(2)]

    assert FakeService(*STEPS).invoke(flavour.durable(handler)) == succeeded([1, 2])


def test_an_error_of_the_handler_is_told_and_what_it_leaves_out_is_logged(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        raise LookupError("gone")

    with caplog.at_level(logging.WARNING):
        answer = FakeService(*STEPS).invoke(flavour.durable(handler))
    assert answer["Error"]["ErrorType"] == "LookupError"
    assert "without asking for the STEP" in caplog.text


def test_what_a_task_may_have_asked_for_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        task = asyncio.ensure_future(asyncio.Event().wait())
        result = await c.step(never)
        del task
        return result

    with caplog.at_level(logging.WARNING):
        assert FakeService(*STEPS).invoke(handler) == succeeded(1)
    assert "without asking for the STEP" in caplog.text


# Branches that block begin in no order: the ones before the last may not have been heard of.
@pytest.mark.parametrize("on_record", [(0, 1, 2), (0, 2), (1, 3), (7,)], ids=str)
@pytest.mark.parametrize("nesting", NestingType)
def test_a_map_of_fewer_items_than_are_on_record_is_refused(
    flavour: Flavour, nesting: NestingType, on_record: tuple[int, ...]
) -> None:
    async def item(ctx: Any, *_: Any) -> Any:
        return await ctx.step(lambda: 0)

    async def handler(event: Any, ctx: Any) -> Any:
        config: MapConfig[Any] = MapConfig(nesting_type=nesting)
        await ctx.map([1, 2], flavour.function(item), "items", config)

    flat = nesting is NestingType.FLAT
    history = [recorded("CONTEXT", "STARTED", 1, "items", SubType="Map")]
    for index in on_record:
        branch = recorded("CONTEXT", "STARTED", 1, f"map-item-{index}", SubType="MapIteration")
        step = recorded("STEP", "SUCCEEDED", 1, Result="1", ParentId=oid(1))
        step["Id"] = oid(1, index, 1)
        history += [step] if flat else [{**branch, "Id": oid(1, index), "ParentId": oid(1)}]
    answer = FakeService(*history).invoke(flavour.durable(handler))
    says = "The branches of 'items' have ended" if flat else "2 branches"
    assert says in (refusal(answer) or "")


@pytest.mark.parametrize("summary", ["", '{"type":"MapResult"}', "whatever"])
def test_a_large_map_of_fewer_items_than_are_on_record_is_refused(
    flavour: Flavour, summary: str
) -> None:
    """Its result is put together from its branches, whether or not a summary tells of them."""

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.map([1, 2], flavour.function(never), "items")

    large: Wire = {"SubType": "Map", "Result": summary, "ReplayChildren": True}
    history = [recorded("CONTEXT", "SUCCEEDED", 1, "items", **large)]
    for index in (0, 1, 3):
        branch: Wire = {"SubType": "MapIteration", "Result": "1"}
        history.append(recorded("CONTEXT", "SUCCEEDED", (1, index), f"map-item-{index}", **branch))
    answer = FakeService(*history).invoke(flavour.durable(handler))
    assert "2 branches" in (refusal(answer) or "")


def test_what_comes_after_a_number_that_nothing_is_on_record_of_is_not_left_out(
    flavour: Flavour,
) -> None:
    async def nothing(ctx: Any) -> None:
        pass

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 0)
        virtual: ChildConfig[Any] = ChildConfig(is_virtual=True)
        await ctx.run_in_child_context(flavour.function(nothing), config=virtual)

    history = [STEPS[0], recorded("STEP", "SUCCEEDED", 3, "charge", Result="3", Attempt=1)]
    assert "'charge'" in (refusal(FakeService(*history).invoke(flavour.durable(handler))) or "")


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_what_a_cancelled_context_may_have_asked_for_is_only_logged(
    is_cut_short: bool, caplog: pytest.LogCaptureFixture
) -> None:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def child(inside: AsyncDurableContext) -> None:
            if is_cut_short:
                await inside.wait(days=1)

        virtual: ChildConfig[Any] = ChildConfig(is_virtual=True)
        task = asyncio.create_task(c.run_in_child_context(child, config=virtual))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    history = [recorded("WAIT", "STARTED", 1), recorded("STEP", "SUCCEEDED", 1, Result="1")]
    history[0]["Id"], history[1]["Id"] = oid(1, 1), oid(1, 2)
    if not is_cut_short:
        del history[0]
    with caplog.at_level(logging.WARNING):
        answer = FakeService(*history).invoke(handler)
    assert bool(refusal(answer)) is not is_cut_short
    assert ("WARNING" in caplog.text and "asking for the STEP" in caplog.text) is is_cut_short
