"""How often the API may be called: the quotas of a Region, as documented, for who wants them.

A quota is so many calls a second, of which a second's worth may come at once. What shares a quota
is counted together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from aws_durable_execution_sdk_python_testing._engine import TooManyRequestsError

_OTHERS = "other calls of the control plane"
_SHARED: Mapping[str, str] = {
    "PauseDurableExecution": _OTHERS,
    "ResumeDurableExecution": _OTHERS,
    "DeleteDurableExecution": _OTHERS,
}
# Calls a second. That of Invoke is for starting executions.
RATES: Mapping[str, int] = {
    "Invoke": 300,
    "CheckpointDurableExecution": 10_000,
    "GetDurableExecutionState": 10_000,
    "SendDurableExecutionCallbackSuccess": 3_000,
    "SendDurableExecutionCallbackFailure": 3_000,
    "SendDurableExecutionCallbackHeartbeat": 3_000,
    "StopDurableExecution": 300,
    "GetDurableExecution": 30,
    "GetDurableExecutionHistory": 15,
    "ListDurableExecutionsByFunction": 15,
    _OTHERS: 15,
}


class ApiRates:
    """Counts calls, and refuses those over a quota.

    Parameters:
        clock: seconds, from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, operation: str) -> None:
        """Count a call.

        Raises:
            TooManyRequestsError: there have been too many.
        """
        quota = _SHARED.get(operation, operation)
        rate, now = RATES[quota], self._clock()
        left, before = self._left.get(quota, (float(rate), now))
        left = min(left + (now - before) * rate, rate)
        allowed = left >= 1
        self._left[quota] = (left - allowed, now)
        if not allowed:
            raise TooManyRequestsError(
                f"Rate exceeded: {operation} may be called {rate} times a second."
            )


class NoRates(ApiRates):
    """Lets every call pass, as a service on one's own machine may."""

    def take(self, operation: str) -> None:
        """Nothing is counted."""
