r"""The approval of approval.py, written async: a reminder is sent while the answer is awaited.

    durable run examples/approval_async.py --event '{"amount": 1200}' \
        --callback 'approval={"approved": true, "by": "kim"}'

`parallel` gives each branch a context of its own; the first that succeeds ends the operation,
here either the answer or the end of a day.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ParallelBranch,
    durable_execution,
    durable_step,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    CompletionConfig,
    Duration,
    ParallelConfig,
)


@durable_step
async def send(text: str) -> None:
    print(text)


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    callback = await context.create_callback(
        name="approval", config=CallbackConfig(timeout=Duration.from_days(3))
    )
    await context.step(send(f"Please approve {event['amount']}"), name="ask")

    async def answer(branch: AsyncDurableContext) -> Any:
        return await callback.result()

    async def reminder(branch: AsyncDurableContext) -> Any:
        await branch.wait(Duration.from_days(1))
        await branch.step(send("Please approve, it has been a day"), name="remind")

    await context.parallel(
        [ParallelBranch(answer, name="answer"), ParallelBranch(reminder, name="reminder")],
        config=ParallelConfig(completion_config=CompletionConfig.first_successful()),
    )
    decision = await callback.result()

    if decision is None:
        return {"status": "expired"}
    return {"status": "approved" if decision["approved"] else "rejected", "by": decision["by"]}
