"""An approval: asks a person, and ends until they answer; asks again once, then gives up."""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python.types import WaitForCallbackContext

NO_QUESTION_BELOW = 100
A_DAY = WaitForCallbackConfig(timeout=Duration.from_days(1))


def send_request(callback_id: str, context: WaitForCallbackContext) -> None:
    # Send it to a person here: by mail, as a message, as a ticket. Whoever gets it answers with
    # Lambda's SendDurableExecutionCallbackSuccess, this id, and JSON such as {"approved": true}.
    context.logger.info("waiting for the answer to %s", callback_id)


@durable_step
def carry_out(request: str) -> str:
    return f"ordered: {request}"


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    request, amount = event["request"], event["amount"]
    answer: Any = {"approved": True, "by": "nobody, it is cheap"}
    if amount >= NO_QUESTION_BELOW:
        # None if nobody answers in time.
        answer = context.wait_for_callback(send_request, name="approval", config=A_DAY)
        if answer is None:
            answer = context.wait_for_callback(send_request, name="reminder", config=A_DAY)
    if answer is None:
        return {"status": "expired"}
    if not answer["approved"]:
        return {"status": "rejected", "by": answer["by"]}
    return {
        "status": "approved",
        "by": answer["by"],
        "outcome": context.step(carry_out(request)),
    }
