"""AWS Durable Execution SDK for Python: documented handlers run durably, written sync or async.

Importing this package imports no AWS library; the service client is made when first needed.
"""

from aws_durable_execution_sdk_python._core.completion import (
    BatchItemStatus,
    BatchResult,
    CompletionDecision,
    CompletionItemStatus,
    CompletionOutcome,
    CompletionStatus,
    complete_batch,
    continue_batch,
)
from aws_durable_execution_sdk_python.config import ParallelBranch, WithRetryConfig
from aws_durable_execution_sdk_python.context import (
    AsyncDurableContext,
    DurableContext,
    durable_parallel_branch,
    durable_step,
    durable_wait_for_callback,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.exceptions import (
    BatchCompletionError,
    CallbackError,
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    ChildContextError,
    ConcurrentContextUseError,
    DurableExecutionsError,
    DurableOperationError,
    ExecutionError,
    ForeignContextError,
    InvocationError,
    InvokeError,
    NestedOperationError,
    NonDeterministicExecutionError,
    PluginLoadError,
    RetryableSerDesError,
    SerDesError,
    StepError,
    StepTimeoutError,
    ValidationError,
    WaitForConditionError,
)
from aws_durable_execution_sdk_python.execution import durable_execution
from aws_durable_execution_sdk_python.retries import with_retry
from aws_durable_execution_sdk_python.types import StepContext

__version__ = "3.0.0+aio.1"

__all__ = [
    "AsyncDurableContext",
    "BatchCompletionError",
    "BatchItemStatus",
    "BatchResult",
    "CallbackError",
    "CallbackExternalError",
    "CallbackSubmitterError",
    "CallbackTimeoutError",
    "ChildContextError",
    "CompletionDecision",
    "CompletionItemStatus",
    "CompletionOutcome",
    "CompletionStatus",
    "ConcurrentContextUseError",
    "DurableContext",
    "DurableExecutionsError",
    "DurableOperationError",
    "ExecutionError",
    "ForeignContextError",
    "InvocationError",
    "InvokeError",
    "NestedOperationError",
    "NonDeterministicExecutionError",
    "ParallelBranch",
    "PluginLoadError",
    "RetryableSerDesError",
    "SerDesError",
    "StepContext",
    "StepError",
    "StepTimeoutError",
    "ValidationError",
    "WaitForConditionError",
    "WithRetryConfig",
    "__version__",
    "complete_batch",
    "continue_batch",
    "durable_execution",
    "durable_parallel_branch",
    "durable_step",
    "durable_wait_for_callback",
    "durable_with_child_context",
    "with_retry",
]
