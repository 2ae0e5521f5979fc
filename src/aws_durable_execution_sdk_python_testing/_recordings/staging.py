"""The state a recorded execution is replayed from.

It is the state at the end of the recording, with two changes. What has not ended never will: it
waits for nothing that could happen. And contexts that have ended are open again, so that what is
inside them is replayed too. Not so those of a map or parallel that was decided before all its
branches had ended: run again, other branches might come first. Such a batch is given back whole,
as the service would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aws_durable_execution_sdk_python._core.batch_result import (
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.completion_record import (
    BatchKind,
    CompletionRecord,
    read_completion_record,
)
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    CallbackDetails,
    ContextDetails,
    Operation,
    OperationSubType,
    OperationType,
    Status,
    StepDetails,
    WaitDetails,
)
from aws_durable_execution_sdk_python_testing._results.payloads import deserialize_operation_payload

_RECORD_KINDS: dict[str | None, BatchKind] = {
    OperationSubType.MAP: "MapResult",
    OperationSubType.PARALLEL: "ParallelResult",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What to begin a replay with.

    Attributes:
        operations: the state, but for the EXECUTION operation.
        sealed: the ids of batches that are given back whole.
    """

    operations: list[Operation]
    sealed: frozenset[str]


def stage(recorded: Mapping[str, Operation]) -> Stage:
    """The state to replay from, of the operations a recording ends with, in their order."""
    sealed = frozenset(
        operation.operation_id for operation in recorded.values() if ended_early(operation)
    )
    operations: list[Operation] = []
    whole: set[str] = set()
    for operation in recorded.values():
        if operation.operation_id in sealed or operation.parent_id in whole:
            whole.add(operation.operation_id)
            operations.append(_as_ended(operation))
        elif operation.operation_type is OperationType.CONTEXT:
            details = ContextDetails()
            operations.append(replace(operation, status=Status.STARTED, context_details=details))
        else:
            operations.append(operation if operation.status in TERMINAL else _held(operation))
    return Stage(operations, sealed)


def begun(identity: OperationIdentity) -> Operation:
    """An operation that is not recorded: it has begun, and does not go on."""
    return _held(
        Operation(
            operation_id=identity.operation_id,
            operation_type=identity.operation_type,
            status=Status.STARTED,
            parent_id=identity.parent_id,
            name=identity.name,
            sub_type=identity.sub_type,
        )
    )


def _held(operation: Operation) -> Operation:
    """As it is while nothing can happen to it, not by time either; contexts stay open."""
    match operation.operation_type:
        case OperationType.STEP:
            return replace(operation, status=Status.PENDING, step_details=StepDetails())
        case OperationType.WAIT:
            return replace(operation, wait_details=WaitDetails())
        case OperationType.CALLBACK:
            known = operation.callback_details
            callback_id = known.callback_id if known else None
            return replace(
                operation, callback_details=CallbackDetails(callback_id or operation.operation_id)
            )
        case _:
            return operation


def ended_early(operation: Operation) -> bool:
    """Whether it is a batch that has ended, but not because all its branches had.

    One whose stored result does not say counts as one.
    """
    if operation.sub_type not in _RECORD_KINDS or operation.status not in TERMINAL:
        return False
    result = _record(operation) or deserialize_operation_payload(operation.result)
    return not (
        isinstance(result, BatchResult | CompletionRecord)
        and result.completion_reason is CompletionReason.ALL_COMPLETED
    )


def _as_ended(operation: Operation) -> Operation:
    """With the mark a history does not show: that its result is to be made of what is inside.

    That never gives another result, so all contexts get it but batches that store their result.
    """
    if operation.status is not Status.SUCCEEDED or operation.context_details is None:
        return operation
    made_again = operation.sub_type not in _RECORD_KINDS or _record(operation) is not None
    details = replace(operation.context_details, replay_children=made_again)
    return replace(operation, context_details=details)


def _record(operation: Operation) -> CompletionRecord | None:
    """What is stored in place of a result that is too large."""
    return read_completion_record(_RECORD_KINDS[operation.sub_type], operation.result)
