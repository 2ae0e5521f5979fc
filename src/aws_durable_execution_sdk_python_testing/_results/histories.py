"""Histories, as `get_execution_history` and a result's `history` give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python_testing._results.folding import event_time

INVOCATION_COMPLETED = "InvocationCompleted"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a history.

    Attributes:
        event_type: `StepStarted`, `InvocationCompleted`, ...
        event_id: position in the history, from 1.
        event_timestamp: when it happened, aware.
        operation_id, name, parent_id, sub_type: the operation it is about, if any.
        details: what else the service says about it, in wire form.
    """

    event_type: str
    event_id: int
    event_timestamp: datetime
    operation_id: str | None = None
    name: str | None = None
    parent_id: str | None = None
    sub_type: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def from_dict(cls, event: Mapping[str, Any]) -> Event:
        """From an event as the API gives it."""
        return cls(
            event_type=event["EventType"],
            event_id=event["EventId"],
            event_timestamp=event_time(event["EventTimestamp"]),
            operation_id=event.get("Id"),
            name=event.get("Name"),
            parent_id=event.get("ParentId"),
            sub_type=event.get("SubType"),
            details=event.get(event["EventType"] + "Details") or {},
        )


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of the function, as the history tells of it.

    Attributes:
        request_id: the invocation's id; in the function, `context.aws_request_id`.
        start_timestamp, end_timestamp: when it ran, aware.
        error: what it failed with; None if it gave an answer, "PENDING" for instance.
    """

    request_id: str
    start_timestamp: datetime
    end_timestamp: datetime
    error: ErrorObject | None = None

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> Invocation:
        """From the details of an `InvocationCompleted` event."""
        wrapper: Mapping[str, Any] = details.get("Error") or {}
        error = wrapper.get("Payload")
        return cls(
            request_id=details["RequestId"],
            start_timestamp=event_time(details["StartTimestamp"]),
            end_timestamp=event_time(details["EndTimestamp"]),
            error=None if error is None else ErrorObject.from_dict(error),
        )


@dataclass(frozen=True)
class ExecutionHistory:
    """The events of an execution, oldest first."""

    events: tuple[Event, ...]

    @property
    def invocations(self) -> tuple[Invocation, ...]:
        """The invocations that have ended, oldest first."""
        completed = (e for e in self.events if e.event_type == INVOCATION_COMPLETED)
        return tuple(Invocation.from_details(event.details) for event in completed)

    @classmethod
    def from_dicts(cls, events: Iterable[Mapping[str, Any]]) -> ExecutionHistory:
        return cls(tuple(map(Event.from_dict, events)))
