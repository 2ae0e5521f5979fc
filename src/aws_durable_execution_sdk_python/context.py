"""The durable context, blocking and async: public methods, nothing of how operations work.

Documented by the product (index, steps, best practices). Each operation is written once, in
`_operations`, and both contexts run it.
"""

from __future__ import annotations

from aws_durable_execution_sdk_python._async_context import AsyncDurableContext
from aws_durable_execution_sdk_python._blocking_context import DurableContext
from aws_durable_execution_sdk_python._context_base import (
    AsyncCallback,
    Callback,
    ExecutionContext,
)
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.decorators import (
    durable_parallel_branch,
    durable_step,
    durable_wait_for_callback,
    durable_with_child_context,
)

__all__ = [
    "AsyncCallback",
    "AsyncDurableContext",
    "Callback",
    "DurableContext",
    "Duration",
    "ExecutionContext",
    "durable_parallel_branch",
    "durable_step",
    "durable_wait_for_callback",
    "durable_with_child_context",
]
