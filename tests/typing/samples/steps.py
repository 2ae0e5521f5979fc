"""Steps: the result type comes from the function, its arguments are checked."""

from __future__ import annotations

from typing import Any, assert_type

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_step
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.retries import RetryPresets
from aws_durable_execution_sdk_python.serdes import SerDes


class Order:
    pass


class Receipt:
    pass


@durable_step
def charge(order: Order, amount: float = 1.0) -> Receipt:
    return Receipt()


@durable_step
def charge_in_context(step_context: StepContext, order: Order, *, currency: str) -> Receipt:
    return Receipt()


@durable_step
async def charge_async(order: Order) -> Receipt:
    return Receipt()


@durable_step
async def charge_async_in_context(step_context: StepContext, order: Order) -> Receipt:
    return Receipt()


@durable_step
def now() -> int:
    return 0


def plain() -> str:
    return ""


async def plain_async(step_context: StepContext) -> str:
    return ""


def results(context: DurableContext, order: Order) -> None:
    assert_type(context.step(charge(order)), Receipt)
    assert_type(context.step(charge(order, amount=2.0), "charge"), Receipt)
    assert_type(context.step(charge_in_context(order, currency="NOK"), name="charge"), Receipt)
    assert_type(context.step(charge_async(order)), Receipt)
    assert_type(context.step(charge_async_in_context(order)), Receipt)
    assert_type(context.step(now()), int)
    assert_type(context.step(plain), str)
    assert_type(context.step(plain_async), str)
    assert_type(context.step(lambda: Receipt()), Receipt)
    assert_type(context.step(lambda _: Receipt()), Receipt)


def results_with_configuration(
    context: DurableContext, order: Order, serdes: SerDes[Receipt]
) -> Receipt:
    retrying = StepConfig(RetryPresets.transient())
    assert_type(context.step(charge(order), config=retrying), Receipt)
    assert_type(context.step(charge_async(order), config=StepConfig()), Receipt)
    assert_type(context.step(charge(order), config=StepConfig(serdes=serdes)), Receipt)
    return context.step(charge(order), config=retrying)


def mistakes(context: DurableContext, order: Order, serdes: SerDes[str]) -> Receipt:
    charge()  # error
    charge("order")  # error
    charge(order, "much")  # error
    charge(order, tip=1)  # error
    charge_in_context(order)  # error
    charge_in_context(order, currency=7)  # error
    charge_async("order")  # error
    charge_async_in_context(order, order)  # error
    now(1)  # error
    context.step(charge)  # error
    context.step(5)  # error
    context.step(charge(order), name=7)  # error
    context.step(charge(order), config=RetryPresets.transient())  # error
    context.step(charge(order)).total()  # error
    number: int = context.step(charge(order))  # error
    context.step(charge(order), retries=3)  # error
    print(number)
    return context.step(charge(order), config=StepConfig(serdes=serdes))  # error


def untyped(context: DurableContext, event: dict[str, Any]) -> None:
    """What comes from JSON is Any, and stays convenient."""
    assert_type(context.step(charge(event["order"])), Receipt)


@durable_step
def total(step_context: StepContext, items: dict[str, Any], currency: str = "EUR") -> float:
    return float(len(items)) + len(currency)


def parameters_that_contain_any(context: DurableContext, event: dict[str, Any]) -> None:
    assert_type(context.step(total(event)), float)
    assert_type(context.step(total(event["items"], currency="USD")), float)
    total(5)  # error
    total(event, currency=5)  # error
