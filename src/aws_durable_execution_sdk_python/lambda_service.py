"""The service's types and clients, under the module path they are documented by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from aws_durable_execution_sdk_python._core.invocation_output import (
    DurableExecutionInvocationOutput,
)
from aws_durable_execution_sdk_python._core.model import (
    CallbackDetails,
    CallbackOptions,
    ChainedInvokeDetails,
    ChainedInvokeOptions,
    CheckpointOutput,
    ContextDetails,
    ContextOptions,
    ErrorObject,
    ExecutionDetails,
    InvocationStatus,
    Operation,
    OperationAction,
    OperationStatus,
    OperationSubType,
    OperationType,
    OperationUpdate,
    StateOutput,
    StepDetails,
    StepOptions,
    WaitDetails,
    WaitOptions,
)
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client as LambdaClient

__all__ = [
    "CallbackDetails",
    "CallbackOptions",
    "ChainedInvokeDetails",
    "ChainedInvokeOptions",
    "CheckpointOutput",
    "ContextDetails",
    "ContextOptions",
    "DurableExecutionInvocationOutput",
    "DurableServiceClient",
    "ErrorObject",
    "ExecutionDetails",
    "InvocationStatus",
    "LambdaClient",
    "Operation",
    "OperationAction",
    "OperationPayload",
    "OperationStatus",
    "OperationSubType",
    "OperationType",
    "OperationUpdate",
    "StateOutput",
    "StepDetails",
    "StepOptions",
    "WaitDetails",
    "WaitOptions",
]


OperationPayload: TypeAlias = str
"""What an operation takes or gives, as it is sent and stored."""


def __getattr__(name: str) -> Any:
    # anyio, which the client imports, is not needed to name the types.
    if name == "LambdaClient":
        from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client

        return Boto3Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
