"""The view by invocation: each shows what it did, operations below the Invocation span.

An operation that several invocations work on has a span in each. The first has the operation's own
id; the later ones have random ids and link to it.
"""

from __future__ import annotations

import time

from opentelemetry.trace import Span, SpanContext

from aws_durable_execution_sdk_python.integrations.otel.base_plugin import (
    OtelPlugin,
    operation_attributes,
    set_outcome,
)
from aws_durable_execution_sdk_python.integrations.otel.identities import operation_id_to_span_id
from aws_durable_execution_sdk_python.integrations.otel.invocation_trace import (
    MICROSECOND,
    InvocationTrace,
    nanoseconds,
)
from aws_durable_execution_sdk_python.integrations.otel.otel_config import OtelPluginConfig
from aws_durable_execution_sdk_python.plugin import (
    OperationEndInfo,
    OperationInfo,
    OperationStartInfo,
    UserFunctionStartInfo,
)


class InvocationOtelPlugin(OtelPlugin):
    """Spans of one invocation, below that."""

    def __init__(self, config: OtelPluginConfig | None = None) -> None:
        super().__init__(config)
        self._latest = 0
        # By operation: the spans that have not ended, and the contexts of all, for those inside.
        self._open: dict[str, Span] = {}
        self._contexts: dict[str, SpanContext] = {}

    def _handler_span(self, spans: InvocationTrace) -> Span | None:
        return None if spans.is_enclosed else spans.invocation

    def _links(self, spans: InvocationTrace) -> list[SpanContext]:
        return [spans.workflow]

    def _now(self) -> int:
        """Now, or a moment after the latest time that was given."""
        return self._not_before(time.time_ns())

    def _not_before(self, moment: int) -> int:
        with self._lock:
            self._latest = max(moment, self._latest + MICROSECOND)
            return self._latest

    # -- operations -------------------------------------------------------------------------

    def on_operation_start(self, info: OperationStartInfo) -> None:
        if self._trace is not None:
            self._claim()
            self._span_of(self._trace, info, is_first=not info.is_replayed)

    def _body_span(self, spans: InvocationTrace, info: UserFunctionStartInfo) -> Span:
        span = self._open.get(info.operation_id)
        if span is not None:
            return span
        # It was not told to begin: it has ended before, or leaves no record.
        return self._start(spans, info, is_first=False, is_continued=info.is_replay_children)

    def on_operation_end(self, info: OperationEndInfo) -> None:
        spans = self._trace
        if spans is None:
            return
        span = self._span_of(spans, info, is_first=False)
        self._open.pop(info.operation_id, None)
        set_outcome(span, info)
        ended = time.time_ns() if info.end_time is None else nanoseconds(info.end_time)
        span.end(self._not_before(ended))

    def _span_of(self, spans: InvocationTrace, info: OperationInfo, *, is_first: bool) -> Span:
        span = self._open.get(info.operation_id)
        return self._start(spans, info, is_first=is_first) if span is None else span

    def _start(
        self,
        spans: InvocationTrace,
        info: OperationInfo,
        *,
        is_first: bool,
        is_continued: bool = True,
    ) -> Span:
        links = self._links(spans)
        if is_continued and not is_first:
            links = [spans.of_operation(info.operation_id), *links]
        parent = self._contexts.get(info.parent_id or "")
        span = spans.start(
            info.name or info.operation_id,
            spans.invocation.get_span_context() if parent is None else parent,
            span_id=operation_id_to_span_id(spans.arn, info.operation_id) if is_first else None,
            start_time=self._now(),
            links=links,
            attributes=operation_attributes(spans.arn, info),
        )
        self._open[info.operation_id] = span
        self._contexts[info.operation_id] = span.get_span_context()
        return span

    def _end_operations(self, spans: InvocationTrace) -> None:
        # What is inside was begun later.
        for span in reversed(list(self._open.values())):
            span.end(self._now())
        self._open.clear()
