"""invoke: call other Lambda functions and wait for their results, however long they take.

    durable run examples/invoke.py:handler --event '{"order_id": "o-3", "weight": 4}'

`durable run` answers invokes with the functions of the file, by their names: one is durable
itself, the other an ordinary Lambda handler. Deployed, give the name or ARN of the function.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    InvokeError,
    durable_execution,
    durable_step,
)


@durable_step
def quote(weight: int) -> float:
    if weight > 100:
        raise ValueError("too heavy")
    return 2.5 * weight


@durable_execution
def shipping_quote(event: dict[str, Any], context: DurableContext) -> float:
    context.wait(seconds=30, name="carrier_answer")
    return context.step(quote(event["weight"]))


def currency(event: str, context: Any) -> str:
    return {"NO": "NOK", "PE": "PEN"}.get(event, "EUR")


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    try:
        price = context.invoke("shipping_quote", {"weight": event["weight"]}, name="quote")
    except InvokeError as error:
        return {"status": "refused", "reason": error.message}
    code = context.invoke("currency", "NO")
    return {"status": "quoted", "price": f"{price} {code}"}
