"""Timers: one heap per kind, ordered by deadline, then by the order they were armed in."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Collection, Iterator
from typing import NamedTuple

# Dead entries that are not worth clearing away.
_SLACK = 64


class TimerKind(enum.StrEnum):
    """What a timer is for. Kinds can be put off separately (`Timers.postpone`)."""

    EXECUTION_TIMEOUT = "EXECUTION_TIMEOUT"
    INVOCATION_RETRY = "INVOCATION_RETRY"
    WAIT = "WAIT"
    STEP_RETRY = "STEP_RETRY"
    CALLBACK_TIMEOUT = "CALLBACK_TIMEOUT"
    CALLBACK_HEARTBEAT = "CALLBACK_HEARTBEAT"


class Timer(NamedTuple):
    """Identifies a timer: at most one is armed for each. `operation_id` is "" for the execution."""

    kind: TimerKind
    arn: str
    operation_id: str = ""


class _Entry(NamedTuple):
    deadline: float
    sequence: int
    timer: Timer


class Timers:
    """All armed timers. Arming, disarming and firing cost O(log n).

    A disarmed timer's entry stays in its heap until it surfaces, or until most entries are
    dead; `_armed` tells which entry of a timer is alive.
    """

    def __init__(self) -> None:
        self._heaps: dict[TimerKind, list[_Entry]] = {kind: [] for kind in TimerKind}
        self._postponed: dict[TimerKind, float] = dict.fromkeys(TimerKind, 0.0)
        self._armed: dict[Timer, _Entry] = {}
        self._sequence = 0

    def __len__(self) -> int:
        """How many entries are held, dead ones included."""
        return sum(map(len, self._heaps.values()))

    def arm(self, timer: Timer, deadline: float) -> None:
        """Arm a timer for `deadline` (epoch seconds), replacing an earlier one."""
        self._sequence += 1
        due = _milliseconds(deadline - self._postponed[timer.kind])
        entry = self._armed[timer] = _Entry(due, self._sequence, timer)
        heap = self._heaps[timer.kind]
        heapq.heappush(heap, entry)
        if len(heap) > 2 * len(self._armed) + _SLACK:
            heap[:] = filter(self._alive, heap)
            heapq.heapify(heap)

    def disarm(self, timer: Timer) -> None:
        """Forget a timer; one that is not armed is no error."""
        self._armed.pop(timer, None)

    def postpone(self, seconds: float, kinds: Collection[TimerKind]) -> None:
        """Put every armed timer of `kinds` off by `seconds`."""
        for kind in kinds:
            self._postponed[kind] += seconds

    def deadline(self, timer: Timer) -> float | None:
        """When a timer is due; None if it is not armed."""
        armed = self._armed.get(timer)
        if armed is None:
            return None
        return _milliseconds(armed.deadline + self._postponed[timer.kind])

    def next_deadline(self, kinds: Collection[TimerKind] | None = None) -> float | None:
        """The earliest deadline, of `kinds` or of all."""
        head = self._head(TimerKind if kinds is None else kinds)
        return None if head is None else head.deadline

    def in_order(self, kinds: Collection[TimerKind]) -> Iterator[tuple[Timer, float]]:
        """The armed timers of `kinds` with their deadlines, the next one first."""
        first = self._head(kinds)
        if first is None:
            return
        yield first.timer, first.deadline
        # Only who does not want the first one pays for more.
        rest = [
            (self.deadline(entry.timer), entry.sequence, entry.timer)
            for kind in kinds
            for entry in self._heaps[kind]
            if self._alive(entry) and entry.timer != first.timer
        ]
        for deadline, _, timer in sorted(rest, key=lambda one: one[:2]):
            if deadline is not None:
                yield timer, deadline

    def pop_due(self, now: float) -> Timer | None:
        """Disarm and return the next timer due at or before `now`."""
        head = self._head(TimerKind)
        if head is None or head.deadline > now:
            return None
        self.disarm(head.timer)
        return head.timer

    def _head(self, kinds: Collection[TimerKind] | type[TimerKind]) -> _Entry | None:
        heads = (self._kind_head(kind) for kind in kinds)
        return min((head for head in heads if head is not None), default=None)

    def _kind_head(self, kind: TimerKind) -> _Entry | None:
        heap = self._heaps[kind]
        while heap and not self._alive(heap[0]):
            heapq.heappop(heap)
        if not heap:
            return None
        due, sequence, timer = heap[0]
        return _Entry(_milliseconds(due + self._postponed[kind]), sequence, timer)

    def _alive(self, entry: _Entry) -> bool:
        return self._armed.get(entry.timer) is entry


def _milliseconds(seconds: float) -> float:
    """Deadlines are exact in milliseconds, so that firing at `next_deadline()` fires."""
    return round(seconds, 3)
