"""Child contexts, map and parallel: the types of their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    BatchResult,
    DurableContext,
    ParallelBranch,
    WithRetryConfig,
    durable_parallel_branch,
    durable_step,
    durable_with_child_context,
    with_retry,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    MapConfig,
    NestingType,
    ParallelConfig,
)


@durable_step
def count(text: str) -> int:
    return len(text)


@durable_step
async def count_async(text: str) -> int:
    return len(text)


@durable_with_child_context
def prepare(context: DurableContext, text: str) -> int:
    return context.step(count(text))


@durable_with_child_context
async def prepare_async(context: AsyncDurableContext, text: str, times: int = 1) -> int:
    return await context.step(count(text)) * times


@durable_parallel_branch(name="ship")
def ship(context: DurableContext, text: str) -> int:
    return 1


@durable_parallel_branch()
async def ship_async(context: AsyncDurableContext, text: str) -> int:
    return 1


def plain(context: DurableContext) -> int:
    return 1


async def plain_async(context: AsyncDurableContext) -> int:
    return 1


def per_item(context: DurableContext, item: str, index: int, items: Sequence[str]) -> int:
    return index


async def per_item_async(
    context: AsyncDurableContext, item: str, index: int, items: Sequence[str]
) -> int:
    return index


def attempt(context: DurableContext, number: int) -> int:
    return number


async def attempt_async(context: AsyncDurableContext, number: int) -> int:
    return number


def children(context: DurableContext) -> None:
    assert_type(context.run_in_child_context(prepare("a")), int)
    assert_type(context.run_in_child_context(prepare_async("a", times=2), "name"), int)
    assert_type(context.run_in_child_context(plain, config=ChildConfig(is_virtual=True)), int)
    assert_type(context.run_in_child_context(plain_async), int)
    assert_type(with_retry(context, attempt), int)
    assert_type(with_retry(context, attempt, WithRetryConfig(), "name"), int)
    prepare(1)  # error
    prepare_async("a", times="b")  # error
    context.run_in_child_context(prepare)  # error
    context.run_in_child_context(plain()).step(1)  # error
    with_retry(context, plain)  # error


async def children_async(context: AsyncDurableContext) -> None:
    assert_type(await context.run_in_child_context(prepare("a")), int)
    assert_type(await context.run_in_child_context(prepare_async("a")), int)
    assert_type(await context.run_in_child_context(plain_async), int)
    assert_type(await with_retry(context, attempt_async, name="name"), int)
    number: int = context.run_in_child_context(plain_async)  # error
    print(number)


def maps(context: DurableContext, items: list[str]) -> None:
    batch = context.map(items, per_item)
    assert_type(batch, BatchResult[int])
    assert_type(batch[0], int)
    assert_type(batch[:2], list[int])
    assert_type(list(batch), list[int])
    assert_type(batch.get_results(), list[int])
    assert_type(batch.all[0].result, int | None)
    assert_type(context.map(items, per_item_async, "name"), BatchResult[int])
    assert_type(context.map(items, lambda c, item, i, every: c.step(count(item))), BatchResult[int])
    config = MapConfig(max_concurrency=2, completion_config=CompletionConfig.all_completed())
    assert_type(context.map(items, per_item, config=config), BatchResult[int])
    context.map([1, 2], per_item)  # error
    context.map(items, plain)  # error
    context.map(items, per_item, config=ParallelConfig())  # error


async def maps_async(context: AsyncDurableContext, items: list[str]) -> None:
    batch = await context.map(items, per_item_async, config=MapConfig(max_concurrency=2))
    assert_type(batch, BatchResult[int])
    assert_type(await context.map(items, per_item), BatchResult[int])


def parallels(context: DurableContext) -> None:
    config = ParallelConfig(nesting_type=NestingType.FLAT)
    assert_type(context.parallel(count("a"), count("b")), BatchResult[int])
    assert_type(context.parallel([count("a"), count("b")]), BatchResult[int])
    assert_type(context.parallel([plain, plain], "name", config), BatchResult[int])
    assert_type(context.parallel([plain, plain], name="name", config=config), BatchResult[int])
    assert_type(context.parallel(ship("a"), count("a"), prepare("a"), plain), BatchResult[int])
    assert_type(context.parallel([prepare(text) for text in "abc"]), BatchResult[int])
    assert_type(context.parallel([ParallelBranch(plain, name="a")]), BatchResult[int])
    assert_type(context.parallel(count_async("a"), plain_async, ship_async("a")), BatchResult[int])
    assert_type(context.parallel(plain, plain_async), BatchResult[Any])
    ship(1)  # error
    context.parallel(1, 2)  # error
    context.parallel(per_item, plain)  # error
    context.parallel(plain, config=MapConfig())  # error


async def parallels_async(context: AsyncDurableContext) -> None:
    batch = await context.parallel(count("a"), count("b"), name="name")
    assert_type(batch, BatchResult[int])
    assert_type(await context.parallel([prepare_async("a"), prepare_async("b")]), BatchResult[int])
    assert_type(await context.parallel(ship_async("a"), count_async("b")), BatchResult[int])
