"""Plugins: hooks as `def` and as `async def`, and what is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.integrations.emf import EmfMetricsPluginFactory
from aws_durable_execution_sdk_python.integrations.otel import (
    ExecutionOtelPluginFactory,
    InvocationOtelPluginFactory,
    OtelMetricsPluginFactory,
    OtelPluginConfig,
)
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationEndInfo,
    InvocationStartInfo,
    InvocationStatus,
    OperationEndInfo,
    OperationInfo,
    PropagationInput,
    PropagationMetadata,
    UserFunctionEndInfo,
    UserFunctionOutcome,
)


class Blocking(DurableInstrumentationPlugin):
    def on_operation_end(self, info: OperationEndInfo) -> None:
        assert_type(info.name, str | None)
        assert_type(info.end_time, datetime | None)
        info.name = "other"  # error

    def on_user_function_end(self, info: UserFunctionEndInfo) -> None:
        assert_type(info.outcome, UserFunctionOutcome)

    def on_invocation_start(self, info: InvocationStartInfo) -> None:
        assert_type(info.operations, dict[str, OperationInfo])

    def provide_propagation_metadata(self, info: PropagationInput) -> PropagationMetadata:
        return PropagationMetadata(info.target_function_name)


class Asynchronous(DurableInstrumentationPlugin):
    async def on_invocation_end(self, info: InvocationEndInfo) -> None:
        assert_type(info.status, InvocationStatus)

    async def provide_propagation_metadata(
        self, info: PropagationInput
    ) -> PropagationMetadata | None:
        return None


class Mistaken(DurableInstrumentationPlugin):
    def on_operation_end(self, info: OperationEndInfo) -> int:  # error
        return 1


class Factory:
    def create_plugin(self, info: InvocationStartInfo) -> Blocking:
        return Blocking()


class NoFactory:
    def create_plugin(self) -> Blocking:
        return Blocking()


@durable_execution(
    plugins=[
        Factory(),
        EmfMetricsPluginFactory(),
        InvocationOtelPluginFactory(),
        OtelMetricsPluginFactory(),
    ]
)
def observed(event: dict[str, Any], context: DurableContext) -> int:
    return 1


durable_execution(plugins=[Blocking()])  # error
durable_execution(plugins=[NoFactory()])  # error
ExecutionOtelPluginFactory(OtelPluginConfig(workflow_span_name="Order", enrich_logger=False))
OtelPluginConfig(None, None, "name", "Workflow", True, True)  # error
