"""A durable execution service in real time, with latency, that can be cut off at any moment.

Waits last as long as the program says instead of whole seconds. Times have microseconds, so that
no two ends that were told of in different answers are of the same time: the service has
milliseconds, and takes longer to answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)

_EXECUTION = "5d0c8a1e-0000-4000-8000-000000000001"
_ARN = f"arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/e/{_EXECUTION}"
_AFTER = {"START": "STARTED", "SUCCEED": "SUCCEEDED", "FAIL": "FAILED"}

Wire = dict[str, Any]


class TimedService:
    """The service of one execution, and what invokes its function.

    Parameters:
        latency: seconds from a request to its answer.
        durations: seconds that the waits of these names last.

    Attributes:
        cut_off: whether the running invocation reaches the service no more.
    """

    def __init__(self, latency: float, durations: dict[str, float]) -> None:
        self._latency = latency
        self._durations = durations
        self._operations: dict[str, Wire] = {}
        self._due: dict[str, float] = {}
        self._changed: dict[str, None] = {}
        self.cut_off = False

    def invoke(self, handler: Any) -> Wire:
        """One invocation, on the record as it is."""
        time.sleep(max(0.0, min(self._due.values(), default=0.0) - self.now()))
        self.cut_off = False
        self._elapse()
        self._changed.clear()
        execution = {
            "Id": _EXECUTION,
            "Type": "EXECUTION",
            "Status": "STARTED",
            "StartTimestamp": _wire_time(self.now()),
            "ExecutionDetails": {"InputPayload": "null"},
        }
        event = {
            "DurableExecutionArn": _ARN,
            "CheckpointToken": "token",
            "InitialExecutionState": {"Operations": [execution, *self._operations.values()]},
        }
        invocation = DurableExecutionInvocationInputWithClient.from_event(
            event, self, Hooks(clock=self)
        )
        answer: Wire = handler(invocation, None)
        return answer

    async def checkpoint(
        self, arn: str, token: str, updates: Sequence[OperationUpdate], client_token: str | None
    ) -> CheckpointOutput:
        await asyncio.sleep(self._latency / 2)
        self._check_reached()
        for update in updates:
            self._apply(update.to_dict())
        self._elapse()
        changed = [self._operations[each] for each in self._changed]
        self._changed.clear()
        await asyncio.sleep(self._latency / 2)
        self._check_reached()
        return CheckpointOutput("token", StateOutput(changed))

    async def get_execution_state(self, *args: Any) -> StateOutput:
        raise AssertionError("there is one page")

    def now(self) -> float:
        return time.time()

    async def sleep_until(self, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - self.now()))

    def _check_reached(self) -> None:
        if self.cut_off:
            raise CheckpointError("cut off", retryable=True)

    def _apply(self, update: Wire) -> None:
        operation_id, status, now = update["Id"], _AFTER[update["Action"]], self.now()
        stored = self._operations.get(operation_id)
        assert stored is None or stored["Status"] == "STARTED", (update, stored)
        operation = {"StartTimestamp": _wire_time(now), **(stored or {})}
        operation.update(
            {k: update[k] for k in ("Id", "Type", "Name", "SubType", "ParentId") if k in update}
        )
        operation["Status"] = status
        if update["Type"] == "STEP":
            outcome = {"Result": update.get("Payload"), "Error": update.get("Error")}
            operation["StepDetails"] = {"Attempt": int(status != "STARTED"), **outcome}
        else:
            self._due[operation_id] = now + self._durations[update["Name"]]
            due = _wire_time(self._due[operation_id])
            operation["WaitDetails"] = {"ScheduledEndTimestamp": due}
        self._put(operation, None if status == "STARTED" else now)

    def _elapse(self) -> None:
        now = self.now()
        for operation_id, due in list(self._due.items()):
            if due <= now:
                del self._due[operation_id]
                self._put({**self._operations[operation_id], "Status": "SUCCEEDED"}, due)

    def _put(self, operation: Wire, ended: float | None) -> None:
        if ended is not None:
            operation = {**operation, "EndTimestamp": _wire_time(ended)}
        self._operations[operation["Id"]] = operation
        self._changed[operation["Id"]] = None


def _wire_time(seconds: float) -> float:
    return round(seconds * 1000, 3)
