"""wait: let time pass without running."""

from __future__ import annotations

from aws_durable_execution_sdk_python._core.journal import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
    WaitOptions,
)
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python.exceptions import DurableOperationError


def take_wait(position: Position, name: str | None) -> OperationIdentity:
    return position.take(OperationType.WAIT, OperationSubType.WAIT, name)


async def run_wait(runtime: Runtime, identity: OperationIdentity, seconds: int) -> None:
    """Return once the service says that the time has passed."""
    runtime.check()
    operation = runtime.find(identity)
    if operation is None:
        options = WaitOptions(wait_seconds=seconds)
        operation = await runtime.commit(
            identity.update(OperationAction.START, wait_options=options)
        )
    while (pending := pending_state(operation, identity.operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(identity.operation_id)
    await runtime.end_in_turn(identity.operation_id)
    if operation is not None and operation.status is not Status.SUCCEEDED:
        raise DurableOperationError(f"the wait ended as {operation.status}")
