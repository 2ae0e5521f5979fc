"""Handlers of the requirements on wait."""

from __future__ import annotations

from handlers.registry import Handlers

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext
from aws_durable_execution_sdk_python.config import Duration

HANDLERS = Handlers()


@HANDLERS.blocking("2-1")
def basic(event: None, context: DurableContext) -> None:
    context.wait(Duration.from_seconds(2))


@HANDLERS.asynchronous("2-1")
async def basic_async(event: None, context: AsyncDurableContext) -> None:
    await context.wait(Duration.from_seconds(2))


@HANDLERS.blocking("2-2")
def named(event: None, context: DurableContext) -> None:
    context.wait(Duration.from_seconds(2), name="custom_wait_name")


@HANDLERS.asynchronous("2-2")
async def named_async(event: None, context: AsyncDurableContext) -> None:
    await context.wait(Duration.from_seconds(2), name="custom_wait_name")


@HANDLERS.blocking("2-3")
def two_waits(event: None, context: DurableContext) -> dict[str, int]:
    names = ("wait-1", "wait-2")
    for name in names:
        context.wait(Duration.from_seconds(2), name=name)
    return {"completedWaits": len(names)}


@HANDLERS.asynchronous("2-3")
async def two_waits_async(event: None, context: AsyncDurableContext) -> dict[str, int]:
    names = ("wait-1", "wait-2")
    for name in names:
        await context.wait(Duration.from_seconds(2), name=name)
    return {"completedWaits": len(names)}


@HANDLERS.blocking("2-4")
def minutes(event: None, context: DurableContext) -> None:
    context.wait(Duration.from_minutes(1))


@HANDLERS.asynchronous("2-4")
async def minutes_async(event: None, context: AsyncDurableContext) -> None:
    await context.wait(Duration.from_minutes(1))


@HANDLERS.blocking("2-5")
def hours(event: None, context: DurableContext) -> None:
    context.wait(Duration.from_hours(1))


@HANDLERS.asynchronous("2-5")
async def hours_async(event: None, context: AsyncDurableContext) -> None:
    await context.wait(Duration.from_hours(1))
