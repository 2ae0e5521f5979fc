"""The record stored in place of the results of a large batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.completion import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.completion_record import (
    read_completion_record,
    write_completion_record,
)

S, F, RUN = BatchItemStatus.SUCCEEDED, BatchItemStatus.FAILED, BatchItemStatus.STARTED


def batch(
    *statuses: BatchItemStatus, reason: CompletionReason = CompletionReason.ALL_COMPLETED
) -> BatchResult[Any]:
    return BatchResult([BatchItem(i, status) for i, status in enumerate(statuses)], reason)


def test_it_lists_the_started_branches_when_they_are_fewer() -> None:
    text = write_completion_record(
        "MapResult",
        batch(S, RUN, F, reason=CompletionReason.FAILURE_TOLERANCE_EXCEEDED),
        "2 of 3",
    )
    assert json.loads(text) == {
        "type": "MapResult",
        "totalCount": 3,
        "completionReason": "FAILURE_TOLERANCE_EXCEEDED",
        "startedIndexes": [1],
        "startedCount": 1,
        "successCount": 1,
        "failureCount": 1,
        "status": "FAILED",
        "summary": "2 of 3",
    }


def test_it_lists_the_completed_branches_when_they_are_fewer() -> None:
    record = json.loads(write_completion_record("ParallelResult", batch(RUN, RUN, S)))
    assert record["completedIndexes"] == [2]
    assert "startedIndexes" not in record
    assert "summary" not in record


def test_it_lists_the_started_branches_on_a_tie() -> None:
    record = json.loads(write_completion_record("ParallelResult", batch(RUN, S)))
    assert record["startedIndexes"] == [0]
    assert "completedIndexes" not in record


@given(st.lists(st.sampled_from([S, F, RUN])), st.sampled_from(CompletionReason))
@settings(deadline=None)
def test_what_is_written_reads_back(
    statuses: list[BatchItemStatus], reason: CompletionReason
) -> None:
    result = batch(*statuses, reason=reason)
    record = read_completion_record(
        "MapResult", write_completion_record("MapResult", result, "text")
    )
    assert record is not None
    assert (record.total_count, record.completion_reason) == (len(statuses), reason)
    assert record.summary == "text"
    assert [record.is_started(i) for i in range(len(statuses))] == [s is RUN for s in statuses]


VALID = json.loads(write_completion_record("MapResult", batch(S, RUN, F)))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "ParallelResult"},
        {"totalCount": 4},
        {"totalCount": "3"},
        {"totalCount": None},
        {"totalCount": -1},
        {"completionReason": "BORED"},
        {"completionReason": None},
        {"startedIndexes": [3]},
        {"startedIndexes": [-1]},
        {"startedIndexes": [1, 1]},
        {"startedIndexes": ["1"]},
        {"startedIndexes": [True]},
        {"startedIndexes": 1},
        {"startedIndexes": [[1]]},
        {"startedCount": 0},
        {"successCount": 2},
        {"failureCount": "1"},
        {"completedIndexes": [0, 2]},
    ],
)
def test_a_contradictory_record_reads_as_none(change: dict[str, Any]) -> None:
    assert read_completion_record("MapResult", json.dumps(VALID)) is not None
    assert read_completion_record("MapResult", json.dumps({**VALID, **change})) is None


@pytest.mark.parametrize("field", sorted(VALID.keys() - {"status"}))
def test_an_incomplete_record_reads_as_none(field: str) -> None:
    rest = {key: value for key, value in VALID.items() if key != field}
    assert read_completion_record("MapResult", json.dumps(rest)) is None


@pytest.mark.parametrize("payload", [None, "", "summary", "3", "null", "[]", '"type"', "[" * 9999])
def test_another_payload_reads_as_none(payload: str | None) -> None:
    assert read_completion_record("MapResult", payload) is None


def test_a_summary_that_is_not_text_is_left_out() -> None:
    record = read_completion_record("MapResult", json.dumps({**VALID, "summary": 3}))
    assert record is not None
    assert record.summary is None
