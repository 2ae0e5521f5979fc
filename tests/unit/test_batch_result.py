"""What map and parallel give back."""

from __future__ import annotations

import pytest

from aws_durable_execution_sdk_python._core.completion import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.concurrency import models
from aws_durable_execution_sdk_python.exceptions import BatchCompletionError, ChildContextError

BAD = ErrorObject("out of stock", "ValueError")


def succeeded(index: int, result: str | None) -> BatchItem[str | None]:
    return BatchItem(index, BatchItemStatus.SUCCEEDED, result)


def failed(index: int, error: ErrorObject | None = BAD) -> BatchItem[str | None]:
    return BatchItem(index, BatchItemStatus.FAILED, error=error)


def started(index: int) -> BatchItem[str | None]:
    return BatchItem(index, BatchItemStatus.STARTED)


def batch(
    *items: BatchItem[str | None], reason: CompletionReason = CompletionReason.ALL_COMPLETED
) -> BatchResult[str | None]:
    return BatchResult(list(items), reason)


MIXED = batch(
    succeeded(0, "a"),
    failed(1),
    started(2),
    succeeded(3, None),
    reason=CompletionReason.MIN_SUCCESSFUL_REACHED,
)


def test_it_is_a_sequence_of_results() -> None:
    results = batch(succeeded(0, "a"), succeeded(1, None), succeeded(2, "c"))
    assert list(results) == ["a", None, "c"]
    assert (results[0], results[-1], results[1:], len(results)) == ("a", "c", [None, "c"], 3)
    assert "c" in results


def test_the_result_of_a_failed_item_raises_its_error() -> None:
    with pytest.raises(ChildContextError, match="out of stock"):
        MIXED[1]


def test_the_error_of_an_item_is_also_of_its_original_class() -> None:
    with pytest.raises(ValueError, match="out of stock"):
        MIXED[1]


def test_the_result_of_an_unfinished_item_raises_index_error_naming_its_status() -> None:
    with pytest.raises(IndexError, match="item 2 has no result: it was STARTED"):
        MIXED[2]


def test_the_result_of_an_item_that_never_started_raises_index_error() -> None:
    with pytest.raises(IndexError, match=r"item 4 was not started.*MIN_SUCCESSFUL_REACHED"):
        MIXED[4]


def test_iteration_does_not_end_silently_at_an_unfinished_item() -> None:
    with pytest.raises(IndexError, match="STARTED"):
        list(batch(succeeded(0, "a"), started(1), succeeded(2, "c")))


def test_items_by_status() -> None:
    assert [i.index for i in MIXED.succeeded()] == [0, 3]
    assert [i.index for i in MIXED.failed()] == [1]
    assert [i.index for i in MIXED.started()] == [2]


def test_counts() -> None:
    counts = (MIXED.total_count, MIXED.success_count, MIXED.failure_count, MIXED.started_count)
    assert counts == (4, 2, 1, 1)


def test_none_results_are_results() -> None:
    assert MIXED.get_results() == ["a", None]


def test_get_errors_gives_error_objects_and_none_where_nothing_was_stored() -> None:
    assert batch(failed(0), failed(1, None)).get_errors() == [BAD, None]


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (batch(), "SUCCEEDED"),
        (batch(succeeded(0, "a"), started(1)), "SUCCEEDED"),
        (MIXED, "FAILED"),
        (batch(failed(0), reason=CompletionReason.CUSTOM_COMPLETION_SUCCEEDED), "SUCCEEDED"),
        (batch(succeeded(0, ""), reason=CompletionReason.CUSTOM_COMPLETION_FAILED), "FAILED"),
    ],
)
def test_status(result: BatchResult[str | None], status: str) -> None:
    assert result.status == status


def test_throw_if_error_raises_the_first_error() -> None:
    with pytest.raises(ChildContextError, match="out of stock"):
        MIXED.throw_if_error()


def test_throw_if_error_of_a_batch_without_failure_does_nothing() -> None:
    batch(succeeded(0, "a"), started(1)).throw_if_error()


def test_throw_if_error_follows_a_custom_success() -> None:
    batch(failed(0), reason=CompletionReason.CUSTOM_COMPLETION_SUCCEEDED).throw_if_error()


def test_throw_if_error_of_a_custom_failure_names_the_counts_and_the_first_error() -> None:
    result = batch(failed(0), reason=CompletionReason.CUSTOM_COMPLETION_FAILED)
    with pytest.raises(BatchCompletionError, match="0 items succeeded, 1 failed") as caught:
        result.throw_if_error()
    assert isinstance(caught.value.__cause__, ChildContextError)


def test_dict_form_round_trips() -> None:
    assert BatchResult.from_dict(MIXED.to_dict()) == MIXED


def test_dict_form_is_the_official_one() -> None:
    assert batch(succeeded(0, "a"), failed(1)).to_dict() == {
        "all": [
            {"index": 0, "status": "SUCCEEDED", "result": "a", "error": None},
            {
                "index": 1,
                "status": "FAILED",
                "result": None,
                "error": {"ErrorMessage": "out of stock", "ErrorType": "ValueError"},
            },
        ],
        "completionReason": "ALL_COMPLETED",
    }


def test_a_dict_without_reason_counts_as_all_completed() -> None:
    assert BatchResult.from_dict({"all": []}).completion_reason == "ALL_COMPLETED"


def test_the_documented_module_has_the_same_types() -> None:
    assert models.BatchResult is BatchResult
