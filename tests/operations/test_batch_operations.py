"""map and parallel: what is recorded, in which order, under which names."""

from __future__ import annotations

from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ChildContextError,
    ParallelBranch,
    durable_parallel_branch,
    durable_step,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.config import MapConfig, NestingType, ParallelConfig
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

FLAT = NestingType.FLAT


def mapping(flavour: Flavour, inputs: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    """A handler that maps, waits and so replays; it gives the results."""

    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map(inputs, function, *args, **kwargs)
        await ctx.wait(seconds=1)
        return list(batch)

    return flavour.durable(handler)


def running(flavour: Flavour, *args: Any, **kwargs: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.parallel(*args, **kwargs)
        await ctx.wait(seconds=1)
        return list(batch)

    return flavour.durable(handler)


async def doubled(ctx: Any, item: int, index: int, items: list[int]) -> Any:
    return await ctx.step(lambda: item * 2, name=f"double {item}")


# By id, the batch that the handler begins with, its branches, and the first operation in each.
PLACES = {oid(1): (), **{oid(1, i, *below): (i, *below) for i in range(3) for below in ((), (1,))}}


def names(service: FakeService, flavour: Flavour, kind: str = "CONTEXT") -> list[str | None]:
    """Of what has begun, in that order; where branches block by index: threads have no order."""
    starts = [u for u in service.updates if (u["Type"], u["Action"]) == (kind, "START")]
    if flavour.name == "blocking":
        starts.sort(key=lambda update: PLACES[update["Id"]])
    return [u.get("Name") for u in starts]


def test_a_map_is_a_context_with_one_context_per_item(flavour: Flavour) -> None:
    service = FakeService()
    assert service.run(mapping(flavour, [1, 2], doubled, "prices")) == succeeded([2, 4])
    assert names(service, flavour) == ["prices", "map-item-0", "map-item-1"]
    outer, *items = [service.sent("START", 1, *index) for index in ((), (0,), (1,))]
    assert (outer["Id"], outer["SubType"], outer.get("ParentId")) == (oid(1), "Map", None)
    assert [(u["Id"], u["SubType"], u["ParentId"]) for u in items] == [
        (oid(1, 0), "MapIteration", oid(1)),
        (oid(1, 1), "MapIteration", oid(1)),
    ]
    assert service.sent("START", 1, 1, 1)["ParentId"] == oid(1, 1)
    assert [service.sent("SUCCEED", 1, i)["Payload"] for i in (0, 1)] == ["2", "4"]


def test_a_map_function_gets_context_item_index_and_all_items(flavour: Flavour) -> None:
    async def show(ctx: Any, item: str, index: int, items: Any) -> Any:
        return [item, index, list(items)]

    handler = mapping(flavour, ("a", "b"), show)
    assert FakeService().run(handler) == succeeded([["a", 0, ["a", "b"]], ["b", 1, ["a", "b"]]])


def test_what_a_map_function_does_to_the_items_no_other_one_sees(flavour: Flavour) -> None:
    """On a replay those that have ended do not do it again."""
    seen: list[Any] = []

    async def spoiling(ctx: Any, item: int, index: int, items: Any) -> Any:
        seen.append([item, list(items)])
        items[2] = 77
        items.append(4)
        items.reverse()
        given.clear()
        await ctx.wait(seconds=1)
        return item

    async def handler(event: Any, ctx: Any) -> Any:
        given[:] = [1, 2, 3]
        return list(await ctx.map(given, spoiling, config=MapConfig(max_concurrency=1)))

    given: list[int] = []
    assert FakeService().run(flavour.durable(handler)) == succeeded([1, 2, 3])
    assert [*map(list, {repr(each): each for each in seen}.values())] == [
        [1, [1, 2, 3]],
        [2, [1, 2, 3]],
        [3, [1, 2, 3]],
    ]


def test_the_items_can_be_returned_and_passed_on(flavour: Flavour) -> None:
    async def passing(ctx: Any, item: int, index: int, items: Any) -> Any:
        await ctx.step(lambda: {"all": items}, name="keep")
        return items

    service = FakeService()
    answer = service.run(mapping(flavour, [1, 2], passing))
    assert answer == succeeded([[1, 2], [1, 2]])
    assert service.sent("SUCCEED", 1, 0, 1)["Payload"] == '{"all":[1,2]}'


def test_items_are_named_by_the_namer(flavour: Flavour) -> None:
    config: MapConfig[Any] = MapConfig(item_namer=lambda item, index: f"order {item}/{index}")
    service = FakeService()
    service.run(mapping(flavour, [7, 8], doubled, config=config))
    assert names(service, flavour) == [None, "order 7/0", "order 8/1"]


def test_a_parallel_is_a_context_with_one_context_per_branch(flavour: Flavour) -> None:
    async def first(ctx: Any) -> Any:
        return await ctx.step(lambda: "a")

    async def second(ctx: Any) -> Any:
        return "b"

    service = FakeService()
    assert service.run(running(flavour, [first, second], "both")) == succeeded(["a", "b"])
    assert names(service, flavour) == ["both", "parallel-branch-0", "parallel-branch-1"]
    sub_types = [u["SubType"] for u in service.updates if u["Type"] == "CONTEXT"]
    assert set(sub_types) == {"Parallel", "ParallelBranch"}
    assert sub_types[0] == "Parallel"


async def x(ctx: Any) -> Any:
    return "x"


async def y(ctx: Any) -> Any:
    return "y"


@pytest.mark.parametrize(
    ("args", "kwargs", "name"),
    [
        (([x, y],), {}, None),
        (([x, y], "named"), {}, "named"),
        (([x, y], "named", ParallelConfig()), {}, "named"),
        (([x, y],), {"name": "named", "config": ParallelConfig()}, "named"),
        ((), {"functions": [x, y], "name": "named"}, "named"),
        ((x, y), {}, None),
        ((x, y), {"name": "named", "config": ParallelConfig()}, "named"),
    ],
)
def test_branches_come_as_a_list_or_one_by_one(
    flavour: Flavour, args: Any, kwargs: Any, name: str | None
) -> None:
    service = FakeService()
    assert service.run(running(flavour, *args, **kwargs)) == succeeded(["x", "y"])
    assert service.sent("START", 1).get("Name") == name


def test_a_parallel_branch_has_its_own_name(flavour: Flavour) -> None:
    service = FakeService()
    branches = [ParallelBranch(x, "first"), ParallelBranch(y)]
    assert service.run(running(flavour, branches)) == succeeded(["x", "y"])
    assert names(service, flavour) == [None, "first", "parallel-branch-1"]


def test_decorated_branches(flavour: Flavour) -> None:
    async def ship(ctx: Any) -> Any:
        return await ctx.step(lambda: "shipped")

    function = flavour.function(ship)
    named = durable_parallel_branch(name="by sea")(function)
    unnamed = durable_parallel_branch()(function)
    child = durable_with_child_context(function)
    service = FakeService()
    handler = running(flavour, named(), unnamed(), child())
    assert service.run(handler) == succeeded(["shipped"] * 3)
    assert names(service, flavour) == [None, "by sea", "parallel-branch-1", "parallel-branch-2"]


@durable_step
def fetch(step_context: Any, order: str) -> str:
    return f"{order} #{step_context.attempt}"


def test_a_bound_step_runs_as_a_real_step_in_its_branch(flavour: Flavour) -> None:
    service = FakeService()
    handler = running(flavour, fetch("a"), ParallelBranch(fetch("b"), "second"))
    assert service.run(handler) == succeeded(["a #1", "b #1"])
    assert names(service, flavour, "STEP") == ["fetch", "fetch"]
    assert names(service, flavour) == [None, "parallel-branch-0", "second"]
    assert service.sent("SUCCEED", 1, 0, 1)["Payload"] == '"a #1"'


def test_results_come_in_input_order_whatever_ends_first(flavour: Flavour) -> None:
    async def last_first(ctx: Any, item: int, index: int, items: Any) -> Any:
        await ctx.wait(seconds=10 - item)
        return item

    assert FakeService().run(mapping(flavour, [1, 5, 9], last_first)) == succeeded([1, 5, 9])


@pytest.mark.parametrize("config", [MapConfig(), MapConfig(nesting_type=FLAT)])
def test_an_empty_map_is_still_recorded(flavour: Flavour, config: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map([], doubled, "none", config)
        return [list(batch), batch.completion_reason, batch.status]

    service = FakeService()
    answer = service.invoke(flavour.durable(handler))
    assert answer == succeeded([[], "ALL_COMPLETED", "SUCCEEDED"])
    assert service.trace == ["CONTEXT START none", "CONTEXT SUCCEED none"]


def test_an_empty_parallel_is_still_recorded(flavour: Flavour) -> None:
    service = FakeService()
    assert service.run(running(flavour, [])) == succeeded([])
    assert service.trace[:2] == ["CONTEXT START", "CONTEXT SUCCEED"]


# ------------------------------------------------------------------------------------------ FLAT


def test_flat_branches_leave_no_record_of_their_own(flavour: Flavour) -> None:
    service = FakeService()
    config: MapConfig[Any] = MapConfig(nesting_type=FLAT)
    assert service.run(mapping(flavour, [1, 2], doubled, "flat", config)) == succeeded([2, 4])
    assert names(service, flavour) == ["flat"]
    assert [service.sent("START", 1, i, 1)["ParentId"] for i in (0, 1)] == [oid(1), oid(1)]


def test_a_failing_flat_branch_writes_nothing_either(flavour: Flavour) -> None:
    async def failing(ctx: Any, item: int, index: int, items: Any) -> Any:
        raise ValueError("bad")

    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map([1], failing, config=MapConfig(nesting_type=FLAT))
        return [batch.status, batch.get_errors()[0].type]

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(["FAILED", "ValueError"])
    assert service.trace == ["CONTEXT START", "CONTEXT SUCCEED"]


# ---------------------------------------------------------------------------------- the results


def test_a_failed_item_raises_when_it_is_asked_for(flavour: Flavour) -> None:
    async def some_fail(ctx: Any, item: int, index: int, items: Any) -> Any:
        if item == 2:
            raise KeyError("two")
        return item

    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map([1, 2], some_fail, config=MapConfig(max_concurrency=1))
        await ctx.wait(seconds=1)
        with pytest.raises(KeyError) as of_the_item:
            _ = batch[1]
        assert isinstance(of_the_item.value, ChildContextError)
        with pytest.raises(KeyError):
            batch.throw_if_error()
        with pytest.raises(IndexError, match="not started"):
            _ = batch[2]
        return [batch[0], len(batch), batch.status]

    assert FakeService().run(flavour.durable(handler)) == succeeded([1, 2, "FAILED"])


class Celsius(SerDes[Any]):
    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        return f"{value} C"

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        return int(data.removesuffix(" C"))


def test_items_are_stored_by_their_own_serdes(flavour: Flavour) -> None:
    service = FakeService()
    config: MapConfig[Any] = MapConfig(item_serdes=Celsius())
    assert service.run(mapping(flavour, [1, 2], doubled, config=config)) == succeeded([2, 4])
    assert service.sent("SUCCEED", 1, 0)["Payload"] == "2 C"


def test_a_batch_that_the_official_sdk_completed_replays(flavour: Flavour) -> None:
    stored = (
        '{"t":"br","v":{"all":[{"index":0,"status":"SUCCEEDED","result":{"t":"m","v":'
        '{"a":{"t":"i","v":1}}},"error":null},{"index":1,"status":"SUCCEEDED","result":'
        '{"t":"n","v":null},"error":null}],"completionReason":"ALL_COMPLETED"}}'
    )
    service = FakeService(recorded("CONTEXT", "SUCCEEDED", 1, SubType="Map", Result=stored))
    assert service.run(mapping(flavour, [1, 2], doubled)) == succeeded([{"a": 1}, None])
    assert service.trace == ["WAIT START"]


def test_a_branch_whose_result_is_recorded_does_not_run_again(flavour: Flavour) -> None:
    ran = []

    async def counting(ctx: Any, item: int, index: int, items: Any) -> Any:
        ran.append(index)
        if index:
            await ctx.wait(seconds=5)
        return item

    service, handler = FakeService(), mapping(flavour, [1, 2], counting)
    assert service.run(handler) == succeeded([1, 2])
    assert ran.count(0) == 1
    assert len([u for u in service.updates if u["Id"] == oid(1, 0)]) == 2


def test_only_the_branchs_own_context_may_be_used_in_it(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        async def wrong(child: Any) -> Any:
            return await ctx.step(lambda: 1)

        batch = await ctx.parallel([wrong])
        batch.throw_if_error()

    kind, _ = failure(FakeService().invoke(flavour.durable(handler)))
    assert kind is not None
    assert kind.endswith("NestedOperationError")


def test_a_parallel_inside_a_map_inside_a_child(flavour: Flavour) -> None:
    async def inner(ctx: Any, item: int, index: int, items: Any) -> Any:
        return list(await ctx.parallel([x, y]))

    async def handler(event: Any, ctx: Any) -> Any:
        async def child(below: Any) -> Any:
            return list(await below.map([1, 2], inner))

        return await ctx.run_in_child_context(child)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded([["x", "y"], ["x", "y"]])
    assert service.sent("START", 1, 1, 1, 1, 1)["Name"] == "parallel-branch-1"


# -------------------------------------------------------------------------------- max_concurrency


@pytest.mark.parametrize("limit", [1, 2])
def test_a_suspended_branch_keeps_its_slot(flavour: Flavour, limit: int) -> None:
    async def waiting(ctx: Any, item: int, index: int, items: Any) -> Any:
        await ctx.wait(seconds=5)
        return item

    service = FakeService()
    handler = mapping(flavour, [0, 1, 2], waiting, config=MapConfig(max_concurrency=limit))
    assert service.invoke(handler) == PENDING
    assert names(service, flavour, "WAIT") == [None] * limit
    assert service.run(handler) == succeeded([0, 1, 2])


def test_branches_start_in_index_order_one_by_one(flavour: Flavour) -> None:
    order = []

    async def note(ctx: Any, item: int, index: int, items: Any) -> Any:
        order.append(("begin", item))
        await ctx.step(lambda: None)
        order.append(("end", item))

    FakeService().run(mapping(flavour, [0, 1, 2], note, config=MapConfig(max_concurrency=1)))
    assert order == [(what, i) for i in range(3) for what in ("begin", "end")]
