"""From the store's log back to running executions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import lifecycle, pauses
from aws_durable_execution_sdk_python_testing._engine.completions import TIMERS_OF
from aws_durable_execution_sdk_python_testing._engine.effects import InvokeHandler
from aws_durable_execution_sdk_python_testing._engine.execution_record import (
    Execution,
    Facts,
    Progress,
)
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState, damaged
from aws_durable_execution_sdk_python_testing._engine.stored_records import decoded, leading
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind
from aws_durable_execution_sdk_python_testing._engine.transitions import arm_callback, call_function
from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    EventStore,
    Record,
    TextStore,
    encode,
)

_PURGED_TEXT = encode(PURGED)
_LOST: dict[str, Any] = {
    "ErrorType": "Runtime.ExitError",
    "ErrorMessage": "The invocation was lost when the local service ended.",
}


def load(service: ServiceState) -> None:
    """Rebuild every execution from its records. Nothing runs yet.

    Of those that are closed only the beginning of the first and of the last record is read: most
    of them nobody asks for.

    Raises:
        StoreDamagedError: the records are not what the engine stored.
    """
    for arn, records in _logs(service.store):
        try:
            _restore(service, arn, records)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise damaged(service.store, arn, error) from error
    service.touched.clear()
    for execution in service.executions.values():
        ended = execution.progress.ended
        if ended is not None:
            service.retention.keep(execution.arn, ended, execution.facts.retention_period_days)


def _logs(store: EventStore) -> Iterable[tuple[str, Sequence[Record | str]]]:
    """The records of every execution that is not gone, in the order they were started."""
    if isinstance(store, TextStore):
        found = ((arn, _after_purge(texts)) for arn, texts in store.logs())
        return ((arn, texts) for arn, texts in found if texts)
    logs: dict[str, list[Record | str]] = {}
    for arn, record in store.load():
        if record == PURGED:
            logs.pop(arn, None)
        else:
            logs.setdefault(arn, []).append(record)
    return logs.items()


def _after_purge(texts: list[str]) -> list[str]:
    """What came after an execution was gone; all of it, as a rule."""
    while _PURGED_TEXT in texts:
        texts = texts[texts.index(_PURGED_TEXT) + 1 :]
    return texts


def _restore(service: ServiceState, arn: str, records: Sequence[Record | str]) -> None:
    execution = Execution(Facts(**leading(records[0], "Facts")), service.touched)
    if execution.arn != arn:
        raise ValueError(f"it is of {execution.arn}")
    service.add(execution)
    progress = Progress.from_dict(leading(records[-1], "Progress") or {})
    if progress.ended is not None:
        execution.sleep(records, progress)
        service.now = max(service.now, progress.ended)
        return
    for record in records:
        execution.restore(decoded(record))
    if execution.history:
        service.now = max(service.now, execution.history[-1]["EventTimestamp"])


def note_skipped(service: ServiceState, seconds: float) -> None:
    """So many seconds have been skipped by whoever used the store before, if any."""
    if seconds <= 0:
        return
    service.skipped = seconds
    for execution in service.executions.values():
        facts, ended = execution.facts, execution.progress.ended
        if ended is not None:
            ended += max(0.0, seconds - facts.skipped)
            service.retention.keep(execution.arn, ended, facts.retention_period_days)


def resume(service: ServiceState) -> None:
    """Take up every execution that is still open."""
    for execution in list(service.executions.values()):
        if not execution.closed:
            _resume(service, execution)


def _resume(service: ServiceState, execution: Execution) -> None:
    progress, facts = execution.progress, execution.facts
    lost = progress.request_id is not None
    if lost:
        lifecycle.close_invocation(service, execution, _LOST)
    if progress.outcome is not None:
        lifecycle.finish(service, execution, progress.outcome)
        return
    pauses.settle(service, execution)
    _rearm_timeout(service, execution)
    for operation_id in execution.pending:
        _rearm(service, execution, execution.operations[operation_id])
    if progress.retry_at is not None:
        service.arm(TimerKind.INVOCATION_RETRY, execution, "", progress.retry_at)
    elif progress.invoke_wanted:
        service.effects.append(InvokeHandler(execution.arn, facts.target_name))
    elif lost:
        service.trigger(execution)


def _rearm_timeout(service: ServiceState, execution: Execution) -> None:
    pause = execution.progress.pause
    if pause is None or pause.timeout_left is None:
        later = service.put_off(TimerKind.EXECUTION_TIMEOUT, execution.facts.skipped)
        service.arm(TimerKind.EXECUTION_TIMEOUT, execution, "", execution.timeout_at + later)


def _rearm(service: ServiceState, execution: Execution, operation: OperationRecord) -> None:
    if operation.type is OperationType.CALLBACK:
        arm_callback(service, execution, operation)
    elif operation.type is OperationType.CHAINED_INVOKE:
        if "DurableExecutionArn" not in operation.kept:
            call_function(service, execution, operation)
    else:
        key = "ScheduledEndTimestamp"
        if operation.status is Status.PENDING:
            key = "NextAttemptTimestamp"
        (kind,) = TIMERS_OF[operation.type]
        service.arm(kind, execution, operation.id, operation.details[key])
