r"""A callback: ask a person, and let the function end until they answer.

    durable run examples/approval.py --event '{"amount": 1200}' \
        --callback 'approval={"approved": true, "by": "kim"}'

Deployed, the answer is sent with Lambda's SendDurableExecutionCallbackSuccess and the callback's
id. Nobody answers in time: the result is None. (`CallbackConfig(on_timeout="raise")` raises.)
"""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration


@durable_step
def send_request(callback_id: str, amount: float) -> None:
    print(f"Please approve {amount}. Your answer goes to callback {callback_id[:8]}...")


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    callback = context.create_callback(
        name="approval", config=CallbackConfig(timeout=Duration.from_days(3))
    )
    context.step(send_request(callback.callback_id, event["amount"]))
    answer = callback.result()

    if answer is None:
        return {"status": "expired"}
    return {"status": "approved" if answer["approved"] else "rejected", "by": answer["by"]}
