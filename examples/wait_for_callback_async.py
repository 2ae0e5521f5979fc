r"""wait_for_callback, async: two reviews are asked for at once, and both are awaited.

    durable run examples/wait_for_callback_async.py --event '{"document": "contract.pdf"}' \
        --callback 'legal={"verdict": "fine"}' --callback 'finance={"verdict": "too dear"}'

Operations take their place in the history when the method is called, so `asyncio.gather` of
several operations replays in the same order.
"""

import asyncio
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    durable_execution,
    durable_wait_for_callback,
)
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python.types import WaitForCallbackContext


@durable_wait_for_callback
async def submit_for_review(
    callback_id: str, context: WaitForCallbackContext, document: str, reviewer: str
) -> None:
    context.logger.info("%s reviews %s, callback %s", reviewer, document, callback_id)


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    config = WaitForCallbackConfig[dict[str, str]](timeout=Duration.from_hours(24))
    reviewers = ["legal", "finance"]
    answers = await asyncio.gather(
        *(
            context.wait_for_callback(submit_for_review(event["document"], name), name, config)
            for name in reviewers
        )
    )
    return {
        name: None if answer is None else answer["verdict"]
        for name, answer in zip(reviewers, answers, strict=True)
    }
