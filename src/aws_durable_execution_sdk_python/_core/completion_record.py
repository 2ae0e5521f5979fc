"""The record that lets the result of a map or parallel too large to store be rebuilt on replay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from aws_durable_execution_sdk_python._core.batch_result import (
    BatchItemStatus,
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.codec import Wire

BatchKind = Literal["MapResult", "ParallelResult"]


@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """The decision of a batch too large to store its results: which branches count, and how.

    Replay must not decide again, because branches may have ended after the decision was made.

    Attributes:
        total_count: branches `0 .. total_count-1` had started; later ones are not in the result.
        completion_reason: why the batch stopped.
        summary: the text of the user's `summary_generator`, if there is one.
    """

    total_count: int
    completion_reason: CompletionReason
    summary: str | None
    _listed: frozenset[int]
    _listed_are_started: bool

    def is_started(self, index: int) -> bool:
        """Whether that branch was unfinished at the decision, whatever it did afterwards."""
        return (index in self._listed) == self._listed_are_started


def write_completion_record(
    kind: BatchKind, result: BatchResult[Any], summary: str | None = None
) -> str:
    """The JSON payload that stands for `result` in the batch's own checkpoint."""
    started = [item.index for item in result.started()]
    completed = [i.index for i in result.all if i.status is not BatchItemStatus.STARTED]
    listed = (
        {"completedIndexes": completed}
        if len(completed) < len(started)
        else {"startedIndexes": started}
    )
    record = {
        "type": kind,
        "totalCount": result.total_count,
        "completionReason": result.completion_reason.value,
        **listed,
        "startedCount": len(started),
        "successCount": result.success_count,
        "failureCount": result.failure_count,
        "status": result.status.value,
    }
    if summary is not None:
        record["summary"] = summary
    return json.dumps(record)


def read_completion_record(kind: BatchKind, payload: str | None) -> CompletionRecord | None:
    """The record in a stored payload; None if there is none or it contradicts itself."""
    try:
        data = json.loads(payload or "")
        return _parse_record(kind, data)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _parse_record(kind: BatchKind, data: Wire) -> CompletionRecord:
    by_started = "startedIndexes" in data
    indexes = data["startedIndexes" if by_started else "completedIndexes"]
    total = data["totalCount"]
    listed = frozenset(indexes)
    started = len(listed) if by_started else total - len(listed)
    consistent = (
        data["type"] == kind
        and by_started != ("completedIndexes" in data)
        and len(listed) == len(indexes)
        and all(type(i) is int and 0 <= i < total for i in listed)
        and data["startedCount"] == started
        and data["successCount"] + data["failureCount"] + started == total
    )
    if type(total) is not int or total < 0 or not consistent:
        raise ValueError("the record contradicts itself")
    reason = CompletionReason(data["completionReason"])
    summary = data.get("summary")
    return CompletionRecord(
        total, reason, summary if isinstance(summary, str) else None, listed, by_started
    )
