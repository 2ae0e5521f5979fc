"""Compares a run that crashed with one that did not, and judges which bodies ran how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint, Place
from aws_durable_execution_sdk_python_testing._exploration.crashable_process import (
    INVOCATION,
    REFRESH,
    RESULT,
    STATE,
)
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import ExploredRun
from aws_durable_execution_sdk_python_testing._exploration.history_rules import problems
from aws_durable_execution_sdk_python_testing._exploration.witness import Attempt, Memory
from aws_durable_execution_sdk_python_testing._results.operations import Operation
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

Compare = Callable[[DurableFunctionTestResult], Any]
_NOT_OPERATIONS = (REFRESH, STATE, INVOCATION, RESULT)


@dataclass(frozen=True)
class Aspect:
    """Something two runs must agree in, and how they can be asked for it."""

    name: str
    of: Compare


def aspects(compare: Compare | None) -> tuple[Aspect, ...]:
    """What is compared: what the user says, else all that an execution ends with."""
    if compare is not None:
        return (Aspect("what compare gives", compare),)
    return (
        Aspect("status", lambda result: str(result.execution_status)),
        Aspect("result", lambda result: result.result),
        Aspect("error", lambda result: result.error and result.error.headline),
        Aspect("operations", _by_id),
    )


def _by_id(result: DurableFunctionTestResult) -> dict[str, tuple[Any, ...]]:
    """Operations by id: their order in time may differ where branches run side by side."""
    return {
        operation.operation_id: (
            operation.parent_id,
            operation.name,
            str(operation.operation_type),
            operation.sub_type,
            str(operation.status),
            getattr(operation, "payload", None),
            _headline(getattr(operation, "error", None)),
        )
        for operation in result.get_all_operations()
    }


def _headline(error: ErrorObject | None) -> str | None:
    """Without its trace, which depends on where the code was when it failed."""
    return None if error is None else error.headline


def difference(
    calm: DurableFunctionTestResult, other: DurableFunctionTestResult, compare: Compare | None
) -> str | None:
    """How two results differ, in one line; None if they do not."""
    for aspect in aspects(compare):
        expected, found = aspect.of(calm), aspect.of(other)
        if expected == found:
            continue
        if aspect.name == "operations":
            return _operation_difference(calm, other)
        return f"{aspect.name}: expected {_short(expected)}, got {_short(found)}"
    return None


def _operation_difference(calm: DurableFunctionTestResult, other: DurableFunctionTestResult) -> str:
    names = {**labels(other.operations), **labels(calm.operations)}
    expected, found = _by_id(calm), _by_id(other)
    for operation_id, name in names.items():
        ours, theirs = expected.get(operation_id), found.get(operation_id)
        if ours != theirs:
            return f"operation {name}: expected {_outcome(ours)}, got {_outcome(theirs)}"
    return "the operations are not the same"


def _outcome(node: tuple[Any, ...] | None) -> str:
    if node is None:
        return "none"
    _, _, kind, _, status, payload, error = node
    return f"{kind} {status} {_short(payload if error == 'None' else error)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


# ------------------------------------------------------------------------------------- bodies


def violations(
    memory: Memory, result: DurableFunctionTestResult, label: Callable[[Attempt], str]
) -> Iterator[str]:
    """Promises about bodies and histories that a run broke."""
    for attempt in dict.fromkeys(memory.violations):
        yield f"{label(attempt)} ran again (attempt {attempt.number}) after it was completed"
    for attempt, count in memory.runs.items():
        limit = allowed(memory, attempt)
        if count > limit:
            yield f"{label(attempt)} ran {count} times for attempt {attempt.number}, not {limit}"
    for problem in problems(result.events, invocations=len(result.invocations), ended=True):
        yield f"history: {problem}"


def allowed(memory: Memory, attempt: Attempt) -> int:
    """How often a body may run for one attempt: once more for a crash, unless at most once."""
    return 2 if memory.crashed and attempt not in memory.at_most_once else 1


# ------------------------------------------------------------------------------------- labels


class Labels:
    """Names the operations of a run and its places, and finds places by name.

    Parameters:
        run: the run, whose executions are named by their functions; those of one function are
            numbered along the program.
    """

    def __init__(self, run: ExploredRun) -> None:
        self._names: dict[tuple[str, str], str] = {}
        used: Counter[str] = Counter()
        named = [("", "")]
        for execution, prefix in named:  # which grow meanwhile
            found = labels(run.executions[execution].operations)
            found.update((what, what) for what in _NOT_OPERATIONS)
            for operation_id, name in found.items():
                self._names[execution, operation_id] = f"{prefix}{name}"
                invoked = f"{execution}/{operation_id}"
                function = run.functions.get(invoked)
                if function is not None:
                    used[function] += 1
                    number = f"#{used[function]}" if used[function] > 1 else ""
                    named.append((invoked, f"{function}{number}: "))

    def name(self, execution: str, operation_id: str) -> str:
        """The operation's name with those around it."""
        return self._names.get((execution, operation_id), operation_id[:8])

    def point(self, place: Place) -> CrashPoint:
        """The place as a person names it."""
        moment, execution, operation_id, action, number = place
        return CrashPoint(moment, self.name(execution, operation_id), action, number)


def labels(operations: Iterable[Operation]) -> dict[str, str]:
    """Names of operations with those around them, by id; see `CrashPoint.operation`."""
    names: dict[str, str] = {}
    levels = [("", operations)]
    for above, inside in levels:  # which grow meanwhile
        used: dict[str, int] = {}
        for operation in inside:
            plain = operation.name or operation.operation_type.lower()
            used[plain] = used.get(plain, 0) + 1
            own = plain if used[plain] == 1 else f"{plain}#{used[plain]}"
            name = names[operation.operation_id] = f"{above} > {own}" if above else own
            levels.append((name, operation.child_operations))
    return names
