"""parallel: independent work at the same time, as steps and as branches with several operations.

    durable run examples/parallel_branches.py --event '{"user_id": "u-7"}'

A bound step may be a branch as it is. `@durable_parallel_branch` makes a named branch of a
function that takes a context. Results are in the order of the branches.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    durable_execution,
    durable_parallel_branch,
    durable_step,
)


@durable_step
def fetch_profile(user_id: str) -> dict[str, Any]:
    return {"id": user_id, "name": "Jane Doe"}


@durable_step
def fetch_balance(user_id: str) -> dict[str, Any]:
    return {"balance": 12.5}


@durable_parallel_branch(name="preferences")
def load_preferences(context: DurableContext, user_id: str) -> dict[str, Any]:
    context.wait(seconds=2, name="warm_up")
    return context.step(lambda _: {"language": "en"}, name="fetch_preferences")


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    user_id = event["user_id"]
    results = context.parallel(
        fetch_profile(user_id), fetch_balance(user_id), load_preferences(user_id), name="load"
    )
    profile, balance, preferences = results
    return {**profile, **balance, **preferences}
