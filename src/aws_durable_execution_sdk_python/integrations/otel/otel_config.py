"""How the plugins are configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.trace import TracerProvider

from aws_durable_execution_sdk_python.integrations.otel.trace_context import ContextExtractor

INSTRUMENT_NAME = "aws-durable-execution-sdk-python"


@dataclass
class OtelPluginConfig:
    """How spans are made.

    Attributes:
        tracer_provider: makes the tracer; None for the global one, asked for in each invocation.
        context_extractor: tells where the execution hangs; None for Lambda's X-Ray header.
        instrument_name: the tracer's name.
        workflow_span_name: the name of the span that stands for the whole execution.
        enrich_logger: whether records that pass the root logger's handlers get `traceId`,
            `spanId` and `otelTraceSampled`.
        service_call_spans: whether each call of the durable execution service is a client span
            below the Invocation span.
    """

    tracer_provider: TracerProvider | None = None
    context_extractor: ContextExtractor | None = None
    instrument_name: str = INSTRUMENT_NAME
    workflow_span_name: str = "Workflow"
    enrich_logger: bool = True
    service_call_spans: bool = field(default=False, kw_only=True)


class ProviderResult(NamedTuple):
    """The provider of an invocation, and whether it is the process's."""

    tracer_provider: TracerProvider
    uses_global_provider: bool


def create_tracer_provider(config: OtelPluginConfig) -> ProviderResult:
    """The provider that a configuration names."""
    if config.tracer_provider is not None:
        return ProviderResult(config.tracer_provider, False)
    return ProviderResult(trace.get_tracer_provider(), True)
