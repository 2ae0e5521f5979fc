"""What counts as a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from explored_handlers import one_step

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing._exploration import (
    BodyRow,
    CrashDivergence,
    CrashExplorationError,
    CrashPoint,
    CrashReport,
    Moment,
)
from aws_durable_execution_sdk_python_testing._exploration.crash_notes import Notes, read_notes
from aws_durable_execution_sdk_python_testing._exploration.crash_points import Place
from aws_durable_execution_sdk_python_testing._exploration.history_rules import problems
from aws_durable_execution_sdk_python_testing._exploration.judging import violations
from aws_durable_execution_sdk_python_testing._exploration.witness import Attempt, Memory
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

FIRST, SECOND = Attempt("", "step", 1), Attempt("", "step", 2)
TARGET = Place(Moment.AFTER_BODY, "", "step", "", 1)
POINT = CrashPoint(Moment.AFTER_BODY, "charge")


@pytest.fixture(scope="module")
def result() -> DurableFunctionTestResult:
    with DurableFunctionTestRunner(one_step("blocking", lambda _: 1)) as runner:
        return runner.run()


def judged(memory: Memory, result: DurableFunctionTestResult) -> list[str]:
    return list(violations(memory, result, lambda attempt: "charge"))


def crashed() -> Memory:
    memory = Memory(TARGET, {})
    assert memory.passes(TARGET)
    return memory


def test_a_body_may_run_twice_for_an_attempt_that_was_cut_off(
    result: DurableFunctionTestResult,
) -> None:
    memory = crashed()
    memory.begins(FIRST, at_most_once=False)
    memory.begins(FIRST, at_most_once=False)
    assert judged(memory, result) == []


def test_it_may_not_run_three_times(result: DurableFunctionTestResult) -> None:
    memory = crashed()
    for _ in range(3):
        memory.begins(FIRST, at_most_once=False)
    assert judged(memory, result) == ["charge ran 3 times for attempt 1, not 2"]


def test_it_may_not_run_twice_without_a_crash(result: DurableFunctionTestResult) -> None:
    memory = Memory(TARGET, {})
    memory.begins(FIRST, at_most_once=False)
    memory.begins(FIRST, at_most_once=False)
    assert judged(memory, result) == ["charge ran 2 times for attempt 1, not 1"]


def test_one_at_most_once_may_not_run_twice_for_an_attempt(
    result: DurableFunctionTestResult,
) -> None:
    memory = crashed()
    memory.begins(FIRST, at_most_once=True)
    memory.begins(FIRST, at_most_once=True)
    memory.begins(SECOND, at_most_once=True)
    assert judged(memory, result) == ["charge ran 2 times for attempt 1, not 1"]


def test_a_completed_step_may_not_run_again(result: DurableFunctionTestResult) -> None:
    memory = crashed()
    memory.begins(FIRST, at_most_once=False)
    memory.closed("", "step")
    memory.begins(FIRST, at_most_once=False)
    assert judged(memory, result) == ["charge ran again (attempt 1) after it was completed"]


def test_a_history_keeps_its_rules(result: DurableFunctionTestResult) -> None:
    assert problems(result.events, invocations=1, ended=True) == []


@pytest.mark.parametrize(
    ("drop", "problem"),
    [
        ("StepStarted", "StepSucceeded of only comes when it is None"),
        ("InvocationCompleted", "1 invocations, but completed were {}"),
        ("ExecutionSucceeded", "the execution does not end once: []"),
    ],
)
def test_a_history_with_an_event_missing_breaks_them(
    drop: str, problem: str, result: DurableFunctionTestResult
) -> None:
    events = [event for event in result.events if event["EventType"] != drop]
    assert problem in problems(events, invocations=1, ended=True)


def test_a_place_is_crashed_at_once_only_whatever_shares_its_call() -> None:
    other = Place(Moment.AFTER_BODY, "", "other", "", 1)
    memory = Memory(TARGET, {})
    assert not memory.passes(other)
    assert memory.passes(TARGET, other)
    assert not memory.passes(TARGET)


def test_notes_outlive_their_process(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    before = Notes(path, TARGET, {})
    before.number("", "step", "START")
    before.begins(FIRST, at_most_once=True)
    before.closed("", "step")
    before.passes(TARGET)
    before.close()
    after = Notes(path, TARGET, {})
    assert after.number("", "step", "START") == 2
    assert not after.passes(TARGET)
    after.begins(FIRST, at_most_once=True)
    after.close()
    seen = Memory(TARGET, {})
    read_notes(path, seen)
    assert (seen.runs[FIRST], seen.violations, seen.crashed) == (2, [FIRST], True)


def test_the_first_broken_promise_is_named_with_what_repeats_it(
    result: DurableFunctionTestResult,
) -> None:
    row = BodyRow("charge", "at most once", 1, 2, 1, POINT)
    report = CrashReport(
        calm=result,
        explored=[POINT],
        divergences=[CrashDivergence(POINT, "charge ran 2 times", "a hint")],
        rows=[row],
        left_out=3,
    )
    with pytest.raises(CrashExplorationError) as caught:
        report.assert_ok()
    assert str(caught.value).splitlines() == [
        "1 of 1 crashes break a promise (3 more were not tried).",
        "The first:",
        "  crash at charge, between the body's end and its checkpoint",
        "  charge ran 2 times",
        "  a hint",
        "Again: runner.explore_crashes(..., only=CrashPoint(Moment.AFTER_BODY, 'charge'))",
        "",
        "step    runs per attempt  attempts  most  allowed  at",
        "charge  at most once      1         2 !   1        "
        "charge: between the body's end and its checkpoint",
    ]
    assert caught.value.report is report
