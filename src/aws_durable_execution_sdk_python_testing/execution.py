"""How executions stand. What a result says of its execution is `runner.ExecutionOperation`."""

from aws_durable_execution_sdk_python._core.model import ExecutionStatus

__all__ = ["ExecutionStatus"]
