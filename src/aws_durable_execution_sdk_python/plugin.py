"""What a plugin is told of an invocation and its operations, and how it is made.

A plugin observes: nothing that it returns or raises changes what the execution does, but for the
trace header that it gives an invoke. `docs/plugins.md` says when each hook is called, and where.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Self, TypeAlias

from aws_durable_execution_sdk_python._core.invocation_output import (
    DurableExecutionInvocationOutput,
)
from aws_durable_execution_sdk_python._core.model import (
    ErrorObject,
    Operation,
    OperationStatus,
    OperationType,
)

__all__ = [
    "DurableInstrumentationPlugin",
    "DurableInstrumentationPluginFactory",
    "InvocationEndInfo",
    "InvocationInfo",
    "InvocationStartInfo",
    "InvocationStatus",
    "OperationChangeInfo",
    "OperationEndInfo",
    "OperationInfo",
    "OperationStartInfo",
    "OperationType",
    "PropagationInput",
    "PropagationMetadata",
    "ServiceCallInfo",
    "UserFunctionEndInfo",
    "UserFunctionOutcome",
    "UserFunctionStartInfo",
]


class InvocationStatus(enum.StrEnum):
    """How an invocation ended; RETRY if it raised, so that the service invokes again."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    RETRY = "RETRY"


class UserFunctionOutcome(enum.StrEnum):
    """How a function of the user's ended; INCOMPLETE if it was suspended or cut off."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"


# ---------------------------------------------------------------------------------- operations


@dataclass(frozen=True)
class OperationInfo:
    """One operation.

    Attributes:
        operation_id, operation_type, sub_type, name: which one it is.
        parent_id: the context around it that has a record; None at the top level.
        start_time, end_time: by the service's clock; None for what is not recorded yet.
        is_replayed: whether an earlier invocation has recorded it.
        status: as recorded.
        result: as stored, the text.
        error: what it failed with.
        attempt: of a step or check, how many attempts have ended; in what is said of a body, the
            number of the one that runs, from 1 on.
    """

    operation_id: str
    operation_type: OperationType
    sub_type: str | None
    name: str | None
    parent_id: str | None
    start_time: datetime | None
    is_replayed: bool
    status: OperationStatus
    end_time: datetime | None = field(default=None, kw_only=True)
    result: str | None = field(default=None, kw_only=True)
    error: ErrorObject | None = field(default=None, kw_only=True)
    attempt: int | None = field(default=None, kw_only=True)

    @classmethod
    def from_operation(cls, operation: Operation, *, is_replayed: bool = False) -> Self:
        """What a recorded operation says."""
        error, step = operation.error, operation.step_details
        sub_type = operation.sub_type
        return cls(
            operation.operation_id,
            operation.operation_type,
            None if sub_type is None else str(sub_type),
            operation.name,
            operation.parent_id,
            operation.start_timestamp,
            is_replayed,
            operation.status,
            end_time=operation.end_timestamp,
            result=operation.result,
            error=None if error is None else dataclasses.replace(error),
            attempt=None if step is None else step.attempt,
        )


@dataclass(frozen=True)
class OperationStartInfo(OperationInfo):
    """An operation, or a later attempt of it, is about to begin; or a replay has come to it."""


@dataclass(frozen=True)
class OperationEndInfo(OperationInfo):
    """An operation has ended, and the program is about to learn of it."""


@dataclass(frozen=True)
class UserFunctionStartInfo(OperationInfo):
    """The body of a step, a check or a context is about to run.

    Attributes:
        is_replay_children: whether the context has ended before, and runs again because its result
            was too large to be recorded.
    """

    is_replay_children: bool = False


@dataclass(frozen=True)
class UserFunctionEndInfo(OperationInfo):
    """The body of a step, a check or a context has run.

    Attributes:
        is_replay_children: as when it began.
        outcome: what came of it; the operation may still have another attempt.
    """

    is_replay_children: bool
    outcome: UserFunctionOutcome

    @classmethod
    def from_start_info(
        cls,
        start_info: UserFunctionStartInfo,
        error: ErrorObject | None,
        *,
        outcome: UserFunctionOutcome | None = None,
    ) -> Self:
        """The end of what began so, now."""
        if outcome is None:
            failed, succeeded = UserFunctionOutcome.FAILED, UserFunctionOutcome.SUCCEEDED
            outcome = succeeded if error is None else failed
        values = {f.name: getattr(start_info, f.name) for f in dataclasses.fields(start_info)}
        values.update(end_time=datetime.now(UTC), error=error, outcome=outcome)
        return cls(**values)


@dataclass(frozen=True)
class OperationChangeInfo:
    """Operations are new, or their status has changed.

    Attributes:
        execution_arn: the execution.
        updated_operations: those, by id.
        operations: all that are recorded, by id.
    """

    execution_arn: str | None
    updated_operations: dict[str, OperationInfo]
    operations: dict[str, OperationInfo]


# --------------------------------------------------------------------------------- invocations


@dataclass(frozen=True)
class InvocationInfo:
    """One invocation of a durable function.

    Attributes:
        request_id: Lambda's.
        execution_arn: the execution.
        is_first_invocation: whether nothing but the execution itself is recorded yet.
        execution_start_time: when the execution began.
        execution_input: its event, parsed; a copy of the plugin's own.
        operations: all that are recorded, by id.
    """

    request_id: str | None
    execution_arn: str | None
    is_first_invocation: bool
    execution_start_time: datetime | None = None
    execution_input: Any = field(default=None, kw_only=True, repr=False, compare=False)
    operations: dict[str, OperationInfo] = field(
        default_factory=dict[str, OperationInfo], kw_only=True, repr=False, compare=False
    )


@dataclass(frozen=True)
class InvocationStartInfo(InvocationInfo):
    """An invocation begins.

    Attributes:
        updated_operations: those that changed while the execution was suspended, by id.
    """

    updated_operations: dict[str, OperationInfo] = field(
        default_factory=dict[str, OperationInfo], kw_only=True, repr=False, compare=False
    )


@dataclass(frozen=True)
class InvocationEndInfo(InvocationInfo):
    """An invocation ends.

    Attributes:
        error: what the execution failed with, or what the invocation raises.
        status: how it ended.
        execution_result: the execution's result, its JSON text; "" if that was too large for the
            answer and was recorded; None unless it has succeeded.
    """

    error: ErrorObject | None = None
    status: InvocationStatus = field(kw_only=True)
    execution_result: str | None = field(default=None, kw_only=True)

    @classmethod
    def from_durable_execution_invocation_output(
        cls,
        invocation_start_info: InvocationStartInfo,
        output: DurableExecutionInvocationOutput,
        operations: dict[str, OperationInfo] | None = None,
    ) -> Self:
        """The end, with this output, of the invocation that began so.

        Parameters:
            invocation_start_info: what was told of its beginning.
            output: what Lambda is answered.
            operations: those that are recorded by now; by default as when it began.
        """
        began = invocation_start_info
        return cls(
            began.request_id,
            began.execution_arn,
            began.is_first_invocation,
            began.execution_start_time,
            output.error,
            execution_input=began.execution_input,
            operations=began.operations if operations is None else operations,
            status=InvocationStatus(output.status),
            execution_result=output.result,
        )


# ------------------------------------------------------------------------- calls to the outside


@dataclass(frozen=True)
class PropagationInput:
    """Another function is about to be invoked.

    Attributes:
        execution_arn: the execution that invokes it.
        operation_id: the operation that does so.
        target_function_name: the function.
        parent_operation_id: the context around that operation that has a record.
    """

    execution_arn: str
    operation_id: str
    target_function_name: str
    parent_operation_id: str | None = None


@dataclass(frozen=True)
class PropagationMetadata:
    """What the invoked function is to be told.

    Attributes:
        x_amzn_trace_id: the X-Ray header; None for what it would be without the plugin.
    """

    x_amzn_trace_id: str | None = None


@dataclass(frozen=True)
class ServiceCallInfo:
    """A call of the durable execution service has been answered, or has failed.

    Attributes:
        execution_arn: the execution.
        action: "CheckpointDurableExecution" or "GetDurableExecutionState".
        start_time, end_time: when it was sent and answered, retries included.
        update_count: how many updates a checkpoint has saved; 0 for one that only asks.
        update_bytes: how large they were, encoded.
        error: what it failed with.
    """

    execution_arn: str
    action: str
    start_time: datetime
    end_time: datetime
    update_count: int = 0
    update_bytes: int = 0
    error: BaseException | None = None


# ------------------------------------------------------------------------------------- plugins

# A hook may be `def` or `async def`.
Told: TypeAlias = Awaitable[None] | None


class DurableInstrumentationPlugin:
    """Observes one invocation. Override the hooks that you need, as `def` or `async def`.

    What a hook raises is logged and ignored; only KeyboardInterrupt, SystemExit and GeneratorExit
    go on. Durable operations cannot be called in a hook.

    Example:
        >>> class Timings(DurableInstrumentationPlugin):
        ...     def on_operation_end(self, info: OperationEndInfo) -> None:
        ...         print(info.name, info.status, info.end_time)
    """

    def provide_propagation_metadata(
        self, info: PropagationInput
    ) -> PropagationMetadata | Awaitable[PropagationMetadata | None] | None:
        """Called before another function is invoked for the first time, for what to tell it."""

    def on_invocation_start(self, info: InvocationStartInfo) -> Told:
        """Called when the state is loaded, before the handler and before any checkpoint."""

    def on_invocation_end(self, info: InvocationEndInfo) -> Told:
        """Called when nothing of the invocation runs any more, once."""

    def on_operation_start(self, info: OperationStartInfo) -> Told:
        """Called before an operation or a later attempt of it begins.

        Also where a replay comes to one that an earlier invocation began and nobody has ended.
        """

    def on_operation_end(self, info: OperationEndInfo) -> Told:
        """Called when an operation has ended, before the program goes on with its result."""

    def on_operation_change(self, info: OperationChangeInfo) -> Told:
        """Called beside the program, when the service has told of changes; the newest win."""

    def on_user_function_start(self, info: UserFunctionStartInfo) -> Told:
        """Called before the body of a step, a check or a context, in the body's context."""

    def on_user_function_end(self, info: UserFunctionEndInfo) -> Told:
        """Called after that body, in the same context, before anything is recorded of it."""

    def on_service_call(self, info: ServiceCallInfo) -> Told:
        """Called beside the program, after each call of the service.

        Not a hook of the official SDK, where it is never called.
        """


class DurableInstrumentationPluginFactory(Protocol):
    """Makes a plugin for each invocation; it lives as long as the handler."""

    def create_plugin(self, info: InvocationStartInfo, /) -> DurableInstrumentationPlugin:
        """The plugin of an invocation, which has not been told anything yet."""
        ...
