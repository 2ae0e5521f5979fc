"""How `wait_for_condition` polls: its configuration, and ready-made wait strategies.

A wait strategy is any callable that takes the state the check returned and the number of checks
made so far (1 after the first) and returns a `WaitForConditionDecision`.
"""

# ruff: noqa: RUF009 - DurationField is a descriptor, made once per class on purpose

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Generic, Self, TypeAlias, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.delays import (
    DurationField,
    DurationLike,
    JitterStrategy,
    exponential_delay,
)
from aws_durable_execution_sdk_python._core.validation import whole_number
from aws_durable_execution_sdk_python.exceptions import ValidationError, WaitForConditionError
from aws_durable_execution_sdk_python.serdes import AnySerDes

T = TypeVar("T")


@dataclass(frozen=True)
class WaitForConditionDecision:
    """A wait strategy's answer. Make it with `continue_waiting(delay)` or `stop_polling()`.

    Attributes:
        should_continue: whether the condition is checked again.
        delay: how long to wait before; the service waits at least 1 second.
    """

    should_continue: bool
    delay: DurationField = DurationField(0)

    @classmethod
    def continue_waiting(cls, delay: DurationLike) -> Self:
        """Check again after `delay`."""
        return cls(True, delay)

    @classmethod
    def stop_polling(cls) -> Self:
        """The condition is met: the state is the result."""
        return cls(False)

    @property
    def delay_seconds(self) -> int:
        return self.delay.seconds

    @property
    def should_wait(self) -> bool:
        """`should_continue` by its 1.4 name."""
        return self.should_continue


class WaitDecision(WaitForConditionDecision):
    """`WaitForConditionDecision` by its 1.4 name and with its 1.4 methods."""

    @classmethod
    def wait(cls, delay: DurationLike) -> Self:
        return cls.continue_waiting(delay)

    @classmethod
    def no_wait(cls) -> Self:
        return cls.stop_polling()


WaitStrategy: TypeAlias = Callable[[T, int], WaitForConditionDecision]


@dataclass(frozen=True)
class WaitStrategyConfig(Generic[T]):
    """Polling with growing delays.

    Parameters:
        should_continue_polling: given the state, whether to check again.
        max_attempts: checks in all, at least 1. When they are used up and the condition is
            still not met, the operation fails with `WaitForConditionError`.
        initial_delay: delay after the first check (default 5 s).
        max_delay: upper limit of a delay (default 5 minutes).
        backoff_rate: factor between one delay and the next, above 0.
        jitter_strategy: how delays are randomised.
        timeout: of the 1.4 releases, where it had no effect either. Deprecated.

    Raises:
        ValidationError: a value is out of range.
    """

    should_continue_polling: Callable[[T], bool]
    max_attempts: int = 60
    initial_delay: DurationField = DurationField(5)
    max_delay: DurationField = DurationField(300)
    backoff_rate: float = 1.5
    jitter_strategy: JitterStrategy = JitterStrategy.FULL
    _: KW_ONLY
    timeout: InitVar[DurationLike | None] = None

    def __post_init__(self, timeout: DurationLike | None) -> None:
        whole_number("max_attempts", self.max_attempts, 1)
        validation.backoff_rate(self.backoff_rate)
        if timeout is not None:
            warnings.warn(
                "WaitStrategyConfig(timeout=...) has no effect: limit polling by max_attempts",
                DeprecationWarning,
                stacklevel=3,
            )


def create_wait_strategy(
    config: WaitStrategyConfig[T], *, _rng: random.Random | None = None
) -> WaitStrategy[T]:
    """A wait strategy that polls as `config` says.

    The strategy raises `WaitForConditionError` when `max_attempts` checks were made and the
    condition is still not met.

    Example:
        >>> ready = WaitStrategyConfig(lambda state: state != "READY", initial_delay=2)
        >>> create_wait_strategy(ready)("READY", 1).should_continue
        False
    """

    def strategy(state: T, attempt: int) -> WaitForConditionDecision:
        if not config.should_continue_polling(state):
            return WaitForConditionDecision.stop_polling()
        if attempt >= config.max_attempts:
            raise WaitForConditionError(
                f"wait_for_condition exhausted {attempt} attempts before the condition was met"
                if is_compat_aws()
                else f"the condition was not met after {attempt} checks "
                f"(max_attempts is {config.max_attempts})"
            )
        delay = exponential_delay(
            attempt, config.initial_delay, config.max_delay, config.backoff_rate
        )
        return WaitForConditionDecision.continue_waiting(
            config.jitter_strategy.finalize_delay(delay, _rng)
        )

    return strategy


@dataclass(frozen=True)
class WaitForConditionConfig(Generic[T]):
    """What `wait_for_condition` polls with.

    Parameters:
        wait_strategy: decides after each check; see `create_wait_strategy`.
        initial_state: the state given to the first check.
        serdes: stores the state between checks (default: JSON, see `serdes`).

    Raises:
        ValidationError: `wait_strategy` is not callable, for instance a `WaitStrategyConfig`.
    """

    wait_strategy: WaitStrategy[T]
    initial_state: T
    serdes: AnySerDes[T] | None = None

    def __post_init__(self) -> None:
        if not callable(self.wait_strategy):
            raise ValidationError(
                f"wait_strategy must be callable, got {self.wait_strategy!r}: "
                "make one of a WaitStrategyConfig with create_wait_strategy(...)"
            )
