"""Lists of executions, and what they can be narrowed by."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from aws_durable_execution_sdk_python_testing._engine.api_model import check_members
from aws_durable_execution_sdk_python_testing._engine.checks import check_function
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.function_targets import FunctionReference
from aws_durable_execution_sdk_python_testing._engine.paging import page_length
from aws_durable_execution_sdk_python_testing._engine.queries import present, summary
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
)
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState

Moment = float | str | datetime | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which executions are wanted; None leaves a property open."""

    function: FunctionReference | None
    qualifier: str | None
    execution_name: str | None
    statuses: tuple[str, ...]
    started_after: float
    started_before: float

    @classmethod
    def read(
        cls,
        *,
        function_name: str | None,
        qualifier: str | None,
        execution_name: str | None,
        statuses: Collection[str],
        started_after: Moment,
        started_before: Moment,
    ) -> Filters:
        """Check what a request asks for."""
        members = {
            "FunctionName": function_name,
            "Qualifier": qualifier,
            "DurableExecutionName": execution_name,
            "Statuses": list(statuses) or None,
        }
        check_members("ListDurableExecutionsByFunction", members)
        function = None if function_name is None else check_function("function", function_name)
        return cls(
            function,
            _one_qualifier(function, qualifier),
            execution_name,
            tuple(sorted(map(str, statuses))),
            _read_moment("StartedAfter", started_after, -math.inf),
            _read_moment("StartedBefore", started_before, math.inf),
        )

    def match(self, execution: Execution) -> bool:
        facts, function = execution.facts, self.function
        return (
            (function is None or _is_of(function, execution))
            and self.qualifier in (None, facts.qualifier, facts.version)
            and self.execution_name in (None, facts.name)
            and (not self.statuses or str(execution.status) in self.statuses)
            and self.started_after < facts.started < self.started_before
        )

    @property
    def scope(self) -> str:
        """What markers of this list are valid for."""
        return f"executions {astuple(self)}"


def page(
    service: ServiceState, filters: Filters, marker: str | None, max_items: int, reverse_order: bool
) -> dict[str, Any]:
    """One page, newest first, or oldest first in reverse order.

    A marker names the execution to continue with by its number. Those that start meanwhile, or
    are forgotten, shift nothing.
    """
    count = page_length(max_items)
    everything = service.executions.values()
    scope = f"{'reverse ' if reverse_order else ''}{filters.scope}"
    first = 0 if reverse_order else service.started
    start = service.markers.read(marker, scope, first, service.now)
    found: list[Execution] = []
    for execution in everything if reverse_order else reversed(everything):
        passed = execution.number < start if reverse_order else execution.number > start
        if passed or not filters.match(execution):
            continue
        if len(found) == count:
            return _answer(found, service.markers.make(scope, execution.number, service.now))
        found.append(execution)
    return _answer(found, None)


def _answer(executions: list[Execution], marker: str | None) -> dict[str, Any]:
    summaries = [present(summary(execution)) for execution in executions]
    return present({"DurableExecutions": summaries, "NextMarker": marker})


def _is_of(function: FunctionReference, execution: Execution) -> bool:
    facts = execution.facts
    return (
        function.name == facts.function_name
        and function.account in (None, facts.account_id)
        and function.region in (None, facts.region)
    )


def _one_qualifier(function: FunctionReference | None, qualifier: str | None) -> str | None:
    named = function.qualifier if function else None
    if named is not None and qualifier not in (None, named):
        raise InvalidParameterValueError(
            f"The function name asks for {named!r}, and the Qualifier for {qualifier!r}."
        )
    return named or qualifier


def _read_moment(key: str, moment: Moment, default: float) -> float:
    if moment is None:
        return default
    try:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidParameterValueError(f"Invalid {key}: {moment!r}.") from None
    return float(moment)
