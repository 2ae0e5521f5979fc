"""The operations of an execution as a test sees them, by name.

They form a tree: a context's operations are its `child_operations`, and the accessors
(`get_step`, `get_context`, ...) look only at the level they are called on. Values are decoded:
`.result` is what the function returned (8), `.payload` the text it was stored as ("8").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core import model
from aws_durable_execution_sdk_python._core.model import (
    ErrorObject,
    OperationStatus,
    OperationSubType,
    OperationType,
)
from aws_durable_execution_sdk_python_testing._results.branch_order import BATCHES, branch_order
from aws_durable_execution_sdk_python_testing._results.payloads import (
    decode_json,
    deserialize_operation_payload,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What every operation has.

    Attributes:
        operation_id: the id the SDK derived for it.
        operation_type: STEP, WAIT, CALLBACK, CHAINED_INVOKE, CONTEXT or EXECUTION.
        status: a string enumeration: compare with a member or with its text.
        parent_id: the id of the enclosing context; None at the top level.
        name: the name given in the code, if any.
        sub_type: what kind of step or context it is: "WaitForCondition", "Map", ...; a member of
            `OperationSubType` if it is none of the code's own.
        start_timestamp, end_timestamp: aware datetimes; no end while it is open.
        child_operations: the operations inside it, in the order they were created. Those of a map
            or parallel are in the order of its branches, whichever of them began first.
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
    # Whether a result is given as the text it is, as the official SDK's runners do.
    is_raw: bool = field(default=False, repr=False, compare=False)


OperationT = TypeVar("OperationT", bound=Operation)


class OperationLookup:
    """Finds operations by name on one level of an execution."""

    # Whether results are texts, as the official SDK's runners give them.
    is_raw: bool

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

    def get_patch(self, name: str) -> PatchOperation:
        """The marker on this level that `patched(name)` has left; raises like `get_step`."""
        return self._find(name, PatchOperation)

    def get_execution(self, name: str) -> ExecutionOperation:
        """The EXECUTION operation, if it is called `name`; raises like `get_step`."""
        return self._find(name, ExecutionOperation)

    def get_all_operations(self) -> list[Operation]:
        """Every operation on this level and below, in the order they were created.

        Of branches that run at the same time, that is a matter of timing.
        """
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
        if self.is_raw:  # as suites for the official SDK expect
            return f"Operation {name!r} not found: {wanted} on this level"
        if named:
            return f"the operation named {name!r} is a {named[0].operation_type}, not a {wanted}"
        known = ", ".join(repr(o.name) for o in self._level() if o.name) or "none"
        deeper = next((o for o in self.get_all_operations() if o.name == name), None)
        hint = "" if deeper is None else f"; one is inside another operation ({deeper.parent_id})"
        return f"no {wanted} named {name!r} on this level (names here: {known}){hint}"


def _below(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Operations with those inside them; with a stack of our own, since they nest deep."""
    found = [*operations]
    while found:
        operation = found.pop()
        yield operation
        found += operation.child_operations


# ------------------------------------------------------------------------------ operation types


@dataclass(frozen=True, kw_only=True)
class _Completed(Operation):
    """An operation that ends with a result or an error."""

    payload: str | None = None
    error: ErrorObject | None = None

    @property
    def result(self) -> Any:
        """The decoded result; None without one. `payload` is the text as stored.

        The text, too, with `compat="aws"`.
        """
        return self.payload if self.is_raw else self._decoded()

    def _decoded(self) -> Any:
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

    def _decoded(self) -> Any:
        return decode_json(self.payload)


@dataclass(frozen=True, kw_only=True)
class InvokeOperation(_Completed):
    """A call of another function."""

    def _decoded(self) -> Any:
        return decode_json(self.payload)


@dataclass(frozen=True, kw_only=True)
class PatchOperation(Operation):
    """The marker that `patched` leaves where it answers True; a step on record."""


def operation_to_dict(operation: Operation) -> dict[str, Any]:
    """An operation and those inside it in JSON types, for `--json` and for snapshots.

    Members without a value are left out; times are ISO 8601, payloads as they are stored.
    """
    top = _members(operation)
    rest = [(operation, top)]
    while rest:
        above, shown = rest.pop()
        if above.child_operations:
            below = [(child, _members(child)) for child in above.child_operations]
            shown["child_operations"] = [members for _, members in below]
            rest += below
    return top


def _members(operation: Operation) -> dict[str, Any]:
    """Those of an operation alone."""
    shown = {
        one.name: _to_json(getattr(operation, one.name))
        for one in fields(operation)
        if one.name not in ("child_operations", "is_raw", "sequence")
    }
    return {key: value for key, value in shown.items() if value is not None}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.to_dict() if isinstance(value, ErrorObject) else value


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


def _no_fields(_: model.Operation) -> dict[str, Any]:
    return {}


def _wait_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.wait_details
    return {"scheduled_end_timestamp": details and details.scheduled_end_timestamp}


def _callback_fields(stored: model.Operation) -> dict[str, Any]:
    details = stored.callback_details
    return {**_outcome_fields(stored), "callback_id": details and details.callback_id}


_KNOWN_SUB_TYPES: dict[str | None, OperationSubType] = {one.value: one for one in OperationSubType}
_Fields = Callable[[model.Operation], dict[str, Any]]
_PATCH: tuple[type[Operation], _Fields] = (PatchOperation, _no_fields)
_WRAPPERS: dict[OperationType, tuple[type[Operation], _Fields]] = {
    OperationType.EXECUTION: (ExecutionOperation, _execution_fields),
    OperationType.CONTEXT: (ContextOperation, _outcome_fields),
    OperationType.STEP: (StepOperation, _step_fields),
    OperationType.WAIT: (WaitOperation, _wait_fields),
    OperationType.CALLBACK: (CallbackOperation, _callback_fields),
    OperationType.CHAINED_INVOKE: (InvokeOperation, _outcome_fields),
}


def operation_tree(
    stored: Iterable[model.Operation], *, is_raw: bool = False
) -> tuple[Operation, ...]:
    """The operations at the top level of one execution, with those inside them."""
    inside: dict[str | None, list[tuple[int, model.Operation]]] = {}
    for entry in enumerate(stored):
        inside.setdefault(entry[1].parent_id, []).append(entry)
    # From the top, so that from the end each comes after what is inside it.
    order = [*inside.get(None, ())]
    for _, operation in order:  # which grows meanwhile
        order += _in_order(operation, inside.get(operation.operation_id, []))
    wrapped: dict[str | None, list[Operation]] = {}
    for sequence, operation in reversed(order):
        children = reversed(wrapped.pop(operation.operation_id, []))
        above = wrapped.setdefault(operation.parent_id, [])
        above.append(_wrap(sequence, operation, tuple(children), is_raw=is_raw))
    return tuple(reversed(wrapped.get(None, [])))


def _in_order(
    around: model.Operation, inside: list[tuple[int, model.Operation]]
) -> list[tuple[int, model.Operation]]:
    """As they were created, but those of a batch by its branches; the ones of no branch last."""
    if around.sub_type not in BATCHES:
        return inside
    ranks = branch_order(around.operation_id, {operation.operation_id for _, operation in inside})
    return sorted(inside, key=lambda entry: ranks.get(entry[1].operation_id, len(ranks)))


def _wrap(
    sequence: int, stored: model.Operation, children: tuple[Operation, ...], *, is_raw: bool
) -> Operation:
    is_patch = stored.sub_type == OperationSubType.PATCH
    cls, details = _PATCH if is_patch else _WRAPPERS[stored.operation_type]
    return cls(
        operation_id=stored.operation_id,
        operation_type=stored.operation_type,
        status=stored.status,
        parent_id=stored.parent_id,
        name=stored.name,
        sub_type=_KNOWN_SUB_TYPES.get(stored.sub_type, stored.sub_type),
        start_timestamp=stored.start_timestamp,
        end_timestamp=stored.end_timestamp,
        child_operations=children,
        sequence=sequence,
        is_raw=is_raw,
        **details(stored),
    )
