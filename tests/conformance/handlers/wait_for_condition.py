"""Handlers of the requirements on wait_for_condition.

Async handlers use async checks.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from handlers.registry import Handlers

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    WaitForConditionError,
    durable_step,
)
from aws_durable_execution_sdk_python.config import JitterStrategy
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext
from aws_durable_execution_sdk_python.types import WaitForConditionCheckContext
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
    WaitStrategy,
    WaitStrategyConfig,
    create_wait_strategy,
)

HANDLERS = Handlers()

Check = Callable[[Any, WaitForConditionCheckContext], Any]


class Base64SerDes(SerDes[str]):
    """Stores texts in Base64."""

    def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        return base64.b64encode(value.encode()).decode()

    def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        return base64.b64decode(data).decode()


# ------------------------------------------------------------------------------ checks


def increment(state: int, context: WaitForConditionCheckContext) -> int:
    return state + 1


def keep(state: int, context: WaitForConditionCheckContext) -> int:
    return state


def give_nothing(state: Any, context: WaitForConditionCheckContext) -> None:
    return None


def append(state: str, context: WaitForConditionCheckContext) -> str:
    return state + "x"


def advance(state: dict[str, Any], context: WaitForConditionCheckContext) -> dict[str, Any]:
    attempts = state["attempts"] + 1
    return {"status": "DONE" if attempts >= 2 else state["status"], "attempts": attempts}


def fail(state: Any, context: WaitForConditionCheckContext) -> Any:
    raise RuntimeError("this check always fails")


def on_loop(check: Check) -> Callable[[Any, WaitForConditionCheckContext], Awaitable[Any]]:
    """The check as a coroutine function."""

    async def run(state: Any, context: WaitForConditionCheckContext) -> Any:
        return check(state, context)

    return run


# ------------------------------------------------------------------------------ strategies


def poll_while(go_on: Callable[[Any], bool]) -> WaitStrategy[Any]:
    """A strategy of the user's own: every second, for as long as that is true of the state."""

    def strategy(state: Any, attempt: int) -> WaitForConditionDecision:
        if go_on(state):
            return WaitForConditionDecision.continue_waiting(1)
        return WaitForConditionDecision.stop_polling()

    return strategy


def poll_below(limit: int) -> WaitStrategy[Any]:
    return poll_while(lambda state: state < limit)


def fixed_delay(go_on: Callable[[Any], bool], max_attempts: int = 60) -> WaitStrategy[Any]:
    """The SDK's own strategy, with 2 seconds between checks."""
    return create_wait_strategy(
        WaitStrategyConfig(
            go_on,
            max_attempts=max_attempts,
            initial_delay=2,
            backoff_rate=1,
            jitter_strategy=JitterStrategy.NONE,
        )
    )


# ------------------------------------------------------------------------------ one operation


def _configure(
    strategy: WaitStrategy[Any], initial: Any, serdes: SerDes[Any] | None = None
) -> WaitForConditionConfig[Any]:
    return WaitForConditionConfig(strategy, initial, serdes)


# By requirement: the check, what its configuration is for an event, and the name.
_ONE_OPERATION: dict[str, tuple[Check, Callable[[Any], WaitForConditionConfig[Any]], str | None]]
_ONE_OPERATION = {
    "6-1": (increment, lambda event: _configure(poll_below(event), 0), None),
    "6-2": (keep, lambda event: _configure(poll_below(5), 5), None),
    "6-3": (increment, lambda event: _configure(poll_below(2), 0), "poll-status"),
    "6-4": (increment, lambda event: _configure(poll_below(event), 5), None),
    "6-5": (
        increment,
        lambda event: _configure(fixed_delay(lambda state: bool(state < event)), 0),
        None,
    ),
    "6-6": (
        increment,
        lambda event: _configure(fixed_delay(lambda _: True, max_attempts=3), 0),
        None,
    ),
    "6-7": (fail, lambda event: _configure(poll_below(1), 0), None),
    "6-9": (
        advance,
        lambda event: _configure(
            poll_while(lambda state: state["status"] == "PENDING"),
            {"status": "PENDING", "attempts": 0},
        ),
        None,
    ),
    "6-10": (give_nothing, lambda event: _configure(poll_while(lambda _: False), "state"), None),
    "6-11": (
        append,
        lambda event: _configure(poll_while(lambda state: len(state) < 2), "", Base64SerDes()),
        None,
    ),
}


def _register(
    number: str,
    check: Check,
    configure: Callable[[Any], WaitForConditionConfig[Any]],
    name: str | None,
) -> None:
    @HANDLERS.blocking(number)
    def handler(event: Any, context: DurableContext) -> Any:
        return context.wait_for_condition(check, configure(event), name=name)

    @HANDLERS.asynchronous(number)
    async def handler_async(event: Any, context: AsyncDurableContext) -> Any:
        return await context.wait_for_condition(on_loop(check), configure(event), name=name)


for number, (check, configure, name) in _ONE_OPERATION.items():
    _register(number, check, configure, name)


@HANDLERS.blocking("6-8")
def recovered(event: None, context: DurableContext) -> Any:
    try:
        return context.wait_for_condition(fail, _configure(poll_below(1), 0))
    except WaitForConditionError:
        return "recovered"


@HANDLERS.asynchronous("6-8")
async def recovered_async(event: None, context: AsyncDurableContext) -> Any:
    try:
        return await context.wait_for_condition(on_loop(fail), _configure(poll_below(1), 0))
    except WaitForConditionError:
        return "recovered"


# ------------------------------------------------------------------------------ and then


@durable_step
def times_ten(step_context: StepContext, number: int) -> int:
    return 10 * number


@HANDLERS.blocking("6-12")
def then_step(event: int, context: DurableContext) -> int:
    state = context.wait_for_condition(increment, _configure(poll_below(event), 0))
    return context.step(times_ten(state))


@HANDLERS.asynchronous("6-12")
async def then_step_async(event: int, context: AsyncDurableContext) -> int:
    config = _configure(poll_below(event), 0)
    state = await context.wait_for_condition(on_loop(increment), config)
    return await context.step(times_ten(state))


@HANDLERS.blocking("6-13")
def one_after_the_other(event: None, context: DurableContext) -> int:
    state = 0
    for limit in (2, 4):
        state = context.wait_for_condition(increment, _configure(poll_below(limit), state))
    return state


@HANDLERS.asynchronous("6-13")
async def one_after_the_other_async(event: None, context: AsyncDurableContext) -> int:
    state = 0
    for limit in (2, 4):
        config = _configure(poll_below(limit), state)
        state = await context.wait_for_condition(on_loop(increment), config)
    return state
