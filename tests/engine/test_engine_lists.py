"""Lists of executions: order, pages and every filter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bench import Bench, Handler, callback

from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    InvalidParameterValueError,
    ShapeError,
)

FUNCTION_ARN = "arn:aws:lambda:us-west-2:123456789012:function:f"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def listed(bench: Bench, *given: Any, **filters: Any) -> list[str]:
    """The names on the first page, in its order."""
    page = bench.engine.list_executions(*given, **filters)
    return [one["DurableExecutionName"] for one in page["DurableExecutions"]]


def ended(bench: Bench, name: str, how: str) -> Handler:
    handler = bench.start(execution_name=name)
    getattr(handler, how)()
    return handler


# ---------------------------------------------------------------------------------- order


def test_newest_first_unless_reversed(bench: Bench) -> None:
    """Those started in the same instant too."""
    for name in ("a", "b", "c"):
        bench.start_only(execution_name=name)
    assert listed(bench) == ["c", "b", "a"]
    assert listed(bench, reverse_order=True) == ["a", "b", "c"]


def test_a_page_has_a_hundred_executions_by_default(bench: Bench) -> None:
    for _ in range(101):
        bench.start_only()
    assert len(listed(bench)) == 100
    assert len(listed(bench, max_items=101)) == 101


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_are_complete_though_executions_come_and_go(bench: Bench, reverse: bool) -> None:
    """A marker stands for an execution, not for a count."""
    for name in "abcdef":
        ended(bench, name, "succeeds")
    expected = sorted("abcdef", reverse=not reverse)
    page = bench.engine.list_executions(max_items=2, reverse_order=reverse)
    found = [one["DurableExecutionName"] for one in page["DurableExecutions"]]
    for one in page["DurableExecutions"]:
        bench.engine.delete_execution(one["DurableExecutionArn"], bench.now)
    if not reverse:
        bench.start_only(execution_name="late")
    rest = listed(bench, None, page["NextMarker"], reverse_order=reverse)
    assert found + rest == expected


def test_the_execution_a_marker_stands_for_may_go(bench: Bench) -> None:
    handlers = [ended(bench, name, "succeeds") for name in "abc"]
    marker = bench.engine.list_executions(max_items=1)["NextMarker"]
    bench.engine.delete_execution(handlers[1].arn, bench.now)
    assert listed(bench, None, marker) == ["a"]


def test_only_a_page_with_more_after_it_has_a_marker(bench: Bench) -> None:
    """More of what is asked for: the others do not count."""
    bench.start_only(function_name="g")
    bench.start_only()
    assert "NextMarker" not in bench.engine.list_executions("f", max_items=1)
    assert "NextMarker" in bench.engine.list_executions(max_items=1)


@pytest.mark.parametrize(
    "other",
    [{"reverse_order": True}, {"statuses": ["RUNNING"]}, {"execution_name": "a"}],
)
def test_a_marker_belongs_to_its_order_and_filters(bench: Bench, other: dict[str, Any]) -> None:
    for _ in range(2):
        bench.start_only()
    marker = bench.engine.list_executions(max_items=1)["NextMarker"]
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        bench.engine.list_executions(marker=marker, **other)


def test_what_a_list_shows(bench: Bench) -> None:
    bench.now = 1_000.25
    ended(bench, "a", "succeeds")
    (shown,) = bench.engine.list_executions()["DurableExecutions"]
    assert shown == {
        "DurableExecutionArn": f"{FUNCTION_ARN}:$LATEST/durable-execution/a/id-1",
        "DurableExecutionName": "a",
        "FunctionArn": f"{FUNCTION_ARN}:$LATEST",
        "Status": "SUCCEEDED",
        "StartTimestamp": 1_000.25,
        "EndTimestamp": 1_000.25,
    }


# -------------------------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f", ["3", "latest"]),
        ("f:3", ["3"]),
        ("f:$LATEST", ["latest"]),
        ("123456789012:function:f", ["3", "latest"]),
        (FUNCTION_ARN, ["3", "latest"]),
        (f"{FUNCTION_ARN}:3", ["3"]),
        ("999999999999:function:f", []),
        (FUNCTION_ARN.replace("us-west-2", "eu-west-1"), []),
        ("unknown", []),
    ],
)
def test_by_function(bench: Bench, name: str, expected: list[str]) -> None:
    bench.start_only(execution_name="latest")
    bench.start_only(execution_name="3", function_name="f:3")
    bench.start_only(execution_name="other", function_name="g")
    assert listed(bench, name) == expected


def test_by_qualifier(bench: Bench) -> None:
    bench.start_only(execution_name="latest")
    bench.start_only(execution_name="3", qualifier="3")
    assert listed(bench, "f", qualifier="3") == ["3"]
    assert listed(bench, "f", qualifier="$LATEST") == ["latest"]
    assert listed(bench, "f:3", qualifier="3") == ["3"]


def test_by_alias_or_the_version_it_stands_for(bench: Bench) -> None:
    bench.engine.register_target("f:live", DurableTarget(version="7"))
    bench.start_only(execution_name="a", qualifier="live")
    assert listed(bench, "f", qualifier="live") == ["a"]
    assert listed(bench, "f", qualifier="7") == ["a"]


def test_two_qualifiers_that_differ_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidParameterValueError, match="Qualifier"):
        listed(bench, "f:3", qualifier="4")


def test_by_execution_name(bench: Bench) -> None:
    for name in ("order", "order-1"):
        bench.start_only(execution_name=name)
    assert listed(bench, execution_name="order") == ["order"]


def test_by_status(bench: Bench) -> None:
    ended(bench, "succeeded", "succeeds")
    ended(bench, "failed", "fails")
    bench.start_only(execution_name="running")
    stopped = bench.start_only(execution_name="stopped")
    bench.engine.stop_execution(stopped, None, bench.now)
    bench.start_only(execution_name="timed-out", execution_timeout=1)
    bench.advance(1)
    assert listed(bench, statuses=["FAILED"]) == ["failed"]
    assert listed(bench, statuses=["STOPPED", "TIMED_OUT"]) == ["timed-out", "stopped"]
    assert listed(bench, statuses=["RUNNING"]) == ["running"]
    assert listed(bench, statuses=["PAUSED", "PAUSING", "DELETING"]) == []
    assert len(listed(bench, statuses=[])) == 5


@pytest.mark.parametrize("zone", ["+00:00", "Z", ""])
def test_by_start(bench: Bench, zone: str) -> None:
    """Both bounds are exclusive; text without a zone is UTC."""
    for name in ("a", "b", "c"):
        bench.start_only(execution_name=name)
        bench.now += 60
    instant = f"1970-01-01T00:17:40{zone}"  # when b started
    assert listed(bench, started_after=instant) == ["c"]
    assert listed(bench, started_before=instant) == ["a"]
    assert listed(bench, started_after=1_000.0, started_before=1_120.0) == ["b"]
    assert listed(bench, started_after=datetime.fromtimestamp(1_059.999, UTC)) == ["c", "b"]


@pytest.mark.parametrize(
    "filters",
    [
        {"function_name": "no such name!"},
        {"function_name": ""},
        {"qualifier": "a b"},
        {"execution_name": "a b"},
        {"statuses": ["DONE"]},
        {"statuses": ["CANCELLED"]},
        {"statuses": ["RUNNING"] * 11},
        {"started_after": "yesterday"},
        {"started_before": "9999-99-99"},
        {"max_items": -1},
        {"marker": "x"},
    ],
)
def test_what_is_no_filter_is_refused(bench: Bench, filters: dict[str, Any]) -> None:
    with pytest.raises((InvalidParameterValueError, ShapeError)):
        listed(bench, **filters)


def test_the_order_outlives_the_process(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        handler = bench.start(execution_name=name)
        handler.checkpoint(callback())
    ended(bench, "d", "succeeds")
    assert listed(Bench(bench.store)) == ["d", "c", "b", "a"]
