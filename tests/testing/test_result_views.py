"""A result's invocations, its history, and the tree it prints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._results.operations import operation_to_dict
from aws_durable_execution_sdk_python_testing._results.tree import result_tree

RETRY = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(max_attempts=3)))


@durable_execution
def naps(event: Any, context: DurableContext) -> str:
    context.wait(seconds=3600, name="nap")
    return "rested"


@durable_execution
def crashes_once(event: Any, context: DurableContext) -> str:
    if not crashed:
        crashed.append(1)
        raise SystemExit(3)
    return "survived"


crashed: list[int] = []


@durable_execution
def nested(event: Any, context: DurableContext) -> list[int]:
    def flaky(step: Any) -> int:
        if step.attempt < 3:
            raise ValueError("again")
        return 1

    def child(inner: DurableContext) -> int:
        return inner.step(lambda _: 2, name="inside")

    return [
        context.step(flaky, name="flaky", config=RETRY),
        context.run_in_child_context(child, name="child"),
    ]


@durable_execution
def fails(event: Any, context: DurableContext) -> None:
    def charge(_: Any) -> None:
        raise ValueError("no money")

    context.step(charge, name="charge")


def run(handler: Any) -> DurableFunctionTestResult:
    with DurableFunctionTestRunner(handler) as runner:
        return runner.run(execution_name="x")


def drawn(result: DurableFunctionTestResult, now: datetime | None = None) -> list[str]:
    console = Console(width=200, file=None, color_system=None)
    with console.capture() as capture:
        console.print(result_tree(result, now))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_invocations_tell_when_each_ran() -> None:
    first, second = run(naps).invocations
    assert first.request_id != second.request_id
    assert first.start_timestamp <= first.end_timestamp
    assert second.start_timestamp - first.end_timestamp >= timedelta(minutes=59)
    assert first.error is second.error is None


def test_an_invocation_that_crashed_has_the_error() -> None:
    crashed.clear()
    first, second = run(crashes_once).invocations
    assert first.error is not None
    assert first.error.type == "Runtime.ExitError"
    assert second.error is None


def test_the_history_is_the_executions() -> None:
    events = run(naps).history.events
    assert [event.event_type for event in events] == [
        "ExecutionStarted",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert events[1].name == "nap"


def test_the_tree_shows_status_attempts_and_nesting() -> None:
    root, flaky, child, inside, outcome = drawn(run(nested))
    assert root.startswith("execution x  SUCCEEDED")
    assert root.endswith("3 invocations")
    assert flaky.startswith("├── flaky [Step]  SUCCEEDED")
    assert flaky.endswith("3 attempts")
    assert child.startswith("├── child [RunInChildContext]  SUCCEEDED")
    assert inside.startswith("│   └── inside [Step]  SUCCEEDED")
    assert outcome == "└── result: [1, 2]"


def test_the_tree_shows_how_long_things_took() -> None:
    root, nap, _ = drawn(run(naps))
    assert "SUCCEEDED  3600." in root
    assert "[Wait]  SUCCEEDED  3600." in nap


def test_the_tree_shows_errors_where_they_happened_and_at_the_end() -> None:
    _, charge, outcome, *trace = drawn(run(fails))
    assert charge.endswith("ValueError: no money")
    assert outcome == "└── error: ValueError: no money"
    assert trace[0].strip().startswith(f'File "{__file__}", line ')
    assert trace[-1].strip() == 'raise ValueError("no money")'


def test_the_tree_of_an_open_execution_says_what_it_waits_for() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    base = {"EventTimestamp": start.timestamp()}
    until = (start + timedelta(hours=1)).timestamp()
    retry = {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 5}
    events: list[dict[str, Any]] = [
        {"EventType": "ExecutionStarted", "EventId": 1, "Id": "e", "Name": "x", **base},
        {
            "EventType": "WaitStarted",
            "EventId": 2,
            "Id": "w",
            "Name": "nap",
            **base,
            "WaitStartedDetails": {"ScheduledEndTimestamp": until},
        },
        {
            "EventType": "CallbackStarted",
            "EventId": 3,
            "Id": "c",
            "Name": "job",
            **base,
            "CallbackStartedDetails": {"CallbackId": "abc="},
        },
        {
            "EventType": "StepFailed",
            "EventId": 4,
            "Id": "s",
            "Name": "pay",
            **base,
            "StepFailedDetails": {"RetryDetails": retry},
        },
    ]
    result = DurableFunctionTestResult.from_execution_history(
        {"Status": "RUNNING"}, {"Events": events}
    )
    root, nap, job, pay = drawn(result, start + timedelta(minutes=1))
    assert root == "execution x  RUNNING  60.0 s  0 invocations"
    assert nap == "├── nap [WAIT]  STARTED  60.0 s  until 2026-01-01 01:00:00 UTC"
    assert job == "├── job [CALLBACK]  STARTED  60.0 s  callback id abc="
    assert pay == "└── pay [STEP]  PENDING  60.0 s  again at 2026-01-01 00:00:05 UTC"


def test_what_was_open_at_the_end_lasted_until_the_end() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events: list[dict[str, Any]] = [
        {"EventType": "ExecutionStarted", "EventId": 1, "Id": "e", "Name": "x"},
        {"EventType": "CallbackStarted", "EventId": 2, "Id": "c", "Name": "job"},
        {"EventType": "ExecutionStopped", "EventId": 3, "Id": "e", "Name": "x"},
    ]
    for second, event in enumerate(events):
        event["EventTimestamp"] = (start + timedelta(seconds=second)).timestamp()
    result = DurableFunctionTestResult.from_execution_history(
        {"Status": "STOPPED"}, {"Events": events}
    )
    root, job = drawn(result, start + timedelta(minutes=1))
    assert root == "execution x  STOPPED  2.0 s  0 invocations"
    assert job == "└── job [CALLBACK]  STARTED  1.0 s"


def test_print_writes_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    run(nested).print()
    assert "└── inside [Step]  SUCCEEDED" in capsys.readouterr().out


def test_an_operation_as_json_has_its_children_and_no_empty_members() -> None:
    child = operation_to_dict(run(nested).get_context("child"))
    (inside,) = child["child_operations"]
    assert (inside["name"], inside["status"], inside["payload"]) == ("inside", "SUCCEEDED", "2")
    assert inside["parent_id"] == child["operation_id"]
    assert "error" not in inside
    assert isinstance(inside["start_timestamp"], str)


def test_the_tree_shows_the_markers_of_patches() -> None:
    @durable_execution
    def changed(event: Any, context: DurableContext) -> bool:
        return context.patched("fraud check")

    assert any("fraud check [PatchMarker]  SUCCEEDED" in line for line in drawn(run(changed)))
