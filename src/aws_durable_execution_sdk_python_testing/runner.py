"""Run durable functions in this process, with waits skipped: the main tool of a test.

with DurableFunctionTestRunner(handler) as runner:
    result = runner.run(input={"order_id": "1"}, timeout=10)
assert result.status == "SUCCEEDED"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._core.user_functions import Kind, context_kind
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._remote.cloud_runner import (
    DurableFunctionCloudTestRunner,
)
from aws_durable_execution_sdk_python_testing._results.operations import (
    CallbackOperation,
    ContextOperation,
    ExecutionOperation,
    InvokeOperation,
    Operation,
    PatchOperation,
    StepOperation,
    WaitOperation,
)
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._runner.awaitable_runner import (
    AsyncDurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._runner.function_runner import (
    DurableFunctionTestRunner,
)

# The official testing SDK has all of these here, and tests written for it import them from here.
__all__ = [
    "AsyncDurableFunctionTestRunner",
    "CallbackOperation",
    "ContextOperation",
    "DurableChildContextTestRunner",
    "DurableFunctionCloudTestRunner",
    "DurableFunctionTestResult",
    "DurableFunctionTestRunner",
    "ExecutionOperation",
    "InvokeOperation",
    "Operation",
    "PatchOperation",
    "StepOperation",
    "WaitOperation",
]


class DurableChildContextTestRunner(DurableFunctionTestRunner):
    """Runs one `@durable_with_child_context` function as if it were a handler.

    Parameters:
        context_function: the decorated function.
        *args, **kwargs: what it is called with.
        skip_time: as for `DurableFunctionTestRunner`.

    Example:
        ```python
        with DurableChildContextTestRunner(validate_and_enrich, {"id": 1}) as runner:
            result = runner.run()
        ```
    """

    def __init__(
        self,
        context_function: Callable[..., Callable[[Any], Any]],
        *args: Any,
        skip_time: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(_child_handler(context_function, args, kwargs), skip_time=skip_time)


def _child_handler(
    context_function: Callable[..., Callable[[Any], Any]], args: Any, kwargs: Any
) -> Handler:
    # Here, so that importing the runner does not import the execution SDK's runtime.
    from aws_durable_execution_sdk_python import durable_execution

    bound = context_function(*args, **kwargs)
    if context_kind(bound, Kind.BLOCKING) is Kind.ASYNC:

        async def run_async(event: Any, context: Any) -> Any:
            return await bound(context)

        return durable_execution(run_async)

    def run(event: Any, context: Any) -> Any:
        return bound(context)

    return durable_execution(run)
