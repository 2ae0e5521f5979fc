"""An agent: a model and its tools take turns; a person approves what cannot be undone."""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import Duration, StepConfig, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.types import WaitForCallbackContext

Message = dict[str, Any]

MAX_TURNS = 10
NEEDS_APPROVAL = {"refund"}
AN_HOUR = WaitForCallbackConfig(timeout=Duration.from_hours(1))
PATIENT = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(max_attempts=5, initial_delay_seconds=2, max_delay_seconds=60)
    )
)


@durable_step
def ask_model(messages: list[Message]) -> Message:
    """What the model says next: the name of a tool with its argument, or an answer.

    Stands for a call of your model. What it said is on record, so that it is asked, and paid for,
    once, however often the code runs again.
    """
    tools_used = [message["tool"] for message in messages if message["role"] == "tool"]
    if "look_up" not in tools_used:
        return {"role": "assistant", "tool": "look_up", "argument": "order-7"}
    if "refund" not in tools_used:
        return {"role": "assistant", "tool": "refund", "argument": "order-7"}
    return {"role": "assistant", "tool": None, "text": messages[-1]["text"]}


@durable_step
def use_tool(tool: str, argument: str) -> str:
    match tool:
        case "look_up":
            return f"{argument}: delivered, 49.90"
        case "refund":
            return f"{argument} is refunded"
        case _:
            return f"there is no tool {tool}"


def ask_person(callback_id: str, context: WaitForCallbackContext) -> None:
    # Send it to a person here; they answer with SendDurableExecutionCallbackSuccess, this id, and
    # true or false.
    context.logger.info("waiting for the answer to %s", callback_id)


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    messages: list[Message] = [{"role": "user", "text": event["question"]}]
    for turn in range(1, MAX_TURNS + 1):
        said = context.step(ask_model(messages), name=f"model-{turn}", config=PATIENT)
        tool = said["tool"]
        if tool is None:
            return {"answer": said["text"], "turns": turn}
        allowed = tool not in NEEDS_APPROVAL or context.wait_for_callback(
            ask_person, name=f"approve-{tool}-{turn}", config=AN_HOUR
        )
        text = "not allowed"
        if allowed:
            text = context.step(use_tool(tool, said["argument"]), name=f"{tool}-{turn}")
        # A new list: what a step was given must not change behind its back.
        messages = [*messages, said, {"role": "tool", "tool": tool, "text": text}]
    return {"answer": None, "turns": MAX_TURNS}
