"""`advance`: time that the test lets pass."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    Duration,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

DAY = Duration.from_days(1)


@durable_execution
def approval(event: Any, context: DurableContext) -> str:
    config = WaitForCallbackConfig(timeout=DAY)
    answer = context.wait_for_callback(lambda *_: None, name="approval", config=config)
    return "nobody approved" if answer is None else str(answer)


@durable_execution
def naps(event: Any, context: DurableContext) -> list[str]:
    taken = []
    for name in ("first", "second"):
        context.wait(seconds=3600, name=name)
        taken.append(name)
    return taken


def statuses(runner: DurableFunctionTestRunner, arn: str) -> list[str]:
    return [event.event_type for event in runner.get_execution_history(arn).events]


@pytest.mark.parametrize("day", [86_400, 86_400.0, DAY, timedelta(days=1)])
def test_a_callback_that_nobody_answers_times_out(day: Any) -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        runner.wait_for_callback(arn, "approval")
        runner.advance(day)
        assert runner.wait_for_result(arn).result == "nobody approved"


def test_time_before_the_time_out_leaves_the_callback_open() -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, "approval")
        runner.advance(timedelta(hours=23))
        runner.send_callback_success(callback_id, b'"yes"')
        assert runner.wait_for_result(arn).result == "yes"


def test_parts_add_up() -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        runner.wait_for_callback(arn, "approval")
        for _ in range(24):
            assert "CallbackTimedOut" not in statuses(runner, arn)
            runner.advance(Duration.from_hours(1))
        assert "CallbackTimedOut" in statuses(runner, arn)


def test_a_heartbeat_starts_its_time_out_anew() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        config = CallbackConfig(heartbeat_timeout=Duration.from_minutes(10))
        return context.create_callback(name="job", config=config).result()

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, "job")
        runner.advance(Duration.from_minutes(9))
        runner.send_callback_heartbeat(callback_id)
        runner.advance(Duration.from_minutes(9))
        assert "CallbackTimedOut" not in statuses(runner, arn)
        runner.advance(Duration.from_minutes(1))
        assert "CallbackTimedOut" in statuses(runner, arn)


def test_without_skipped_time_waits_end_when_the_test_lets_them() -> None:
    with DurableFunctionTestRunner(naps, skip_time=False) as runner:
        arn = runner.run_async()
        runner.advance(3599)
        assert "WaitSucceeded" not in statuses(runner, arn)
        runner.advance(1)
        assert statuses(runner, arn).count("WaitSucceeded") == 1
        runner.advance(3600)
        assert runner.wait_for_result(arn).result == ["first", "second"]


def test_one_advance_goes_through_everything_that_falls_due() -> None:
    with DurableFunctionTestRunner(naps, skip_time=False) as runner:
        arn = runner.run_async()
        runner.advance(Duration.from_hours(3))
        result = runner.wait_for_result(arn)
    second = result.get_wait("second")
    assert second.start_timestamp is not None
    assert second.end_timestamp is not None
    took = second.end_timestamp - second.start_timestamp
    assert timedelta(hours=1) <= took < timedelta(hours=1, minutes=1)


def test_retries_are_made_as_time_passes() -> None:
    calls: list[int] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        def fail(_: Any) -> None:
            calls.append(1)
            raise ValueError("no")

        strategy = create_retry_strategy(
            RetryStrategyConfig(
                max_attempts=3, initial_delay=Duration.from_seconds(60), backoff_rate=1
            )
        )
        context.step(fail, name="charge", config=StepConfig(retry_strategy=strategy))

    with DurableFunctionTestRunner(handler, skip_time=False) as runner:
        arn = runner.run_async()
        made = []
        for _ in range(3):
            runner.advance(60)
            made.append(len(calls))
        assert made == [2, 3, 3]
        assert runner.wait_for_result(arn).status == "FAILED"


def test_advance_waits_until_no_function_runs() -> None:
    entered, leave = threading.Event(), threading.Event()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        entered.set()
        leave.wait()
        context.wait(seconds=3600)
        return "done"

    with DurableFunctionTestRunner(handler, skip_time=False) as runner:
        arn = runner.run_async()
        entered.wait()
        with pytest.raises(TimeoutError, match="come to rest"):
            runner.advance(3600, timeout=0)
        leave.set()
        runner.advance(3600)
        assert runner.wait_for_result(arn).result == "done"


def test_advanced_time_counts_for_execution_time_outs_on_the_virtual_clock_only() -> None:
    outcomes = {}
    for clock in ("real", "virtual"):
        with DurableFunctionTestRunner(
            approval,
            execution_timeout=3600,
            execution_timeout_clock=clock,  # type: ignore[arg-type]
        ) as runner:
            arn = runner.run_async()
            runner.wait_for_callback(arn)
            runner.advance(DAY)
            outcomes[clock] = runner.wait_for_result(arn).execution_status
    assert outcomes == {"real": "SUCCEEDED", "virtual": "TIMED_OUT"}


def test_time_does_not_go_back() -> None:
    with DurableFunctionTestRunner(naps) as runner, pytest.raises(ValueError, match="go back"):
        runner.advance(-1)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_time_is_refused(time: float) -> None:
    with (
        DurableFunctionTestRunner(approval) as runner,
        pytest.raises(ValidationError, match="finite"),
    ):
        runner.advance(time)
