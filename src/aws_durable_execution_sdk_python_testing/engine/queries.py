"""What the API shows of executions."""

from __future__ import annotations

from itertools import islice
from typing import Any

from aws_durable_execution_sdk_python_testing.engine import history, tokens
from aws_durable_execution_sdk_python_testing.engine.errors import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing.engine.execution import Execution
from aws_durable_execution_sdk_python_testing.engine.paging import page_length
from aws_durable_execution_sdk_python_testing.engine.service import Service


def describe(execution: Execution, include_execution_data: bool) -> dict[str, Any]:
    """GetDurableExecution. Members without a value are left out."""
    facts = execution.facts
    members = {
        **_summary(execution),
        **(_data(execution) if include_execution_data else {}),
        "Version": facts.qualifier,
        "TenantId": facts.tenant_id,
        "TraceHeader": facts.trace_header and {"XAmznTraceId": facts.trace_header},
        "DurableConfig": {
            "ExecutionTimeout": facts.execution_timeout,
            "RetentionPeriodInDays": facts.retention_period_days,
        },
        "ExpectedExecutionTimeoutTimestamp": facts.started + facts.execution_timeout,
        "ExecutionDataIncluded": include_execution_data,
    }
    return _present(members)


def _summary(execution: Execution) -> dict[str, Any]:
    facts = execution.facts
    return {
        "DurableExecutionArn": facts.arn,
        "DurableExecutionName": facts.name,
        "FunctionArn": facts.function_arn,
        "Status": str(execution.status),
        "StartTimestamp": facts.started,
        "EndTimestamp": execution.progress.ended,
    }


def _data(execution: Execution) -> dict[str, Any]:
    outcome = execution.progress.outcome if execution.closed else None
    return {
        "InputPayload": execution.root.details.get("InputPayload"),
        "Result": outcome and outcome.result,
        "Error": outcome and outcome.error,
    }


def history_page(
    execution: Execution,
    include_execution_data: bool,
    marker: str | None,
    max_items: int,
    reverse_order: bool,
) -> dict[str, Any]:
    """GetDurableExecutionHistory. Event ids never change, so a marker is the next one's id."""
    events, count = execution.history, page_length(max_items)
    scope = f"{'reverse ' if reverse_order else ''}history {execution.arn}"
    start = _position(marker, scope, len(events) if reverse_order else 1)
    step = -1 if reverse_order else 1
    stop = max(start - count, 0) if reverse_order else min(start + count, len(events) + 1)
    page = [events[event_id - 1] for event_id in range(start, stop, step)]
    if not include_execution_data:
        page = [history.without_data(event) for event in page]
    answer: dict[str, Any] = {"Events": page}
    if 0 < stop <= len(events):
        answer["NextMarker"] = tokens.page_marker(scope, stop)
    return answer


def executions_page(
    service: Service, function_name: str | None, marker: str | None, max_items: int
) -> dict[str, Any]:
    """Executions, newest first. A marker is a count from the oldest, so new ones shift nothing."""
    count = page_length(max_items)
    everything = list(service.executions.values())
    scope = f"executions {function_name or ''}"
    start = _position(marker, scope, len(everything))
    matching = (
        (position, everything[position])
        for position in reversed(range(min(start, len(everything))))
        if function_name in (None, everything[position].facts.function_name)
    )
    page = list(islice(matching, count))
    summaries = [_present(_summary(execution)) for _, execution in page]
    answer: dict[str, Any] = {"DurableExecutions": summaries}
    if next(matching, None) is not None:
        answer["NextMarker"] = tokens.page_marker(scope, page[-1][0])
    return answer


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _position(marker: str | None, scope: str, default: int) -> int:
    if not marker:
        return default
    position = tokens.read_page_marker(marker, scope)
    if position is None:
        raise InvalidParameterValueError("Invalid marker")
    return position
