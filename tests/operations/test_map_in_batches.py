"""map with an ItemBatcher: how inputs are grouped, what functions get, what is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python import BatchResult, ValidationError
from aws_durable_execution_sdk_python.concurrency.models import BatchItem, BatchItemStatus
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    ItemBatcher,
    MapConfig,
    NestingType,
)
from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

TWO: ItemBatcher[None] = ItemBatcher(max_items_per_batch=2)


def mapping(
    flavour: Flavour, inputs: Any, function: Any, batcher: Any = TWO, **config: Any
) -> Callable[[Any, Any], dict[str, Any]]:
    """A handler that maps, waits and so replays; it gives the results."""

    async def handler(event: Any, ctx: Any) -> Any:
        settings = MapConfig[Any, Any](item_batcher=batcher, **config)
        batch = await ctx.map(inputs, function, "orders", settings)
        await ctx.wait(seconds=1)
        return [batch.completion_reason, str(batch.status), [item.result for item in batch.all]]

    handler_: Callable[[Any, Any], dict[str, Any]] = flavour.durable(handler)
    return handler_


def value(answer: dict[str, Any]) -> Any:
    assert answer["Status"] == "SUCCEEDED", answer
    return json.loads(answer["Result"])


async def shown(ctx: Any, batch: Any, index: int, batches: Any) -> Any:
    return [batch.batch_input, list(batch.items), index, len(batches)]


def batches(flavour: Flavour, inputs: Any, batcher: Any) -> list[Any]:
    """The items of each batch."""
    results = value(FakeService().run(mapping(flavour, inputs, shown, batcher)))[2]
    return [result[1] for result in results]


# ------------------------------------------------------------------------------------- grouping


def test_a_function_gets_a_batch_what_all_have_in_common_and_the_other_batches(
    flavour: Flavour,
) -> None:
    batcher = ItemBatcher(max_items_per_batch=2, batch_input="eu-west-1")
    answer = FakeService().run(mapping(flavour, [1, 2, 3], shown, batcher))
    assert value(answer)[2] == [["eu-west-1", [1, 2], 0, 2], ["eu-west-1", [3], 1, 2]]


@pytest.mark.parametrize(
    ("batcher", "expected"),
    [
        (ItemBatcher(max_items_per_batch=3), [["a", "bb", "ccc"], ["dddd"]]),
        (ItemBatcher(max_items_per_batch=4), [["a", "bb", "ccc", "dddd"]]),
        (ItemBatcher(), [["a", "bb", "ccc", "dddd"]]),
        # ["a","bb"] is 10 bytes, and ["ccc"] with the comma before it would be 6 more.
        (ItemBatcher(max_item_bytes_per_batch=10), [["a", "bb"], ["ccc"], ["dddd"]]),
        (ItemBatcher(max_item_bytes_per_batch=16), [["a", "bb", "ccc"], ["dddd"]]),
        (ItemBatcher(max_item_bytes_per_batch=15), [["a", "bb"], ["ccc", "dddd"]]),
        # An item that is too large by itself is a batch of its own.
        (ItemBatcher(max_item_bytes_per_batch=1), [["a"], ["bb"], ["ccc"], ["dddd"]]),
        (
            ItemBatcher(max_items_per_batch=1, max_item_bytes_per_batch=99),
            [["a"], ["bb"], ["ccc"], ["dddd"]],
        ),
    ],
)
def test_inputs_are_grouped_in_their_order_by_count_and_by_encoded_size(
    flavour: Flavour, batcher: Any, expected: Any
) -> None:
    assert batches(flavour, ["a", "bb", "ccc", "dddd"], batcher) == expected


def test_sizes_are_bytes_not_characters(flavour: Flavour) -> None:
    batcher: ItemBatcher[None] = ItemBatcher(max_item_bytes_per_batch=12)
    assert batches(flavour, ["abcd", "ab"], batcher) == [["abcd"], ["ab"]]
    assert batches(flavour, [1, 2, 3, 4, 5], batcher) == [[1, 2, 3, 4, 5]]


def test_no_inputs_are_no_batches(flavour: Flavour) -> None:
    answer = FakeService().run(mapping(flavour, [], shown))
    assert value(answer) == ["ALL_COMPLETED", "SUCCEEDED", []]


def test_an_item_without_a_size_is_refused_before_anything_is_recorded(flavour: Flavour) -> None:
    batcher: ItemBatcher[None] = ItemBatcher(max_item_bytes_per_batch=10)
    service = FakeService()
    answer = service.run(mapping(flavour, [1, {2}], shown, batcher))
    assert "item 1 of the map (a value of type set) cannot be measured" in failure(answer)[1]  # type: ignore[operator]
    assert service.updates == []


@pytest.mark.parametrize(
    "limits",
    [{"max_items_per_batch": -1}, {"max_items_per_batch": 1.5}, {"max_item_bytes_per_batch": -1}],
)
def test_limits_are_checked(limits: Any) -> None:
    with pytest.raises(ValidationError, match=next(iter(limits))):
        ItemBatcher(**limits)


def test_what_a_function_does_to_its_batch_no_other_one_sees(flavour: Flavour) -> None:
    async def spoiling(ctx: Any, batch: Any, index: int, others: Any) -> Any:
        batch.items.append("more")
        return [list(batch.items), [list(other.items) for other in others]]

    assert value(FakeService().run(mapping(flavour, [1, 2, 3], spoiling)))[2] == [
        [[1, 2, "more"], [[1, 2], [3]]],
        [[3, "more"], [[1, 2], [3]]],
    ]


# --------------------------------------------------------------------------------- on the record


def test_a_batch_is_a_branch_named_like_an_item(flavour: Flavour) -> None:
    service = FakeService()
    service.run(mapping(flavour, [1, 2, 3], shown))
    starts = [u for u in service.updates if (u["Type"], u["Action"]) == ("CONTEXT", "START")]
    assert [(u["Id"], u.get("Name"), u["SubType"]) for u in starts] == [
        (oid(1), "orders", "Map"),
        (oid(1, 0), "map-item-0", "MapIteration"),
        (oid(1, 1), "map-item-1", "MapIteration"),
    ]


def test_an_item_namer_is_given_batches(flavour: Flavour) -> None:
    service = FakeService()
    service.run(mapping(flavour, "abc", shown, item_namer=lambda b, i: f"from {b.items[0]} ({i})"))
    names = [u.get("Name") for u in service.updates if u["Action"] == "START"]
    assert names[1:3] == ["from a (0)", "from c (1)"]


def test_other_limits_on_a_replay_are_another_map(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(mapping(flavour, [1, 2, 3], shown))
    changed = mapping(flavour, [1, 2, 3], waiting, ItemBatcher(max_items_per_batch=1))
    first = FakeService(*service.operations.values())
    assert first.run(changed)["Status"] == "SUCCEEDED"  # it has ended: its result is on record

    unfinished = FakeService()
    unfinished.invoke(mapping(flavour, [1, 2, 3], waiting))
    fewer = mapping(flavour, [1, 2, 3], waiting, ItemBatcher(max_items_per_batch=3))
    answer = FakeService(*unfinished.operations.values()).run(fewer)
    assert failure(answer)[0] == (
        "aws_durable_execution_sdk_python.exceptions.NonDeterministicExecutionError"
    )


async def waiting(ctx: Any, batch: Any, index: int, others: Any) -> Any:
    await ctx.wait(seconds=5)
    return list(batch.items)


@pytest.mark.parametrize("nesting", list(NestingType))
def test_batches_wait_and_replay_as_items_do(flavour: Flavour, nesting: NestingType) -> None:
    answer = FakeService().run(mapping(flavour, [1, 2, 3], waiting, nesting_type=nesting))
    assert value(answer) == ["ALL_COMPLETED", "SUCCEEDED", [[1, 2], [3]]]


# ------------------------------------------------------------------------------------- tolerance


async def failing(ctx: Any, batch: Any, index: int, others: Any) -> Any:
    """Fails as a whole for batches with a negative item."""
    if min(batch.items) < 0:
        raise ValueError("negative")
    return list(batch.items)


async def telling(ctx: Any, batch: Any, index: int, others: Any) -> Any:
    """Says of each item whether it failed; 0 fails the whole batch."""
    if 0 in batch.items:
        raise ValueError("zero")
    entries = [
        BatchItem(i, BatchItemStatus.SUCCEEDED, item)
        if item > 0
        else BatchItem(i, BatchItemStatus.FAILED, error=ErrorObject("negative", "ValueError"))
        for i, item in enumerate(batch.items)
    ]
    return BatchResult.from_items(entries, CompletionConfig.all_completed())


def outcome(flavour: Flavour, inputs: Any, function: Any, **thresholds: Any) -> Any:
    """Why the map stopped, and how."""

    async def handler(event: Any, ctx: Any) -> Any:
        config = MapConfig[Any, Any](
            item_batcher=TWO, max_concurrency=1, completion_config=CompletionConfig(**thresholds)
        )
        batch = await ctx.map(inputs, function, "orders", config)
        await ctx.wait(seconds=1)
        try:
            batch.throw_if_error()
        except ValueError as problem:
            return [batch.completion_reason, len(batch), str(problem)]
        return [batch.completion_reason, len(batch), None]

    return value(FakeService().run(flavour.durable(handler)))


EXCEEDED, ALL, ENOUGH = "FAILURE_TOLERANCE_EXCEEDED", "ALL_COMPLETED", "MIN_SUCCESSFUL_REACHED"


@pytest.mark.parametrize(
    ("inputs", "function", "thresholds", "expected"),
    [
        # Functions that raise: batches are counted.
        ([-1, -1, 1, 1], failing, {}, [EXCEEDED, 1, "negative"]),
        ([-1, -1, 1, 1], failing, {"tolerated_failure_count": 1}, [ALL, 2, "negative"]),
        ([-1, 1, -1, 1, 1, 1], failing, {"tolerated_failure_count": 1}, [EXCEEDED, 2, "negative"]),
        ([1, 1, 1, 1, 1, 1], failing, {"min_successful": 2}, [ENOUGH, 2, None]),
        # Functions that tell: items are.
        ([-1, 1, 1, 1], telling, {}, [EXCEEDED, 1, "negative"]),
        # Batches that tell have succeeded: within the tolerance nothing is raised.
        ([-1, 1, -1, 1, 1, 1], telling, {"tolerated_failure_count": 2}, [ALL, 3, None]),
        ([-1, 1, -1, 1, 1, 1], telling, {"tolerated_failure_count": 1}, [EXCEEDED, 2, "negative"]),
        ([-1, -1, 1, 1], telling, {"tolerated_failure_percentage": 50}, [ALL, 2, None]),
        ([-1, -1, -1, 1], telling, {"tolerated_failure_percentage": 50}, [EXCEEDED, 2, "negative"]),
        ([1, -1, 1, 1, 1, 1], telling, {"min_successful": 3}, [ENOUGH, 2, None]),
        # One of those that raises counts as all its items.
        ([1, 1, 0, 1, 1, 1], telling, {"tolerated_failure_count": 1}, [EXCEEDED, 2, "zero"]),
        ([1, 1, 0, 1, 1, 1], telling, {"tolerated_failure_count": 2}, [ALL, 3, "zero"]),
    ],
)
def test_tolerance_counts_items_where_functions_tell_of_them_else_batches(
    flavour: Flavour, inputs: Any, function: Any, thresholds: Any, expected: Any
) -> None:
    assert outcome(flavour, inputs, function, **thresholds) == expected


def test_a_map_inside_tells_of_its_items(flavour: Flavour) -> None:
    async def one(ctx: Any, item: int, index: int, items: Any) -> Any:
        if item < 0:
            raise ValueError("negative")
        return await ctx.step(lambda: item * 2, name="double")

    function = flavour.function(one)

    async def inside(ctx: Any, batch: Any, index: int, others: Any) -> Any:
        config: MapConfig[Any] = MapConfig(completion_config=CompletionConfig.all_completed())
        return await ctx.map(batch.items, function, "items", config)

    got = outcome(flavour, [1, -1, 3, 4], inside, tolerated_failure_count=1)
    assert got == [ALL, 2, None]
    assert outcome(flavour, [1, -1, 3, -4], inside, tolerated_failure_count=1)[0] == EXCEEDED


def test_min_successful_may_be_as_many_as_there_are_items(flavour: Flavour) -> None:
    assert outcome(flavour, [1, 2, 3], telling, min_successful=3)[0] == ALL
    service = FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        enough = CompletionConfig(min_successful=4)
        config = MapConfig[Any, Any](item_batcher=TWO, completion_config=enough)
        return list(await ctx.map([1, 2, 3], telling, config=config))

    assert "only 3 items" in (failure(service.run(flavour.durable(handler)))[1] or "")


# --------------------------------------------------------------------------------------- flatten


def test_flatten_gives_the_results_an_item(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = MapConfig[Any, Any](item_batcher=TWO)
        results = await ctx.map([1, 2, 3], failing, "orders", config)
        told = await ctx.map([1, 2, 3], telling, "told", config)
        return [list(results), results.flatten(), told.flatten()]

    answer = FakeService().run(flavour.durable(handler))
    assert answer == succeeded([[[1, 2], [3]], [1, 2, 3], [1, 2, 3]])


def test_flatten_raises_the_error_of_a_batch_and_of_an_item(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        said = []
        for function in (failing, telling):
            config = MapConfig[Any, Any](
                item_batcher=TWO, completion_config=CompletionConfig.all_completed()
            )
            results = await ctx.map([1, -2, 3], function, None, config)
            try:
                results.flatten()
            except ValueError as problem:
                said.append(str(problem))
        return said

    assert FakeService().run(flavour.durable(handler)) == succeeded(["negative", "negative"])


def test_flatten_of_other_results_is_refused() -> None:
    batch = BatchResult.from_items([BatchItem(0, BatchItemStatus.SUCCEEDED, "text")])
    with pytest.raises(ValidationError, match="a list from each batch; 0 gave"):
        batch.flatten()  # type: ignore[misc]


# ------------------------------------------------------------------------------------- at a size


def test_20_000_items_in_batches_of_100_fit_one_execution(flavour: Flavour) -> None:
    async def price(ctx: Any, batch: Any, index: int, others: Any) -> Any:
        return await ctx.step(lambda: [item * batch.batch_input for item in batch.items])

    function = flavour.function(price)

    async def handler(event: Any, ctx: Any) -> Any:
        config = MapConfig[Any, Any](
            item_batcher=ItemBatcher(max_items_per_batch=100, batch_input=2), max_concurrency=20
        )
        results = await ctx.map(range(20_000), function, "prices", config)
        await ctx.wait(seconds=1)
        prices = results.flatten()
        return [len(results), len(prices), sum(prices), prices == [2 * n for n in range(20_000)]]

    with DurableFunctionTestRunner(flavour.durable(handler)) as runner:
        result = runner.run(input={}, timeout=60)
    assert result.result == [200, 20_000, 2 * sum(range(20_000)), True]
    assert len(result.get_all_operations()) == 1 + 200 + 200 + 1
