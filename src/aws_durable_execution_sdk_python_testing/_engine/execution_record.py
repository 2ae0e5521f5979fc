"""One execution: its operations, its history, and what is not yet in the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python._core.arns import execution_id, function_part
from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import history_events, metering
from aws_durable_execution_sdk_python_testing._engine.function_targets import target_name
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.stored_records import decoded, told
from aws_durable_execution_sdk_python_testing._engine.tokens import checkpoint_token
from aws_durable_execution_sdk_python_testing.stores.base import Record

# Seconds an execution may take, pauses included: 366 days.


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is settled when an execution starts. Times are seconds, retention is days.

    Attributes:
        skipped: how many seconds the clock had skipped by then.
    """

    arn: str
    name: str
    function_name: str
    qualifier: str
    region: str
    account_id: str
    started: float
    execution_timeout: int
    retention_period_days: int
    tenant_id: str | None = None
    trace_header: str | None = None
    client_context: str | None = None
    asynchronous: bool = False
    lambda_endpoint: str | None = None
    chained_endpoint: str | None = None
    # The CHAINED_INVOKE operation this execution answers, if any.
    parent_arn: str | None = None
    parent_operation_id: str | None = None
    # The functions whose executions invoked this one, outermost first.
    invokers: Sequence[str] = ()
    skipped: float = 0.0

    @property
    def execution_id(self) -> str:
        """Last segment of the ARN, and id of the EXECUTION operation."""
        return execution_id(self.arn)

    @property
    def function_arn(self) -> str:
        return function_part(self.arn)

    @property
    def version(self) -> str:
        """The version that runs. `qualifier` is what was asked for: it may be an alias."""
        return self.function_arn.rpartition(":")[2]

    @property
    def target_name(self) -> str:
        return target_name(self.function_name, self.qualifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOutcome:
    """How an execution ends."""

    status: Status
    result: str | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause that was asked for and is not over.

    Attributes:
        requested: when it was asked for.
        reason: what the caller said about it.
        timeout_paused: whether the execution's time-out stands still meanwhile.
        since: when it took effect; None as long as the invocation in flight goes on.
        timeout_left: seconds the execution had left by then, if its time-out stands still.
    """

    requested: float
    reason: str | None
    timeout_paused: bool
    since: float | None = None
    timeout_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an execution is, apart from its operations.

    Attributes:
        outcome: decided; by a checkpoint while the invocation still runs, or with `ended`.
        ended: when the execution closed.
        request_id, invocation_started: the invocation in flight, if any.
        invoke_wanted: an `InvokeHandler` effect is out.
        retry_at: no invocation before then: the last one failed.
        crashes, empty_pendings: consecutive invocations that failed, in either way.
        withdrawn: the invocation in flight has lost its token, to a pause as a rule.
        pause: the pause asked for or in effect.
        deferred: an invocation has become necessary during the pause.
        timeout_extension: seconds by which pauses have put the execution's time-out off.
        answered: pause and resume requests with a client token, and when they were carried out.
    """

    outcome: ExecutionOutcome | None = None
    ended: float | None = None
    request_id: str | None = None
    invocation_started: float = 0.0
    invoke_wanted: bool = False
    retry_at: float | None = None
    crashes: int = 0
    empty_pendings: int = 0
    withdrawn: bool = False
    pause: Pause | None = None
    deferred: bool = False
    timeout_extension: float = 0.0
    answered: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Progress:
        """The progress that was stored; what its record leaves out is as it was at first."""
        outcome, pause = data.get("outcome"), data.get("pause")
        if outcome is not None:
            outcome = ExecutionOutcome(**{**outcome, "status": Status(outcome["status"])})
        if pause is not None:
            pause = Pause(**pause)
        return cls(**{**data, "outcome": outcome, "pause": pause})


@dataclass(frozen=True, slots=True)
class AnsweredCheckpoint:
    """The last checkpoint, so that a client's retry of it gets the same answer."""

    client_token: str
    token: str
    at: float
    answer: dict[str, Any]


class Execution:
    """The state of one execution. Every change also lands in the record to be stored next.

    Attributes:
        unseen: ids touched since the handler was last told, in order of touching.
        updated: ids the service has changed, that no invocation which went well was told of.
        pending: ids of operations that wait for something outside the handler.
        delivered: those of `updated` that the invocation in flight was told of when it began.
        weight, written: operations and bytes, as the limits count them; see `metering`.
        sequence: number of the current checkpoint token.
        number: tells executions of one engine apart, in the order they were started.
    """

    def __init__(self, facts: Facts, touched: dict[str, Execution]) -> None:
        self.facts = facts
        self.progress = Progress()
        self.operations: dict[str, OperationRecord] = {}
        self.ordered_ids: list[str] = []
        self.history: list[dict[str, Any]] = []
        self.callback_ids: list[str] = []
        self.unseen: dict[str, None] = {}
        self.updated: dict[str, None] = {}
        self.pending: dict[str, None] = {}
        self.delivered: set[str] = set()
        self.weight = 0
        self.written = 0
        self.sequence = 0
        self.number = 0
        self.last_checkpoint: AnsweredCheckpoint | None = None
        self._touched = touched
        self._stored_facts = False
        self._stored_progress: Progress | None = None
        self._stored_events = 0
        self._unstored: dict[str, None] = {}
        self._asleep: Sequence[Record | str] = ()

    # --------------------------------------------------------------------------- reading

    @property
    def arn(self) -> str:
        return self.facts.arn

    @property
    def closed(self) -> bool:
        return self.progress.ended is not None

    @property
    def status(self) -> Status:
        outcome, pause = self.progress.outcome, self.progress.pause
        if self.closed and outcome is not None:
            return outcome.status
        if pause is None:
            return Status.RUNNING
        return Status.PAUSING if pause.since is None else Status.PAUSED

    @property
    def root(self) -> OperationRecord:
        """The EXECUTION operation."""
        return self.operations[self.facts.execution_id]

    @property
    def token(self) -> str | None:
        """The checkpoint token that is valid now; None while none is."""
        progress = self.progress
        if progress.request_id is None or progress.outcome is not None or progress.withdrawn:
            return None
        return checkpoint_token(self.arn, self.sequence, progress.request_id)

    @property
    def timeout_at(self) -> float:
        """When the execution times out. Standing still, its time-out ends at the latest instant."""
        facts, progress = self.facts, self.progress
        latest = facts.started + MAX_EXECUTION_SECONDS
        if progress.pause is not None and progress.pause.timeout_left is not None:
            return latest
        return min(facts.started + facts.execution_timeout + progress.timeout_extension, latest)

    @property
    def marker_scope(self) -> str:
        """Pages of state belong to one token: the next one makes their markers void."""
        return f"{self.sequence} {self.arn}"

    def ancestors(self, operation: OperationRecord) -> Iterator[OperationRecord]:
        """The contexts an operation is in, innermost first."""
        parent_id = operation.wire.get("ParentId")
        while parent_id is not None:
            parent = self.operations[parent_id]
            yield parent
            parent_id = parent.wire.get("ParentId")

    def visible(self, start: int = 0) -> Iterator[tuple[int, OperationRecord]]:
        """Position and operation, in creation order, without what completed contexts hide."""
        for position in range(start, len(self.ordered_ids)):
            operation = self.operations[self.ordered_ids[position]]
            if not any(context.hides_descendants for context in self.ancestors(operation)):
                yield position, operation

    # -------------------------------------------------------------------------- changing

    def put(self, operation: OperationRecord, *, by_service: bool = False) -> None:
        """Store a version of an operation and note that the handler has not seen it."""
        self._index(operation)
        self.unseen[operation.id] = None
        if by_service:
            self.updated[operation.id] = None
            self.delivered.discard(operation.id)

    def keep(self, operation: OperationRecord, kept: Mapping[str, Any]) -> OperationRecord:
        """Change what only the service knows of an operation: nothing the handler can see."""
        changed = OperationRecord(operation.wire, {**operation.kept, **kept})
        self._index(changed)
        return changed

    def advance(self, **changes: Any) -> None:
        """Change fields of `progress`."""
        self.progress = dataclasses.replace(self.progress, **changes)
        self._touched[self.arn] = self

    def log(
        self,
        event_type: str,
        now: float,
        details: Mapping[str, Any],
        operation: OperationRecord | None = None,
    ) -> None:
        """Append an event. Ids count from 1 and never change."""
        event = {"EventType": event_type, "EventId": len(self.history) + 1, "EventTimestamp": now}
        if operation is not None:
            keys = ("Id", "Name", "ParentId", "SubType")
            event.update({key: operation.wire[key] for key in keys if key in operation.wire})
        event[f"{event_type}Details"] = dict(details)
        self._append(event)
        self._touched[self.arn] = self

    def _append(self, event: dict[str, Any]) -> None:
        self.history.append(event)
        self.weight += metering.repeats(event)
        self.written += metering.stored_bytes(event)

    def log_started(self, operation: OperationRecord, now: float) -> None:
        kind = history_events.event_type(operation.type, Status.STARTED)
        self.log(kind, now, history_events.started(operation), operation)

    def log_closed(self, operation: OperationRecord, now: float) -> None:
        kind = history_events.event_type(operation.type, operation.status)
        self.log(kind, now, history_events.closed(operation), operation)

    def take_unseen(self) -> list[dict[str, Any]]:
        """The operations the handler has not seen yet; now it has."""
        operations = [self.operations[key].wire for key in self.unseen]
        for key in self.unseen:
            self.updated.pop(key, None)
        self.unseen.clear()
        return operations

    def tell_updated(self) -> list[str]:
        """The ids for an invocation that begins; they count as told once it ends well."""
        self.delivered = set(self.updated)
        return list(self.updated)

    def forget_updated(self) -> None:
        """The invocation in flight has ended well: it knows what it was told."""
        for key in self.delivered:
            self.updated.pop(key, None)
        self.delivered.clear()

    def _index(self, operation: OperationRecord) -> None:
        if operation.id not in self.operations:
            self.ordered_ids.append(operation.id)
            self.weight += 1
            if operation.type is OperationType.CALLBACK:
                self.callback_ids.append(operation.id)
        self.operations[operation.id] = operation
        if operation.waiting:
            self.pending[operation.id] = None
        else:
            self.pending.pop(operation.id, None)
        self._unstored[operation.id] = None
        self._touched[self.arn] = self

    # --------------------------------------------------------------------------- storing

    def unstored(self) -> Record:
        """What changed since `mark_stored`, as a record."""
        record: Record = {}
        if not self._stored_facts:
            record["Facts"] = told(self.facts)
        if self.progress is not self._stored_progress:
            record["Progress"] = told(self.progress)
        changed = (self.operations[key] for key in self._unstored)
        record["Operations"] = [[operation.wire, operation.kept] for operation in changed]
        record["Events"] = self.history[self._stored_events :]
        return record

    def mark_stored(self) -> None:
        self._stored_facts = True
        self._stored_progress = self.progress
        self._stored_events = len(self.history)
        self._unstored.clear()

    def sleep(self, records: Sequence[Record | str], progress: Progress) -> None:
        """Be a closed execution of these records, which are applied when they are asked for.

        Until `wake`, only `facts` and `progress` are there, and what follows from them.
        """
        self.progress = progress
        self._asleep = records
        self.mark_stored()

    def wake(self) -> None:
        """Apply the records that are not applied yet. Nothing is to be stored for it.

        Raises:
            ValueError, TypeError, KeyError: they are not what `unstored` gave.
        """
        records, self._asleep = self._asleep, ()
        untouched = self.arn not in self._touched
        for record in records:
            self.restore(decoded(record))
        if untouched:
            self._touched.pop(self.arn, None)

    def restore(self, record: Record) -> None:
        """Apply a stored record again."""
        if "Progress" in record:
            self.progress = Progress.from_dict(record["Progress"])
        for wire, kept in record["Operations"]:
            self._index(OperationRecord(wire, kept))
        for event in record["Events"]:
            self._append(event)
        self.mark_stored()
