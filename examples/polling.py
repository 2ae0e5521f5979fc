"""wait_for_condition: look again and again, with growing delays, until a job is ready.

    durable run examples/polling.py --event '{"job_id": "job-9"}'

The check gets the state that it returned the last time. Between checks nothing runs and nothing
is paid for. When the attempts are used up, `WaitForConditionError` is raised.
"""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.types import WaitForConditionCheckContext
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)

Job = dict[str, Any]


def check_job(job: Job, context: WaitForConditionCheckContext) -> Job:
    context.logger.info("check %s of %s", context.attempt, job["id"])
    return {"id": job["id"], "status": "READY" if context.attempt >= 4 else "RUNNING"}


def is_running(job: Job) -> bool:
    return bool(job["status"] == "RUNNING")


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> str:
    wait_strategy = create_wait_strategy(
        WaitStrategyConfig(
            should_continue_polling=is_running,
            max_attempts=20,
            initial_delay=Duration.from_seconds(2),
            max_delay=Duration.from_minutes(1),
            backoff_rate=2.0,
        )
    )
    job: Job = {"id": event["job_id"], "status": "RUNNING"}
    config = WaitForConditionConfig(wait_strategy=wait_strategy, initial_state=job)
    job = context.wait_for_condition(check_job, config, name="job_ready")
    return f"{job['id']} is {job['status']}"
