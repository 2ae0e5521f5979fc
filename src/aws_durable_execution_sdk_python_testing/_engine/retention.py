"""How long closed executions are kept."""

from __future__ import annotations

import heapq

_DAY = 86_400.0


class Retention:
    """When each closed execution is to be forgotten.

    These are no timers: nothing waits for them, and a clock that jumps must not jump to them.
    Whoever does something anyway lets go of what is overdue by then.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._skipped = 0.0

    def keep(self, arn: str, ended: float, days: int) -> None:
        """Keep an execution that ended then for so many days."""
        heapq.heappush(self._heap, (ended + days * _DAY - self._skipped, arn))

    def postpone(self, seconds: float) -> None:
        """Keep everything that much longer: skipped time would take results from who skips it."""
        self._skipped += seconds

    def pop_due(self, now: float) -> str | None:
        """The next execution that was kept long enough by `now`; None without one."""
        if not self._heap or self._heap[0][0] + self._skipped > now:
            return None
        return heapq.heappop(self._heap)[1]
