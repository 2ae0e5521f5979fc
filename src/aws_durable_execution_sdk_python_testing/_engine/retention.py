"""How long closed executions are kept."""

from __future__ import annotations

import heapq

_DAY = 86_400.0
# So many of the heap's entries may be of executions that are gone, besides as many as are not.
_SLACK = 64


class Retention:
    """When each closed execution is to be forgotten.

    These are no timers: nothing waits for them, and a clock that jumps must not jump to them.
    Whoever does something anyway lets go of what is overdue by then.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._skipped = 0.0

    def __len__(self) -> int:
        """How many entries are held, dead ones included."""
        return len(self._heap)

    def keep(self, arn: str, ended: float, days: int) -> None:
        """Keep an execution that ended then for so many days."""
        due = ended + days * _DAY - self._skipped
        self._due[arn] = due
        heapq.heappush(self._heap, (due, arn))

    def forget(self, arn: str) -> None:
        """The execution is gone."""
        if self._due.pop(arn, None) is not None and len(self._heap) > 2 * len(self._due) + _SLACK:
            self._heap = [(due, one) for one, due in self._due.items()]
            heapq.heapify(self._heap)

    def postpone(self, seconds: float) -> None:
        """Keep everything that much longer: skipped time would take results from who skips it."""
        self._skipped += seconds

    def pop_due(self, now: float) -> str | None:
        """The next execution that was kept long enough by `now`; None without one."""
        while self._heap and self._heap[0][0] + self._skipped <= now:
            due, arn = heapq.heappop(self._heap)
            if self._due.get(arn) == due:
                del self._due[arn]
                return arn
        return None
