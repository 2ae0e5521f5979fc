"""Which operation the code asks for, and whether what is recorded at its position is that one."""

from __future__ import annotations

import math
from types import CodeType
from typing import NamedTuple, TypedDict, Unpack

from aws_durable_execution_sdk_python._core.model import (
    CallbackOptions,
    ChainedInvokeOptions,
    ContextOptions,
    ErrorObject,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    StepOptions,
    WaitOptions,
)

# Sub-types that an older SDK wrote for what is now another one.
_SAME_SUB_TYPE: dict[str, tuple[str, ...]] = {
    OperationSubType.WAIT_FOR_CALLBACK: (OperationSubType.RUN_IN_CHILD_CONTEXT,),
}


class UpdateFields(TypedDict, total=False):
    """What an update says besides which operation it changes and how."""

    payload: str | None
    error: ErrorObject | None
    context_options: ContextOptions | None
    step_options: StepOptions | None
    wait_options: WaitOptions | None
    callback_options: CallbackOptions | None
    chained_invoke_options: ChainedInvokeOptions | None


class OperationIdentity(NamedTuple):
    """Which operation the running code asks for.

    Attributes:
        site: the line of user code that asks.
        order: where that is in the program: the operation's number, after those of the
            operations around it.
        former_name: the name under which an earlier version of this SDK recorded it, if another.
    """

    operation_id: str
    operation_type: OperationType
    sub_type: str
    name: str | None
    parent_id: str | None
    site: tuple[CodeType, int] | None = None
    order: tuple[float, ...] = ()
    former_name: str | None = None

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return repr(self.name) if self.name else self.operation_id

    def update(self, action: OperationAction, **fields: Unpack[UpdateFields]) -> OperationUpdate:
        """A change of this operation, to be checkpointed."""
        # What ends a context comes after everything inside it.
        is_context = self.operation_type is OperationType.CONTEXT
        closes = is_context and action is not OperationAction.START
        return OperationUpdate.of(
            {
                "operation_id": self.operation_id,
                "operation_type": self.operation_type,
                "action": action,
                "parent_id": self.parent_id,
                "name": self.name,
                "sub_type": self.sub_type,
                "order": (*self.order, math.inf) if closes else self.order,
                **fields,
            }
        )


def is_recorded_as(
    identity: OperationIdentity, operation: Operation, parent_id: str | None
) -> bool:
    """Whether this is the record, in this context, of the operation the code asks for."""
    return (
        operation.operation_type is identity.operation_type
        and _same_name(identity, operation.name or None)
        and parent_id == identity.parent_id
        and _same_sub_type(identity.sub_type, operation.sub_type)
    )


def _same_name(identity: OperationIdentity, recorded: str | None) -> bool:
    if recorded == (identity.name or None):
        return True
    return recorded is not None and recorded == identity.former_name


def _same_sub_type(asked: str, recorded: str | None) -> bool:
    return recorded == asked or recorded in _SAME_SUB_TYPE.get(asked, ())


_CAUSES = (
    "Likely causes: the code changed while the execution was running (an operation added, "
    "removed, renamed or reordered), or the order of operations depends on something that is not "
    "the same on replay (time, random values, a set's order, the environment). Wrap such values "
    "in a step, or finish running executions with the code that began them."
)


def divergence(identity: OperationIdentity, found: Operation, found_parent: str | None) -> str:
    """What a NonDeterministicExecutionError says of an operation found in place of another."""
    recorded = _say(found.operation_type, found.sub_type, found.name, found_parent)
    return (
        f"The code asks for {_asked(identity)}, but this execution recorded {recorded} at the "
        f"same position (operation {identity.operation_id}). {_CAUSES}"
    )


def new_in_completed_context(identity: OperationIdentity) -> str:
    """What one says of an operation that is asked for where all has been recorded."""
    return (
        f"The code asks for {_asked(identity)}, but the context around it completed "
        f"without it in an earlier invocation. {_CAUSES}"
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
