"""What is recorded of this execution: operations by id, identity checks, the orphan test.

Operations are kept in wire form and parsed when somebody looks: most of a long history is
looked at once, and some of it never. Nothing parsed is kept, so that a thread that looks while
the event loop merges an answer cannot bring back what the operation was before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
)
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    OrphanedChildException,
)

# Sub-types that an older SDK wrote for what is now another one.
_SAME_SUB_TYPE: dict[str, tuple[str, ...]] = {
    OperationSubType.WAIT_FOR_CALLBACK: (OperationSubType.RUN_IN_CHILD_CONTEXT,),
}


class OperationIdentity(NamedTuple):
    """Which operation the running code asks for.

    Attributes:
        site: the line of user code that asks.
        order: where that is in the program: the operation's number, after those of the
            operations around it.
    """

    operation_id: str
    operation_type: OperationType
    sub_type: str
    name: str | None
    parent_id: str | None
    site: tuple[CodeType, int] | None = None
    order: tuple[float, ...] = ()

    def update(self, action: OperationAction, **fields: Any) -> OperationUpdate:
        """A change of this operation, to be checkpointed."""
        return OperationUpdate(
            operation_id=self.operation_id,
            operation_type=self.operation_type,
            action=action,
            parent_id=self.parent_id,
            name=self.name,
            sub_type=self.sub_type,
            order=(*self.order, math.inf) if self._closes(action) else self.order,
            **fields,
        )

    def _closes(self, action: OperationAction) -> bool:
        """Whether the change comes after everything inside the operation."""
        is_context = self.operation_type is OperationType.CONTEXT
        return is_context and action is not OperationAction.START


# Told what the code asks for and what is recorded of it; gives what is to be taken as recorded.
Recall = Callable[[OperationIdentity, Operation | None], Operation | None]


class Journal:
    """The recorded operations, merged page by page and answer by answer; later wins.

    Args:
        execution_id: the id of the EXECUTION operation.
        recall: asked about every operation the code asks for, if given.
    """

    def __init__(self, execution_id: str, recall: Recall | None = None) -> None:
        self.execution_id = execution_id
        self._recall = recall
        self._operations: dict[str, Mapping[str, Any]] = {}
        self._parents: dict[str, str | None] = {}
        self._closed: set[str] = set()

    def merge(self, operations: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take over what the service says; returns the ids it spoke of."""
        ids = []
        for operation in operations:
            operation_id = operation["Id"]
            self._operations[operation_id] = operation
            ids.append(operation_id)
        return ids

    def get(self, operation_id: str) -> Operation | None:
        wire = self._operations.get(operation_id)
        return None if wire is None else Operation.for_replay(wire)

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._operations

    @property
    def has_history(self) -> bool:
        """Whether anything but the execution itself is recorded."""
        return len(self._operations) > (self.execution_id in self._operations)

    def find(self, identity: OperationIdentity) -> Operation | None:
        """The recorded operation for what the code asks, or None when it is new.

        Raises:
            NonDeterministicExecutionError: something else is recorded at this position.
            OrphanedChildException: it is new, and the context around it has completed.
        """
        operation = self.get(identity.operation_id)
        if self._recall is not None:
            operation = self._recall(identity, operation)
        if operation is None:
            self._check_open(identity)
            return None
        parent_id = None if operation.parent_id == self.execution_id else operation.parent_id
        if not is_recorded_as(identity, operation, parent_id):
            raise NonDeterministicExecutionError(_divergence(identity, operation, parent_id))
        return operation

    def _check_open(self, identity: OperationIdentity) -> None:
        """Nothing new may begin below a completed context."""
        if self.is_orphan(identity.parent_id):
            raise OrphanedChildException("the enclosing operation has completed")
        if self.is_closed(identity.parent_id):
            raise NonDeterministicExecutionError(
                f"The code asks for {_asked(identity)}, but the context around it completed "
                f"without it in an earlier invocation. {_CAUSES}"
            )

    # -- orphans ----------------------------------------------------------------------------

    def open_context(self, context_id: str, parent_id: str | None) -> None:
        """Remember where a context hangs, so that its ancestors can be walked."""
        self._parents[context_id] = parent_id

    def close_context(self, context_id: str) -> None:
        """From here on, work below this context is orphaned."""
        self._closed.add(context_id)

    def is_orphan(self, parent_id: str | None) -> bool:
        """Whether a context that encloses `parent_id`, itself included, is already closed."""
        if not self._closed:
            return False
        while parent_id is not None:
            if parent_id in self._closed:
                return True
            parent_id = self._parents.get(parent_id)
        return False

    def is_closed(self, context_id: str | None) -> bool:
        """Whether this context or one around it has completed, now or in an earlier invocation."""
        while context_id is not None:
            if context_id in self._closed or self.is_terminal(context_id):
                return True
            context_id = self._parents.get(context_id)
        return False

    def is_terminal(self, operation_id: str) -> bool:
        wire = self._operations.get(operation_id)
        return wire is not None and wire["Status"] in TERMINAL


def is_recorded_as(
    identity: OperationIdentity, operation: Operation, parent_id: str | None
) -> bool:
    """Whether this is the record, in this context, of the operation the code asks for."""
    return (
        operation.operation_type is identity.operation_type
        and (operation.name or None) == (identity.name or None)
        and parent_id == identity.parent_id
        and _same_sub_type(identity.sub_type, operation.sub_type)
    )


def _same_sub_type(asked: str, recorded: str | None) -> bool:
    return recorded == asked or recorded in _SAME_SUB_TYPE.get(asked, ())


_CAUSES = (
    "Likely causes: the code changed while the execution was running (an operation added, "
    "removed, renamed or reordered), or the order of operations depends on something that is not "
    "the same on replay (time, random values, a set's order, the environment). Wrap such values "
    "in a step, or finish running executions with the code that began them."
)


def _divergence(identity: OperationIdentity, found: Operation, found_parent: str | None) -> str:
    recorded = _say(found.operation_type, found.sub_type, found.name, found_parent)
    return (
        f"The code asks for {_asked(identity)}, but this execution recorded {recorded} at the "
        f"same position (operation {identity.operation_id}). {_CAUSES}"
    )


def _asked(identity: OperationIdentity) -> str:
    what = _say(identity.operation_type, identity.sub_type, identity.name, identity.parent_id)
    if identity.site is None:
        return what
    code, line = identity.site
    return f'{what} at File "{code.co_filename}", line {line}, in {code.co_name}'


def _say(kind: str, sub_type: str | None, name: str | None, parent_id: str | None) -> str:
    named = f"named {name!r}" if name else "without a name"
    where = f"in context {parent_id[:12]}..." if parent_id else "at the top level"
    return f"{kind} ({sub_type}) {named} {where}"
