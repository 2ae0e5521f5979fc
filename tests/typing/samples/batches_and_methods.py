"""map in batches, and decorated methods: the types of what they take and give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    BatchResult,
    DurableContext,
    StepContext,
    durable_step,
)
from aws_durable_execution_sdk_python.config import (
    BatchedInput,
    ItemBatcher,
    MapConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig

Batch = BatchedInput[str, int]


def per_batch(
    context: DurableContext, batch: Batch, index: int, batches: Sequence[Batch]
) -> list[float]:
    assert_type(batch.batch_input, str)
    return [item / 2 for item in batch.items]


async def per_batch_async(
    context: AsyncDurableContext, batch: Batch, index: int, batches: Sequence[Batch]
) -> list[float]:
    return [item / 2 for item in batch.items]


def per_item(context: DurableContext, item: int, index: int, items: Sequence[int]) -> list[float]:
    return [item / 2]


def one_number(context: DurableContext, item: int, index: int, items: Sequence[int]) -> int:
    return item


def batches(context: DurableContext, items: list[int], texts: list[str]) -> None:
    config = MapConfig(item_batcher=ItemBatcher(max_items_per_batch=10, batch_input="eu"))
    results = context.map(items, per_batch, config=config)
    assert_type(results, BatchResult[list[float]])
    assert_type(results[0], list[float])
    assert_type(results.flatten(), list[float])
    assert_type(context.map(items, per_batch_async, "name", config=config).flatten(), list[float])
    context.map(items, per_item, config=config)  # error
    context.map(items, per_batch)  # error
    context.map(texts, per_batch, config=config)  # error
    assert_type(context.map(items, per_item, config=MapConfig(max_concurrency=2))[0], list[float])
    context.map(items, one_number).flatten()  # error


async def batches_async(context: AsyncDurableContext, items: list[int]) -> None:
    config = MapConfig(item_batcher=ItemBatcher(max_items_per_batch=10, batch_input="eu"))
    results = await context.map(items, per_batch_async, config=config)
    assert_type(results.flatten(), list[float])
    assert_type((await context.map(items, per_batch, config=config))[0], list[float])


class Payments:
    """Steps as methods."""

    @durable_step
    def charge(self, amount: float) -> str:
        return f"{amount}"

    @durable_step
    def refund(self, step_context: StepContext, amount: float) -> int:
        return step_context.attempt

    @durable_step
    async def settle(self, amount: float) -> int:
        return 1


def methods(context: DurableContext, payments: Payments) -> None:
    assert_type(context.step(payments.charge(2.5)), str)
    assert_type(context.step(payments.refund(2.5)), int)
    assert_type(context.step(payments.settle(amount=2.5)), int)
    payments.charge("much")  # error
    payments.refund()  # error


def a_retry_configuration_is_a_strategy(context: DurableContext) -> None:
    config = StepConfig(retry_strategy=RetryStrategyConfig(max_attempts=2))
    assert_type(context.step(lambda: str(context), config=config), str)
