"""What all executions of one engine share, and the gate that lets invocations through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aws_durable_execution_sdk_python_testing._engine.effects import Effect, InvokeHandler
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.function_targets import TargetRegistry
from aws_durable_execution_sdk_python_testing._engine.page_markers import PageMarkers
from aws_durable_execution_sdk_python_testing._engine.retention import Retention
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits
from aws_durable_execution_sdk_python_testing._engine.timers import Timer, TimerKind, Timers
from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    EventStore,
    StoreDamagedError,
    StoreError,
    StoreWriteError,
    TextStore,
)


def damaged(store: EventStore, arn: str, error: Exception) -> StoreDamagedError:
    """The error of an execution whose records are not what the engine stored."""
    name = store.name if isinstance(store, TextStore) else type(store).__name__
    return StoreDamagedError(name, f"a record of {arn!r}", f"{type(error).__name__}: {error}")


@dataclass(slots=True, kw_only=True)
class ServiceState:
    """The parts the engine's modules work on.

    Attributes:
        now: the time of the command being carried out, epoch seconds in whole milliseconds.
        touched: executions with changes that are not in the store yet.
        purged: ARNs of executions that are gone here, and not yet from the store.
        started: how many executions there ever were.
        skipped: seconds that the clock has skipped, by earlier services on the store as well.
        real: kinds of timers for which skipped time does not count.
        names: ARNs by account, function and execution name.
        markers: where pages continue.
    """

    store: EventStore
    limits: Limits
    region: str
    account_id: str
    new_id: Callable[[], str]
    now: float = 0.0
    timers: Timers = field(default_factory=Timers)
    targets: TargetRegistry = field(default_factory=TargetRegistry)
    effects: list[Effect] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    touched: dict[str, Execution] = field(default_factory=dict)
    purged: list[str] = field(default_factory=list)
    retention: Retention = field(default_factory=Retention)
    started: int = 0
    skipped: float = 0.0
    real: Collection[TimerKind] = ()
    markers: PageMarkers = field(init=False)

    def __post_init__(self) -> None:
        self.markers = PageMarkers(self.limits.marker_lifetime)

    def add(self, execution: Execution) -> None:
        facts = execution.facts
        execution.number = self.started
        self.started += 1
        self.executions[facts.arn] = execution
        self.names[facts.account_id, facts.function_name, facts.name] = facts.arn

    def purge(self, execution: Execution) -> None:
        """Forget a closed execution; its name is free again."""
        arn, facts = execution.arn, execution.facts
        del self.executions[arn]
        name = facts.account_id, facts.function_name, facts.name
        if self.names.get(name) == arn:
            del self.names[name]
        self.touched.pop(arn, None)
        self.retention.forget(arn)
        self.purged.append(arn)

    def purge_expired(self) -> None:
        """Forget what has been kept for as long as it was to be."""
        while (arn := self.retention.pop_due(self.now)) is not None:
            if arn in self.executions:
                self.purge(self.executions[arn])

    def find(self, arn: str) -> Execution:
        """The execution of that ARN, else ResourceNotFoundError."""
        execution = self.get(arn)
        if execution is None:
            raise ResourceNotFoundError(f"Durable execution not found: {arn}")
        return execution

    def find_for_handler(self, arn: str) -> Execution:
        """As `find`; the model of the handler's two calls has no ResourceNotFoundException."""
        try:
            return self.find(arn)
        except ResourceNotFoundError as error:
            raise InvalidParameterValueError(error.message) from None

    def get(self, arn: str) -> Execution | None:
        """The execution of that ARN with all that is known of it, if there is one."""
        execution = self.executions.get(arn)
        if execution is not None:
            try:
                execution.wake()
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
                raise damaged(self.store, arn, error) from error
        return execution

    def commit(self) -> None:
        """Store what the command changed: one transaction, whatever it touched.

        Raises:
            StoreWriteError: the store refuses. The changes stay noted, and would go with the
                next command's; until then the engine shows what is not stored.
        """
        if not self.touched and not self.purged:
            return
        changes = [(arn, one.unstored()) for arn, one in self.touched.items()]
        try:
            self.store.append(changes + [(arn, PURGED) for arn in self.purged])
        except StoreError:
            raise
        except Exception as error:
            raise StoreWriteError(f"the store cannot be written: {error}") from error
        for execution in self.touched.values():
            execution.mark_stored()
        self.touched.clear()
        self.purged.clear()

    def trigger(self, execution: Execution) -> None:
        """Something happened that the handler should see: ask for an invocation.

        The gate: one invocation at a time, none while a failed one's delay runs or during a
        pause. A trigger that finds it shut is not lost: `unseen` says so when the invocation
        ends, a retry starts from the whole state, and a pause remembers it.
        """
        progress = execution.progress
        if progress.outcome is not None or progress.request_id is not None:
            return
        if progress.pause is not None:
            execution.advance(deferred=True)
            return
        if progress.invoke_wanted or progress.retry_at is not None:
            return
        execution.advance(invoke_wanted=True)
        self.effects.append(InvokeHandler(execution.arn, execution.facts.target_name))

    def arm(self, kind: TimerKind, execution: Execution, operation_id: str, at: float) -> None:
        self.timers.arm(Timer(kind, execution.arn, operation_id), at)

    def put_off(self, kind: TimerKind, skipped: float) -> float:
        """Seconds by which to put a timer off that was armed when so many had been skipped."""
        return max(0.0, self.skipped - skipped) if kind in self.real else 0.0

    def disarm(self, kind: TimerKind, execution: Execution, operation_id: str = "") -> None:
        self.timers.disarm(Timer(kind, execution.arn, operation_id))
