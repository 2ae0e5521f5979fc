"""Values by type: what `result_type` and `TypedSerDes` say is what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
    durable_step,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    InvokeConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.context import AsyncCallback, Callback
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext, TypedSerDes


@dataclass
class Order:
    order_id: str


@durable_step
def fetch(step_context: StepContext, order_id: str) -> Order:
    return Order(order_id)


@durable_execution
def handler(event: Order, context: DurableContext) -> Order:
    return context.step(fetch(event.order_id))


@durable_execution
async def handler_async(event: Order, context: AsyncDurableContext) -> Order:
    return await context.step(fetch(event.order_id))


def invokes(context: DurableContext) -> None:
    assert_type(context.invoke("price", {}, result_type=Order), Order)
    assert_type(context.invoke("price", {}, result_type=list[Order]), list[Order])
    assert_type(context.invoke("price", {}, "name", InvokeConfig(tenant_id="t")), Any)
    config: InvokeConfig[Any, Any] = InvokeConfig(tenant_id="t")
    assert_type(context.invoke("price", {}, "name", config, result_type=int), int)
    maybe: Order | None = context.invoke("price", result_type=Order | None)
    print(maybe)
    context.invoke("price", result_type=Order("o"))  # error
    context.invoke("price", {}, "name", config, Order)  # error


async def invokes_async(context: AsyncDurableContext) -> None:
    assert_type(await context.invoke("price", {}, result_type=Order), Order)
    assert_type(await context.invoke("price", result_type=dict[str, Order]), dict[str, Order])
    assert_type(await context.invoke("price"), Any)
    maybe: Order | None = await context.invoke("price", result_type=Order | None)
    print(maybe)
    await context.invoke("price", result_type=Order("o"))  # error


def callbacks(context: DurableContext) -> None:
    callback = context.create_callback("order", CallbackConfig(result_type=Order))
    assert_type(callback, Callback[Order])
    assert_type(callback.result(), Order | None)
    config = WaitForCallbackConfig(result_type=list[Order])
    assert_type(context.wait_for_callback(print, "order", config), list[Order] | None)
    CallbackConfig(result_type="Order")  # error


async def callbacks_async(context: AsyncDurableContext) -> None:
    callback = await context.create_callback("order", CallbackConfig(result_type=Order))
    assert_type(callback, AsyncCallback[Order])


def by_hand(context: DurableContext) -> None:
    assert_type(TypedSerDes(Order), TypedSerDes[Order])
    assert_type(TypedSerDes(list[Order]), TypedSerDes[list[Order]])
    serdes: SerDes[Order | None] = TypedSerDes(Order | None)
    print(serdes)
    config = StepConfig(serdes=TypedSerDes(Order))
    assert_type(context.step(lambda: Order("o"), "order", config), Order)


class Sparse(SerDes[Any]):
    """May store nothing."""

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str | None:
        return None if value is None else str(value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        return data


class Always(SerDes[str]):
    def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        return value

    def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        return data


def logs(context: DurableContext) -> None:
    context.logger.critical("order %s", 7, exc_info=True, stack_info=True, stacklevel=2)
    context.logger.log(20, "order", extra={"a": 1}, order_id="o-1")
    context.logger.info()  # error
