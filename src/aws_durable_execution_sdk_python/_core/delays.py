"""Durations, in the three forms the API accepts, and the arithmetic of backing off."""

from __future__ import annotations

import enum
import math
import random
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Self, TypeAlias, overload

from aws_durable_execution_sdk_python._core.limits import MAX_DELAY_SECONDS
from aws_durable_execution_sdk_python._core.validation import number, shown, whole_number
from aws_durable_execution_sdk_python.exceptions import ValidationError


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in whole seconds, the unit of the service.

    The `from_*` methods drop fractions of a second.

    Parameters:
        seconds: a whole number, at least 0.

    Raises:
        ValidationError: the value is negative or not a number.

    Example:
        >>> Duration.from_minutes(1.5)
        Duration(seconds=90)
    """

    seconds: int = 0

    def __post_init__(self) -> None:
        whole_number("seconds of a Duration", self.seconds, 0)

    @classmethod
    def from_seconds(cls, value: float) -> Self:
        return cls._of(value, 1)

    @classmethod
    def from_minutes(cls, value: float) -> Self:
        return cls._of(value, 60)

    @classmethod
    def from_hours(cls, value: float) -> Self:
        return cls._of(value, 3600)

    @classmethod
    def from_days(cls, value: float) -> Self:
        return cls._of(value, 86400)

    @classmethod
    def _of(cls, value: float, unit: int) -> Self:
        try:
            # By the decimal digits written: 8.2 hours are 29520 s, not 29519.999... cut.
            exact = Fraction(str(value)) * unit
        except ValueError:
            raise ValidationError(f"a Duration needs a finite number, got {value!r}") from None
        if exact < 0:
            raise ValidationError(f"a Duration cannot be negative, got {value!r}")
        return cls(math.floor(exact))

    def to_seconds(self) -> int:
        return self.seconds


DurationLike: TypeAlias = Duration | timedelta | int
"""Whatever takes a duration takes a `Duration`, a `datetime.timedelta` or whole seconds."""


TimeLimit: TypeAlias = Duration | timedelta | float
"""How long something in this process may take: fractions of a second count."""


def to_seconds(value: TimeLimit, what: str = "timeout") -> float:
    """Read a time limit as seconds.

    Raises:
        ValidationError: the value is of another type, or out of range. The message calls it
            `what`.
    """
    if isinstance(value, Duration):
        seconds: object = value.seconds
    else:
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return number(f"{what} in seconds", seconds, 0, MAX_DELAY_SECONDS)


def to_duration(value: DurationLike, what: str = "duration") -> Duration:
    """Read a duration in any of its forms; fractions of a timedelta's last second are dropped.

    Raises:
        ValidationError: the value is of another type, negative, or a timedelta of less than a
            second but not zero. The message calls it `what`.
    """
    if isinstance(value, Duration):
        return value
    if isinstance(value, timedelta):
        if timedelta(0) < value < timedelta(seconds=1):
            raise ValidationError(
                f"{what} must be whole seconds, got {value!r}: "
                "the service cannot count less than 1 second"
            )
        value = value // timedelta(seconds=1)
    if not isinstance(value, int) or isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(
            f"{what} must be a Duration, a datetime.timedelta or whole seconds as an int; "
            f"got {shown(value)}"
        )
    return Duration(whole_number(f"{what} in seconds", value, 0))


class DurationField:
    """A dataclass field that accepts every `DurationLike` and reads as a `Duration`."""

    def __init__(self, default: int, *, maximum: int = MAX_DELAY_SECONDS) -> None:
        self._default = Duration(default)
        self._maximum = maximum

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Any: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Duration: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        # dataclasses asks the class for the default.
        return self._default if instance is None else instance.__dict__[self._name]

    def __set__(self, instance: object, value: DurationLike) -> None:
        duration = to_duration(value, self._name)
        whole_number(f"{self._name} in seconds", duration.seconds, 0, self._maximum)
        instance.__dict__[self._name] = duration


class JitterStrategy(enum.StrEnum):
    """How a delay is randomised, so that many executions do not retry at the same moment.

    NONE leaves it as it is, FULL takes a random share of it, HALF keeps half of it and takes a
    random share of the other half.
    """

    NONE = "NONE"
    FULL = "FULL"
    HALF = "HALF"

    def finalize_delay(self, delay: float, rng: random.Random | None = None) -> int:
        """The delay to use, in whole seconds, at least 1, for a computed `delay` in seconds."""
        fixed = {JitterStrategy.NONE: delay, JitterStrategy.HALF: delay / 2}.get(self, 0)
        share = random.random() if rng is None else rng.random()
        return max(1, math.ceil(fixed + (delay - fixed) * share))


def exponential_delay(attempt: int, initial: Duration, maximum: Duration, rate: float) -> float:
    """Seconds to wait after the given attempt, counted from 1, before jitter."""
    try:
        return min(initial.seconds * rate ** (attempt - 1), float(maximum.seconds))
    except OverflowError:
        return float(maximum.seconds)


def linear_delay(attempt: int, initial: Duration, maximum: Duration, step: Duration) -> float:
    """Seconds to wait after the given attempt, counted from 1, before jitter."""
    return float(min(initial.seconds + step.seconds * (attempt - 1), maximum.seconds))
