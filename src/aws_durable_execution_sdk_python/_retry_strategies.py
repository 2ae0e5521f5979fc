"""Retry strategies, under the names that `retries` documents: what the operations know of them.

A strategy is any callable that takes the error and the number of attempts made so far (1 after
the first failure) and returns a `RetryDecision`. It must decide from these two alone.
"""

# ruff: noqa: RUF009 - DurationField is a descriptor, made once per class on purpose

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.delays import (
    Duration,
    DurationField,
    DurationLike,
    JitterStrategy,
    exponential_delay,
    linear_delay,
    to_duration,
)
from aws_durable_execution_sdk_python._core.errors import text_of
from aws_durable_execution_sdk_python._core.limits import MAX_DELAY_SECONDS
from aws_durable_execution_sdk_python._core.validation import whole_number
from aws_durable_execution_sdk_python.exceptions import ValidationError

_DEFAULT_INITIAL_DELAY = Duration(5)
_DEFAULT_MAX_DELAY = Duration(300)


@dataclass(frozen=True)
class RetryDecision:
    """A strategy's answer. Make it with `RetryDecision.retry(delay)` or `.no_retry()`.

    Attributes:
        should_retry: whether there is another attempt.
        delay: how long to wait before it; the service waits at least 1 second.
    """

    should_retry: bool
    delay: DurationField = DurationField(0)

    @classmethod
    def retry(cls, delay: DurationLike) -> RetryDecision:
        """Try again after `delay`."""
        return cls(True, delay)

    @classmethod
    def no_retry(cls) -> RetryDecision:
        """Give up: the operation fails with the error of this attempt."""
        return cls(False)

    @property
    def delay_seconds(self) -> int:
        return self.delay.seconds


RetryStrategy: TypeAlias = Callable[[Exception, int], RetryDecision]
"""Takes the error and the number of attempts made so far, 1 after the first failure."""

ErrorPattern: TypeAlias = str | re.Pattern[str]
"""A text that an error's message contains, or an expression that it matches somewhere."""


class JitterField:
    """A dataclass field whose default is that of the mode the code runs in."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Any: ...
    @overload
    def __get__(self, instance: object, owner: type) -> JitterStrategy: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return None  # dataclasses asks the class for the default
        given: JitterStrategy | None = instance.__dict__[self._name]
        if given is not None:
            return given
        return JitterStrategy.FULL if is_compat_aws() else JitterStrategy.NONE

    def __set__(self, instance: object, value: JitterStrategy | None) -> None:
        instance.__dict__[self._name] = None if value is None else JitterStrategy(value)


@dataclass(frozen=True, init=False)
class RetryStrategyConfig:
    """Exponential backoff: each delay is the one before times `backoff_rate`, up to a maximum.

    Parameters:
        max_attempts: attempts in all, the first one included; at least 1.
        initial_delay: delay before the second attempt (default 5 s).
        max_delay: upper limit of a delay (default 5 minutes).
        backoff_rate: factor between one delay and the next, above 0.
        jitter_strategy: how delays are randomised; not at all by default, fully with
            `compat="aws"`.
        retryable_errors: texts the error's message must contain, or patterns to search for.
        retryable_error_types: classes the error must be an instance of. With both filters
            given, matching one suffices; with neither, every error is retried.
        initial_delay_seconds: `initial_delay` as whole seconds.
        max_delay_seconds: `max_delay` as whole seconds.

    Raises:
        ValidationError: a value is out of range, or a delay is given in both forms.

    Example:
        >>> config = RetryStrategyConfig(4, initial_delay_seconds=1, max_delay_seconds=10)
        >>> create_retry_strategy(config)(ValueError("busy"), 1).delay_seconds
        1
    """

    max_attempts: int
    initial_delay: Duration
    max_delay: Duration
    backoff_rate: float
    jitter_strategy: JitterField = JitterField()
    retryable_errors: Sequence[ErrorPattern] | None = None
    retryable_error_types: Sequence[type[Exception]] | None = None

    def __init__(
        self,
        max_attempts: int = 3,
        initial_delay: DurationLike | None = None,
        max_delay: DurationLike | None = None,
        backoff_rate: float = 2.0,
        jitter_strategy: JitterStrategy | None = None,
        retryable_errors: Sequence[ErrorPattern] | None = None,
        retryable_error_types: Sequence[type[Exception]] | None = None,
        *,
        initial_delay_seconds: int | None = None,
        max_delay_seconds: int | None = None,
    ) -> None:
        _check_filter("retryable_errors", retryable_errors)
        _check_filter("retryable_error_types", retryable_error_types)
        initial = _either("initial_delay", initial_delay, initial_delay_seconds)
        maximum = _either("max_delay", max_delay, max_delay_seconds)
        values = {
            "max_attempts": whole_number("max_attempts", max_attempts, 1),
            "initial_delay": _DEFAULT_INITIAL_DELAY if initial is None else initial,
            "max_delay": _DEFAULT_MAX_DELAY if maximum is None else maximum,
            "backoff_rate": validation.backoff_rate(backoff_rate),
            "jitter_strategy": jitter_strategy,
            "retryable_errors": retryable_errors,
            "retryable_error_types": retryable_error_types,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def initial_delay_seconds(self) -> int:
        return self.initial_delay.seconds

    @property
    def max_delay_seconds(self) -> int:
        return self.max_delay.seconds

    def __call__(self, error: Exception, attempt: int) -> RetryDecision:
        """Decide as the strategy of this configuration does: it is one itself."""
        return create_retry_strategy(self)(error, attempt)


@dataclass(frozen=True)
class LinearRetryStrategyConfig:
    """Linear backoff: each delay is the one before plus `increment`, up to a maximum.

    Parameters:
        max_attempts: attempts in all, the first one included; at least 1.
        initial_delay: delay before the second attempt (default 1 s).
        increment: what is added for each further attempt (default 1 s).
        max_delay: upper limit of a delay (default 5 minutes).
        jitter_strategy: how delays are randomised; not at all by default, fully with
            `compat="aws"`.
        retryable_errors: see `RetryStrategyConfig`.
        retryable_error_types: see `RetryStrategyConfig`.

    Raises:
        ValidationError: a value is out of range.
    """

    max_attempts: int = 6
    initial_delay: DurationField = DurationField(1)
    increment: DurationField = DurationField(1)
    max_delay: DurationField = DurationField(300)
    jitter_strategy: JitterField = JitterField()
    retryable_errors: Sequence[ErrorPattern] | None = None
    retryable_error_types: Sequence[type[Exception]] | None = None

    def __post_init__(self) -> None:
        whole_number("max_attempts", self.max_attempts, 1)
        _check_filter("retryable_errors", self.retryable_errors)
        _check_filter("retryable_error_types", self.retryable_error_types)

    def __call__(self, error: Exception, attempt: int) -> RetryDecision:
        """Decide as the strategy of this configuration does: it is one itself."""
        return create_linear_retry_strategy(self)(error, attempt)


def create_retry_strategy(
    config: RetryStrategyConfig | None = None, *, _rng: random.Random | None = None
) -> RetryStrategy:
    """A strategy with exponential backoff, as `config` says (default `RetryStrategyConfig()`).

    Example:
        >>> strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=2))
        >>> strategy(ValueError(), 1).should_retry, strategy(ValueError(), 2).should_retry
        (True, False)
    """
    if config is None:
        config = RetryStrategyConfig()

    def delay(attempt: int) -> float:
        return exponential_delay(
            attempt, config.initial_delay, config.max_delay, config.backoff_rate
        )

    return _strategy(config, delay, _rng)


def create_linear_retry_strategy(
    config: LinearRetryStrategyConfig | None = None, *, _rng: random.Random | None = None
) -> RetryStrategy:
    """A strategy with linear backoff: by default 6 attempts, 1 s, 2 s, 3 s ... apart."""
    if config is None:
        config = LinearRetryStrategyConfig()

    def delay(attempt: int) -> float:
        return linear_delay(attempt, config.initial_delay, config.max_delay, config.increment)

    return _strategy(config, delay, _rng)


linear = create_linear_retry_strategy
"""`create_linear_retry_strategy` by a shorter name."""


def fixed(interval: DurationLike = 5, max_attempts: int = 5) -> RetryStrategy:
    """A strategy that waits `interval` between attempts: by default 5 attempts, 5 s apart."""
    exact = JitterStrategy.NONE
    return create_retry_strategy(RetryStrategyConfig(max_attempts, interval, interval, 1.0, exact))


class RetryPresets:
    """Ready-made strategies, for example `StepConfig(RetryPresets.transient())`."""

    linear = staticmethod(linear)
    fixed = staticmethod(fixed)

    @staticmethod
    def none() -> RetryStrategy:
        """One attempt."""
        return create_retry_strategy(RetryStrategyConfig(max_attempts=1))

    @staticmethod
    def default() -> RetryStrategy:
        """6 attempts, delays from 5 s to 1 minute, doubling, full jitter."""
        return _preset(6, 5, 60, 2, JitterStrategy.FULL)

    @staticmethod
    def transient() -> RetryStrategy:
        """For short disturbances: 3 attempts, 5 s to 5 minutes, doubling, half jitter."""
        return _preset(3, 5, 300, 2, JitterStrategy.HALF)

    @staticmethod
    def resource_availability() -> RetryStrategy:
        """For resources that come up late: 5 attempts, 5 s to 5 minutes, doubling, full jitter."""
        return _preset(5, 5, 300, 2, JitterStrategy.FULL)

    @staticmethod
    def critical() -> RetryStrategy:
        """For what must not fail: 10 attempts, 1 s to 1 minute, growing by half, no jitter."""
        return _preset(10, 1, 60, 1.5, JitterStrategy.NONE)


# ---------------------------------------------------------------------------------------------


def _preset(
    attempts: int, initial: int, maximum: int, rate: float, jitter: JitterStrategy
) -> RetryStrategy:
    return create_retry_strategy(RetryStrategyConfig(attempts, initial, maximum, rate, jitter))


def _strategy(
    config: RetryStrategyConfig | LinearRetryStrategyConfig,
    delay: Callable[[int], float],
    rng: random.Random | None,
) -> RetryStrategy:
    def strategy(error: Exception, attempt: int) -> RetryDecision:
        if attempt >= config.max_attempts or not _is_retryable(config, error):
            return RetryDecision.no_retry()
        return RetryDecision.retry(config.jitter_strategy.finalize_delay(delay(attempt), rng))

    return strategy


def _is_retryable(
    config: RetryStrategyConfig | LinearRetryStrategyConfig, error: Exception
) -> bool:
    patterns, types = config.retryable_errors, config.retryable_error_types
    if patterns is None and types is None:
        return True
    text = text_of(error)
    return isinstance(error, tuple(types or ())) or any(
        pattern in text if isinstance(pattern, str) else pattern.search(text) is not None
        for pattern in patterns or ()
    )


def _either(what: str, value: DurationLike | None, seconds: int | None) -> Duration | None:
    if value is not None and seconds is not None:
        raise ValidationError(f"give {what} or {what}_seconds, not both")
    given = value if seconds is None else seconds
    if given is None:
        return None
    duration = to_duration(given, what)
    whole_number(f"{what} in seconds", duration.seconds, 0, MAX_DELAY_SECONDS)
    return duration


def _check_filter(what: str, value: object) -> None:
    """A string would pass as a sequence of one-letter patterns."""
    if value is not None and not isinstance(value, list | tuple):
        raise ValidationError(f"{what} must be a list or tuple, got {value!r}")
