"""What both views have in common: the invocation, what is current, logs, and what is passed on."""

from __future__ import annotations

import threading
from contextvars import Token
from typing import ClassVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, Status, StatusCode

from aws_durable_execution_sdk_python.integrations.otel.invocation_trace import (
    Attributes,
    InvocationTrace,
    fail,
)
from aws_durable_execution_sdk_python.integrations.otel.log_filter import claim, install_log_filter
from aws_durable_execution_sdk_python.integrations.otel.otel_config import (
    INSTRUMENT_NAME,
    OtelPluginConfig,
)
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationEndInfo,
    InvocationStartInfo,
    OperationInfo,
    OperationType,
    PropagationInput,
    PropagationMetadata,
    ServiceCallInfo,
    UserFunctionEndInfo,
    UserFunctionOutcome,
    UserFunctionStartInfo,
)

TRUNCATED = "durable.span.truncated_at_invocation_boundary"
REPLACED = "durable.span.replaced_on_reentry"


class OtelPlugin(DurableInstrumentationPlugin):
    """Spans of one invocation; `InvocationOtelPlugin` and `ExecutionOtelPlugin` show them.

    Hooks of concurrent operations are called concurrently: what they share is changed in single
    dictionary operations, or under the lock.
    """

    DEFAULT_INSTRUMENT_NAME: ClassVar[str] = INSTRUMENT_NAME

    def __init__(self, config: OtelPluginConfig | None = None) -> None:
        self._config = config or OtelPluginConfig()
        self._trace: InvocationTrace | None = None
        self._lock = threading.Lock()
        # By operation: the span of the attempt that runs, and what was current before its body.
        self._attempts: dict[str, Span] = {}
        self._tokens: dict[str, tuple[Span, Token[Context]]] = {}
        self._top: tuple[Span, Token[Context]] | None = None

    # -- what the views decide --------------------------------------------------------------

    def _handler_span(self, spans: InvocationTrace) -> Span | None:
        """What is current in the handler; None for what is so already."""
        raise NotImplementedError

    def _links(self, spans: InvocationTrace) -> list[SpanContext]:
        """What every operation and attempt is linked with."""
        raise NotImplementedError

    def _body_span(self, spans: InvocationTrace, info: UserFunctionStartInfo) -> Span:
        """The operation around a body that begins."""
        raise NotImplementedError

    def _now(self) -> int | None:
        """When something begins or ends now; None for the tracer's own clock."""
        return None

    def _attempt_ended(self, operation_id: str, span: Span) -> None:
        """The span of an attempt has ended."""

    def _end_operations(self, spans: InvocationTrace) -> None:
        """The invocation ends."""

    # -- the invocation ---------------------------------------------------------------------

    def on_invocation_start(self, info: InvocationStartInfo) -> None:
        spans = self._trace = InvocationTrace.begin(self._config, info)
        if spans is None:
            return
        if self._config.enrich_logger:
            install_log_filter()
        self._claim()
        current = self._handler_span(spans)
        if current is not None:
            self._top = current, _attach(current)

    def on_invocation_end(self, info: InvocationEndInfo) -> None:
        spans = self._trace
        if spans is None:
            return
        for span in list(self._attempts.values()):
            span.set_attribute(TRUNCATED, True)
            span.end(self._now())
        self._attempts.clear()
        self._end_operations(spans)
        spans.end(info)
        if self._top is not None:
            _detach(*self._top)
        self._trace = None
        spans.flush()

    def on_service_call(self, info: ServiceCallInfo) -> None:
        if self._trace is not None and self._config.service_call_spans:
            self._trace.service_call(info)

    def provide_propagation_metadata(self, info: PropagationInput) -> PropagationMetadata | None:
        spans = self._trace
        if spans is None or info.execution_arn != spans.arn:
            return None
        header = spans.header_for(info.operation_id)
        return None if header is None else PropagationMetadata(header)

    # -- functions of the user's ------------------------------------------------------------

    def on_user_function_start(self, info: UserFunctionStartInfo) -> None:
        spans = self._trace
        if spans is None:
            return
        self._claim()
        current = self._body_span(spans, info)
        if info.operation_type is not OperationType.CONTEXT:
            current = self._start_attempt(spans, info, current.get_span_context())
        self._tokens[info.operation_id] = current, _attach(current)

    def _start_attempt(
        self, spans: InvocationTrace, info: UserFunctionStartInfo, parent: SpanContext
    ) -> Span:
        replaced = self._attempts.pop(info.operation_id, None)
        if replaced is not None:
            replaced.set_attribute(REPLACED, True)
            replaced.end(self._now())
        attributes = dict(operation_attributes(spans.arn, info))
        attributes.pop("durable.operation.status", None)
        name = f"{info.name or info.operation_id} attempt {info.attempt}"
        span = spans.start(
            name,
            parent,
            start_time=self._now(),
            links=self._links(spans),
            attributes=attributes,
        )
        self._attempts[info.operation_id] = span
        return span

    def on_user_function_end(self, info: UserFunctionEndInfo) -> None:
        attached = self._tokens.pop(info.operation_id, None)
        if attached is not None:
            _detach(*attached)
        if self._trace is None or info.operation_type is OperationType.CONTEXT:
            return
        span = self._attempts.get(info.operation_id)
        if span is None:
            return
        span.set_attribute("durable.attempt.outcome", info.outcome.value)
        if info.outcome is UserFunctionOutcome.INCOMPLETE:
            return  # it may be entered again in this invocation
        del self._attempts[info.operation_id]
        if info.outcome is UserFunctionOutcome.SUCCEEDED:
            span.set_status(Status(StatusCode.OK))
        else:
            fail(span, info.error)
        span.end(self._now())
        self._attempt_ended(info.operation_id, span)

    # -- logs -------------------------------------------------------------------------------

    def _claim(self) -> None:
        if self._config.enrich_logger:
            claim(self)

    def get_current_span_context(self) -> SpanContext | None:
        """The span that a log record belongs to which is written here and now."""
        spans = self._trace
        if spans is None:
            return None
        current = trace.get_current_span().get_span_context()
        is_inside = current.is_valid and current.trace_id == spans.trace_id
        if not is_inside or current in (spans.outer, spans.workflow):
            return spans.invocation.get_span_context()
        return current


def operation_attributes(arn: str, info: OperationInfo) -> Attributes:
    """What a span tells of its operation, as far as that is known."""
    attributes: dict[str, str | int] = {
        "durable.execution.arn": arn,
        "durable.operation.id": info.operation_id,
        "durable.operation.type": info.operation_type.value,
        "durable.operation.status": info.status.value,
    }
    if info.sub_type:
        attributes["durable.operation.subtype"] = info.sub_type
    if info.name:
        attributes["durable.operation.name"] = info.name
    if info.attempt is not None and info.operation_type is not OperationType.CONTEXT:
        attributes["durable.attempt.number"] = info.attempt
    return attributes


def set_outcome(span: Span, info: OperationInfo) -> None:
    """What is known of an operation that has ended."""
    attributes = operation_attributes("", info)
    for key in ("durable.operation.status", "durable.attempt.number"):
        if key in attributes:
            span.set_attribute(key, attributes[key])
    if info.error is not None:
        fail(span, info.error)
    elif info.status == "SUCCEEDED":
        span.set_status(Status(StatusCode.OK))


def _attach(span: Span) -> Token[Context]:
    return otel_context.attach(trace.set_span_in_context(span))


def _detach(span: Span, token: Token[Context]) -> None:
    # Elsewhere, as in a coroutine that the collector closes, there is nothing to be undone.
    if trace.get_current_span() is span:
        otel_context.detach(token)
