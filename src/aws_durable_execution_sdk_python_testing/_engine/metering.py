"""What an execution uses of its two hard limits: operations, and bytes that it has stored.

Both are read off the history, so that whoever has that can tell, also of an execution on AWS:
every operation counts once, and again for each retry or poll; every invocation that failed counts
once; and what each attempt, callback and context came to is stored, and what went in and out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine.history_events import INVOCATION_COMPLETED

_DATA = ("Input", "Result", "Error")
# Its payload is the input of another execution, or of none.
_NOT_STORED = frozenset({"ChainedInvokeStarted"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What an execution has used.

    Attributes:
        operations: as the service counts them.
        written: bytes.
    """

    operations: int
    written: int

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Usage:
        """The usage of an execution with this history, as the API gives it, with its data."""
        ids: set[str] = set()
        repeated = written = 0
        for event in events:
            if event.get("Id") is not None:
                ids.add(event["Id"])
            repeated += repeats(event)
            written += stored_bytes(event)
        return cls(len(ids) + repeated, written)


def repeats(event: Mapping[str, Any]) -> int:
    """How many operations an event counts for beyond its operation: a retry, a lost invocation."""
    details = _details(event)
    if event["EventType"] == INVOCATION_COMPLETED:
        return 1 if details.get("Error") else 0
    return 1 if (details.get("RetryDetails") or {}).get("NextAttemptDelaySeconds") else 0


def stored_bytes(event: Mapping[str, Any]) -> int:
    """How many bytes of data an event stands for."""
    if event["EventType"] in _NOT_STORED:
        return 0
    details = _details(event)
    return sum(data_bytes((details.get(key) or {}).get("Payload")) for key in _DATA)


def data_bytes(data: Any) -> int:
    """The size of a payload, or of an error object."""
    if data is None:
        return 0
    if isinstance(data, str):
        return utf8_size(data)
    return utf8_size(json.dumps(data, separators=(",", ":"), ensure_ascii=False))


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    details: Mapping[str, Any] = event.get(f"{event['EventType']}Details") or {}
    return details
