"""One execution: its token chain, its operations, and the rules that the service enforces."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass
from typing import Any

Wire = dict[str, Any]

MAX_UPDATES = 250
MAX_BATCH_BYTES = 750 * 1024
MAX_PAYLOAD_CHARACTERS = 1024 * 1024
MAX_PAGE = 1000

# By type and action: the statuses from which it is allowed (None: no such operation yet), and the
# status that it leads to.
TRANSITIONS: dict[tuple[str, str], tuple[frozenset[str | None], str]] = {
    ("STEP", "START"): (frozenset({None, "READY"}), "STARTED"),
    ("STEP", "SUCCEED"): (frozenset({"STARTED", "READY"}), "SUCCEEDED"),
    ("STEP", "FAIL"): (frozenset({"STARTED", "READY"}), "FAILED"),
    ("CONTEXT", "START"): (frozenset({None}), "STARTED"),
    ("CONTEXT", "SUCCEED"): (frozenset({None, "STARTED"}), "SUCCEEDED"),
    ("CONTEXT", "FAIL"): (frozenset({None, "STARTED"}), "FAILED"),
}
ENDINGS = frozenset({"SUCCEED", "FAIL"})
DETAILS = {"STEP": "StepDetails", "CONTEXT": "ContextDetails"}
IDENTITY = ("Type", "SubType", "Name", "ParentId")
IDENTIFIER = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
NAME = re.compile(r"[\x20-\x7e]{1,256}").fullmatch


class RejectedError(Exception):
    """A request that the service would refuse, with the status code of the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Counters:
    """What the SDK asked of the service."""

    calls: int = 0
    state_calls: int = 0
    updates: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    largest_batch: int = 0
    # Answers that took longer to make than the latency, so that the fake was the bottleneck.
    late: int = 0


class Execution:
    """The service's side of one execution.

    Parameters:
        number: makes the ARN and the tokens of this execution its own.
        latency: seconds from a complete request to its answer.
        payload: the execution's input, as JSON text.
    """

    def __init__(self, number: int, latency: float, payload: str) -> None:
        self.number = number
        self.latency = latency
        self.payload = payload
        invocation = f"invocation-{number}"
        self.arn = (
            "arn:aws:lambda:us-east-1:123456789012:function:benchmark:$LATEST"
            f"/durable-execution/benchmark-{number}/{invocation}"
        )
        self.counters = Counters()
        self.violations: list[str] = []
        self.operations: dict[str, Wire] = {
            invocation: {
                "Id": invocation,
                "Type": "EXECUTION",
                "StartTimestamp": time.time(),
                "Status": "STARTED",
                "ExecutionDetails": {"InputPayload": payload},
            }
        }
        self._root = invocation
        self._sequence = 0
        self._open = True
        self._last: tuple[str, str, Wire] | None = None

    # ------------------------------------------------------------------------------ the SDK's side

    def checkpoint(self, body: Wire, size: int) -> Wire:
        """Answer CheckpointDurableExecution, whose body had this many bytes.

        Raises:
            RejectedError: a rule is broken; nothing is applied.
        """
        counters = self.counters
        counters.calls += 1
        counters.bytes_in += size
        token, client_token = body.get("CheckpointToken", ""), body.get("ClientToken", "")
        if not (isinstance(client_token, str) and 1 <= len(client_token) <= 64):
            raise RejectedError("ClientToken must have 1 to 64 characters.")
        if self._last is not None and self._last[:2] == (token, client_token):
            return self._last[2]
        self._require_token(token)
        updates: list[Wire] = body.get("Updates") or []
        _check_batch(updates, size)
        answer = self._answer(self._apply(updates))
        counters.updates += len(updates)
        counters.largest_batch = max(counters.largest_batch, len(updates))
        self._last = (token, client_token, answer)
        return answer

    def state(self, token: str, marker: str, max_items: int) -> Wire:
        """Answer GetDurableExecutionState: the operations from the marker on."""
        self.counters.state_calls += 1
        self._require_token(token)
        if not marker.isdecimal():
            raise RejectedError("Invalid marker.")
        start, size = int(marker), min(max_items or 100, MAX_PAGE)
        operations = list(self.operations.values())
        end = start + size
        return {
            "Operations": operations[start:end],
            "NextMarker": str(end) if end < len(operations) else "",
        }

    # ---------------------------------------------------------------------------- the driver's side

    @property
    def token(self) -> str:
        """The only token that the next call may use."""
        return f"execution{self.number}sequence{self._sequence}"

    def event(self, first_page: int | None) -> Wire:
        """The event that Lambda would send, with so many operations (None: all) in it."""
        operations = [_in_milliseconds(operation) for operation in self.operations.values()]
        page = operations if first_page is None else operations[:first_page]
        marker = str(len(page)) if len(page) < len(operations) else ""
        return {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": self.token,
            "InitialExecutionState": {"Operations": page, "NextMarker": marker},
        }

    def adopt(self, source: Execution, *, reopen_contexts: bool) -> None:
        """Take over another execution's operations, contexts open again if so wanted."""
        for key, operation in source.operations.items():
            if key == source._root:
                continue
            copy = dict(operation)
            if reopen_contexts and copy["Type"] == "CONTEXT":
                copy["Status"] = "STARTED"
                copy.pop("ContextDetails", None)
                copy.pop("EndTimestamp", None)
            self.operations[key] = copy

    def report(self) -> Wire:
        """The counters, the rules broken, and how many operations have which status."""
        statuses: dict[str, int] = {}
        for operation in self.operations.values():
            key = f"{operation['Type']} {operation['Status']}"
            statuses[key] = statuses.get(key, 0) + 1
        return {**asdict(self.counters), "violations": self.violations, "operations": statuses}

    # ------------------------------------------------------------------------------------ the rules

    def _require_token(self, token: str) -> None:
        if not self._open or token != self.token:
            raise RejectedError("Invalid checkpoint token")

    def _apply(self, updates: list[Wire]) -> dict[str, Wire]:
        changed: dict[str, Wire] = {}
        seen: dict[str, str] = {}
        last = len(updates) - 1
        for position, update in enumerate(updates):
            key, action = update["Id"], update["Action"]
            if key in seen and (seen[key] != "START" or action == "START"):
                raise RejectedError("Cannot checkpoint multiple operations with the same ID.")
            seen[key] = action
            if update["Type"] == "EXECUTION":
                if position != last or action not in ENDINGS:
                    raise RejectedError("EXECUTION checkpoint must be the last update.")
                self._open = False
                continue
            changed[key] = self._changed(update, changed)
        self.operations.update(changed)
        return changed

    def _changed(self, update: Wire, changed: dict[str, Wire]) -> Wire:
        """The operation after the update; the one on record stays as it is."""
        _check_update(update)
        key = update["Id"]
        known = changed.get(key) or self.operations.get(key)
        allowed, status = TRANSITIONS[update["Type"], update["Action"]]
        if (known["Status"] if known else None) not in allowed:
            raise RejectedError(f"Invalid current {update['Type']} state to {update['Action']}.")
        if known is None:
            operation = self._created(update, changed)
        else:
            for field in IDENTITY:
                if known.get(field) != (update.get(field) or None):
                    raise RejectedError(f"Inconsistent operation {field}.")
            operation = dict(known)
        operation["Status"] = status
        if status != "STARTED":
            _close(operation, update)
        return operation

    def _created(self, update: Wire, changed: dict[str, Wire]) -> Wire:
        parent = update.get("ParentId")
        if parent:
            context = changed.get(parent) or self.operations.get(parent)
            if context is None or context["Type"] != "CONTEXT":
                raise RejectedError("Invalid parent operation id.")
        operation: Wire = {"Id": update["Id"], "StartTimestamp": time.time()}
        for field in IDENTITY:
            if update.get(field):
                operation[field] = update[field]
        return operation

    def _answer(self, changed: dict[str, Wire]) -> Wire:
        self._sequence += 1
        answer: Wire = {"NewExecutionState": {"Operations": list(changed.values())}}
        if self._open:
            answer["CheckpointToken"] = self.token
        return answer


def _check_batch(updates: list[Wire], size: int) -> None:
    if len(updates) > MAX_UPDATES:
        raise RejectedError(f"More than {MAX_UPDATES} updates.")
    # Exact only where it can matter: the body is the updates and a little more.
    if size > MAX_BATCH_BYTES and len(updates) > 1:
        exact = len(json.dumps(updates, separators=(",", ":")))
        if exact > MAX_BATCH_BYTES:
            raise RejectedError(f"{exact} bytes of updates; {MAX_BATCH_BYTES} are allowed.")


def _check_update(update: Wire) -> None:
    if (update["Type"], update["Action"]) not in TRANSITIONS:
        raise RejectedError("Invalid action for the given operation type.")
    if not IDENTIFIER(update["Id"]):
        raise RejectedError("Invalid operation id.")
    if "Name" in update and not NAME(update["Name"]):
        raise RejectedError("Invalid operation name.")
    if len(update.get("Payload") or "") > MAX_PAYLOAD_CHARACTERS:
        raise RejectedError("The payload is too large.")
    if "Error" in update and update["Action"] != "FAIL":
        raise RejectedError("Cannot provide an Error for SUCCEED action.")
    if "Payload" in update and update["Action"] == "FAIL":
        raise RejectedError("Cannot provide a Payload for FAIL action.")


def _close(operation: Wire, update: Wire) -> None:
    operation["EndTimestamp"] = time.time()
    details: Wire = {}
    if "Payload" in update:
        details["Result"] = update["Payload"]
    if "Error" in update:
        details["Error"] = update["Error"]
    if operation["Type"] == "STEP":
        details["Attempt"] = 1
    elif (update.get("ContextOptions") or {}).get("ReplayChildren"):
        details["ReplayChildren"] = True
    operation[DETAILS[operation["Type"]]] = details


def _in_milliseconds(operation: Wire) -> Wire:
    """The operation as events give it: whole milliseconds instead of seconds."""
    copy = dict(operation)
    for field in ("StartTimestamp", "EndTimestamp"):
        if field in copy:
            copy[field] = int(copy[field] * 1000)
    return copy
