"""One decision for all spans of an invocation, whatever is sampled besides.

As the ids, it is in force around one `start_span` call of the plugin's own tracer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceState

from aws_durable_execution_sdk_python.integrations.otel.trace_context import (
    ExtractedContext,
    Sampling,
)

_decided: ContextVar[Decision | None] = ContextVar("durable_otel_sampling", default=None)

_TOLD = {
    Sampling.SAMPLED: Decision.RECORD_AND_SAMPLE,
    Sampling.NOT_SAMPLED: Decision.DROP,
}


class DecidedSampler(Sampler):
    """Decides as it is told, and otherwise as another sampler does."""

    def __init__(self, fallback: Sampler) -> None:
        self._fallback = fallback

    @classmethod
    def install_on_tracer(cls, tracer: Tracer) -> DecidedSampler:
        """Have a tracer use one of these around its own sampler; the one it has, if it does."""
        installed = tracer.sampler
        if not isinstance(installed, DecidedSampler):
            installed = tracer.sampler = cls(installed)
        return installed

    @contextlib.contextmanager
    def deciding(self, decision: Decision) -> Iterator[None]:
        """A block in which every span is decided so."""
        token = _decided.set(decision)
        try:
            yield
        finally:
            _decided.reset(token)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        decision = _decided.get()
        if decision is None:
            return self._fallback.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        parent = trace.get_current_span(parent_context).get_span_context()
        return SamplingResult(decision, attributes, parent.trace_state if parent.is_valid else None)

    def get_description(self) -> str:
        return f"DecidedSampler({self._fallback.get_description()})"


def decide(
    sampler: Sampler,
    told: ExtractedContext | None,
    trace_id: int,
    parent: SpanContext | None,
    name: str,
) -> Decision:
    """What is to become of an invocation's spans.

    Parameters:
        sampler: asked where nobody has decided.
        told: what whoever called says.
        trace_id: the execution's trace.
        parent: the span above, if another process has made it.
        name: of the Workflow span, about which the sampler is asked.
    """
    if told is not None and told.sampling is not Sampling.UNDECIDED:
        return _TOLD[told.sampling]
    current = trace.get_current_span()
    context = current.get_span_context()
    if context.is_valid and context.trace_id == trace_id:
        if context.trace_flags.sampled:
            return Decision.RECORD_AND_SAMPLE
        return Decision.RECORD_ONLY if current.is_recording() else Decision.DROP
    above = trace.set_span_in_context(
        trace.INVALID_SPAN if parent is None else NonRecordingSpan(parent), Context()
    )
    return sampler.should_sample(above, trace_id, name, SpanKind.INTERNAL, {}, ()).decision
