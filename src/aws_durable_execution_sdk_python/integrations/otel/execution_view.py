"""The view by execution: one span for each operation, below the Workflow, whoever works on it.

A span is made when its operation ends, with the times that are on record; a span of the same
context that records nothing stands for it until then.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext

from aws_durable_execution_sdk_python.integrations.otel.base_plugin import (
    OtelPlugin,
    operation_attributes,
    set_outcome,
)
from aws_durable_execution_sdk_python.integrations.otel.invocation_trace import (
    MICROSECOND,
    InvocationTrace,
    nanoseconds,
)
from aws_durable_execution_sdk_python.integrations.otel.otel_config import OtelPluginConfig
from aws_durable_execution_sdk_python.plugin import (
    OperationEndInfo,
    OperationStartInfo,
    UserFunctionStartInfo,
)


class _Interval(NamedTuple):
    """From when to when something ran, in nanoseconds."""

    start: int
    end: int


class ExecutionOtelPlugin(OtelPlugin):
    """Spans of one invocation, below the Workflow."""

    def __init__(self, config: OtelPluginConfig | None = None) -> None:
        super().__init__(config)
        # What was begun here and leaves a record, and the contexts of what leaves none.
        self._recorded: set[str] = set()
        self._virtual: dict[str, SpanContext] = {}
        # By operation: what ran inside it here.
        self._inside: dict[str, _Interval] = {}

    def _handler_span(self, spans: InvocationTrace) -> Span:
        return NonRecordingSpan(spans.workflow)

    def _links(self, spans: InvocationTrace) -> list[SpanContext]:
        return [spans.invocation.get_span_context()]

    # -- operations -------------------------------------------------------------------------

    def on_operation_start(self, info: OperationStartInfo) -> None:
        if self._trace is not None:
            self._claim()
            self._recorded.add(info.operation_id)

    def _body_span(self, spans: InvocationTrace, info: UserFunctionStartInfo) -> Span:
        return NonRecordingSpan(self._context_of_body(spans, info))

    def _context_of_body(self, spans: InvocationTrace, info: UserFunctionStartInfo) -> SpanContext:
        operation_id = info.operation_id
        if info.is_replay_children or operation_id in self._recorded:
            return spans.of_operation(operation_id)
        context = self._virtual.setdefault(operation_id, spans.random())
        if info.start_time is not None:
            began = nanoseconds(info.start_time)
            self._encloses(operation_id, _Interval(began, began))
        return context

    def _attempt_ended(self, operation_id: str, span: Span) -> None:
        # One that is not recorded has no times, and its operation is not recorded either.
        if isinstance(span, ReadableSpan) and span.start_time and span.end_time:
            self._encloses(operation_id, _Interval(span.start_time, span.end_time))

    def on_operation_end(self, info: OperationEndInfo) -> None:
        spans = self._trace
        if spans is None or info.is_replayed:
            return
        virtual = self._virtual.pop(info.operation_id, None)
        context = virtual or spans.of_operation(info.operation_id)
        parent = spans.of_operation(info.parent_id) if info.parent_id else spans.workflow
        inside = self._inside.pop(info.operation_id, None)
        end = nanoseconds(info.end_time) if info.end_time else time.time_ns()
        if info.start_time:
            start = nanoseconds(info.start_time)
        else:
            start = end if inside is None else inside.start
        if inside is not None:
            start, end = min(start, inside.start), max(end, inside.end)
        end = max(end, start + MICROSECOND)
        span = spans.start(
            info.name or info.operation_id,
            parent,
            span_id=context.span_id,
            start_time=start,
            links=self._links(spans),
            attributes=operation_attributes(spans.arn, info),
        )
        set_outcome(span, info)
        span.end(end)
        if info.parent_id:
            self._encloses(info.parent_id, _Interval(start, end))

    def _encloses(self, operation_id: str, ran: _Interval) -> None:
        with self._lock:
            known = self._inside.get(operation_id, ran)
            self._inside[operation_id] = _Interval(
                min(known.start, ran.start), max(known.end, ran.end)
            )
