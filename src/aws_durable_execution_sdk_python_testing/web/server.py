"""Serve durable executions over HTTP: `WebRunner` and its configuration."""

from aws_durable_execution_sdk_python_testing._server.server_settings import StoreType
from aws_durable_execution_sdk_python_testing._server.web_runner import (
    WebRunner,
    WebRunnerConfig,
    WebServiceConfig,
)

__all__ = ["StoreType", "WebRunner", "WebRunnerConfig", "WebServiceConfig"]
