"""Crashes an execution wherever it can be cut off, one run for each place."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint, Place
from aws_durable_execution_sdk_python_testing._exploration.crash_report import (
    BodyRow,
    CrashDivergence,
    CrashReport,
)
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import ExploredRun
from aws_durable_execution_sdk_python_testing._exploration.judging import (
    Compare,
    Labels,
    allowed,
    difference,
    violations,
)
from aws_durable_execution_sdk_python_testing._exploration.witness import Attempt, Memory
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError

# Runs the subject to its end, and tells the memory, which says where to crash.
Runner = Callable[[Memory], ExploredRun]

_INTERRUPTED = "StepInterruptedError"
_INTERRUPTED_HINT = (
    "A step that runs at most once fails when it is cut off, since nobody knows how far it came: "
    "give it a retry strategy, or catch the StepError whose error_type names StepInterruptedError."
)


def explore(
    run: Runner,
    *,
    only: CrashPoint | None = None,
    samples: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    compare: Compare | None = None,
) -> CrashReport:
    """Run without a crash, then once for each place to crash at.

    Parameters:
        run: runs what is explored.
        only: crash here alone.
        samples: at most so many places, the first in the order of `sampled`.
        seconds: start no further run after so many real seconds.
        seed: of that order, in which places are tried if they may not all be.
        compare: what of a result must be the same; default: all that an execution ends with.

    Raises:
        DurableFunctionsTestError: the execution has no such place, or ends differently each
            time it is run.
    """
    calm = run(Memory())
    labels = Labels(calm)
    places = _chosen(calm.memory, labels, only)
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    tried = places
    if samples is not None or seconds is not None:
        tried = sampled(places, labels.point, seed)[:samples]
    _check_repeatable(calm, run(Memory(lines=calm.memory.lines)), compare)
    rows = _Rows(labels, calm.memory)
    divergences = list(_judge(None, calm, calm, labels, compare))
    explored: list[CrashPoint] = []
    unreached: list[CrashPoint] = []
    for place in tried:
        if time.monotonic() >= deadline:
            break
        again, point = run(Memory(place, calm.memory.lines)), labels.point(place)
        if not again.memory.crashed:
            unreached.append(point)
        explored.append(point)
        rows.add(point, again.memory)
        divergences += _judge(point, calm, again, labels, compare)
    return CrashReport(
        calm=calm.result,
        explored=explored,
        unreached=unreached,
        divergences=divergences,
        rows=rows.rows(),
        left_out=len(places) - len(explored),
    )


def _chosen(memory: Memory, labels: Labels, only: CrashPoint | None) -> list[Place]:
    places = list(memory.passed)
    if only is None:
        return places
    found = [place for place in places if labels.point(place) == only]
    if not found:
        known = "\n".join(f"  {labels.point(place)!r}" for place in places)
        raise DurableFunctionsTestError(f"the execution never comes to {only!r}, but to\n{known}")
    return found


def sampled(
    places: Iterable[Place], label: Callable[[Place], CrashPoint], seed: int
) -> list[Place]:
    """Places in an order that is drawn by lot.

    Each draws its own, by the seed and what a person names it by. So places stand in the same
    order whatever else a run has come by, and when: that may be a matter of timing.
    """

    def lot(place: Place) -> float:
        return random.Random(f"{seed} {label(place)!r}").random()

    return sorted(places, key=lot)


def _check_repeatable(first: ExploredRun, second: ExploredRun, compare: Compare | None) -> None:
    problem = difference(first.result, second.result, compare)
    if problem is not None:
        raise DurableFunctionsTestError(
            f"two runs without a crash differ already: {problem}. Mock the steps that give "
            "another value each time, put the world back with before_each, or say with compare "
            "what must be the same"
        )


def _judge(
    point: CrashPoint | None,
    calm: ExploredRun,
    again: ExploredRun,
    labels: Labels,
    compare: Compare | None,
) -> Iterator[CrashDivergence]:
    def label(attempt: Attempt) -> str:
        return labels.name(attempt.execution, attempt.operation_id)

    for broken in violations(again.memory, again.result, label):
        yield CrashDivergence(point, broken)
    problem = difference(calm.result, again.result, compare)
    if problem is not None:
        hint = _INTERRUPTED_HINT if _INTERRUPTED in str(again.result.events) else ""
        yield CrashDivergence(point, problem, hint)


class _Rows:
    """Collects how often bodies ran."""

    def __init__(self, labels: Labels, calm: Memory) -> None:
        self._labels = labels
        self._calm = calm
        self._most: dict[tuple[str, str], tuple[int, int, CrashPoint | None]] = {}
        self._at_most_once: set[tuple[str, str]] = set()
        self.add(None, calm)

    def add(self, point: CrashPoint | None, memory: Memory) -> None:
        for attempt, count in memory.runs.items():
            key = attempt[:2]
            if attempt in memory.at_most_once:
                self._at_most_once.add(key)
            known = self._most.get(key)
            if known is None or count > known[0]:
                self._most[key] = (count, allowed(memory, attempt), point)

    def rows(self) -> Sequence[BodyRow]:
        return [self._row(key) for key in self._most]

    def _row(self, key: tuple[str, str]) -> BodyRow:
        most, limit, point = self._most[key]
        once = key in self._at_most_once
        return BodyRow(
            step=self._labels.name(*key),
            semantics="at most once" if once else "at least once",
            attempts=sum(attempt[:2] == key for attempt in self._calm.runs),
            most=most,
            allowed=limit,
            point=point,
        )
