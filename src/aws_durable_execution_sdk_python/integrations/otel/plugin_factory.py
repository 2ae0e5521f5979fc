"""The factories of the plugins, and those that the environment names by entry point."""

from __future__ import annotations

from typing import ClassVar

from aws_durable_execution_sdk_python.integrations.otel.execution_view import ExecutionOtelPlugin
from aws_durable_execution_sdk_python.integrations.otel.invocation_view import InvocationOtelPlugin
from aws_durable_execution_sdk_python.integrations.otel.otel_config import OtelPluginConfig
from aws_durable_execution_sdk_python.plugin import InvocationStartInfo


class _OtelPluginFactory:
    __durable_registration_api__: ClassVar[int] = 1
    # Spans of both views have the same ids.
    exclusive_group: ClassVar[str | None] = "aws-durable-execution-otel-view"

    def __init__(self, config: OtelPluginConfig | None = None) -> None:
        self.config = config or OtelPluginConfig()


class InvocationOtelPluginFactory(_OtelPluginFactory):
    """Shows operations below the invocations that worked on them.

    Example:
        >>> @durable_execution(plugins=[InvocationOtelPluginFactory()])
        ... def handler(event: dict, context: DurableContext) -> dict: ...
    """

    def create_plugin(self, info: InvocationStartInfo) -> InvocationOtelPlugin:
        return InvocationOtelPlugin(self.config)


class ExecutionOtelPluginFactory(_OtelPluginFactory):
    """Shows operations below the execution, each once.

    Example:
        >>> @durable_execution(plugins=[ExecutionOtelPluginFactory()])
        ... def handler(event: dict, context: DurableContext) -> dict: ...
    """

    def create_plugin(self, info: InvocationStartInfo) -> ExecutionOtelPlugin:
        return ExecutionOtelPlugin(self.config)


INVOCATION_OTEL_PLUGIN_FACTORY = InvocationOtelPluginFactory()
"""The factory with its defaults, for `DURABLE_EXECUTION_PLUGINS`."""

EXECUTION_OTEL_PLUGIN_FACTORY = ExecutionOtelPluginFactory()
"""The factory with its defaults, for `DURABLE_EXECUTION_PLUGINS`."""
