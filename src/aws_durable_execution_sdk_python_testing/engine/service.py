"""What all executions of one engine share, and the gate that lets invocations through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aws_durable_execution_sdk_python_testing.engine.effects import Effect, InvokeHandler
from aws_durable_execution_sdk_python_testing.engine.errors import ResourceNotFoundError
from aws_durable_execution_sdk_python_testing.engine.execution import Execution
from aws_durable_execution_sdk_python_testing.engine.limits import Limits
from aws_durable_execution_sdk_python_testing.engine.targets import Targets
from aws_durable_execution_sdk_python_testing.engine.timers import Timer, TimerKind, Timers
from aws_durable_execution_sdk_python_testing.stores.base import EventStore


@dataclass(slots=True, kw_only=True)
class Service:
    """The parts the engine's modules work on.

    Attributes:
        now: the time of the command being carried out, epoch seconds in whole milliseconds.
        touched: executions with changes that are not in the store yet.
        names: ARNs by function and execution name.
    """

    store: EventStore
    limits: Limits
    region: str
    account_id: str
    new_id: Callable[[], str]
    now: float = 0.0
    timers: Timers = field(default_factory=Timers)
    targets: Targets = field(default_factory=Targets)
    effects: list[Effect] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    touched: dict[str, Execution] = field(default_factory=dict)

    def add(self, execution: Execution) -> None:
        facts = execution.facts
        self.executions[facts.arn] = execution
        self.names[facts.function_name, facts.name] = facts.arn

    def find(self, arn: str) -> Execution:
        """The execution of that ARN, else ResourceNotFoundError."""
        try:
            return self.executions[arn]
        except KeyError:
            raise ResourceNotFoundError(f"Durable execution not found: {arn}") from None

    def commit(self) -> None:
        """Store what the command changed: one transaction, whatever it touched.

        If the store refuses, the changes stay noted and go with the next command's.
        """
        if not self.touched:
            return
        self.store.append([(arn, one.unstored()) for arn, one in self.touched.items()])
        for execution in self.touched.values():
            execution.mark_stored()
        self.touched.clear()

    def trigger(self, execution: Execution) -> None:
        """Something happened that the handler should see: ask for an invocation.

        The gate: one invocation at a time, none while a failed one's delay runs. A trigger
        that finds it shut is not lost: `unseen` says so when the invocation ends, and a retry
        starts from the whole state.
        """
        progress = execution.progress
        held = progress.invoke_wanted or progress.retry_at is not None
        if progress.outcome is not None or progress.request_id is not None or held:
            return
        execution.advance(invoke_wanted=True)
        self.effects.append(InvokeHandler(execution.arn, execution.facts.target_name))

    def arm(self, kind: TimerKind, execution: Execution, operation_id: str, at: float) -> None:
        self.timers.arm(Timer(kind, execution.arn, operation_id), at)

    def disarm(self, kind: TimerKind, execution: Execution, operation_id: str = "") -> None:
        self.timers.disarm(Timer(kind, execution.arn, operation_id))
