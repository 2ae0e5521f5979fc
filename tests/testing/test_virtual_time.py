"""Time that nothing runs in is skipped; everything else about time stays true."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock, VirtualClock


@durable_execution
def hour(event: Any, context: DurableContext) -> str:
    context.wait(Duration.from_hours(1), name="w")
    return "awake"


def elapsed(result: DurableFunctionTestResult) -> timedelta:
    execution = result.execution
    assert execution is not None
    assert execution.start_timestamp is not None
    assert execution.end_timestamp is not None
    return execution.end_timestamp - execution.start_timestamp


def test_an_hour_of_waiting_is_an_hour_on_the_clock_of_the_execution() -> None:
    with DurableFunctionTestRunner(hour) as runner:
        result = runner.run()
    assert timedelta(hours=1) <= elapsed(result) < timedelta(hours=1, minutes=1)


def test_a_wait_longer_than_the_time_out_succeeds_since_skipped_time_does_not_count() -> None:
    with DurableFunctionTestRunner(hour, execution_timeout=30) as runner:
        assert runner.run(timeout=10).status == "SUCCEEDED"


def test_skipped_time_counts_for_a_virtual_execution_time_out() -> None:
    with DurableFunctionTestRunner(
        hour, execution_timeout=600, execution_timeout_clock="virtual"
    ) as runner:
        result = runner.run()
    assert result.execution_status == "TIMED_OUT"
    assert elapsed(result) == timedelta(seconds=600)


def test_a_virtual_execution_time_out_leaves_timeout_in_wall_clock_seconds() -> None:
    with DurableFunctionTestRunner(
        hour, execution_timeout=7200, execution_timeout_clock="virtual"
    ) as runner:
        assert runner.run(timeout=10).status == "SUCCEEDED"


def test_retry_delays_are_skipped() -> None:
    attempts = []

    def flaky(_: object) -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise OSError("not yet")
        return "ok"

    retries = create_retry_strategy(
        RetryStrategyConfig(max_attempts=3, initial_delay_seconds=100, backoff_rate=2.0)
    )

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        return context.step(flaky, name="flaky", config=StepConfig(retry_strategy=retries))

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(timeout=10)
    assert result.result == "ok"
    assert result.get_step("flaky").attempt == 3
    assert timedelta(seconds=300) <= elapsed(result) < timedelta(seconds=310)


def test_parallel_waits_end_in_the_order_of_their_deadlines() -> None:
    order: list[int] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> list[int]:
        def branch(seconds: int) -> Any:
            def run(child: DurableContext) -> int:
                child.wait(seconds=seconds)
                return child.step(lambda _: order.append(seconds) or seconds)

            return run

        return context.parallel([branch(n) for n in (50, 10, 40, 20, 30)]).get_results()

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(timeout=10)
    assert result.result == [50, 10, 40, 20, 30]
    assert order == [10, 20, 30, 40, 50]
    # Together, not one after another. Between the waits real time passes, however long it takes.
    assert timedelta(seconds=50) <= elapsed(result) < timedelta(seconds=sum(order))


def test_the_clock_does_not_jump_while_a_function_runs() -> None:
    """The busy branch ends first, however long the other's wait would be."""
    release = threading.Event()
    order: list[str] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        def waiting(child: DurableContext) -> None:
            child.wait(seconds=3600)
            order.append("waited")

        def busy(child: DurableContext) -> None:
            child.step(lambda _: release.wait() and order.append("worked"))

        context.parallel([waiting, busy])

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        release.set()
        assert runner.wait_for_result(arn).status == "SUCCEEDED"
    assert order == ["worked", "waited"]


def test_without_skipping_waits_pass_in_scaled_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURABLE_EXECUTION_TIME_SCALE", "0.00001")
    with DurableFunctionTestRunner(hour, skip_time=False) as runner:
        result = runner.run(timeout=60)
    assert result.status == "SUCCEEDED"
    assert elapsed(result) >= timedelta(hours=1)


# --------------------------------------------------------------------------------- the clocks


@pytest.mark.parametrize("text", ["fast", "-1", "nan"])
def test_a_time_scale_that_is_not_a_positive_number_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DURABLE_EXECUTION_TIME_SCALE", text)
    with pytest.raises(ValueError, match=text):
        RealClock()


def test_a_deadline_has_come_when_the_clock_tells_that_time() -> None:
    """Also where the two differ by what floats leave: a clock that stands would never get there."""

    class Standing(RealClock):
        def _exact_now(self) -> float:
            return 1_700_000_020.022 - 3e-7

    clock = Standing()
    assert clock.now() == 1_700_000_020.022
    assert clock.real_delay(1_700_000_020.022) == 0
    assert clock.real_delay(1_700_000_020.0221) > 0


def test_a_scaled_clock_tells_real_seconds_until_a_deadline() -> None:
    clock = RealClock(scale=0.5)
    assert 49 < clock.real_delay(clock.now() + 100) <= 50
    assert clock.real_delay(clock.now() - 1) == 0


def test_a_clock_starts_no_earlier_than_told() -> None:
    future = RealClock().now() + 1000
    assert RealClock(not_before=future).now() >= future


def test_a_virtual_clock_jumps_forward_only() -> None:
    clock = VirtualClock()
    future = clock.now() + 1000
    clock.jump_to(future)
    assert future <= clock.now() < future + 100
    clock.jump_to(future - 500)
    assert clock.now() >= future


async def test_sleeping_until_a_time_that_has_passed_returns() -> None:
    clock = VirtualClock()
    await clock.sleep_until(clock.now() - 1)
    await clock.sleep_until(clock.now() + 0.001)


def test_what_is_told_in_different_answers_has_different_times() -> None:
    """As with the service, whose answers take longer than the milliseconds it counts."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        for _ in range(20):
            context.step(lambda _: None, name="quick")

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    ends = [operation.end_timestamp for operation in result.operations]
    assert len(set(ends)) == len(ends) == 20
