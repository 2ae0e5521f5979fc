"""How often the API may be called: the quotas of a Region, as documented.

A quota is so many calls a second, of which a second's worth may come at once. What shares a quota
is counted together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from aws_durable_execution_sdk_python_testing._engine import TooManyRequestsError

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.server")

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
        self._told: set[str] = set()

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
            message = f"Rate exceeded: {operation} may be called {rate} times a second."
            self._tell(quota, message)
            raise TooManyRequestsError(message)

    def _tell(self, quota: str, message: str) -> None:
        """Say once that a client has met a quota, which its own retries may hide from it."""
        if quota not in self._told:
            self._told.add(quota)
            _log.warning("%s As on AWS; --no-api-rates lifts the quotas.", message)


class NoRates(ApiRates):
    """Lets every call pass, as a service on one's own machine may."""

    def take(self, operation: str) -> None:
        """Nothing is counted."""
