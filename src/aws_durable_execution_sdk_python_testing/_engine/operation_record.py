"""One stored operation: what the API shows of it, and what only the service knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import TERMINAL, OperationType, Status

_DETAILS = {
    OperationType.EXECUTION: "ExecutionDetails",
    OperationType.CONTEXT: "ContextDetails",
    OperationType.STEP: "StepDetails",
    OperationType.WAIT: "WaitDetails",
    OperationType.CALLBACK: "CallbackDetails",
    OperationType.CHAINED_INVOKE: "ChainedInvokeDetails",
}
_IDENTITY = ("ParentId", "Name", "SubType")
_TIMESTAMPS = ("StartTimestamp", "EndTimestamp")
_DETAIL_TIMESTAMPS = ("NextAttemptTimestamp", "ScheduledEndTimestamp")
# The status in which an operation of a type waits for something outside the handler.
_WAITING = {
    OperationType.STEP: Status.PENDING,
    OperationType.WAIT: Status.STARTED,
    OperationType.CALLBACK: Status.STARTED,
    OperationType.CHAINED_INVOKE: Status.STARTED,
}


class OperationRecord:
    """An immutable version of an operation; a change makes a new one.

    Attributes:
        wire: the operation in API form (timestamps in epoch seconds). Never changed in place:
            answers share it.
        kept: what the service needs and no API shows, e.g. a callback's time-outs.
    """

    __slots__ = ("_event_form", "_size", "id", "kept", "status", "type", "wire")

    def __init__(self, wire: dict[str, Any], kept: Mapping[str, Any] | None = None) -> None:
        self.wire = wire
        self.kept = kept or {}
        self.id: str = wire["Id"]
        self.type = OperationType(wire["Type"])
        self.status = Status(wire["Status"])
        self._event_form: dict[str, Any] | None = None
        self._size: int | None = None

    @classmethod
    def create(cls, update: Mapping[str, Any], now: float) -> OperationRecord:
        """The operation an update brings into being."""
        wire = {
            "Id": update["Id"],
            "Type": str(update["Type"]),
            "StartTimestamp": now,
            "Status": str(Status.STARTED),
        }
        for key in _IDENTITY:
            if update.get(key) is not None:
                wire[key] = update[key]
        return cls(wire)

    @property
    def details(self) -> Mapping[str, Any]:
        details: Mapping[str, Any] = self.wire.get(_DETAILS[self.type], {})
        return details

    @property
    def waiting(self) -> bool:
        """Whether something outside the handler will complete it."""
        return _WAITING.get(self.type) is self.status

    @property
    def closed(self) -> bool:
        return self.status in TERMINAL

    @property
    def attempts(self) -> int:
        """Finished attempts of a step."""
        return int(self.details.get("Attempt", 0))

    @property
    def hides_descendants(self) -> bool:
        """A completed context stands for what is inside it, unless it is to be replayed."""
        return (
            self.type is OperationType.CONTEXT
            and self.closed
            and not self.details.get("ReplayChildren")
        )

    def evolve(
        self,
        status: Status,
        details: Mapping[str, Any],
        kept: Mapping[str, Any] | None = None,
    ) -> OperationRecord:
        """The next version: another status, and the details as given."""
        wire = {**self.wire, "Status": str(status), _DETAILS[self.type]: dict(details)}
        return OperationRecord(wire, self.kept if kept is None else kept)

    def close(
        self, status: Status, now: float, details: Mapping[str, Any] | None = None
    ) -> OperationRecord:
        """The final version. A step counts the attempt and forgets what it retried with."""
        old = {"Attempt": self.attempts + 1} if self.type is OperationType.STEP else self.details
        final = self.evolve(status, {**old, **(details or {})})
        final.wire["EndTimestamp"] = now
        return final

    @property
    def event_form(self) -> dict[str, Any]:
        """The operation as the invocation event carries it: timestamps in milliseconds."""
        if self._event_form is None:
            form = _in_milliseconds(self.wire, _TIMESTAMPS)
            key = _DETAILS[self.type]
            if key in form:
                form[key] = _in_milliseconds(form[key], _DETAIL_TIMESTAMPS)
            self._event_form = form
        return self._event_form

    @property
    def size(self) -> int:
        """Bytes of its JSON form; measured once per version."""
        if self._size is None:
            self._size = len(json.dumps(self.event_form, separators=(",", ":")))
        return self._size


def _in_milliseconds(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    changed = {key: round(values[key] * 1000) for key in keys if key in values}
    return {**values, **changed}
