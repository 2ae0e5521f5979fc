"""The two calls as botocore takes them, and as HTTP carries them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aws_durable_execution_sdk_python._core.api_paths import EXECUTIONS
from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.model import OperationUpdate

# Which timestamps an operation has: its own, and those of its details.
_TIMESTAMPS = ("StartTimestamp", "EndTimestamp")
_DETAILS_TIMESTAMPS = (
    ("StepDetails", "NextAttemptTimestamp"),
    ("WaitDetails", "ScheduledEndTimestamp"),
)


def checkpoint_request(
    durable_execution_arn: str,
    checkpoint_token: str,
    updates: Sequence[OperationUpdate],
    client_token: str | None,
) -> dict[str, object]:
    request: dict[str, object] = {
        "DurableExecutionArn": durable_execution_arn,
        "CheckpointToken": checkpoint_token,
        "Updates": updates,
    }
    # Left out, botocore makes one up per call and repeats it when it retries.
    if client_token is not None:
        request["ClientToken"] = client_token
    return request


def parameters(request: Wire) -> dict[str, object]:
    """A request as botocore takes it."""
    if "Updates" not in request:
        return dict(request)
    return {**request, "Updates": [update.to_dict() for update in request["Updates"]]}


def state_request(
    durable_execution_arn: str, checkpoint_token: str, next_marker: str, max_items: int
) -> dict[str, object]:
    return {
        "DurableExecutionArn": durable_execution_arn,
        "CheckpointToken": checkpoint_token,
        "Marker": next_marker,
        "MaxItems": max_items,
    }


@dataclass(frozen=True)
class ApiOperation:
    """One of the two operations of the API.

    Attributes:
        name: of the operation.
        method: the name of its method on a botocore client.
        example: a request that botocore accepts, to see what it makes of it.
        write: path with query, and body, of a request with the given parameters.
        texts: the parameters that may be neither absent nor empty.
        state: where the answer holds operations.
    """

    name: str
    method: str
    example: Wire
    texts: tuple[str, ...]
    write: Callable[[Wire], tuple[str, bytes]]
    state: Callable[[Wire], Wire | None]

    def accepts(self, request: Wire) -> bool:
        """Whether botocore would find nothing to refuse in a request that the engine made."""
        texts = (request.get(key) for key in self.texts)
        return all(isinstance(text, str) and text for text in texts)

    def read(self, body: bytes) -> dict[str, Any] | None:
        """The answer as botocore would give it, but timestamps in milliseconds; None if odd."""
        try:
            answer = json.loads(body)
            for operation in (self.state(answer) or {}).get("Operations") or ():
                _read_timestamps(operation)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
        return answer if isinstance(answer, dict) else None


# Percent-encoding takes as long as the rest of a request: done once for the calls of an execution.
@functools.lru_cache(maxsize=16)
def _execution_path(durable_execution_arn: str) -> str:
    return f"{EXECUTIONS}/{quote(durable_execution_arn, safe='-._~')}"


def _write_checkpoint(request: Wire) -> tuple[str, bytes]:
    updates = b",".join([update.to_json() for update in request["Updates"]])
    rest = {key: request[key] for key in ("CheckpointToken", "ClientToken") if key in request}
    body = b'%s,"Updates":[%s]}' % (json.dumps(rest).encode()[:-1], updates)
    return f"{_execution_path(request['DurableExecutionArn'])}/checkpoint", body


def _write_state(request: Wire) -> tuple[str, bytes]:
    query = "&".join(
        f"{key}={quote(str(request[key]), safe='-._~')}"
        for key in ("CheckpointToken", "Marker", "MaxItems")
    )
    return f"{_execution_path(request['DurableExecutionArn'])}/state?{query}", b""


def _read_timestamps(operation: dict[str, Any]) -> None:
    """The API's seconds become the milliseconds of an invocation's event, which the codec reads."""
    for key in _TIMESTAMPS:
        if operation.get(key) is not None:
            operation[key] = round(operation[key] * 1000)
    for details_key, key in _DETAILS_TIMESTAMPS:
        details = operation.get(details_key)
        if details and details.get(key) is not None:
            details[key] = round(details[key] * 1000)


_EXAMPLE = {"DurableExecutionArn": "arn:aws:lambda", "CheckpointToken": "token"}
CHECKPOINT = ApiOperation(
    "CheckpointDurableExecution",
    "checkpoint_durable_execution",
    {**_EXAMPLE, "Updates": [], "ClientToken": "token"},
    ("DurableExecutionArn", "CheckpointToken"),
    _write_checkpoint,
    lambda answer: answer.get("NewExecutionState"),
)
STATE = ApiOperation(
    "GetDurableExecutionState",
    "get_durable_execution_state",
    {**_EXAMPLE, "Marker": "marker", "MaxItems": 1},
    ("DurableExecutionArn", "CheckpointToken", "Marker"),
    _write_state,
    lambda answer: answer,
)
