"""A function that has ended must have asked for everything that is on record below it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NoReturn, TypeVar

from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.model import OperationSubType
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    UnrecoverableError,
)

T = TypeVar("T")

_BRANCHES = frozenset({OperationSubType.MAP_ITERATION, OperationSubType.PARALLEL_BRANCH})
_FUNCTION = "The function has ended"
_CAUSES = (
    "Likely causes: the code changed while the execution was running (operations at the end, items "
    "or branches removed), or what it does depends on something that is not the same on replay."
)


async def asking_for_all(runtime: Runtime, position: Position, function: Awaitable[T]) -> T:
    """Await a context's function, which ends with what it returns or raises.

    Raises:
        NonDeterministicExecutionError: it returns without having asked for an operation that is on
            record. Where other code may have asked for that, or the function raises an error of
            its own, which tells more, it is logged instead.
    """
    try:
        result = await function
    except UnrecoverableError:
        raise
    except Exception:
        if (left_out := _left_out(runtime, position, _FUNCTION)) is not None:
            runtime.warn(left_out)
        raise
    check_asked_for_all(runtime, position, _FUNCTION)
    return result


def check_asked_for_all(runtime: Runtime, position: Position, ended: str) -> None:
    """Refuse that what is on record below a context was not asked for.

    Parameters:
        ended: what has ended, for the message.

    Raises:
        NonDeterministicExecutionError: as said. Where other code may have asked for it, it is
            logged instead.
    """
    left_out = _left_out(runtime, position, ended)
    if left_out is None:
        return
    # What cancellation or the end of the function has cut short may have asked for it before.
    if not (position.was_cut_short or runtime.has_other_code()):
        raise NonDeterministicExecutionError(left_out)
    runtime.warn(left_out)


def _left_out(runtime: Runtime, position: Position, ended: str) -> str | None:
    """What to say of the first operation that is on record and was not asked for, if one is."""
    # A context without a record leaves what it has to the one around it that has one.
    operation = None if position.is_virtual else runtime.left_out(position.parent_id)
    if operation is None:
        return None
    runtime.check()
    position.check_wanted()
    if operation.sub_type == OperationSubType.PATCH:
        return (
            f"{ended} without a word of the patch {operation.name!r} that is on record. Keep "
            f"context.deprecate_patch({operation.name!r}) in this context until the last execution "
            "that recorded it has ended; `durable check-deploy` tells"
        )
    named = f" {operation.name!r}" if operation.name else ""
    return (
        f"{ended} without asking for the {operation.operation_type}{named} that is on record. "
        f"{_CAUSES}"
    )


def check_branches(runtime: Runtime, batch_id: str, name: str | None, count: int) -> None:
    """Refuse a map or parallel of fewer branches than are on record.

    All that is on record is looked at: threads begin when they come to it, so a branch may have
    been heard of when one before it had not.

    Raises:
        NonDeterministicExecutionError: there are more.
    """
    unknown = runtime.lies_ahead(batch_id)
    for index in range(count):
        if not unknown:
            return
        unknown.discard(operation_id(batch_id, index))
    recorded = filter(None, map(runtime.recorded, unknown))
    if any(operation.sub_type in _BRANCHES for operation in recorded):
        refuse_fewer_branches(batch_id, name, count)


def refuse_fewer_branches(batch_id: str, name: str | None, count: int) -> NoReturn:
    """Refuse a map or parallel of fewer branches than are on record.

    Raises:
        NonDeterministicExecutionError: as said.
    """
    raise NonDeterministicExecutionError(
        f"{name or batch_id} has {count} branches, but more are on record. {_CAUSES}"
    )
