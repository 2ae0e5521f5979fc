"""Remembers what a run has passed, and says where it is to crash."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from aws_durable_execution_sdk_python_testing._exploration.crash_points import Place

_NEVER = sys.maxsize


class Attempt(NamedTuple):
    """An attempt of a step whose body ran."""

    execution: str
    operation_id: str
    number: int


class Witness(Protocol):
    """What invocations tell of themselves. May be called from any thread."""

    def number(self, execution: str, operation_id: str, action: str) -> int:
        """How often such a call has been made, this time included."""
        ...

    def passes(self, *names: Place) -> bool:
        """A place is reached that has these names; whether the run is to crash there."""
        ...

    def begins(self, attempt: Attempt, at_most_once: bool) -> None:
        """A body begins."""
        ...

    def closed(self, execution: str, operation_id: str) -> None:
        """The service has stored that a step is completed."""
        ...

    def middle(self, place: Place) -> int | None:
        """Before which line of the body to crash, from 0; None if its lines are of no interest."""
        ...

    def has_lines(self, place: Place, lines: int) -> None:
        """A body had so many lines to run."""
        ...


class Memory:
    """A witness that remembers.

    Parameters:
        target: where to crash; once.
        lines: how many lines the bodies of a calm run had, by place. None counts them.

    Attributes:
        passed: places, in order; each once, and by the last of its names.
        lines: of bodies, by place.
        runs: how often bodies ran.
        at_most_once: attempts that must not run again.
        completed: steps whose completion is stored, by execution and id.
        violations: attempts that ran although they were completed.
        crashed: whether the run has come to its target.
    """

    def __init__(
        self, target: Place | None = None, lines: Mapping[Place, int] | None = None
    ) -> None:
        self.target = target
        self.counts_lines = lines is None
        self.lines: dict[Place, int] = dict(lines or {})
        self.passed: dict[Place, None] = {}
        self.runs: Counter[Attempt] = Counter()
        self.at_most_once: set[Attempt] = set()
        self.completed: set[tuple[str, str]] = set()
        self.violations: list[Attempt] = []
        self.crashed = False
        self._numbers: Counter[tuple[str, str, str]] = Counter()
        self._lock = threading.Lock()

    def number(self, execution: str, operation_id: str, action: str) -> int:
        with self._lock:
            self._numbers[execution, operation_id, action] += 1
            return self._numbers[execution, operation_id, action]

    def passes(self, *names: Place) -> bool:
        with self._lock:
            self.passed[names[-1]] = None
            if self.crashed or self.target not in names:
                return False
            self.crashed = True
            return True

    def begins(self, attempt: Attempt, at_most_once: bool) -> None:
        with self._lock:
            self.runs[attempt] += 1
            if at_most_once:
                self.at_most_once.add(attempt)
            if (attempt.execution, attempt.operation_id) in self.completed:
                self.violations.append(attempt)

    def closed(self, execution: str, operation_id: str) -> None:
        with self._lock:
            self.completed.add((execution, operation_id))

    def middle(self, place: Place) -> int | None:
        if self.counts_lines:
            return _NEVER
        return self.lines[place] // 2 if place == self.target and not self.crashed else None

    def has_lines(self, place: Place, lines: int) -> None:
        if lines and self.counts_lines:
            with self._lock:
                self.lines.setdefault(place, lines)
                self.passed[place] = None
