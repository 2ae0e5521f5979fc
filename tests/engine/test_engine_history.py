"""Histories of scripted executions, event by event."""

from __future__ import annotations

from typing import Any

import pytest
from bench import (
    EXIT_ERROR,
    FAILURE,
    Bench,
    Handler,
    callback,
    context,
    invoke,
    retry,
    step,
    update,
    wait,
)

from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    InvalidParameterValueError,
    InvokeHandler,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def handler(bench: Bench) -> Handler:
    return bench.start()


def resumed(handler: Handler, seconds: float) -> None:
    """Suspend, let time pass, and take up the next invocation."""
    handler.suspends()
    handler.bench.advance(seconds)
    handler.begin()


def test_a_step(bench: Bench) -> None:
    """START and SUCCEED in one batch: the whole history, member by member."""
    handler = bench.start(execution_name="n", input='"in"', execution_timeout=60)
    execution_id = handler.arn.rpartition("/")[2]
    bench.now += 0.5
    handler.checkpoint(step("START", Name="greet"), step("SUCCEED", Payload='"hi"'))
    bench.now += 0.5
    handler.succeeds('"hi"')
    result = {"Payload": '"hi"', "Truncated": False}
    assert handler.events == [
        {
            "EventType": "ExecutionStarted",
            "EventId": 1,
            "EventTimestamp": 1_000.0,
            "Id": execution_id,
            "Name": "n",
            "ExecutionStartedDetails": {
                "ExecutionTimeout": 60,
                "Input": {"Payload": '"in"', "Truncated": False},
            },
        },
        {
            "EventType": "StepStarted",
            "EventId": 2,
            "EventTimestamp": 1_000.5,
            "Id": "s",
            "Name": "greet",
            "SubType": "Step",
            "StepStartedDetails": {},
        },
        {
            "EventType": "StepSucceeded",
            "EventId": 3,
            "EventTimestamp": 1_000.5,
            "Id": "s",
            "Name": "greet",
            "SubType": "Step",
            "StepSucceededDetails": {"Result": result, "RetryDetails": {"CurrentAttempt": 1}},
        },
        {
            "EventType": "InvocationCompleted",
            "EventId": 4,
            "EventTimestamp": 1_001.0,
            "InvocationCompletedDetails": {
                "StartTimestamp": 1_000.0,
                "EndTimestamp": 1_001.0,
                "RequestId": handler.invocation.request_id,
            },
        },
        {
            "EventType": "ExecutionSucceeded",
            "EventId": 5,
            "EventTimestamp": 1_001.0,
            "Id": execution_id,
            "Name": "n",
            "ExecutionSucceededDetails": {"Result": result},
        },
    ]


def test_a_retried_step(handler: Handler) -> None:
    """Every attempt starts anew; the last one names no delay."""
    handler.checkpoint(step("START"), retry(delay=2, Error=FAILURE))
    resumed(handler, 2)
    handler.checkpoint(step("START"), step("FAIL", Error=FAILURE))
    handler.fails()
    assert handler.event_types == [
        "ExecutionStarted",
        "StepStarted",
        "StepFailed",
        "InvocationCompleted",
        "StepStarted",
        "StepFailed",
        "InvocationCompleted",
        "ExecutionFailed",
    ]
    error = {"Payload": FAILURE, "Truncated": False}
    assert handler.details("StepFailed", 0) == {
        "Error": error,
        "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 2},
    }
    assert handler.details("StepFailed", 1) == {
        "Error": error,
        "RetryDetails": {"CurrentAttempt": 2},
    }


def test_a_condition_that_is_polled(handler: Handler) -> None:
    """An attempt that retries without an error succeeded, and carries its state."""
    members = {"SubType": "WaitForCondition"}
    handler.checkpoint(step("START", **members), retry(delay=1, Payload="1", **members))
    resumed(handler, 1)
    handler.checkpoint(step("START", **members), step("SUCCEED", Payload="2", **members))
    handler.succeeds("2")
    assert handler.event_types[1:6] == [
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "StepStarted",
        "StepSucceeded",
    ]
    assert handler.details("StepSucceeded", 0) == {
        "Result": {"Payload": "1", "Truncated": False},
        "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 1},
    }
    assert handler.details("StepSucceeded", 1)["RetryDetails"] == {"CurrentAttempt": 2}
    assert handler.events[2]["SubType"] == "WaitForCondition"


def test_a_wait(handler: Handler) -> None:
    handler.checkpoint(wait(2))
    resumed(handler, 2)
    handler.succeeds()
    assert handler.event_types == [
        "ExecutionStarted",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert handler.details("WaitStarted") == {
        "Duration": 2,
        "ScheduledEndTimestamp": 1_002.0,
    }
    assert handler.details("WaitSucceeded") == {"Duration": 2}


def test_a_cancelled_wait(handler: Handler) -> None:
    handler.checkpoint(wait(2))
    handler.checkpoint(update("WAIT", "CANCEL", "w"))
    assert handler.event_types[-2:] == ["WaitStarted", "WaitCancelled"]


def test_a_callback_that_times_out_during_a_wait(handler: Handler) -> None:
    """The time-out invokes although the handler awaits the wait."""
    handler.checkpoint(callback(timeout=3), wait(6))
    resumed(handler, 3)
    resumed(handler, 3)
    handler.fails()
    assert handler.event_types == [
        "ExecutionStarted",
        "CallbackStarted",
        "WaitStarted",
        "InvocationCompleted",
        "CallbackTimedOut",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionFailed",
    ]


def test_a_child_context(handler: Handler) -> None:
    """Operations inside name their context; a wait inside suspends it."""
    handler.checkpoint(
        context("START"),
        step("START", ParentId="x"),
        step("SUCCEED", ParentId="x", Payload="1"),
        wait(1, ParentId="x"),
    )
    resumed(handler, 1)
    handler.checkpoint(context("SUCCEED", Payload="1"), step("SUCCEED", "t", Payload="2"))
    handler.succeeds()
    assert [(one["EventType"], one.get("ParentId")) for one in handler.events[1:]] == [
        ("ContextStarted", None),
        ("StepStarted", "x"),
        ("StepSucceeded", "x"),
        ("WaitStarted", "x"),
        ("InvocationCompleted", None),
        ("WaitSucceeded", "x"),
        ("ContextSucceeded", None),
        ("StepSucceeded", None),
        ("InvocationCompleted", None),
        ("ExecutionSucceeded", None),
    ]
    assert handler.details("ContextStarted") == {}
    assert handler.details("ContextSucceeded")["Result"]["Payload"] == "1"


def test_a_context_that_fails(handler: Handler) -> None:
    handler.checkpoint(context("START"), context("FAIL", Error=FAILURE))
    assert handler.details("ContextFailed")["Error"]["Payload"] == FAILURE


def test_a_durable_child(bench: Bench) -> None:
    """Parent and child have a history each; the child's end is the parent's event."""
    bench.engine.register_target("g", DurableTarget())
    parent = bench.start()
    parent.checkpoint(invoke("g"))
    parent.suspends()
    (effect,) = bench.engine.take_effects()
    assert isinstance(effect, InvokeHandler)
    child = Handler(bench, effect.arn)
    child.begin()
    child.succeeds()
    parent.begin()
    parent.succeeds()
    assert parent.event_types == [
        "ExecutionStarted",
        "ChainedInvokeStarted",
        "InvocationCompleted",
        "ChainedInvokeSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert child.event_types == ["ExecutionStarted", "InvocationCompleted", "ExecutionSucceeded"]


def test_a_crash_and_the_step_run_again(handler: Handler) -> None:
    """The interrupted step succeeds without a new start: its attempt never ended."""
    handler.checkpoint(step("START"))
    handler.crashes()
    handler.bench.advance(1)
    handler.begin()
    handler.checkpoint(step("SUCCEED", Payload="1"))
    handler.succeeds()
    assert handler.event_types == [
        "ExecutionStarted",
        "StepStarted",
        "InvocationCompleted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert handler.details("InvocationCompleted", 0)["Error"] == {
        "Payload": EXIT_ERROR,
        "Truncated": False,
    }
    assert "Error" not in handler.details("InvocationCompleted", 1)
    assert handler.details("StepSucceeded")["RetryDetails"] == {"CurrentAttempt": 1}


def test_an_invocation_is_closed_before_what_comes_later(handler: Handler) -> None:
    """Also where the end arrives late: a timer due meanwhile fires after it."""
    handler.checkpoint(wait(1))
    handler.bench.now += 3
    handler.suspends()
    handler.bench.advance(0)
    assert handler.event_types[-2:] == ["InvocationCompleted", "WaitSucceeded"]


def test_stopping_closes_the_invocation_in_flight(handler: Handler) -> None:
    handler.bench.engine.stop_execution(handler.arn, FAILURE, handler.bench.now)
    assert handler.event_types == ["ExecutionStarted", "InvocationCompleted", "ExecutionStopped"]
    assert handler.details("ExecutionStopped")["Error"]["Payload"] == FAILURE


# ---------------------------------------------------------------------------------- pages


def ids(page: dict[str, Any]) -> list[int]:
    return [event["EventId"] for event in page["Events"]]


@pytest.fixture
def long(handler: Handler) -> Handler:
    """An execution with 301 events."""
    for number in range(150):
        handler.checkpoint(step("START", f"s{number}"), step("SUCCEED", f"s{number}"))
    return handler


def test_a_page_has_a_hundred_events_by_default(long: Handler) -> None:
    engine = long.bench.engine
    first = engine.get_history(long.arn)
    assert ids(first) == list(range(1, 101))
    second = engine.get_history(long.arn, marker=first["NextMarker"], max_items=1_000)
    assert ids(second) == list(range(101, 302))
    assert "NextMarker" not in second


def test_newest_first(long: Handler) -> None:
    engine = long.bench.engine
    first = engine.get_history(long.arn, reverse_order=True, max_items=200)
    assert ids(first) == list(range(301, 101, -1))
    long.checkpoint(step("START", "later"))
    marker = first["NextMarker"]
    second = engine.get_history(long.arn, marker=marker, reverse_order=True, max_items=200)
    assert ids(second) == list(range(101, 0, -1))
    assert "NextMarker" not in second


def test_a_page_that_ends_with_the_last_event_has_no_marker(handler: Handler) -> None:
    assert "NextMarker" not in handler.bench.engine.get_history(handler.arn, max_items=1)
    handler.succeeds()
    page = handler.bench.engine.get_history(handler.arn, max_items=2)
    page = handler.bench.engine.get_history(handler.arn, marker=page["NextMarker"], max_items=1)
    assert ids(page) == [3]
    assert "NextMarker" not in page


@pytest.mark.parametrize("marker", ["nonsense", "bm9uc2Vuc2U="])
def test_a_bad_marker_is_refused(handler: Handler, marker: str) -> None:
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        handler.bench.engine.get_history(handler.arn, marker=marker)


def test_a_marker_belongs_to_its_direction(long: Handler) -> None:
    marker = long.bench.engine.get_history(long.arn)["NextMarker"]
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        long.bench.engine.get_history(long.arn, marker=marker, reverse_order=True)


def test_without_execution_data_payloads_are_truncated(handler: Handler) -> None:
    handler.checkpoint(step("FAIL", Error=FAILURE), wait(2))
    handler.succeeds()
    engine = handler.bench.engine
    events = engine.get_history(handler.arn, include_execution_data=False)["Events"]
    details = {event["EventType"]: event[f"{event['EventType']}Details"] for event in events}
    assert details["ExecutionStarted"]["Input"] == {"Truncated": True}
    assert details["StepFailed"]["Error"] == {"Truncated": True}
    assert details["StepFailed"]["RetryDetails"] == {"CurrentAttempt": 1}
    assert details["ExecutionSucceeded"]["Result"] == {"Truncated": True}
    assert details["WaitStarted"]["Duration"] == 2
    assert handler.details("StepFailed")["Error"]["Payload"] == FAILURE
