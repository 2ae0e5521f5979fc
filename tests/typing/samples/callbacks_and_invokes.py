"""Callbacks, invokes and conditions: Any from outside, unless the configuration says what."""

from __future__ import annotations

from typing import Any, assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_wait_for_callback,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    Duration,
    InvokeConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.context import AsyncCallback, Callback
from aws_durable_execution_sdk_python.serdes import SerDes
from aws_durable_execution_sdk_python.types import (
    WaitForCallbackContext,
    WaitForConditionCheckContext,
)
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)


class Answer:
    pass


@durable_wait_for_callback
def ask(callback_id: str, context: WaitForCallbackContext, to: str) -> None:
    pass


def submit(callback_id: str) -> None:
    pass


def callbacks(context: DurableContext, serdes: SerDes[Answer]) -> None:
    callback = context.create_callback("approval", CallbackConfig(timeout=Duration.from_days(1)))
    assert_type(callback, Callback[Any])
    assert_type(callback.callback_id, str)
    assert_type(context.create_callback(), Callback[Any])
    typed = context.create_callback(config=CallbackConfig(serdes=serdes))
    assert_type(typed.result(), Answer | None)
    assert_type(context.wait_for_callback(ask("kim")), Any | None)
    config = WaitForCallbackConfig(timeout=60, serdes=serdes)
    assert_type(context.wait_for_callback(submit, "ask", config), Answer | None)
    ask()  # error
    ask(1)  # error
    context.wait_for_callback(ask("kim", "lee"))  # error
    context.wait_for_callback(submit, config=CallbackConfig())  # error
    CallbackConfig(timeout="1 day")  # error
    CallbackConfig(on_timeout="fail")  # error


async def callbacks_async(context: AsyncDurableContext, serdes: SerDes[Answer]) -> None:
    callback = await context.create_callback(config=CallbackConfig(serdes=serdes))
    assert_type(callback, AsyncCallback[Answer])
    assert_type(await callback.result(), Answer | None)
    config = WaitForCallbackConfig(serdes=serdes)
    assert_type(await context.wait_for_callback(ask("kim"), "ask", config), Answer | None)
    print(context.create_callback().callback_id)  # error


def invokes(context: DurableContext, serdes: SerDes[Answer]) -> None:
    assert_type(context.invoke("function", {"a": 1}, name="call"), Any)
    config = InvokeConfig(serdes_result=serdes)
    assert_type(context.invoke("function", config=config), Answer)
    context.invoke({"a": 1})  # error


async def invokes_async(context: AsyncDurableContext, serdes: SerDes[Answer]) -> None:
    config = InvokeConfig(serdes_result=serdes)
    assert_type(await context.invoke("function", 1, config=config), Answer)


def check(state: int, context: WaitForConditionCheckContext) -> int:
    return state + context.attempt


async def check_async(state: int, context: WaitForConditionCheckContext) -> int:
    return state


def check_text(state: str, context: WaitForConditionCheckContext) -> str:
    return state


def below_three(state: int) -> bool:
    return state < 3


STRATEGY = create_wait_strategy(WaitStrategyConfig(below_three, max_attempts=5))
CONFIG = WaitForConditionConfig(STRATEGY, 0)


def conditions(context: DurableContext) -> None:
    assert_type(context.wait_for_condition(check, CONFIG, name="ready"), int)
    assert_type(context.wait_for_condition(check_async, CONFIG), int)
    context.wait_for_condition(check_text, CONFIG)  # error
    context.wait_for_condition(check)  # error
    WaitForConditionConfig(STRATEGY, "text")  # error


async def conditions_async(context: AsyncDurableContext) -> None:
    assert_type(await context.wait_for_condition(check_async, CONFIG), int)
    assert_type(await context.wait_for_condition(check, CONFIG), int)
