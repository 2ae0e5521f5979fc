"""Histories, as `get_execution_history` and a result's `history` give them."""

from aws_durable_execution_sdk_python._core.model import (
    ErrorObject,
    OperationSubType,
    OperationType,
)
from aws_durable_execution_sdk_python_testing._results.histories import (
    Event,
    ExecutionHistory,
    Invocation,
)

__all__ = [
    "ErrorObject",
    "Event",
    "ExecutionHistory",
    "Invocation",
    "OperationSubType",
    "OperationType",
]
