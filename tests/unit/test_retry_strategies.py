"""Whether and when a failed step is tried again."""

from __future__ import annotations

import dataclasses
import random
import re
from datetime import timedelta
from typing import Any

import pytest

from aws_durable_execution_sdk_python._core.errors import rebuild
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.config import Duration, JitterStrategy
from aws_durable_execution_sdk_python.exceptions import StepError, ValidationError
from aws_durable_execution_sdk_python.retries import (
    LinearRetryStrategyConfig,
    RetryDecision,
    RetryPresets,
    RetryStrategy,
    RetryStrategyConfig,
    create_retry_strategy,
    fixed,
    linear,
)


def delays(strategy: RetryStrategy, limit: int = 20) -> list[int]:
    """The delays after attempt 1, 2, ... until the strategy gives up."""
    found = []
    for attempt in range(1, limit):
        decision = strategy(ValueError("no"), attempt)
        if not decision.should_retry:
            break
        found.append(decision.delay_seconds)
    return found


def retries(config: RetryStrategyConfig, error: Exception) -> bool:
    return create_retry_strategy(config)(error, 1).should_retry


def test_delays_are_exactly_as_configured() -> None:
    config = RetryStrategyConfig(
        max_attempts=7, initial_delay_seconds=1, max_delay_seconds=10, backoff_rate=2.0
    )
    assert delays(create_retry_strategy(config)) == [1, 2, 4, 8, 10, 10]


def test_by_default_there_are_three_attempts_without_jitter() -> None:
    assert delays(create_retry_strategy()) == [5, 10]


def test_an_attempt_beyond_the_last_is_not_retried() -> None:
    strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=2))
    assert strategy(ValueError(), 9) == RetryDecision.no_retry()


def test_a_delay_beyond_what_floats_hold_is_the_maximum() -> None:
    strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=5000, backoff_rate=1000))
    assert strategy(ValueError(), 4000).delay_seconds == 300


@pytest.mark.parametrize("delay", [Duration(7), timedelta(seconds=7), 7])
def test_delays_are_taken_in_every_form(delay: Any) -> None:
    config = RetryStrategyConfig(initial_delay=delay, max_delay=delay)
    assert config.initial_delay == config.max_delay == Duration(7)
    assert (config.initial_delay_seconds, config.max_delay_seconds) == (7, 7)
    assert config == RetryStrategyConfig(initial_delay_seconds=7, max_delay_seconds=7)


def test_a_config_can_be_varied() -> None:
    config = RetryStrategyConfig(max_attempts=5, initial_delay_seconds=2)
    assert dataclasses.replace(config, max_attempts=6).initial_delay_seconds == 2


def test_jitter_is_opt_in_and_repeatable_with_the_same_randomness() -> None:
    config = RetryStrategyConfig(6, 100, 1000, jitter_strategy=JitterStrategy.FULL)
    first = delays(create_retry_strategy(config, _rng=random.Random(3)))
    assert first == delays(create_retry_strategy(config, _rng=random.Random(3)))
    assert first != delays(create_retry_strategy(config, _rng=random.Random(4)))


# ------------------------------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("errors", "types", "error", "expected"),
    [
        (None, None, Exception(), True),
        (["time"], None, ValueError("a timeout"), True),
        (["time"], None, ValueError("Timeout"), False),
        ([re.compile("^time", re.IGNORECASE)], None, ValueError("Timeout"), True),
        ([re.compile("^out")], None, ValueError("timeout"), False),
        (None, [OSError], ConnectionError(), True),
        (None, (OSError, KeyError), KeyError(), True),
        (None, [OSError], ValueError(), False),
        (["time"], [OSError], ConnectionError("refused"), True),
        (["time"], [OSError], ValueError("timeout"), True),
        (["time"], [OSError], ValueError("refused"), False),
        ([], None, ValueError("timeout"), False),
        (None, [], ValueError("timeout"), False),
    ],
)
def test_which_errors_are_retried(
    errors: Any, types: Any, error: Exception, expected: bool
) -> None:
    config = RetryStrategyConfig(retryable_errors=errors, retryable_error_types=types)
    assert retries(config, error) is expected


def test_an_error_read_back_on_replay_matches_its_original_type() -> None:
    error = rebuild(StepError, ErrorObject("busy", "ValueError"))
    assert retries(RetryStrategyConfig(retryable_error_types=[ValueError]), error)
    assert not retries(RetryStrategyConfig(retryable_error_types=[KeyError]), error)


# ------------------------------------------------------------------------------------- presets


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (RetryPresets.none(), []),
        (RetryPresets.critical(), [1, 2, 3, 4, 6, 8, 12, 18, 26]),
        (RetryPresets.linear(), [1, 2, 3, 4, 5]),
        (RetryPresets.fixed(), [5, 5, 5, 5]),
        (linear(), [1, 2, 3, 4, 5]),
        (linear(LinearRetryStrategyConfig(5, 2, timedelta(seconds=4), 9)), [2, 6, 9, 9]),
        (fixed(Duration(3), max_attempts=3), [3, 3]),
    ],
)
def test_strategies_without_jitter(strategy: RetryStrategy, expected: list[int]) -> None:
    assert delays(strategy) == expected


@pytest.mark.parametrize(
    ("preset", "lower", "upper"),
    [
        (RetryPresets.default, [1] * 5, [5, 10, 20, 40, 60]),
        (RetryPresets.transient, [3, 5], [5, 10]),
        (RetryPresets.resource_availability, [1] * 4, [5, 10, 20, 40]),
    ],
)
def test_presets_with_jitter_stay_within_their_bounds(
    preset: Any, lower: list[int], upper: list[int]
) -> None:
    for _ in range(20):
        found = delays(preset())
        assert len(found) == len(upper)
        assert all(
            low <= delay <= high for low, delay, high in zip(lower, found, upper, strict=True)
        )


def test_a_linear_strategy_filters_errors_too() -> None:
    strategy = linear(LinearRetryStrategyConfig(retryable_error_types=[KeyError]))
    assert not strategy(ValueError(), 1).should_retry


def test_linear_jitter_takes_its_randomness_from_the_argument() -> None:
    config = LinearRetryStrategyConfig(6, 100, 100, 1000, JitterStrategy.HALF)
    assert delays(linear(config, _rng=random.Random(1))) == delays(
        linear(config, _rng=random.Random(1))
    )


# ----------------------------------------------------------------------------------- decisions


def test_a_decision_takes_its_delay_in_every_form() -> None:
    assert RetryDecision.retry(timedelta(minutes=1)) == RetryDecision(True, Duration(60))
    assert RetryDecision.retry(60).delay == Duration(60)


def test_no_retry_has_no_delay() -> None:
    assert RetryDecision.no_retry() == RetryDecision(False, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be at least 1; got 0"),
        ({"max_attempts": 2.0}, "max_attempts must be a whole number"),
        ({"initial_delay": -1}, "initial_delay in seconds must be at least 0; got -1"),
        ({"initial_delay_seconds": 0.5}, r"initial_delay must be a Duration.*got 0.5 \(float\)"),
        ({"max_delay": Duration.from_days(367)}, "max_delay in seconds must be from 0 to 31622400"),
        ({"initial_delay": 1, "initial_delay_seconds": 1}, "not both"),
        ({"backoff_rate": 0}, "backoff_rate must be above 0"),
        ({"backoff_rate": float("nan")}, "backoff_rate must be a number"),
        ({"retryable_errors": "timeout"}, "retryable_errors must be a list or tuple"),
        ({"retryable_error_types": ValueError}, "retryable_error_types must be a list or tuple"),
    ],
)
def test_bad_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RetryStrategyConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"increment": timedelta(milliseconds=1)}, "increment must be whole seconds"),
        ({"retryable_errors": "timeout"}, "retryable_errors must be a list or tuple"),
    ],
)
def test_bad_linear_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LinearRetryStrategyConfig(**values)
