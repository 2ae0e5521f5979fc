"""A function that has ended must have asked for everything that is on record below it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NoReturn, TypeVar

from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.model import Operation
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    UnrecoverableError,
)

T = TypeVar("T")

# How many contexts without a record may lie around an operation that shows them.
_UNRECORDED_LEVELS = 3

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
        if (left_out := _left_out(runtime, position)) is not None:
            runtime.warn(left_out)
        raise
    if (left_out := _left_out(runtime, position)) is not None:
        # What cancellation or the end of the function has cut short may have asked for it before.
        if not runtime.has_other_code():
            raise NonDeterministicExecutionError(left_out)
        runtime.warn(left_out)
    return result


def _left_out(runtime: Runtime, position: Position) -> str | None:
    """What to say of the operation that would come next and is on record, if one is."""
    operation = _on_record(runtime, position.ids.peek())
    if operation is None:
        return None
    runtime.check()
    position.check_wanted()
    named = f" {operation.name!r}" if operation.name else ""
    return (
        f"The function has ended without asking for the {operation.operation_type}{named} that is "
        f"on record after its last operation. {_CAUSES}"
    )


def _on_record(runtime: Runtime, asked: str) -> Operation | None:
    """What is on record of an operation, or of one that leaves no record: what is inside it."""
    operation = runtime.recorded(asked)
    if operation is None and runtime.repeats:
        unrecorded = {asked}
        for _ in range(_UNRECORDED_LEVELS):
            asked = operation_id(asked, 1)
            operation = runtime.recorded(asked)
            if operation is not None:
                # What names one of these as its parent is inside a context that has a record.
                return None if operation.parent_id in unrecorded else operation
            unrecorded.add(asked)
    return operation


def check_branches(runtime: Runtime, batch_id: str, name: str | None, count: int) -> None:
    """Refuse a map or parallel of fewer branches than are on record.

    Raises:
        NonDeterministicExecutionError: there are more. Branches begin in the order of their index.
    """
    # One without a record of its own shows by its first operation.
    if _on_record(runtime, operation_id(batch_id, count)) is not None:
        refuse_fewer_branches(batch_id, name, count)


def refuse_fewer_branches(batch_id: str, name: str | None, count: int) -> NoReturn:
    """Refuse a map or parallel of fewer branches than are on record.

    Raises:
        NonDeterministicExecutionError: as said.
    """
    raise NonDeterministicExecutionError(
        f"{name or batch_id} has {count} branches, but more are on record. {_CAUSES}"
    )
