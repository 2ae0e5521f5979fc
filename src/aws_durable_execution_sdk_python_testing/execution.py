"""How executions stand. `result.execution` is described in `operations`."""

from aws_durable_execution_sdk_python._core.model import ExecutionStatus

__all__ = ["ExecutionStatus"]
