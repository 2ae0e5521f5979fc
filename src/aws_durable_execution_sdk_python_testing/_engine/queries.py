"""What the API shows of executions."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python_testing._engine import history_events, metering
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.paging import page_length
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState


def describe(execution: Execution, include_execution_data: bool) -> dict[str, Any]:
    """GetDurableExecution. Members without a value are left out."""
    facts = execution.facts
    members = {
        **summary(execution),
        **(_data(execution) if include_execution_data else {}),
        "Version": facts.version,
        "TenantId": facts.tenant_id,
        "TraceHeader": facts.trace_header and {"XAmznTraceId": facts.trace_header},
        "DurableConfig": {
            "ExecutionTimeout": facts.execution_timeout,
            "RetentionPeriodInDays": facts.retention_period_days,
        },
        "ExpectedExecutionTimeoutTimestamp": None if execution.closed else execution.timeout_at,
        "PauseDetails": _pause(execution, include_execution_data),
        "ExecutionDataIncluded": include_execution_data,
    }
    return present(members)


def summary(execution: Execution) -> dict[str, Any]:
    """What lists show of an execution; None where there is nothing to show."""
    facts = execution.facts
    return {
        "DurableExecutionArn": facts.arn,
        "DurableExecutionName": facts.name,
        "FunctionArn": facts.function_arn,
        "Status": str(execution.status),
        "StartTimestamp": facts.started,
        "EndTimestamp": execution.progress.ended,
    }


def _pause(execution: Execution, include_execution_data: bool) -> dict[str, Any] | None:
    pause = execution.progress.pause
    if pause is None:
        return None
    members = {
        "PauseRequestTimestamp": pause.requested,
        "Reason": pause.reason if include_execution_data else None,
        "ExecutionTimeoutPaused": pause.timeout_paused,
    }
    return present(members)


def _data(execution: Execution) -> dict[str, Any]:
    outcome = execution.progress.outcome if execution.closed else None
    return {
        "InputPayload": execution.root.details.get("InputPayload"),
        "Result": outcome and outcome.result,
        "Error": outcome and outcome.error,
    }


def history_page(
    service: ServiceState,
    execution: Execution,
    include_execution_data: bool,
    marker: str | None,
    max_items: int,
    reverse_order: bool,
) -> dict[str, Any]:
    """GetDurableExecutionHistory. Event ids never change, so a marker is the next one's id.

    A page ends at so many events, or at so many bytes of data, but has one event at least.
    """
    events, count = execution.history, page_length(max_items)
    scope = f"{'reverse ' if reverse_order else ''}history {execution.arn}"
    first = len(events) if reverse_order else 1
    start = service.markers.read(marker, scope, first, service.now)
    step = -1 if reverse_order else 1
    stop = max(start - count, 0) if reverse_order else min(start + count, len(events) + 1)
    page: list[dict[str, Any]] = []
    size = 0
    for event_id in range(start, stop, step):
        event = events[event_id - 1]
        if not include_execution_data:
            event = history_events.without_data(event)
        size += metering.stored_bytes(event)
        if page and size > service.limits.page_bytes:
            stop = event_id
            break
        page.append(event)
    answer: dict[str, Any] = {"Events": page}
    if 0 < stop <= len(events):
        answer["NextMarker"] = service.markers.make(scope, stop, service.now)
    return answer


def present(members: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {key: value for key, value in members.items() if value is not None}
