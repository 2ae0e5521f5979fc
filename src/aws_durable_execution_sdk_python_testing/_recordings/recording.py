"""A history in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn
from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python.exceptions import (
    BotoClientError,
    CheckpointError,
    GetExecutionStateError,
    InvocationError,
    RetryableSerDesError,
)
from aws_durable_execution_sdk_python_testing._results.folding import fold

# Gives what is kept of a payload; told the payload's text and the event it is in.
Redact = Callable[[str, Mapping[str, Any]], str]

_END_EVENTS = {
    "ExecutionSucceeded": Status.SUCCEEDED,
    "ExecutionFailed": Status.FAILED,
    "ExecutionTimedOut": Status.TIMED_OUT,
    "ExecutionStopped": Status.STOPPED,
}
# What an execution fails with that its invocations failed too often, not its code: the service's
# names for crashes and time-outs, and the SDK's errors, named as they leave the handler (the bare
# class) or as an answer says them (with the module).
_INVOCATION_FAILURES = ("Sandbox.", "Runtime.", "Extension.")
_INVOCATION_ERRORS = frozenset(
    name
    for error in (
        InvocationError,
        BotoClientError,
        CheckpointError,
        GetExecutionStateError,
        RetryableSerDesError,
    )
    for name in (error.__name__, f"{error.__module__}.{error.__name__}")
)
# The members of an event's details whose `Payload` is a text, and those of an error.
_PAYLOADS = ("Input", "Result")
_ERROR_TEXTS = ("ErrorMessage", "ErrorData")
_STACK_TRACE = "StackTrace"


class RecordingError(Exception):
    """A recording cannot be read, or lacks what a replay needs."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The history of one execution.

    Attributes:
        events: as `GetDurableExecutionHistory` gives them, with execution data, oldest first.
        arn: of the execution; None where a file has the events only.
        function_arn: of its function, likewise.
    """

    events: Sequence[Mapping[str, Any]]
    arn: str | None = None
    function_arn: str | None = None

    @property
    def status(self) -> Status:
        """How the execution ended; RUNNING if it had not when it was recorded."""
        ends = (_END_EVENTS.get(event["EventType"]) for event in reversed(self.events))
        return next((status for status in ends if status is not None), Status.RUNNING)

    @property
    def is_complete(self) -> bool:
        """Whether the code ran to its end: it returned, or failed by an error of its own."""
        match self.status:
            case Status.SUCCEEDED:
                return True
            case Status.FAILED:
                return not _is_of_invocation(_error_type(self.events))
            case _:
                return False

    @property
    def function_name(self) -> str | None:
        """The plain name of the function."""
        try:
            return FunctionArn.parse(self.function_arn or "").name
        except ValueError:
            return None

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read what `save` wrote, or the output of `aws lambda get-durable-execution-history`.

        Raises:
            RecordingError: it cannot be read, or is no history with execution data.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RecordingError(f"cannot read {path}: {error}") from error
        return cls.of(content, str(path))

    @classmethod
    def of(cls, content: Any, where: str) -> Recording:
        """The recording in JSON that was read; `where` it is from goes in messages.

        Raises:
            RecordingError: as `load` does.
        """
        events = content.get("Events") if isinstance(content, dict) else None
        if not isinstance(events, list) or not all(map(_is_event, events)):
            raise RecordingError(f"{where} is no recorded history: it has no list of Events")
        recording = cls(events, content.get("DurableExecutionArn"), content.get("FunctionArn"))
        recording.check(where)
        return recording

    def check(self, where: str) -> None:
        """Raise unless a handler can be run against it; `where` it is from goes in the message.

        Raises:
            RecordingError: its beginning or execution data are missing, or an event is malformed.
        """
        if not self.events or self.events[0]["EventType"] != "ExecutionStarted":
            raise RecordingError(f"{where} does not begin with the event ExecutionStarted")
        for event in self.events:
            if any(one.get("Truncated") for one in _wrappers(event)):
                raise RecordingError(
                    f"{where} lacks execution data: the payload of event {event.get('EventId')} "
                    f"({event['EventType']}) is truncated. Record with IncludeExecutionData"
                )
        try:
            operations = fold(self.events)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordingError(f"{where} has an event that cannot be read: {error!r}") from error
        if not operations:
            raise RecordingError(f"{where} has events without an Id")

    def redacted(self, redact: Redact) -> Recording:
        """The recording with every payload put through `redact`: inputs, results, errors' texts.

        Stack traces are left out. What `redact` gives must still be what the code can read back,
        JSON in most cases.
        """
        return Recording(
            [_redact_event(event, redact) for event in self.events], self.arn, self.function_arn
        )

    def save(self, path: str | Path) -> None:
        """Write it as JSON, times in ISO 8601."""
        Path(path).write_text(self.to_json(indent=2) + "\n", encoding="utf-8")

    def to_json(self, indent: int | None = None) -> str:
        """What `save` writes; without an indent in one line."""
        content = {
            "DurableExecutionArn": self.arn,
            "FunctionArn": self.function_arn,
            "Status": self.status,
            "Events": self.events,
        }
        return json.dumps(content, indent=indent, ensure_ascii=False, default=_encode)


def find_recordings(paths: Iterable[str | Path]) -> list[Path]:
    """The files among `paths`, and the .json files below the directories among them, sorted.

    Raises:
        RecordingError: there is no such file or directory, or a directory has none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(path.rglob("*.json"))
            if not below:
                raise RecordingError(f"no recordings (.json files) in {path}")
            found += below
        elif path.is_file():
            found.append(path)
        else:
            raise RecordingError(f"no such file or directory: {path}")
    return found


def _is_event(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("EventType"), str)


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    details = event.get(event["EventType"] + "Details")
    return details if isinstance(details, Mapping) else {}


def _error_type(events: Sequence[Mapping[str, Any]]) -> str:
    """The type of the error an execution failed with."""
    failed = next(event for event in reversed(events) if event["EventType"] == "ExecutionFailed")
    error = _details(failed).get("Error")
    payload = error.get("Payload") if isinstance(error, Mapping) else None
    name = payload.get("ErrorType") if isinstance(payload, Mapping) else None
    return name if isinstance(name, str) else ""


def _is_of_invocation(error_type: str) -> bool:
    return error_type in _INVOCATION_ERRORS or error_type.startswith(_INVOCATION_FAILURES)


def _wrappers(event: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The members of the details that hold a payload."""
    values = (_details(event).get(key) for key in (*_PAYLOADS, "Error"))
    return [value for value in values if isinstance(value, Mapping)]


def _redact_event(event: Mapping[str, Any], redact: Redact) -> dict[str, Any]:
    details = dict(_details(event))
    for key in _PAYLOADS:
        wrapper = details.get(key)
        if isinstance(wrapper, Mapping) and isinstance(wrapper.get("Payload"), str):
            details[key] = {**wrapper, "Payload": redact(wrapper["Payload"], event)}
    error = details.get("Error")
    if isinstance(error, Mapping) and isinstance(error.get("Payload"), Mapping):
        kept = {key: value for key, value in error["Payload"].items() if key != _STACK_TRACE}
        texts = {key: redact(kept[key], event) for key in _ERROR_TEXTS if kept.get(key)}
        details["Error"] = {**error, "Payload": {**kept, **texts}}
    key = event["EventType"] + "Details"
    return {**event, key: details} if key in event else dict(event)


def _encode(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
