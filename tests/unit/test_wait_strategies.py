"""How wait_for_condition polls."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from aws_durable_execution_sdk_python.config import Duration, JitterStrategy
from aws_durable_execution_sdk_python.exceptions import ValidationError, WaitForConditionError
from aws_durable_execution_sdk_python.waits import (
    WaitDecision,
    WaitForConditionConfig,
    WaitForConditionDecision,
    WaitStrategyConfig,
    create_wait_strategy,
)


def not_ready(state: str) -> bool:
    return state != "READY"


def test_polling_stops_when_the_condition_is_met() -> None:
    strategy = create_wait_strategy(WaitStrategyConfig(not_ready))
    assert strategy("READY", 1) == WaitForConditionDecision.stop_polling()


def test_delays_grow_up_to_the_maximum() -> None:
    config = WaitStrategyConfig(
        not_ready,
        initial_delay=2,
        max_delay=timedelta(seconds=10),
        backoff_rate=2,
        jitter_strategy=JitterStrategy.NONE,
    )
    strategy = create_wait_strategy(config)
    assert [strategy("BUSY", n).delay_seconds for n in range(1, 6)] == [2, 4, 8, 10, 10]


def test_the_default_polls_sixty_times_with_full_jitter_up_to_five_minutes() -> None:
    strategy = create_wait_strategy(WaitStrategyConfig(not_ready), _rng=random.Random(1))
    decisions = [strategy("BUSY", n) for n in range(1, 60)]
    assert all(decision.should_continue for decision in decisions)
    assert all(1 <= decision.delay_seconds <= 300 for decision in decisions)
    assert len({decision.delay_seconds for decision in decisions}) > 20


def test_used_up_attempts_raise_instead_of_giving_an_unfinished_state() -> None:
    strategy = create_wait_strategy(WaitStrategyConfig(not_ready, max_attempts=3))
    assert strategy("BUSY", 2).should_continue
    with pytest.raises(WaitForConditionError, match="not met after 3 checks"):
        strategy("BUSY", 3)


def test_a_condition_met_at_the_last_attempt_is_met() -> None:
    strategy = create_wait_strategy(WaitStrategyConfig(not_ready, max_attempts=3))
    assert not strategy("READY", 3).should_continue


def test_a_decision_takes_its_delay_in_every_form() -> None:
    decision = WaitForConditionDecision.continue_waiting(timedelta(minutes=1))
    assert decision == WaitForConditionDecision(True, Duration(60))


def test_a_decision_by_its_older_name_is_a_decision() -> None:
    waiting, stopped = WaitDecision.wait(Duration(3)), WaitDecision.no_wait()
    assert isinstance(waiting, WaitForConditionDecision)
    assert (waiting.should_continue, waiting.should_wait, waiting.delay_seconds) == (True, True, 3)
    assert not stopped.should_wait


def test_the_older_timeout_is_accepted_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="limit polling by max_attempts") as caught:
        WaitStrategyConfig(not_ready, timeout=Duration(5))
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"backoff_rate": 0}, "backoff_rate must be above 0"),
        ({"initial_delay": 0.5}, "initial_delay must be a Duration"),
        ({"max_delay": -1}, "max_delay in seconds must be at least 0"),
    ],
)
def test_bad_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WaitStrategyConfig(not_ready, **values)


def test_a_config_holds_a_strategy_and_the_first_state() -> None:
    strategy = create_wait_strategy(WaitStrategyConfig(not_ready))
    config = WaitForConditionConfig(strategy, "BUSY")
    assert (config.wait_strategy, config.initial_state, config.serdes) == (strategy, "BUSY", None)


def test_a_strategy_config_in_place_of_a_strategy_is_refused() -> None:
    with pytest.raises(ValidationError, match="create_wait_strategy"):
        WaitForConditionConfig(WaitStrategyConfig(not_ready), "BUSY")  # type: ignore[arg-type]
