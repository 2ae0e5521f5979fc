r"""wait_for_callback: a callback and the step that hands its id out, in one operation.

    durable run examples/wait_for_callback.py --event '{"document": "contract.pdf"}' \
        --callback 'review={"verdict": "fine"}'

The submitter has a retry strategy of its own; when it gives up, `CallbackSubmitterError` is
raised. When the external system reports a failure, `CallbackExternalError` is.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    CallbackExternalError,
    DurableContext,
    durable_execution,
    durable_wait_for_callback,
)
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryPresets
from aws_durable_execution_sdk_python.types import WaitForCallbackContext


@durable_wait_for_callback
def submit_for_review(callback_id: str, context: WaitForCallbackContext, document: str) -> None:
    context.logger.info("review of %s goes to callback %s", document, callback_id)


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> str:
    config = WaitForCallbackConfig[dict[str, str]](
        timeout=Duration.from_hours(24),
        heartbeat_timeout=Duration.from_hours(2),
        retry_strategy=RetryPresets.transient(),
    )
    try:
        answer = context.wait_for_callback(submit_for_review(event["document"]), "review", config)
    except CallbackExternalError as error:
        return f"the reviewer failed: {error.message}"
    return "no review in time" if answer is None else answer["verdict"]
