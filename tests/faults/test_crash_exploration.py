"""Crash exploration in process."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest
from explored_handlers import EVERYTHING, ONCE, RESULT, double, one_step, steps

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    Duration,
    StepConfig,
    StepSemantics,
)
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionsTestError,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._exploration import (
    CrashExplorationError,
    CrashPoint,
    CrashReport,
    Moment,
)

pytest_plugins = ["pytester"]

KINDS = pytest.mark.parametrize("kind", ["blocking", "async"])
CALLBACKS = {"approve": "yes"}


def everything(kind: str) -> DurableFunctionTestRunner:
    return DurableFunctionTestRunner(EVERYTHING[kind]).register_function("double", double)


def explore(handler: Any, **options: Any) -> Any:
    return DurableFunctionTestRunner(handler).explore_crashes(**options)


@pytest.fixture(scope="module", params=["blocking", "async"])
def report(request: pytest.FixtureRequest) -> CrashReport:
    """Of a program with all operations."""
    return everything(request.param).explore_crashes(callbacks=CALLBACKS, check=False)


def test_an_execution_of_every_operation_ends_alike_wherever_it_crashes(
    report: CrashReport,
) -> None:
    report.assert_ok()
    assert report.calm.result == RESULT
    assert {point.moment for point in report.explored} == set(Moment)
    named = {point.operation for point in report.explored}
    assert {"charge", "all > map-item-1 > double", "child > flaky", "poll", "plain"} <= named


def test_the_report_names_each_step_with_its_semantics_and_how_often_its_body_ran(
    report: CrashReport,
) -> None:
    shown = {row.step: (row.semantics, row.attempts, row.most, row.allowed) for row in report.rows}
    assert shown == {
        "broken": ("at least once", 1, 2, 2),
        "charge": ("at most once", 1, 1, 1),
        "all > map-item-0 > double": ("at least once", 1, 2, 2),
        "all > map-item-1 > double": ("at least once", 1, 2, 2),
        "child > flaky": ("at least once", 2, 2, 2),
        "poll": ("at least once", 2, 2, 2),
        "approve > approve submitter": ("at least once", 1, 2, 2),
    }


@KINDS
def test_a_result_that_depends_on_how_often_a_body_ran_is_reported(kind: str) -> None:
    ran: list[int] = []

    def count(_: Any) -> int:
        ran.append(1)
        return len(ran)

    report = explore(one_step(kind, count), before_each=ran.clear, check=False)
    points = [divergence.point for divergence in report.divergences]
    assert {CrashPoint(Moment.IN_BODY, "only"), CrashPoint(Moment.AFTER_BODY, "only")} <= {*points}
    with pytest.raises(CrashExplorationError) as caught:
        report.assert_ok()
    text = str(caught.value)
    assert "result: expected 1, got 2" in text
    assert f"only={points[0]!r}" in text
    assert "only  at least once" in text


@KINDS
def test_one_crash_can_be_repeated_alone(kind: str) -> None:
    ran: list[int] = []

    def count(_: Any) -> int:
        ran.append(1)
        return len(ran)

    handler = one_step(kind, count)
    report = explore(handler, before_each=ran.clear, check=False)
    one = CrashPoint(Moment.IN_BODY, "only")
    again = explore(handler, before_each=ran.clear, check=False, only=one)
    assert again.explored == [one]
    assert again.divergences == [found for found in report.divergences if found.point == one]


def test_a_place_that_there_is_not_is_refused_with_those_there_are() -> None:
    only = CrashPoint(Moment.AFTER_BODY, "other")
    with pytest.raises(DurableFunctionsTestError, match=r"CrashPoint\(Moment.AFTER_BODY, 'only'\)"):
        explore(one_step("blocking", lambda _: 1), only=only)


@KINDS
def test_the_middle_of_a_body_is_halfway_through_its_lines(kind: str) -> None:
    effects: list[list[str]] = []

    def work(_: Any) -> int:
        effects[-1].append("first")
        effects[-1].append("second")
        effects[-1].append("third")
        return 1

    def begin() -> None:
        effects.append([])

    only = CrashPoint(Moment.IN_BODY, "only")
    explore(one_step(kind, work), before_each=begin, only=only)
    assert effects[-1] == ["first", "second", "first", "second", "third"]


def test_an_async_body_crashes_in_its_middle_too() -> None:
    effects: list[str] = []

    async def work(_: Any) -> int:
        effects.append("first")
        await asyncio.sleep(0)
        effects.append("second")
        await asyncio.sleep(0)
        return 1

    only = CrashPoint(Moment.IN_BODY, "only")
    explore(one_step("async", work), before_each=effects.clear, only=only)
    assert effects == ["first", "first", "second"]


@KINDS
def test_a_body_that_runs_at_most_once_per_attempt_is_not_repeated(kind: str) -> None:
    attempts: list[int] = []

    def work(step: Any) -> str:
        attempts.append(step.attempt)
        return "done"

    report = explore(
        one_step(kind, work, ONCE),
        before_each=attempts.clear,
        only=CrashPoint(Moment.AFTER_BODY, "only"),
    )
    assert attempts == [1, 2]
    assert [row.most for row in report.rows] == [1]


@KINDS
def test_a_step_at_most_once_that_nobody_retries_fails_when_it_is_cut_off(kind: str) -> None:
    config = StepConfig[Any](step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
    with pytest.raises(CrashExplorationError, match="give it a retry strategy"):
        explore(one_step(kind, lambda _: 1, config))


def test_a_handler_that_gives_another_result_each_time_is_refused() -> None:
    handler = one_step("blocking", lambda _: uuid.uuid4().hex)
    with pytest.raises(DurableFunctionsTestError, match="two runs without a crash differ already"):
        explore(handler)


def test_what_must_be_the_same_can_be_said() -> None:
    handler = one_step("blocking", lambda _: uuid.uuid4().hex)
    assert explore(handler, compare=lambda result: len(result.result)).ok


@KINDS
def test_code_that_swallows_the_crash_changes_nothing(kind: str) -> None:
    def work(_: Any) -> str:
        try:
            value = "worked"
            value += "!"
        except BaseException:
            value = "never"
        return value

    assert explore(one_step(kind, work)).calm.result == "worked!"


@KINDS
def test_samples_are_chosen_by_the_seed(kind: str) -> None:
    def chosen(seed: int) -> list[CrashPoint]:
        return list(explore(steps(kind, 4), samples=5, seed=seed).explored)

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)
    assert len(chosen(1)) == 5


@KINDS
def test_a_step_more_takes_turns_but_changes_no_order(kind: str) -> None:
    def tried(count: int) -> list[CrashPoint]:
        return list(explore(steps(kind, count), samples=1_000, seed=1).explored)

    before, after = tried(3), tried(4)
    common = set(before) & set(after)
    assert len(common) == len(before)
    assert [point for point in after if point in common] == before


def test_no_run_is_started_after_its_time() -> None:
    report = explore(one_step("blocking", lambda _: 1), seconds=0)
    assert list(report.explored) == []
    assert report.left_out > 0


def test_a_mocked_step_gives_each_attempt_its_outcome_however_often_it_runs() -> None:
    runner = everything("blocking")
    runner.mock_step("flaky", [ConnectionError("down"), "up in attempt 2"])
    runner.mock_invoke("double", [42])
    assert runner.explore_crashes(callbacks=CALLBACKS).calm.result == RESULT


@KINDS
def test_a_durable_function_that_is_invoked_crashes_as_well(kind: str) -> None:
    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        return [context.invoke("child", event, name=name) for name in ("first", "second")]

    child = one_step(kind, lambda _: "inner")
    runner = DurableFunctionTestRunner(parent).register_durable_function("child", child)
    report = runner.explore_crashes()
    assert report.calm.result == ["inner", "inner"]
    assert {row.step for row in report.rows} == {"child: only", "child#2: only"}
    assert CrashPoint(Moment.AFTER_BODY, "child#2: only") in report.explored


def test_a_result_with_a_checkpoint_of_its_own() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        return "x" * 6_291_440

    report = explore(handler)
    assert CrashPoint(Moment.BEFORE_REPLY, "result", "SUCCEED") in report.explored


def test_states_of_several_pages() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        texts = [context.step(lambda _: "x" * 2_000, name="text") for _ in range(3)]
        context.wait(seconds=1, name="pause")
        return len("".join(texts))

    runner = DurableFunctionTestRunner(handler, max_invocation_page_bytes=3_000)
    report = runner.explore_crashes()
    named = {point.operation for point in report.explored}
    assert {"state", "text", "text#2", "text#3"} <= named


def test_a_failing_execution_must_fail_alike() -> None:
    def fail(_: Any) -> None:
        raise ValueError("out of stock")

    report = explore(one_step("blocking", fail))
    assert report.calm.status == "FAILED"
    assert report.ok


def test_the_findings_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[int] = []

    def count(_: Any) -> int:
        ran.append(1)
        return len(ran)

    handler = one_step("blocking", count)
    explore(handler, before_each=ran.clear, check=False).print()
    text = capsys.readouterr().out
    assert "break a promise" in text
    assert "only, between the body's end and its checkpoint: result: expected 1, got 2" in text
    assert "at least once" in text


@pytest.mark.parametrize(
    "point",
    [
        CrashPoint(Moment.AFTER_BODY, "a > b", number=2),
        CrashPoint(Moment.BEFORE_REPLY, "charge", "START"),
    ],
    ids=str,
)
def test_a_point_is_shown_as_the_code_that_makes_it(point: CrashPoint) -> None:
    assert eval(repr(point)) == point


PROJECT = """
import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution

ran = []

@durable_execution
def handler(event, context: DurableContext):
    return context.step(lambda _: ran.append(1) or len(ran) > {limit}, name="count")

@pytest.mark.durable_execution(
    handler=handler, explore_crashes={{"before_each": ran.clear}} if {options} else True
)
def test_it(durable_runner):
    assert durable_runner.run(input={{}}, timeout=10).status == "SUCCEEDED"
"""


@pytest.mark.parametrize(("limit", "passed"), [(10, 1), (1, 0)])
def test_a_marked_test_explores_what_it_runs(
    pytester: pytest.Pytester, limit: int, passed: int
) -> None:
    pytester.makepyfile(PROJECT.format(limit=limit, options=True))
    result = pytester.runpytest_subprocess("-p", "no:asyncio")
    result.assert_outcomes(passed=passed, failed=1 - passed)
    if not passed:
        result.stdout.fnmatch_lines(["*CrashExplorationError*break a promise*"])


@KINDS
def test_a_callback_that_nobody_answers_ends_the_exploration(kind: str) -> None:
    """It would keep every run waiting for the execution's time-out."""
    with pytest.raises(DurableFunctionsTestError, match=r"nobody answers the callbacks 'approve'"):
        everything(kind).explore_crashes()


def test_a_callback_with_a_timeout_needs_no_answer() -> None:
    @durable_execution
    def patient(event: Any, context: DurableContext) -> bool:
        config = CallbackConfig(timeout=Duration.from_hours(1))
        return context.create_callback(name="approve", config=config).result() is None

    assert explore(patient).calm.result is True


def test_executions_of_one_function_are_numbered_along_the_program() -> None:
    """Whichever of the branches that invoke it comes first."""
    second_runs = threading.Event()

    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        def branch(ctx: DurableContext, name: str, index: int, items: Any) -> Any:
            if name == "first":
                second_runs.wait()
            return ctx.invoke("child", name, name=name)

        return context.map(["first", "second"], branch, name="all").get_results()

    @durable_execution
    def child(event: str, context: DurableContext) -> str:
        second_runs.set()
        return context.step(lambda _: event, name=event)

    only = CrashPoint(Moment.AFTER_BODY, "child#2: second")
    runner = DurableFunctionTestRunner(parent).register_durable_function("child", child)
    report = runner.explore_crashes(only=only, before_each=second_runs.clear)
    assert report.calm.result == ["first", "second"]
    assert list(report.explored) == [only]
    assert list(report.unreached) == []
    assert {row.step for row in report.rows} == {"child: first", "child#2: second"}
