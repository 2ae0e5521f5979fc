"""What is inside a map or parallel stands in the order of its branches, whichever began first."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.model import (
    Operation,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    MapConfig,
    NestingType,
    ParallelConfig,
)
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._results.folding import fold

BATCH = operation_id(None, 1)


def context(one: str, name: str, **members: Any) -> Operation:
    return Operation(
        operation_id=one,
        operation_type=OperationType.CONTEXT,
        status=Status.STARTED,
        name=name,
        **members,
    )


def branch(one: str, name: str) -> Operation:
    return context(one, name, parent_id=BATCH, sub_type=OperationSubType.MAP_ITERATION)


def branches(indices: Iterable[int]) -> list[Operation]:
    return [branch(operation_id(BATCH, index), str(index)) for index in indices]


def inside(batch: OperationSubType, operations: Iterable[Operation]) -> list[str | None]:
    """The names of what is in a batch, in the order of its tree."""
    operations = [context(BATCH, "batch", sub_type=batch), *operations]
    result = DurableFunctionTestResult.from_operations({"Status": "RUNNING"}, operations)
    return [one.name for one in result.get_context("batch").child_operations]


BATCHES = pytest.mark.parametrize("batch", [OperationSubType.MAP, OperationSubType.PARALLEL])


@BATCHES
def test_branches_are_in_order_of_their_index(batch: OperationSubType) -> None:
    assert inside(batch, branches([2, 0, 1])) == ["0", "1", "2"]


@BATCHES
def test_those_that_have_not_begun_leave_a_gap(batch: OperationSubType) -> None:
    assert inside(batch, branches([255, 300, 4])) == ["4", "255", "300"]


def test_ten_thousand_branches_are_in_order() -> None:
    indices = random.Random(1).sample(range(10_000), 10_000)
    found = inside(OperationSubType.MAP, branches(indices))
    assert found == [str(index) for index in range(10_000)]


def test_what_no_branch_is_made_of_comes_last_as_it_was_created() -> None:
    others = [branch("z" * 64, "z"), branch("a" * 64, "a")]
    operations = [*others[:1], *branches([1, 0]), *others[1:]]
    assert inside(OperationSubType.MAP, operations) == ["0", "1", "z", "a"]


def test_other_contexts_keep_the_order_in_which_things_were_created() -> None:
    assert inside(OperationSubType.RUN_IN_CHILD_CONTEXT, branches([2, 0, 1])) == ["2", "0", "1"]


# ------------------------------------------------------------------------------------ whole runs


def nested_blocking(config: Any) -> Any:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def branch(ctx: DurableContext, item: str, index: int, items: Any) -> Any:
            return ctx.step(lambda _: item, name=f"step of {item}")

        context.map(["a", "b", "c"], branch, name="batch", config=config)

    return handler


def nested_async(config: Any) -> Any:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        async def keep(item: str) -> str:
            return item

        async def branch(ctx: AsyncDurableContext, item: str, index: int, items: Any) -> Any:
            return await ctx.step(lambda _: keep(item), name=f"step of {item}")

        await context.map(["a", "b", "c"], branch, name="batch", config=config)

    return handler


KINDS = pytest.mark.parametrize("make", [nested_blocking, nested_async], ids=["blocking", "async"])
Made = Callable[[Any], Any]


def shuffled(result: DurableFunctionTestResult) -> Iterable[DurableFunctionTestResult]:
    """The result as it would be, had its operations been created in another order."""
    operations = fold(result.events)
    for seed in range(10):
        again: Sequence[Operation] = random.Random(seed).sample(operations, len(operations))
        yield DurableFunctionTestResult.from_operations({"Status": "SUCCEEDED"}, again)


@KINDS
def test_a_run_shows_its_branches_in_order(make: Made) -> None:
    result = DurableFunctionTestRunner(make(None)).run()
    for one in (result, *shuffled(result)):
        names = [branch.name for branch in one.get_context("batch").child_operations]
        assert names == ["map-item-0", "map-item-1", "map-item-2"]


@KINDS
def test_what_flat_branches_leave_is_in_their_order(make: Made) -> None:
    config: MapConfig[Any, Any] = MapConfig(nesting_type=NestingType.FLAT)
    result = DurableFunctionTestRunner(make(config)).run()
    for one in (result, *shuffled(result)):
        names = [step.name for step in one.get_context("batch").child_operations]
        assert names == ["step of a", "step of b", "step of c"]


def test_flat_branches_are_in_order_where_the_last_one_was_first() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        last_is_done = threading.Event()

        def first(ctx: DurableContext) -> None:
            last_is_done.wait()
            ctx.run_in_child_context(lambda _: None, config=ChildConfig(is_virtual=True))
            ctx.step(lambda _: None, name="first of first")
            ctx.step(lambda _: None, name="second of first")

        def last(ctx: DurableContext) -> None:
            ctx.step(lambda _: None, name="of last")
            last_is_done.set()

        config = ParallelConfig[None](nesting_type=NestingType.FLAT)
        context.parallel([first, last], name="batch", config=config)

    result = DurableFunctionTestRunner(handler).run()
    created = [one.name for one in result.get_all_operations()]
    assert created == ["batch", "of last", "first of first", "second of first"]
    shown = [one.name for one in result.get_context("batch").child_operations]
    assert shown == ["first of first", "second of first", "of last"]
