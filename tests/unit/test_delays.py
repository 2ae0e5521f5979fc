"""Durations and jitter."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python.config import Duration, JitterStrategy, to_duration
from aws_durable_execution_sdk_python.exceptions import ValidationError


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (Duration(), 0),
        (Duration(7), 7),
        (Duration.from_seconds(1.9), 1),
        (Duration.from_minutes(1.5), 90),
        (Duration.from_hours(8.2), 29_520),
        (Duration.from_days(2), 172_800),
    ],
)
def test_a_duration_is_whole_seconds(duration: Duration, seconds: int) -> None:
    assert duration.to_seconds() == seconds


def test_durations_compare() -> None:
    assert Duration.from_minutes(1) == Duration.from_seconds(60)
    assert Duration(59) < Duration.from_minutes(1)
    assert len({Duration(60), Duration.from_minutes(1)}) == 1


@pytest.mark.parametrize("value", [-1, -0.1, math.nan, math.inf])
def test_a_duration_is_not_negative_and_is_a_number(value: float) -> None:
    with pytest.raises(ValidationError, match=r"a Duration (cannot be negative|needs a finite)"):
        Duration.from_minutes(value)


@pytest.mark.parametrize("seconds", [-1, 1.5, "5", None, True])
def test_the_constructor_takes_whole_seconds_only(seconds: Any) -> None:
    with pytest.raises(ValidationError, match="seconds of a Duration must be"):
        Duration(seconds)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (Duration(5), 5),
        (5, 5),
        (0, 0),
        (timedelta(minutes=2), 120),
        (timedelta(seconds=2.9), 2),
        (timedelta(0), 0),
    ],
)
def test_every_form_of_a_duration_is_read(value: Duration | timedelta | int, seconds: int) -> None:
    assert to_duration(value) == Duration(seconds)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (timedelta(milliseconds=500), "the wait must be whole seconds, got datetime.timedelta"),
        (timedelta(seconds=-1), "the wait in seconds must be at least 0; got -1"),
        (-5, "the wait in seconds must be at least 0; got -5"),
        (0.5, r"the wait must be a Duration, .* or whole seconds as an int; got 0.5 \(float\)"),
        ("5s", r"got '5s' \(str\)"),
        (True, r"got True \(bool\)"),
        (None, r"got None \(NoneType\)"),
    ],
)
def test_anything_else_is_refused_by_the_name_of_the_argument(value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        to_duration(value, "the wait")


# ------------------------------------------------------------------------------------- jitter


@pytest.mark.parametrize(("delay", "seconds"), [(0, 1), (0.2, 1), (1, 1), (2.1, 3), (300, 300)])
def test_without_jitter_a_delay_is_rounded_up_to_whole_seconds_at_least_one(
    delay: float, seconds: int
) -> None:
    assert JitterStrategy.NONE.finalize_delay(delay) == seconds


@given(st.floats(0, 1e6), st.integers())
@settings(deadline=None)
def test_full_jitter_stays_below_the_delay(delay: float, seed: int) -> None:
    assert 1 <= JitterStrategy.FULL.finalize_delay(delay, random.Random(seed)) <= max(1, delay + 1)


@given(st.floats(0, 1e6), st.integers())
@settings(deadline=None)
def test_half_jitter_keeps_at_least_half_of_the_delay(delay: float, seed: int) -> None:
    result = JitterStrategy.HALF.finalize_delay(delay, random.Random(seed))
    assert max(1, delay / 2) <= result <= max(1, delay + 1)


@pytest.mark.parametrize("jitter", [JitterStrategy.FULL, JitterStrategy.HALF])
def test_jitter_spreads_delays(jitter: JitterStrategy) -> None:
    rng = random.Random(1)
    assert len({jitter.finalize_delay(1000, rng) for _ in range(20)}) > 10


def test_jitter_uses_its_own_randomness_when_none_is_given() -> None:
    assert 1 <= JitterStrategy.FULL.finalize_delay(10) <= 10
