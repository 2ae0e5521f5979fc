"""wait: let time pass without running."""

from __future__ import annotations

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
    WaitOptions,
)
from aws_durable_execution_sdk_python._kernel.parked import pending_state
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.planning import Plan
from aws_durable_execution_sdk_python.config import DurationLike, to_duration
from aws_durable_execution_sdk_python.exceptions import DurableOperationError, ValidationError


def plan_wait(
    position: Position, duration: DurationLike | None, name: str | None, parts: dict[str, float]
) -> Plan[None]:
    seconds = validation.wait_seconds(_seconds(duration, parts))
    identity = take_wait(position, validation.operation_name(name))
    return Plan(lambda runtime: run_wait(runtime, identity, seconds))


def parts_given(
    seconds: float | None, minutes: float | None, hours: float | None, days: float | None
) -> dict[str, float]:
    """Those parts of a wait's length that were given."""
    given = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days}
    return {unit: value for unit, value in given.items() if value is not None}


_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


def _seconds(duration: DurationLike | None, parts: dict[str, float]) -> int:
    """The length of a wait given as a duration or in parts, in whole seconds."""
    if duration is not None and parts:
        raise ValidationError(
            f"wait takes a duration or {', '.join(parts)}, not both; "
            f"got {validation.shown(duration)} and {parts}"
        )
    if duration is not None:
        return to_duration(duration, "duration").seconds
    if not parts:
        raise ValidationError("wait needs a duration: wait(seconds=5), or wait(Duration...)")
    return int(sum(validation.number(u, n, 0, 1e9) * _UNITS[u] for u, n in parts.items()))


def take_wait(position: Position, name: str | None) -> OperationIdentity:
    return position.take(OperationType.WAIT, OperationSubType.WAIT, name)


async def run_wait(runtime: Runtime, identity: OperationIdentity, seconds: int) -> None:
    """Return once the service says that the time has passed."""
    runtime.check()
    operation = runtime.find(identity)
    if operation is None:
        options = WaitOptions(wait_seconds=seconds)
        start = identity.update(OperationAction.START, wait_options=options)
        operation = await runtime.commit(start)
    else:
        await runtime.resumes(identity.operation_id)
    while (pending := pending_state(operation, identity.operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(identity.operation_id)
    await runtime.end_in_turn(identity.operation_id)
    if operation is not None and operation.status is not Status.SUCCEEDED:
        raise DurableOperationError(f"the wait ended as {operation.status}")
