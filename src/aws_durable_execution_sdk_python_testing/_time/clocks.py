"""The clocks of a local service: real time, and time that skips what nobody is busy in.

All times are epoch seconds. A clock is also what the execution SDK asks for the timers that
fall due while an invocation still runs (`now` and `sleep_until`).
"""

from __future__ import annotations

import math
import os
import time
from typing import ClassVar

import anyio

SCALE_VARIABLE = "DURABLE_EXECUTION_TIME_SCALE"

# By how much of a millisecond a whole number of them may be missed in epoch seconds.
_FLOAT_ERROR = 0.001


class RealClock:
    """Real time, multiplied by a scale. It moves faster only when it is told to.

    Parameters:
        scale: real seconds per second on this clock: 0.01 makes a wait of 100 s take one
            second. Default: the environment variable `DURABLE_EXECUTION_TIME_SCALE`, else 1;
            a 0 there counts as 1, see `waits_take_no_time`.
        not_before: the clock starts at this time if the system's clock is behind it, as it is
            behind what an earlier run has skipped to.

    Raises:
        ValueError: the scale is not a positive, finite number.
    """

    # Whether time is skipped while there is nothing but waiting to do.
    skips_waiting: ClassVar[bool] = False

    def __init__(self, scale: float | None = None, *, not_before: float = 0.0) -> None:
        self._scale = _scale_from_environment() if scale is None else scale
        if not 0 < self._scale < math.inf:
            raise ValueError(f"the time scale must be above 0 and finite, not {self._scale!r}")
        self._epoch = max(time.time(), not_before)
        # Monotonic from here on: a step of the system's clock must not move timers.
        self._origin = time.monotonic()
        self._skipped = 0.0

    def now(self) -> float:
        """The time in epoch seconds, in whole milliseconds as the service tells it."""
        return math.floor(self._exact_now() * 1000 + _FLOAT_ERROR) / 1000

    def _exact_now(self) -> float:
        return self._epoch + self._skipped + (time.monotonic() - self._origin) / self._scale

    def real_delay(self, deadline: float) -> float:
        """Real seconds until `now` gives `deadline` or more, 0 if it does."""
        reached = math.ceil(deadline * 1000 - _FLOAT_ERROR) / 1000
        if self.now() >= reached:
            return 0.0  # as `now` has it, whatever floats leave between the two
        return max(0.0, (reached - self._exact_now()) * self._scale)

    def in_real_time(self, seconds: float) -> float:
        """How many seconds of this clock pass in `seconds` real ones."""
        return seconds / self._scale

    async def sleep_until(self, deadline: float) -> None:
        """Return once `deadline` has come."""
        # Nobody could set an event: while an invocation sleeps here the clock does not jump.
        while (delay := self.real_delay(deadline)) > 0:  # noqa: ASYNC110
            await anyio.sleep(delay)

    def jump_to(self, deadline: float) -> None:
        """Make it `deadline` now. A deadline in the past changes nothing."""
        self._skipped += max(0.0, deadline - self._exact_now())


class VirtualClock(RealClock):
    """Runs at the real rate while something runs, and skips the time nothing runs in."""

    skips_waiting = True


def waits_take_no_time() -> bool:
    """Whether the environment asks for a scale of 0, by which waits are skipped."""
    return _given_scale() == 0


def _scale_from_environment() -> float:
    return _given_scale() or 1.0


def _given_scale() -> float:
    text = os.environ.get(SCALE_VARIABLE, "")
    try:
        return float(text) if text else 1.0
    except ValueError:
        raise ValueError(f"{SCALE_VARIABLE} must be a number, not {text!r}") from None
