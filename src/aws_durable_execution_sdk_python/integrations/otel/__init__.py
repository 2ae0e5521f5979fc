"""OpenTelemetry: spans and metrics of durable executions. `docs/opentelemetry.md` shows them.

Needs the extra `[otel]`, or a Lambda layer that brings OpenTelemetry's SDK.
"""

from __future__ import annotations

try:
    import opentelemetry.sdk.trace as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "the OpenTelemetry plugins need opentelemetry-sdk: install "
        "'aws-durable-execution-sdk-python[otel]', or add a Lambda layer that has it"
    ) from error

from aws_durable_execution_sdk_python.integrations.otel.execution_view import ExecutionOtelPlugin
from aws_durable_execution_sdk_python.integrations.otel.identities import (
    DeterministicIdGenerator,
    derive_execution_root_span_id,
    derive_workflow_span_id,
    operation_id_to_span_id,
)
from aws_durable_execution_sdk_python.integrations.otel.invocation_view import InvocationOtelPlugin
from aws_durable_execution_sdk_python.integrations.otel.log_filter import (
    OtelContextLogFilter,
    install_log_filter,
)
from aws_durable_execution_sdk_python.integrations.otel.otel_config import (
    OtelPluginConfig,
    ProviderResult,
    create_tracer_provider,
)
from aws_durable_execution_sdk_python.integrations.otel.otel_metrics import OtelMetricsPluginFactory
from aws_durable_execution_sdk_python.integrations.otel.plugin_factory import (
    EXECUTION_OTEL_PLUGIN_FACTORY,
    INVOCATION_OTEL_PLUGIN_FACTORY,
    ExecutionOtelPluginFactory,
    InvocationOtelPluginFactory,
)
from aws_durable_execution_sdk_python.integrations.otel.trace_context import (
    ContextExtractor,
    ExtractedContext,
    Sampling,
    w3c_client_context_extractor,
    xray_context_extractor,
)

__all__ = [
    "EXECUTION_OTEL_PLUGIN_FACTORY",
    "INVOCATION_OTEL_PLUGIN_FACTORY",
    "ContextExtractor",
    "DeterministicIdGenerator",
    "ExecutionOtelPlugin",
    "ExecutionOtelPluginFactory",
    "ExtractedContext",
    "InvocationOtelPlugin",
    "InvocationOtelPluginFactory",
    "OtelContextLogFilter",
    "OtelMetricsPluginFactory",
    "OtelPluginConfig",
    "ProviderResult",
    "Sampling",
    "create_tracer_provider",
    "derive_execution_root_span_id",
    "derive_workflow_span_id",
    "install_log_filter",
    "operation_id_to_span_id",
    "w3c_client_context_extractor",
    "xray_context_extractor",
]
