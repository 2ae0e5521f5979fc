"""wait_for_condition: checks with a state carried from one to the next."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, Wire, error, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ExecutionError,
    RetryableSerDesError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext
from aws_durable_execution_sdk_python.waits import (
    WaitDecision,
    WaitForConditionConfig,
    WaitForConditionDecision,
    WaitStrategyConfig,
    create_wait_strategy,
)


def until(limit: int, delay: Any = 5) -> Any:
    """A strategy that stops once the state has reached the limit."""

    def strategy(state: int, attempt: int) -> WaitForConditionDecision:
        if state >= limit:
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(delay)

    return strategy


def polling(
    flavour: Flavour, check: Any, strategy: Any, initial: Any = 0, serdes: Any = None
) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        config = WaitForConditionConfig(strategy, initial, serdes)
        return await ctx.wait_for_condition(check, config, name="poll")

    return flavour.durable(handler)


def poll(status: str, **details: Any) -> Wire:
    return recorded("STEP", status, 1, "poll", SubType="WaitForCondition", **details)


def increment(state: int) -> int:
    return state + 1


def test_a_condition_that_is_met_at_once_succeeds(flavour: Flavour) -> None:
    service = FakeService()
    assert service.invoke(polling(flavour, increment, until(1))) == succeeded(1)
    assert service.trace == ["STEP START poll", "STEP SUCCEED poll"]
    assert service.sent("START", 1)["SubType"] == "WaitForCondition"
    assert service.sent("SUCCEED", 1)["Payload"] == "1"


def test_the_state_is_carried_from_check_to_check(flavour: Flavour) -> None:
    service = FakeService()
    assert service.run(polling(flavour, increment, until(3))) == succeeded(3)
    retries = [u for u in service.updates if u["Action"] == "RETRY"]
    assert [u["Payload"] for u in retries] == ["1", "2"]
    assert all("Error" not in u for u in retries)
    assert service.trace.count("STEP START poll") == 3


def test_checks_are_numbered_and_given_a_logger(flavour: Flavour) -> None:
    attempts, decided = [], []

    def check(state: int, context: Any) -> int:
        context.logger.info("checking")
        attempts.append(context.attempt)
        return state + 1

    def strategy(state: int, attempt: int) -> Any:
        decided.append((state, attempt))
        return until(3)(state, attempt)

    FakeService().run(polling(flavour, check, strategy))
    assert attempts == [1, 2, 3]
    assert decided == [(1, 1), (2, 2), (3, 3)]


async def async_check(state: int, context: Any) -> int:
    return state + 1


@pytest.mark.parametrize("check", [async_check, lambda s, c: s + 1, lambda s: async_check(s, None)])
def test_a_check_may_be_async_and_need_not_take_the_context(flavour: Flavour, check: Any) -> None:
    assert FakeService().run(polling(flavour, check, until(2))) == succeeded(2)


@pytest.mark.parametrize(
    ("status", "runs", "updates"),
    [
        ("READY", [8], ["STEP START poll", "STEP SUCCEED poll"]),
        ("STARTED", [8], ["STEP SUCCEED poll"]),
        ("PENDING", [], []),
    ],
)
def test_a_recorded_state_is_taken_up(
    flavour: Flavour, status: str, runs: list[int], updates: list[str]
) -> None:
    checked = []

    def check(state: int) -> int:
        checked.append(state)
        return state

    service = FakeService(poll(status, Attempt=3, Result='{"t":"i","v":8}'))
    service._elapse = lambda: None  # type: ignore[method-assign] # no time is recorded
    answer = service.invoke(polling(flavour, check, until(8)))
    assert answer == (succeeded(8) if runs else PENDING)
    assert (checked, service.trace) == (runs, updates)


@pytest.mark.parametrize("status", ["READY", "STARTED"])
def test_without_a_recorded_state_the_first_one_is_used(flavour: Flavour, status: str) -> None:
    service = FakeService(poll(status, Attempt=0))
    assert service.invoke(polling(flavour, increment, until(1))) == succeeded(1)


def test_every_check_sees_a_state_that_was_read_back(flavour: Flavour) -> None:
    seen = []

    def check(state: Any) -> Any:
        seen.append(state)
        return {2: "second"}

    def strategy(state: Any, attempt: int) -> Any:
        seen.append(state)
        return until(2)(attempt, attempt)

    FakeService().run(polling(flavour, check, strategy, initial={1: "first"}))
    assert seen == [{"1": "first"}, {"2": "second"}, {"2": "second"}, {"2": "second"}]


def test_a_completed_condition_gives_its_last_state(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = WaitForConditionConfig(until(9), 0)
        state = await ctx.wait_for_condition(increment, config, name="poll")
        return isinstance(state, dt.date)

    service = FakeService(poll("SUCCEEDED", Result='{"t":"D","v":"2020-01-02"}'))
    assert service.invoke(flavour.durable(handler)) == succeeded(True)


@pytest.mark.parametrize(("delay", "sent"), [(0, 1), (1, 1), (30, 30)])
def test_a_delay_is_at_least_one_second(flavour: Flavour, delay: int, sent: int) -> None:
    service = FakeService()
    assert service.invoke(polling(flavour, increment, until(2, delay))) == PENDING
    assert service.sent("RETRY", 1)["StepOptions"] == {"NextAttemptDelaySeconds": sent}


def test_a_14_decision_works(flavour: Flavour) -> None:
    def strategy(state: int, attempt: int) -> WaitDecision:
        return WaitDecision.no_wait() if state == 2 else WaitDecision.wait(5)

    assert FakeService().run(polling(flavour, increment, strategy)) == succeeded(2)


# ---------------------------------------------------------------------------------------- errors


def outcome_of(flavour: Flavour, service: FakeService, check: Any, strategy: Any) -> Any:
    """(a WaitForConditionError?, other classes' names, text), on the first run and on replay."""

    async def handler(event: Any, ctx: Any) -> Any:
        outcome = None
        try:
            await ctx.wait_for_condition(check, WaitForConditionConfig(strategy, 0), name="poll")
        except WaitForConditionError as problem:
            outcome = [type(problem).__name__, str(problem), problem.error_type]
        outcomes.append(outcome)
        await ctx.wait(seconds=1)

    outcomes: list[Any] = []
    assert service.run(flavour.durable(handler)) == succeeded(None)
    assert outcomes[-2] == outcomes[-1]
    return outcomes[-1]


def test_a_check_that_raises_fails_without_retry(flavour: Flavour) -> None:
    def check(state: int) -> int:
        raise ValueError("bad")

    service = FakeService()
    assert outcome_of(flavour, service, check, until(1)) == ["ValueError", "bad", "ValueError"]
    assert service.trace[:2] == ["STEP START poll", "STEP FAIL poll"]


def test_a_strategy_that_raises_fails_the_condition(flavour: Flavour) -> None:
    def strategy(state: int, attempt: int) -> Any:
        raise LookupError("lost")

    outcome = outcome_of(flavour, FakeService(), increment, strategy)
    assert outcome == ["LookupError", "lost", "LookupError"]


def test_a_strategy_that_decides_nothing_fails_the_condition(flavour: Flavour) -> None:
    outcome = outcome_of(flavour, FakeService(), increment, lambda s, n: True)
    assert "WaitForConditionDecision" in outcome[1]


def test_used_up_checks_raise(flavour: Flavour) -> None:
    strategy = create_wait_strategy(
        WaitStrategyConfig(lambda state: True, max_attempts=3, initial_delay=1)
    )
    service = FakeService()
    name, text, _ = outcome_of(flavour, service, increment, strategy)
    assert name == "WaitForConditionError"
    assert "3 checks" in text
    assert service.trace.count("STEP START poll") == 3


def test_a_state_that_cannot_be_stored_fails_the_condition(flavour: Flavour) -> None:
    _, text, _ = outcome_of(flavour, FakeService(), lambda state: {state}, until(1))
    assert "set cannot be stored" in text


def test_a_corrupt_state_fails_and_never_starts_over(flavour: Flavour) -> None:
    checked = []
    service = FakeService(poll("READY", Attempt=3, Result="{broken"))
    _, text, _ = outcome_of(flavour, service, checked.append, until(1))
    assert "poll" in text
    assert checked == []


def test_an_execution_error_in_the_check_leaves_no_outcome(flavour: Flavour) -> None:
    def check(state: int) -> int:
        raise ExecutionError("stop")

    service = FakeService()
    assert failure(service.invoke(polling(flavour, check, until(1))))[1] == "stop"
    assert service.trace in ([], ["STEP START poll"])


class Busy(SerDes[Any]):
    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        raise RetryableSerDesError("the store is busy")

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        raise RetryableSerDesError("the store is busy")


def test_a_passing_failure_of_the_serdes_is_raised(flavour: Flavour) -> None:
    service = FakeService()
    with pytest.raises(RetryableSerDesError):
        service.invoke(polling(flavour, increment, until(1), serdes=Busy()))
    assert service.trace in ([], ["STEP START poll"])


def test_a_condition_that_the_official_sdk_failed_raises(flavour: Flavour) -> None:
    stored = error("aws_durable_execution_sdk_python.exceptions.WaitForConditionError", "used up")
    outcome = outcome_of(flavour, FakeService(poll("FAILED", Error=stored)), increment, until(1))
    assert outcome[:2] == ["WaitForConditionError", "used up"]
