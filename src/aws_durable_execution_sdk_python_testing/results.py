"""What a test sees of an execution: its outcome, and its operations by name.

A result's operations form a tree: a context's operations are its `child_operations`, and the
accessors (`get_step`, `get_context`, ...) look only at the level they are called on. Values are
decoded: `.result` is what the function returned (8), `.payload` the text it was stored as ("8").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from aws_durable_execution_sdk_python.core import model
from aws_durable_execution_sdk_python.core.model import (
    ErrorObject,
    ExecutionStatus,
    InvocationStatus,
    OperationStatus,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python_testing import history
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError
from aws_durable_execution_sdk_python_testing.payloads import (
    decode_json,
    deserialize_operation_payload,
    from_api,
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What every operation has.

    Attributes:
        operation_id: the id the SDK derived for it.
        operation_type: STEP, WAIT, CALLBACK, CHAINED_INVOKE, CONTEXT or EXECUTION.
        status: a string enumeration: compare with a member or with its text.
        parent_id: the id of the enclosing context; None at the top level.
        name: the name given in the code, if any.
        sub_type: what kind of step or context it is: "WaitForCondition", "Map", ...
        start_timestamp, end_timestamp: aware datetimes; no end while it is open.
        child_operations: the operations inside it, in the order they were created.
    """

    operation_id: str
    operation_type: OperationType
    status: OperationStatus
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    start_timestamp: datetime | None = None
    end_timestamp: datetime | None = None
    child_operations: tuple[Operation, ...] = ()
    # Position among all operations of the execution, in the order they were created.
    sequence: int = field(default=0, repr=False, compare=False)


OperationT = TypeVar("OperationT", bound=Operation)


class OperationLookup:
    """Finds operations by name on one level of an execution."""

    def _level(self) -> Sequence[Operation]:
        raise NotImplementedError

    def get_operation_by_name(self, name: str) -> Operation:
        """The first operation on this level called `name`, of whatever type.

        Raises:
            DurableFunctionsTestError: there is none.
        """
        return self._find(name, Operation)

    def get_step(self, name: str) -> StepOperation:
        """The first step (or `wait_for_condition`) on this level called `name`.

        Raises:
            DurableFunctionsTestError: there is none.
        """
        return self._find(name, StepOperation)

    def get_wait(self, name: str) -> WaitOperation:
        """The first wait on this level called `name`; raises like `get_step`."""
        return self._find(name, WaitOperation)

    def get_context(self, name: str) -> ContextOperation:
        """The first context on this level called `name`; raises like `get_step`.

        Child contexts, `wait_for_callback`, `map`, `parallel` and their branches are contexts.
        """
        return self._find(name, ContextOperation)

    def get_callback(self, name: str) -> CallbackOperation:
        """The first callback on this level called `name`; raises like `get_step`."""
        return self._find(name, CallbackOperation)

    def get_invoke(self, name: str) -> InvokeOperation:
        """The first invoke on this level called `name`; raises like `get_step`."""
        return self._find(name, InvokeOperation)

    def get_execution(self, name: str) -> ExecutionOperation:
        """The EXECUTION operation, if it is called `name`; raises like `get_step`."""
        return self._find(name, ExecutionOperation)

    def get_all_operations(self) -> list[Operation]:
        """Every operation on this level and below, in the order they were created."""
        return sorted(_below(self._level()), key=lambda operation: operation.sequence)

    def _candidates(self) -> Sequence[Operation]:
        return self._level()

    def _find(self, name: str, kind: type[OperationT]) -> OperationT:
        named = [operation for operation in self._candidates() if operation.name == name]
        for operation in named:
            if isinstance(operation, kind):
                return operation
        raise DurableFunctionsTestError(self._explain(name, kind, named))

    def _explain(self, name: str, kind: type[Operation], named: Sequence[Operation]) -> str:
        wanted = kind.__name__.removesuffix("Operation").lower() or "operation"
        if named:
            return f"the operation named {name!r} is a {named[0].operation_type}, not a {wanted}"
        known = ", ".join(repr(o.name) for o in self._level() if o.name) or "none"
        deeper = next((o for o in self.get_all_operations() if o.name == name), None)
        hint = "" if deeper is None else f"; one is inside another operation ({deeper.parent_id})"
        return f"no {wanted} named {name!r} on this level (names here: {known}){hint}"


def _below(operations: Iterable[Operation]) -> Iterable[Operation]:
    for operation in operations:
        yield operation
        yield from _below(operation.child_operations)


# ------------------------------------------------------------------------------ operation types


@dataclass(frozen=True, kw_only=True)
class _Completed(Operation):
    """An operation that ends with a result or an error."""

    payload: str | None = None
    error: ErrorObject | None = None

    @property
    def result(self) -> Any:
        """The decoded result; None without one. `payload` is the text as stored."""
        return deserialize_operation_payload(self.payload)


@dataclass(frozen=True, kw_only=True)
class ExecutionOperation(Operation):
    """The execution itself, as the first operation of its state."""

    input_payload: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContextOperation(_Completed, OperationLookup):
    """A child context, a map or parallel, or one of their branches."""

    def _level(self) -> Sequence[Operation]:
        return self.child_operations


@dataclass(frozen=True, kw_only=True)
class StepOperation(_Completed):
    """A step or a `wait_for_condition`. `attempt` counts the attempts that have finished."""

    attempt: int = 0
    next_attempt_timestamp: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class WaitOperation(Operation):
    """A wait."""

    scheduled_end_timestamp: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CallbackOperation(_Completed):
    """A callback. Its result is decoded when it is JSON, else the text itself."""

    callback_id: str | None = None

    @property
    def result(self) -> Any:
        return decode_json(self.payload)


@dataclass(frozen=True, kw_only=True)
class InvokeOperation(_Completed):
    """A call of another function."""

    @property
    def result(self) -> Any:
        return decode_json(self.payload)


def _execution_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.execution_details
    return {"input_payload": details and details.input_payload}


def _outcome_fields(stored: model.Operation) -> dict[str, Any]:
    return {"payload": stored.result, "error": stored.error}


def _step_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.step_details or model.StepDetails()
    return {
        **_outcome_fields(stored),
        "attempt": details.attempt,
        "next_attempt_timestamp": details.next_attempt_timestamp,
    }


def _wait_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.wait_details
    return {"scheduled_end_timestamp": details and details.scheduled_end_timestamp}


def _callback_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.callback_details
    return {**_outcome_fields(stored), "callback_id": details and details.callback_id}


_Fields = Callable[[model.Operation], dict[str, Any]]
_WRAPPERS: dict[OperationType, tuple[type[Operation], _Fields]] = {
    OperationType.EXECUTION: (ExecutionOperation, _execution_fields),
    OperationType.CONTEXT: (ContextOperation, _outcome_fields),
    OperationType.STEP: (StepOperation, _step_fields),
    OperationType.WAIT: (WaitOperation, _wait_fields),
    OperationType.CALLBACK: (CallbackOperation, _callback_fields),
    OperationType.CHAINED_INVOKE: (InvokeOperation, _outcome_fields),
}


class _Tree:
    """The stored operations of one execution, as wrappers."""

    def __init__(self, stored: Iterable[model.Operation]) -> None:
        self._children: dict[str | None, list[tuple[int, model.Operation]]] = {}
        for sequence, operation in enumerate(stored):
            self._children.setdefault(operation.parent_id, []).append((sequence, operation))

    def level(self, parent_id: str | None) -> tuple[Operation, ...]:
        return tuple(self._wrap(*entry) for entry in self._children.get(parent_id, ()))

    def _wrap(self, sequence: int, stored: model.Operation) -> Operation:
        cls, fields = _WRAPPERS[stored.operation_type]
        return cls(
            operation_id=stored.operation_id,
            operation_type=stored.operation_type,
            status=stored.status,
            parent_id=stored.parent_id,
            name=stored.name,
            sub_type=stored.sub_type,
            start_timestamp=stored.start_timestamp,
            end_timestamp=stored.end_timestamp,
            child_operations=self.level(stored.operation_id),
            sequence=sequence,
            **fields(stored),
        )


# --------------------------------------------------------------------------------- the result

# How an execution's status reads as the outcome of running the function.
_OUTCOME = {
    Status.SUCCEEDED: Status.SUCCEEDED,
    Status.FAILED: Status.FAILED,
    Status.TIMED_OUT: Status.FAILED,
    Status.STOPPED: Status.FAILED,
}


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

    @property
    def result(self) -> Any:
        """What the handler returned, decoded; None if it returned nothing or failed."""
        return decode_json(self.payload)

    @classmethod
    def from_service(
        cls, execution: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]
    ) -> DurableFunctionTestResult:
        """The result of an execution of a local service: both arguments in API form."""
        return cls.from_operations(
            execution, [model.Operation.from_dict(from_api(operation)) for operation in operations]
        )

    @classmethod
    def from_operations(
        cls, execution: Mapping[str, Any], operations: Iterable[model.Operation]
    ) -> DurableFunctionTestResult:
        """The result of an execution.

        Args:
            execution: a `GetDurableExecution` answer.
            operations: its operations, in the order they were created.
        """
        top = _Tree(operations).level(None)
        status = Status(execution["Status"])
        error = execution.get("Error")
        return cls(
            status=_OUTCOME.get(status, Status.PENDING),
            execution_status=status,
            operations=tuple(o for o in top if not isinstance(o, ExecutionOperation)),
            payload=execution.get("Result"),
            error=None if error is None else ErrorObject.from_dict(error),
            execution=next((o for o in top if isinstance(o, ExecutionOperation)), None),
        )

    @classmethod
    def from_execution_history(
        cls, execution_response: Mapping[str, Any], history_response: Mapping[str, Any]
    ) -> DurableFunctionTestResult:
        """The result of an execution known only through the API.

        Args:
            execution_response: a `GetDurableExecution` answer.
            history_response: a `GetDurableExecutionHistory` answer with all `Events`, oldest
                first, and their execution data.
        """
        return cls.from_operations(execution_response, history.fold(history_response["Events"]))

    def _level(self) -> Sequence[Operation]:
        return self.operations

    def _candidates(self) -> Sequence[Operation]:
        return self.operations if self.execution is None else (*self.operations, self.execution)
