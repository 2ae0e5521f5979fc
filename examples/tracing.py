"""OpenTelemetry: see an execution as a trace, each operation once, whichever invocation ran it.

    durable run examples/tracing.py --event '{"order_id": "o-5"}'

With OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 in the environment, the spans go to what
listens there: a collector, Jaeger, Datadog's agent. Needs the extra `[otel]` and
opentelemetry-exporter-otlp-proto-http.
"""

import os
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.integrations.otel import (
    ExecutionOtelPluginFactory,
    OtelPluginConfig,
)

provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

tracer = provider.get_tracer("orders")


@durable_step
def reserve(order_id: str) -> str:
    with tracer.start_as_current_span("warehouse"):  # below the step's attempt
        return f"{order_id}-reserved"


@durable_step
def ship(order_id: str) -> str:
    return f"{order_id}-shipped"


@durable_execution(plugins=[ExecutionOtelPluginFactory(OtelPluginConfig(provider))])
def handler(event: dict[str, Any], context: DurableContext) -> list[str]:
    reserved = context.step(reserve(event["order_id"]))
    context.wait(seconds=5, name="packing")
    return [reserved, context.step(ship(event["order_id"]))]
