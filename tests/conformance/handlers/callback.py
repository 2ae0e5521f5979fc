"""Handlers of the requirements on create_callback.

Where a callback must time out with an error the handler runs with `compat="aws"`: by our own
default the result is None then.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.registry import Compat, Handlers, on_loop

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    CallbackError,
    DurableContext,
    StepContext,
    durable_step,
)
from aws_durable_execution_sdk_python.config import CallbackConfig
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

HANDLERS = Handlers()

WITHOUT_LIMIT: CallbackConfig[Any] = CallbackConfig()


@dataclass(frozen=True)
class Message:
    id: str
    message: str
    timestamp: datetime


class MessageSerDes(SerDes[Message]):
    """Reads messages, with their time as a datetime."""

    def serialize(self, value: Message, serdes_context: SerDesContext) -> str:
        return json.dumps({**vars(value), "timestamp": value.timestamp.isoformat()})

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Message:
        fields = json.loads(data)
        return Message(**{**fields, "timestamp": datetime.fromisoformat(fields["timestamp"])})


class CountSerDes(SerDes[int]):
    """Reads whole numbers."""

    def serialize(self, value: int, serdes_context: SerDesContext) -> str:
        return str(value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> int:
        return int(data)


@durable_step
def give(step_context: StepContext, value: str) -> str:
    return value


# ------------------------------------------------------------------------------ just the answer


def await_answer(config: CallbackConfig[Any]) -> Callable[[str, DurableContext], Any]:
    def handler(event: str, context: DurableContext) -> Any:
        return context.create_callback(name=event, config=config).result()

    return handler


def await_answer_async(
    config: CallbackConfig[Any],
) -> Callable[[str, AsyncDurableContext], Awaitable[Any]]:
    async def handler(event: str, context: AsyncDurableContext) -> Any:
        callback = await context.create_callback(name=event, config=config)
        return await callback.result()

    return handler


_JUST_THE_ANSWER: dict[str, tuple[CallbackConfig[Any], Compat]] = {
    "4-1": (WITHOUT_LIMIT, None),
    "4-3": (CallbackConfig(timeout=5), "aws"),
    "4-4": (CallbackConfig(heartbeat_timeout=5), "aws"),
    "4-5": (CallbackConfig(heartbeat_timeout=10), None),
    "4-6": (WITHOUT_LIMIT, None),
}
for number, (config, compat) in _JUST_THE_ANSWER.items():
    HANDLERS.blocking(number, compat=compat)(await_answer(config))
    HANDLERS.asynchronous(number, compat=compat)(await_answer_async(config))


@HANDLERS.blocking("4-2")
def named(event: None, context: DurableContext) -> Any:
    return await_answer(WITHOUT_LIMIT)("approval", context)


@HANDLERS.asynchronous("4-2")
async def named_async(event: None, context: AsyncDurableContext) -> Any:
    return await await_answer_async(WITHOUT_LIMIT)("approval", context)


# ------------------------------------------------------------------- something in between


def with_step(config: CallbackConfig[Any]) -> Callable[[str, DurableContext], Any]:
    def handler(event: str, context: DurableContext) -> Any:
        callback = context.create_callback(name=event, config=config)
        context.step(give(callback.callback_id))
        return callback.result()

    return handler


def with_step_async(
    config: CallbackConfig[Any],
) -> Callable[[str, AsyncDurableContext], Awaitable[Any]]:
    async def handler(event: str, context: AsyncDurableContext) -> Any:
        callback = await context.create_callback(name=event, config=config)
        await context.step(on_loop(give(callback.callback_id)))
        return await callback.result()

    return handler


def with_wait(seconds: int, config: CallbackConfig[Any]) -> Callable[[str, DurableContext], Any]:
    def handler(event: str, context: DurableContext) -> Any:
        callback = context.create_callback(name=event, config=config)
        context.wait(seconds=seconds)
        return callback.result()

    return handler


def with_wait_async(
    seconds: int, config: CallbackConfig[Any]
) -> Callable[[str, AsyncDurableContext], Awaitable[Any]]:
    async def handler(event: str, context: AsyncDurableContext) -> Any:
        callback = await context.create_callback(name=event, config=config)
        await context.wait(seconds=seconds)
        return await callback.result()

    return handler


HANDLERS.blocking("4-7")(with_step(WITHOUT_LIMIT))
HANDLERS.asynchronous("4-7")(with_step_async(WITHOUT_LIMIT))
HANDLERS.blocking("4-8", compat="aws")(with_step(CallbackConfig(timeout=5)))
HANDLERS.asynchronous("4-8", compat="aws")(with_step_async(CallbackConfig(timeout=5)))
for number in ("4-9", "4-10"):
    HANDLERS.blocking(number)(with_wait(5, WITHOUT_LIMIT))
    HANDLERS.asynchronous(number)(with_wait_async(5, WITHOUT_LIMIT))
HANDLERS.blocking("4-11", compat="aws")(with_wait(6, CallbackConfig(timeout=3)))
HANDLERS.asynchronous("4-11", compat="aws")(with_wait_async(6, CallbackConfig(timeout=3)))


# ------------------------------------------------------------------------------ replay


@HANDLERS.blocking("4-12")
def answer_then_wait(event: str, context: DurableContext) -> Any:
    answer = context.create_callback(name=event).result()
    context.wait(seconds=2)
    return answer


@HANDLERS.asynchronous("4-12")
async def answer_then_wait_async(event: str, context: AsyncDurableContext) -> Any:
    callback = await context.create_callback(name=event)
    answer = await callback.result()
    await context.wait(seconds=2)
    return answer


def caught_then_wait(config: CallbackConfig[Any]) -> Callable[[str, DurableContext], str]:
    def handler(event: str, context: DurableContext) -> str:
        try:
            context.create_callback(name=event, config=config).result()
        except CallbackError as error:
            message = str(error)
        else:
            raise AssertionError("the callback did not fail")
        context.wait(seconds=2)
        return message

    return handler


def caught_then_wait_async(
    config: CallbackConfig[Any],
) -> Callable[[str, AsyncDurableContext], Awaitable[str]]:
    async def handler(event: str, context: AsyncDurableContext) -> str:
        callback = await context.create_callback(name=event, config=config)
        try:
            await callback.result()
        except CallbackError as error:
            message = str(error)
        else:
            raise AssertionError("the callback did not fail")
        await context.wait(seconds=2)
        return message

    return handler


HANDLERS.blocking("4-13")(caught_then_wait(WITHOUT_LIMIT))
HANDLERS.asynchronous("4-13")(caught_then_wait_async(WITHOUT_LIMIT))
HANDLERS.blocking("4-14", compat="aws")(caught_then_wait(CallbackConfig(timeout=3)))
HANDLERS.asynchronous("4-14", compat="aws")(caught_then_wait_async(CallbackConfig(timeout=3)))


# ------------------------------------------------------------------------------ serdes


def _received(message: Message) -> dict[str, Any]:
    return {"received": {**vars(message), "timestamp": int(message.timestamp.timestamp())}}


def _doubled(count: int) -> dict[str, int]:
    return {"count": count, "doubled": 2 * count}


MESSAGES = CallbackConfig(serdes=MessageSerDes())
COUNTS = CallbackConfig(serdes=CountSerDes())


@HANDLERS.blocking("4-15")
def typed_object(event: str, context: DurableContext) -> dict[str, Any]:
    return _received(await_answer(MESSAGES)(event, context))


@HANDLERS.asynchronous("4-15")
async def typed_object_async(event: str, context: AsyncDurableContext) -> dict[str, Any]:
    return _received(await await_answer_async(MESSAGES)(event, context))


@HANDLERS.blocking("4-16")
def typed_number(event: str, context: DurableContext) -> dict[str, int]:
    return _doubled(await_answer(COUNTS)(event, context))


@HANDLERS.asynchronous("4-16")
async def typed_number_async(event: str, context: AsyncDurableContext) -> dict[str, int]:
    return _doubled(await await_answer_async(COUNTS)(event, context))


# ------------------------------------------------------------------------------ two callbacks


@HANDLERS.blocking("4-17")
def one_after_the_other(event: list[str], context: DurableContext) -> list[Any]:
    return [context.create_callback(name=name).result() for name in event]


@HANDLERS.asynchronous("4-17")
async def one_after_the_other_async(event: list[str], context: AsyncDurableContext) -> list[Any]:
    return [await (await context.create_callback(name=name)).result() for name in event]


@HANDLERS.blocking("4-18")
def in_order(event: list[str], context: DurableContext) -> list[Any]:
    first, second = [context.create_callback(name=name) for name in event]
    return [first.result(), second.result()]


@HANDLERS.asynchronous("4-18")
async def in_order_async(event: list[str], context: AsyncDurableContext) -> list[Any]:
    first, second = [await context.create_callback(name=name) for name in event]
    return [await first.result(), await second.result()]


@HANDLERS.blocking("4-19")
def in_reverse_order(event: list[str], context: DurableContext) -> list[Any]:
    first, second = [context.create_callback(name=name) for name in event]
    return [second.result(), first.result()]


@HANDLERS.asynchronous("4-19")
async def in_reverse_order_async(event: list[str], context: AsyncDurableContext) -> list[Any]:
    first, second = [await context.create_callback(name=name) for name in event]
    return [await second.result(), await first.result()]
