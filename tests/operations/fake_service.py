"""A durable execution service in miniature, that records what it is sent.

It keeps operations as wire dicts, applies updates by a table of transitions and refuses what the
service would refuse. Time stands still unless a test lets it pass. A history can be given, and
single answers can be replaced, to see what the SDK makes of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._kernel.tuning import DEFAULT_TUNING, Tuning
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)

EXECUTION_ID = "5d0c8a1e-0000-4000-8000-000000000001"
ARN = (
    "arn:aws:lambda:eu-west-1:123456789012:function:orders:7"
    f"/durable-execution/order-1/{EXECUTION_ID}"
)
START_TIME = datetime(2026, 1, 1, tzinfo=UTC)
TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "STOPPED"})

Wire = dict[str, Any]


@dataclass(frozen=True)
class NoToken:
    """An answer without a CheckpointToken: it was withdrawn.

    A late one comes some turns of the event loop after `received` is set.
    """

    received: asyncio.Event | None = None


Answer = BaseException | NoToken | Callable[["FakeService"], object]

_OPEN = {"STARTED", "READY"}
# (type, action): the states it is allowed in (None: not there yet), and the state that follows.
_TRANSITIONS: dict[tuple[str, str], tuple[set[str | None], str]] = {
    ("STEP", "START"): ({None, "READY"}, "STARTED"),
    ("STEP", "RETRY"): ({*_OPEN}, "PENDING"),
    ("STEP", "SUCCEED"): ({*_OPEN}, "SUCCEEDED"),
    ("STEP", "FAIL"): ({*_OPEN}, "FAILED"),
    ("CONTEXT", "START"): ({None}, "STARTED"),
    ("CONTEXT", "SUCCEED"): ({"STARTED"}, "SUCCEEDED"),
    ("CONTEXT", "FAIL"): ({"STARTED"}, "FAILED"),
    ("WAIT", "START"): ({None}, "STARTED"),
    ("CALLBACK", "START"): ({None}, "STARTED"),
    ("CHAINED_INVOKE", "START"): ({None}, "STARTED"),
    ("EXECUTION", "SUCCEED"): ({None}, "SUCCEEDED"),
    ("EXECUTION", "FAIL"): ({None}, "FAILED"),
}
_DETAILS = {
    "EXECUTION": "ExecutionDetails",
    "CONTEXT": "ContextDetails",
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
    "CALLBACK": "CallbackDetails",
    "CHAINED_INVOKE": "ChainedInvokeDetails",
}
_SUB_TYPES = {
    "CONTEXT": "RunInChildContext",
    "STEP": "Step",
    "WAIT": "Wait",
    "CALLBACK": "Callback",
    "CHAINED_INVOKE": "ChainedInvoke",
}


# --------------------------------------------------------------------------- making histories


def oid(*path: int) -> str:
    """The id of an operation: `oid(3)` at the top level, `oid(3, 1)` the first one inside it."""
    prefix = ""
    for n in path:
        text = f"{prefix}-{n}" if prefix else str(n)
        prefix = hashlib.blake2b(text.encode()).hexdigest()[:64]
    return prefix


def recorded(
    kind: str, status: str, path: int | tuple[int, ...], name: str | None = None, **details: Any
) -> Wire:
    """A recorded operation. `SubType` and `ParentId` among the details override the usual."""
    path = path if isinstance(path, tuple) else (path,)
    parent = oid(*path[:-1]) if len(path) > 1 else None
    operation = {
        "Id": oid(*path),
        "Type": kind,
        "Status": status,
        "SubType": details.pop("SubType", _SUB_TYPES[kind]),
        "ParentId": details.pop("ParentId", parent),
        "Name": name,
        "StartTimestamp": START_TIME,
        "EndTimestamp": START_TIME if status in TERMINAL else None,
        _DETAILS[kind]: details,
    }
    return {key: value for key, value in operation.items() if value is not None}


def error(kind: str, message: str = "", **more: Any) -> Wire:
    """An error object."""
    return {"ErrorType": kind, "ErrorMessage": message, **more}


# --------------------------------------------------------------------------------- the service


class FakeService:
    """The two calls of a `DurableServiceClient`, and the invocations that lead to them.

    Parameters:
        history: what is recorded already.
        event: the execution's input.
        answers: replaces the answer to the n-th checkpoint call (from 1): an error is raised,
            `NoToken()` withdraws the token, a function is called before the answer is made.
        page_size: how many operations an answer or an event carries at most.
        tuning: the engine's constants.
    """

    def __init__(
        self,
        *history: Wire,
        event: Any = None,
        answers: Mapping[int, Answer] | None = None,
        page_size: int | None = None,
        tuning: Tuning = DEFAULT_TUNING,
    ) -> None:
        self.time = START_TIME
        self.input_payload: str | None = json.dumps(event)
        self.operations: dict[str, Wire] = {op["Id"]: op for op in history}
        self.requests: list[list[Wire]] = []
        self.page_errors: list[Exception] = []
        self._answers = dict(answers or {})
        self._page_size = page_size
        self._tuning = tuning
        self._pages: dict[str, list[Wire]] = {}
        self._changed: dict[str, None] = {}
        self._tokens = 0
        self._revoked = False

    # -- what tests look at -----------------------------------------------------------------

    @property
    def updates(self) -> list[Wire]:
        """All updates that were sent, in order."""
        return [update for request in self.requests for update in request]

    def sent(self, action: str, *path: int) -> Wire:
        """The only update of that operation with that action."""
        (update,) = [u for u in self.updates if (u["Id"], u["Action"]) == (oid(*path), action)]
        return update

    @property
    def trace(self) -> list[str]:
        """All updates in short: `["STEP START pay", "STEP SUCCEED pay"]`."""
        return [
            " ".join(filter(None, (u["Type"], u["Action"], u.get("Name")))) for u in self.updates
        ]

    # -- what tests do ----------------------------------------------------------------------

    def event(self) -> Wire:
        """The next invocation's event."""
        execution = {
            "Id": EXECUTION_ID,
            "Type": "EXECUTION",
            "Status": "STARTED",
            "StartTimestamp": START_TIME,
            "ExecutionDetails": {"InputPayload": self.input_payload},
        }
        visible = [op for op in self.operations.values() if not self._is_collapsed(op)]
        operations, marker = self._paged([_as_in_event(op) for op in [execution, *visible]])
        updated = list(self._changed)
        self._changed.clear()
        return {
            "DurableExecutionArn": ARN,
            "CheckpointToken": self._next_token(),
            "InitialExecutionState": {"Operations": operations, "NextMarker": marker or ""},
            "UpdatedOperationIds": updated,
        }

    def invoke(
        self, handler: Any, event: Wire | None = None, lambda_context: object = None
    ) -> Wire:
        """Invoke the handler once; returns its response."""
        invocation = DurableExecutionInvocationInputWithClient.from_event(
            event or self.event(), self, Hooks(clock=self, tuning=self._tuning)
        )
        response: Wire = handler(invocation, lambda_context)
        return response

    def run(self, handler: Any) -> Wire:
        """Invoke until the execution has ended, letting the time pass that it waits for."""
        for _ in range(50):
            response = self.invoke(handler)
            if response["Status"] != "PENDING":
                return response
            self.time = max(self.time, self._next_timer())
            self._elapse()
        raise AssertionError("the execution did not end in 50 invocations")

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self._elapse()

    def complete(self, status: str, path: tuple[int, ...] | int, **details: Any) -> None:
        """End an operation from outside: a callback, an invoke."""
        path = path if isinstance(path, tuple) else (path,)
        operation = self.operations[oid(*path)]
        self._put(operation, status, **details)

    # -- the client -------------------------------------------------------------------------

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        wire = json.loads(json.dumps([update.to_dict() for update in updates]))
        self.requests.append(wire)
        answer = self._answers.get(len(self.requests))
        if isinstance(answer, BaseException):
            raise answer
        self._require(durable_execution_arn == ARN, "another execution")
        self._require(not self._revoked, "a call after the token was withdrawn")
        self._require(checkpoint_token == self._token, "Invalid Checkpoint Token")
        for update in wire:
            self._apply(update)
        self._elapse()
        if isinstance(answer, NoToken):
            self._revoked = True
            if answer.received is not None:
                answer.received.set()
                for _ in range(20):
                    await asyncio.sleep(0)
        elif answer is not None:
            answer(self)
        changed = [dict(self.operations[each]) for each in self._changed]
        self._changed.clear()
        operations, marker = self._paged(changed)
        ended = self._revoked or any(update["Type"] == "EXECUTION" for update in wire)
        token = None if ended else self._next_token()
        return CheckpointOutput(token, StateOutput(operations, marker))

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        if self.page_errors:
            raise self.page_errors.pop()
        if checkpoint_token != self._token:
            raise GetExecutionStateError("Invalid Checkpoint Token", retryable=False)
        operations, marker = self._paged(self._pages.pop(next_marker))
        return StateOutput(operations, marker)

    def now(self) -> float:
        return self.time.timestamp()

    async def sleep_until(self, deadline: float) -> None:
        """Within an invocation time stands still."""
        await asyncio.get_running_loop().create_future()

    # -- state ------------------------------------------------------------------------------

    @property
    def _token(self) -> str:
        return f"token-{self._tokens}"

    def _next_token(self) -> str:
        self._tokens += 1
        return self._token

    def _apply(self, update: Wire) -> None:
        stored = self.operations.get(update["Id"])
        allowed, becomes = _TRANSITIONS[update["Type"], update["Action"]]
        status = None if stored is None else stored["Status"]
        self._require(status in allowed, f"{update['Action']} of {update} while it is {status}")
        if update["Type"] == "EXECUTION":
            return
        described = json.dumps(update.get("Error"), ensure_ascii=False)
        self._require(len(described.encode()) < 32 * 1024, "the error is too large")
        identity = {
            k: update[k] for k in ("Id", "Type", "Name", "SubType", "ParentId") if k in update
        }
        if stored is None:
            self._check_parent(update.get("ParentId"))
            stored = {**identity, "StartTimestamp": self.time}
        self._require(identity.items() <= stored.items(), f"{update} is not {stored}")
        self._put(stored, becomes, **self._details(update))

    def _details(self, update: Wire) -> Wire:
        details = {}
        if update.get("Payload") is not None and update["Action"] != "START":
            details["Result"] = update["Payload"]
        if "Error" in update:
            details["Error"] = update["Error"]
        if "StepOptions" in update:
            delay = timedelta(seconds=update["StepOptions"]["NextAttemptDelaySeconds"])
            details["NextAttemptTimestamp"] = self.time + delay
        if update["Type"] == "STEP":
            before = self.operations.get(update["Id"], {}).get("StepDetails", {}).get("Attempt", 0)
            details["Attempt"] = before + (update["Action"] != "START")
        if "WaitOptions" in update:
            span = timedelta(seconds=update["WaitOptions"]["WaitSeconds"])
            details["ScheduledEndTimestamp"] = self.time + span
        if update["Type"] == "CALLBACK":
            details["CallbackId"] = f"callback-{len(self.operations)}"
        if update.get("ContextOptions", {}).get("ReplayChildren"):
            details["ReplayChildren"] = True
        return details

    def _put(self, operation: Wire, status: str, **details: Any) -> None:
        key = _DETAILS[operation["Type"]]
        merged = {**operation.get(key, {}), **details}
        if status != "PENDING":
            merged.pop("NextAttemptTimestamp", None)
        ended = {"EndTimestamp": self.time} if status in TERMINAL else {}
        self.operations[operation["Id"]] = {**operation, "Status": status, key: merged, **ended}
        self._changed[operation["Id"]] = None

    def _elapse(self) -> None:
        for operation, due in list(self._timers()):
            if due <= self.time:
                self._put(operation, "READY" if operation["Type"] == "STEP" else "SUCCEEDED")

    def _timers(self) -> Iterable[tuple[Wire, datetime]]:
        for operation in self.operations.values():
            if (operation["Type"], operation["Status"]) == ("STEP", "PENDING"):
                yield operation, operation["StepDetails"]["NextAttemptTimestamp"]
            elif (operation["Type"], operation["Status"]) == ("WAIT", "STARTED"):
                yield operation, operation["WaitDetails"]["ScheduledEndTimestamp"]

    def _next_timer(self) -> datetime:
        return min(due for _, due in self._timers())

    def _is_collapsed(self, operation: Wire) -> bool:
        """The service leaves out what is below a completed context whose result is stored."""
        parent = self.operations.get(operation.get("ParentId", ""))
        if parent is None:
            return False
        replays = parent.get("ContextDetails", {}).get("ReplayChildren")
        if parent["Status"] in TERMINAL and not replays:
            return True
        return self._is_collapsed(parent)

    def _check_parent(self, parent_id: str | None) -> None:
        if parent_id is not None:
            parent = self.operations.get(parent_id, {})
            self._require(parent.get("Type") == "CONTEXT", "the parent is not a context")

    def _paged(self, operations: list[Wire]) -> tuple[list[Wire], str | None]:
        if self._page_size is None or len(operations) <= self._page_size:
            return operations, None
        marker = f"marker-{len(operations)}"
        self._pages[marker] = operations[self._page_size :]
        return operations[: self._page_size], marker

    @staticmethod
    def _require(condition: bool, message: str) -> None:
        if not condition:
            raise CheckpointError(f"400: {message}", retryable=False, status_code=400)


def _as_in_event(operation: Wire) -> Wire:
    """Events carry timestamps as epoch milliseconds."""
    return {
        key: _as_in_event(value)
        if isinstance(value, dict)
        else round(value.timestamp() * 1000, 3)
        if isinstance(value, datetime)
        else value
        for key, value in operation.items()
    }
