"""The spans of one invocation, whichever view shows them, and what makes them.

- The *ancestor* is the span that another process has made, if Lambda tells it; otherwise a
  synthetic root, the same in every invocation, with ids that come from the execution's ARN.
- The *Workflow* stands for the whole execution. It is exported once, by the invocation that ends
  it; until then its context stands for it.
- The *Invocation* is below the span that Lambda's own instrumentation has made, if that is of this
  trace, and below the ancestor otherwise.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from aws_durable_execution_sdk_python.integrations.otel.identities import (
    DeterministicIdGenerator,
    derive_execution_root_span_id,
    derive_trace_id,
    derive_workflow_span_id,
    operation_id_to_span_id,
)
from aws_durable_execution_sdk_python.integrations.otel.otel_config import (
    OtelPluginConfig,
    create_tracer_provider,
)
from aws_durable_execution_sdk_python.integrations.otel.sampling import DecidedSampler, decide
from aws_durable_execution_sdk_python.integrations.otel.trace_context import (
    xray_context_extractor,
    xray_header,
)
from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python.plugin import (
    InvocationEndInfo,
    InvocationStartInfo,
    InvocationStatus,
    ServiceCallInfo,
)

_log = logging.getLogger(__name__)

MICROSECOND = 1_000
_EPOCH = datetime.fromtimestamp(0, UTC)

Attributes = Mapping[str, str | bool | int]


def nanoseconds(moment: datetime) -> int:
    """A moment as spans have it."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * MICROSECOND


class InvocationTrace:
    """Makes the spans of one invocation.

    Parameters:
        config: how.
        tracer: the plugin's own.
        arn: the execution.
        start_time: when it began.
        info: what is told of the invocation.
    """

    def __init__(
        self,
        config: OtelPluginConfig,
        tracer: Tracer,
        arn: str,
        start_time: datetime,
        info: InvocationStartInfo,
    ) -> None:
        self.arn = arn
        self._config = config
        self._tracer = tracer
        self._began = nanoseconds(start_time)
        self._ids = DeterministicIdGenerator.install_on_tracer(tracer)
        self._sampler = DecidedSampler.install_on_tracer(tracer)
        told = (config.context_extractor or xray_context_extractor)(info)
        if told is not None and told.has_valid_trace_id and told.trace_id is not None:
            self.trace_id = told.trace_id
        else:
            self.trace_id = derive_trace_id(arn, start_time)
        remote = None
        if told is not None and told.has_complete_remote_parent and told.parent_span_id is not None:
            remote = SpanContext(self.trace_id, told.parent_span_id, is_remote=True)
        name = config.workflow_span_name
        self._decision = decide(self._sampler, told, self.trace_id, remote, name)
        self._flags = TraceFlags(TraceFlags.SAMPLED if self.is_sampled else TraceFlags.DEFAULT)
        if remote is None:
            self._ancestor = self.context(derive_execution_root_span_id(arn))
            self._make_root()
        else:
            self._ancestor = SpanContext(
                self.trace_id, remote.span_id, is_remote=True, trace_flags=self._flags
            )
        self.workflow = self.context(derive_workflow_span_id(arn))
        # What encloses the handler already, as Lambda's own instrumentation does.
        self.outer = trace.get_current_span().get_span_context()
        self.is_enclosed = self.outer.is_valid and self.outer.trace_id == self.trace_id
        self.invocation = self.start(
            "Invocation",
            self.outer if self.is_enclosed else self._ancestor,
            attributes={
                "durable.execution.arn": arn,
                "durable.invocation.first": info.is_first_invocation,
            },
        )

    @classmethod
    def begin(cls, config: OtelPluginConfig, info: InvocationStartInfo) -> InvocationTrace | None:
        """The trace of an invocation, or None, with a warning, where none can be made."""
        arn, start_time = info.execution_arn, info.execution_start_time
        if start_time is None or not arn:
            _log.warning("no spans: the invocation tells no ARN or no start of its execution")
            return None
        tracer = create_tracer_provider(config).tracer_provider.get_tracer(config.instrument_name)
        if not isinstance(tracer, Tracer):
            _log.warning(
                "no spans: %s is no tracer of the OpenTelemetry SDK; configure a TracerProvider, "
                "globally or as OtelPluginConfig(tracer_provider=...)",
                type(tracer).__name__,
            )
            return None
        return cls(config, tracer, arn, start_time, info)

    @property
    def is_sampled(self) -> bool:
        """Whether the spans are to be exported."""
        return self._decision is Decision.RECORD_AND_SAMPLE

    def context(self, span_id: int) -> SpanContext:
        """The context of a span of this trace, made or not."""
        return SpanContext(self.trace_id, span_id, is_remote=False, trace_flags=self._flags)

    def of_operation(self, operation_id: str) -> SpanContext:
        """The context that is an operation's in every invocation."""
        return self.context(operation_id_to_span_id(self.arn, operation_id))

    def random(self) -> SpanContext:
        """A context for a span that is to be made later."""
        return self.context(self._ids.generate_span_id())

    def start(
        self,
        name: str,
        parent: SpanContext | None,
        *,
        span_id: int | None = None,
        start_time: int | None = None,
        links: Sequence[SpanContext] = (),
        attributes: Attributes | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        """Start a span, with an id of its own or a random one; its times in nanoseconds."""
        above = trace.INVALID_SPAN if parent is None else NonRecordingSpan(parent)
        with (
            self._ids.use_ids(trace_id=self.trace_id, span_id=span_id),
            self._sampler.deciding(self._decision),
        ):
            return self._tracer.start_span(
                name,
                trace.set_span_in_context(above),
                kind,
                attributes,
                [Link(context) for context in links],
                start_time,
            )

    def _make_root(self) -> None:
        if not self.is_sampled:
            return
        root = self.start(
            "DurableExecutionRoot",
            None,
            span_id=self._ancestor.span_id,
            start_time=self._began,
            attributes={
                "durable.execution.arn": self.arn,
                "durable.execution.synthetic_root": True,
            },
        )
        root.end(self._began)

    def header_for(self, operation_id: str) -> str | None:
        """What a function is told that an operation invokes.

        The operation has no span yet, and would have one that somebody else samples where the
        tracer has another sampler by now.
        """
        if self._tracer.sampler is not self._sampler:
            return None
        span_id = operation_id_to_span_id(self.arn, operation_id)
        return xray_header(self.trace_id, span_id, sampled=self.is_sampled)

    def service_call(self, info: ServiceCallInfo) -> None:
        """A call of the service has ended."""
        span = self.start(
            info.action,
            self.invocation.get_span_context(),
            start_time=nanoseconds(info.start_time),
            kind=SpanKind.CLIENT,
            attributes={
                "rpc.system": "aws-api",
                "rpc.service": "Lambda",
                "rpc.method": info.action,
                "durable.execution.arn": info.execution_arn,
                "durable.checkpoint.updates": info.update_count,
                "durable.checkpoint.bytes": info.update_bytes,
            },
        )
        if info.error is not None:
            fail(span, ErrorObject.from_exception(info.error))
        span.end(nanoseconds(info.end_time))

    def end(self, info: InvocationEndInfo) -> None:
        """End the Invocation, and the Workflow with it if that is over."""
        retried = info.status is InvocationStatus.RETRY
        status = "RETRYING" if retried else info.status.value
        self.invocation.set_attribute("durable.invocation.status", status)
        if not retried:
            _set_status(self.invocation, info)
        self.invocation.end()
        if info.status in (InvocationStatus.SUCCEEDED, InvocationStatus.FAILED):
            self._end_workflow(info)

    def _end_workflow(self, info: InvocationEndInfo) -> None:
        workflow = self.start(
            self._config.workflow_span_name,
            self._ancestor,
            span_id=self.workflow.span_id,
            start_time=self._began,
            attributes={
                "durable.execution.arn": self.arn,
                "durable.execution.status": info.status.value,
            },
        )
        _set_status(workflow, info)
        workflow.end(max(time.time_ns(), self._began))

    def flush(self) -> None:
        """Have everything exported before Lambda freezes the process."""
        flush = getattr(create_tracer_provider(self._config).tracer_provider, "force_flush", None)
        if flush is None:
            return
        try:
            flush()
        except Exception:
            _log.warning("spans could not be flushed", exc_info=True)


def _set_status(span: Span, info: InvocationEndInfo) -> None:
    """What came of an invocation, if it gave an answer."""
    if info.status is InvocationStatus.FAILED:
        message = None if info.error is None else info.error.message
        span.set_status(Status(StatusCode.ERROR, message))
    else:
        span.set_status(Status(StatusCode.OK))


def fail(span: Span, error: ErrorObject | None) -> None:
    """Mark a span as failed, with the error that is known of it."""
    span.set_status(Status(StatusCode.ERROR, None if error is None else error.message))
    if error is not None:
        attributes = {
            "exception.type": error.type,
            "exception.message": error.message,
            "exception.stacktrace": error.trace,
        }
        span.add_event("exception", {key: text for key, text in attributes.items() if text})
