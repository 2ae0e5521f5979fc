"""What a test sees of an execution: its outcome, its operations, its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from aws_durable_execution_sdk_python._core import model
from aws_durable_execution_sdk_python._core.compat import compat_of_environment
from aws_durable_execution_sdk_python._core.model import (
    ErrorObject,
    ExecutionStatus,
    InvocationStatus,
    Status,
)
from aws_durable_execution_sdk_python_testing._results.folding import fold
from aws_durable_execution_sdk_python_testing._results.histories import ExecutionHistory, Invocation
from aws_durable_execution_sdk_python_testing._results.operations import (
    CallbackOperation,
    ContextOperation,
    ExecutionOperation,
    InvokeOperation,
    Operation,
    OperationLookup,
    PatchOperation,
    StepOperation,
    WaitOperation,
    operation_tree,
)
from aws_durable_execution_sdk_python_testing._results.payloads import decode_json, from_api

__all__ = [
    "CallbackOperation",
    "ContextOperation",
    "DurableFunctionTestResult",
    "ExecutionOperation",
    "InvokeOperation",
    "Operation",
    "PatchOperation",
    "StepOperation",
    "WaitOperation",
]

# How an execution's status reads as the outcome of running the function.
_OUTCOME = {
    Status.SUCCEEDED: Status.SUCCEEDED,
    Status.FAILED: Status.FAILED,
    Status.TIMED_OUT: Status.FAILED,
    Status.STOPPED: Status.FAILED,
}


def compat_chosen(compat: Literal["aws"] | None) -> bool:
    """Whether a runner behaves as the official SDK's: as it is told, else by the environment.

    Raises:
        ValueError: `compat` is something else.
    """
    if compat not in (None, "aws"):
        raise ValueError(f"compat must be 'aws' or None, got {compat!r}")
    return compat == "aws" or compat_of_environment()


@dataclass(frozen=True, kw_only=True)
class DurableFunctionTestResult(OperationLookup):
    """The outcome of an execution.

    Attributes:
        status: SUCCEEDED, FAILED (also for executions that timed out or were stopped), or
            PENDING while the execution is open.
        execution_status: the status of the execution itself: RUNNING, SUCCEEDED, FAILED,
            TIMED_OUT or STOPPED.
        operations: the operations at the top level, in the order they were created.
        payload: the result as JSON text.
        error: what the execution failed with; `str()` names the original type and message.
        execution: the EXECUTION operation.
        events: the history in wire form; `history` has it as objects.

    Example:
        ```python
        result = runner.run(input={"a": 5, "b": 3})
        assert result.status == "SUCCEEDED"
        assert result.result == 8
        assert result.get_step("add_numbers").result == 8
        ```
    """

    status: InvocationStatus
    execution_status: ExecutionStatus
    operations: tuple[Operation, ...] = ()
    payload: str | None = None
    error: ErrorObject | None = None
    execution: ExecutionOperation | None = None
    events: Sequence[Mapping[str, Any]] = field(default=(), repr=False, compare=False)
    # Whether `result` is text, as the official SDK's runners give it.
    is_raw: bool = field(default=False, repr=False, compare=False)

    @property
    def result(self) -> Any:
        """What the handler returned, decoded; None if it returned nothing or failed.

        With `compat="aws"` its JSON text, which is `payload`.
        """
        return self.payload if self.is_raw else decode_json(self.payload)

    @cached_property
    def history(self) -> ExecutionHistory:
        """The execution's events, oldest first."""
        return ExecutionHistory.from_dicts(self.events)

    @property
    def invocations(self) -> tuple[Invocation, ...]:
        """The calls of the function that made the execution, oldest first."""
        return self.history.invocations

    def print(self) -> None:
        """Print the tree of operations, with status, attempts and durations.

        Example:
            ```python
            result.print()  # pytest shows it when the test fails
            ```
        """
        from aws_durable_execution_sdk_python_testing._results.tree import (
            result_tree,
            stdout_console,
        )

        stdout_console().print(result_tree(self))

    @classmethod
    def from_service(
        cls,
        execution: Mapping[str, Any],
        operations: Iterable[Mapping[str, Any]],
        events: Sequence[Mapping[str, Any]] = (),
        *,
        is_raw: bool = False,
    ) -> DurableFunctionTestResult:
        """The result of an execution of a local service: all arguments in API form."""
        parsed = [model.Operation.from_dict(from_api(operation)) for operation in operations]
        return cls.from_operations(execution, parsed, events, is_raw=is_raw)

    @classmethod
    def from_operations(
        cls,
        execution: Mapping[str, Any],
        operations: Iterable[model.Operation],
        events: Sequence[Mapping[str, Any]] = (),
        *,
        is_raw: bool = False,
    ) -> DurableFunctionTestResult:
        """The result of an execution.

        Parameters:
            execution: a `GetDurableExecution` answer.
            operations: its operations, in the order they were created.
            events: its history.
            is_raw: give results as the texts they are.
        """
        top = operation_tree(operations, is_raw=is_raw)
        status = Status(execution["Status"])
        error = execution.get("Error")
        return cls(
            status=_OUTCOME.get(status, Status.PENDING),
            execution_status=status,
            operations=tuple(o for o in top if not isinstance(o, ExecutionOperation)),
            payload=execution.get("Result"),
            error=None if error is None else ErrorObject.from_dict(error),
            execution=next((o for o in top if isinstance(o, ExecutionOperation)), None),
            events=events,
            is_raw=is_raw,
        )

    @classmethod
    def from_execution_history(
        cls,
        execution_response: Mapping[str, Any],
        history_response: Mapping[str, Any],
        *,
        is_raw: bool = False,
    ) -> DurableFunctionTestResult:
        """The result of an execution known only through the API.

        Parameters:
            execution_response: a `GetDurableExecution` answer.
            history_response: a `GetDurableExecutionHistory` answer with all `Events`, oldest
                first, and their execution data.
        """
        events = history_response["Events"]
        return cls.from_operations(execution_response, fold(events), events, is_raw=is_raw)

    def _level(self) -> Sequence[Operation]:
        return self.operations

    def _candidates(self) -> Sequence[Operation]:
        return self.operations if self.execution is None else (*self.operations, self.execution)
