"""The names of what user functions are given, and of what they give back, for annotations."""

from __future__ import annotations

from typing import Any, Protocol

from aws_durable_execution_sdk_python._core.arns import DurableExecutionArn
from aws_durable_execution_sdk_python._core.batch_result import BatchResult
from aws_durable_execution_sdk_python._operation_contexts import (
    StepContext,
    WaitForCallbackContext,
    WaitForConditionCheckContext,
)
from aws_durable_execution_sdk_python.context import Callback, DurableContext
from aws_durable_execution_sdk_python.logger import Logger, LoggerInterface

__all__ = [
    "BatchResult",
    "Callback",
    "DurableContext",
    "DurableExecutionArn",
    "LambdaContext",
    "LoggerInterface",
    "OperationContext",
    "StepContext",
    "WaitForCallbackContext",
    "WaitForConditionCheckContext",
]


class OperationContext(Protocol):
    """What the functions of all operations find in the context they are given."""

    @property
    def logger(self) -> Logger: ...


class LambdaContext(Protocol):
    """Lambda's own context object, as `context.lambda_context` gives it."""

    @property
    def function_name(self) -> str: ...
    @property
    def function_version(self) -> str: ...
    @property
    def invoked_function_arn(self) -> str: ...
    @property
    def memory_limit_in_mb(self) -> Any: ...
    @property
    def aws_request_id(self) -> str: ...
    @property
    def log_group_name(self) -> str | None: ...
    @property
    def log_stream_name(self) -> str | None: ...
    @property
    def client_context(self) -> Any: ...
    @property
    def identity(self) -> Any: ...

    def get_remaining_time_in_millis(self) -> int: ...
    def log(self, msg: str) -> None: ...
