"""The functions that run at this moment, and when each is to be given up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A function that runs for an execution: when to give it up (monotonic seconds), and how."""

    arn: str
    seconds: float
    deadline: float
    give_up: Callable[[], None]


class RunningFunctions:
    """Everything that runs. A call costs no more for there being many."""

    def __init__(self) -> None:
        # By the seconds they were given: of those given the same, the oldest is late first.
        self._by_seconds: dict[float, dict[Running, None]] = {}

    def __bool__(self) -> bool:
        return any(self._by_seconds.values())

    def add(self, arn: str, seconds: float, give_up: Callable[[], None]) -> Running:
        """Note that a function starts now, and what is to be done if it takes longer."""
        running = Running(arn, seconds, time.monotonic() + seconds, give_up)
        self._by_seconds.setdefault(seconds, {})[running] = None
        return running

    def remove(self, running: Running) -> bool:
        """Note that a function has ended; False if it was given up before."""
        group = self._by_seconds.get(running.seconds, {})
        known = running in group
        group.pop(running, None)
        return known

    def clear(self) -> None:
        """Forget them all."""
        self._by_seconds.clear()

    def runs_for(self, arn: str) -> bool:
        """Whether a function runs for that execution."""
        return any(one.arn == arn for group in self._by_seconds.values() for one in group)

    def seconds_left(self) -> float | None:
        """Real seconds until the next one is late, 0 if it is; None if nothing runs."""
        deadlines = [next(iter(group)).deadline for group in self._by_seconds.values() if group]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def give_up_late(self) -> None:
        """Give up, and forget, those that have taken too long."""
        now = time.monotonic()
        groups = list(self._by_seconds.values())
        for running in [one for group in groups for one in group if one.deadline <= now]:
            self.remove(running)
            running.give_up()
