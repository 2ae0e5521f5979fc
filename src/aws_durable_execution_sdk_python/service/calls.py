"""The two calls as botocore takes and gives them, for every client built on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_durable_execution_sdk_python.core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)


def checkpoint_request(
    durable_execution_arn: str,
    checkpoint_token: str,
    updates: Sequence[OperationUpdate],
    client_token: str | None,
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "DurableExecutionArn": durable_execution_arn,
        "CheckpointToken": checkpoint_token,
        "Updates": [update.to_dict() for update in updates],
    }
    # Left out, botocore makes one up per call and repeats it when it retries.
    if client_token is not None:
        request["ClientToken"] = client_token
    return request


def checkpoint_output(response: Mapping[str, Any]) -> CheckpointOutput:
    return CheckpointOutput(
        checkpoint_token=response.get("CheckpointToken") or None,
        new_execution_state=state_output(response.get("NewExecutionState") or {}),
    )


def state_request(
    durable_execution_arn: str, checkpoint_token: str, next_marker: str, max_items: int
) -> dict[str, Any]:
    return {
        "DurableExecutionArn": durable_execution_arn,
        "CheckpointToken": checkpoint_token,
        "Marker": next_marker,
        "MaxItems": max_items,
    }


def state_output(response: Mapping[str, Any]) -> StateOutput:
    return StateOutput(
        operations=response.get("Operations") or [],
        next_marker=response.get("NextMarker") or None,
    )
