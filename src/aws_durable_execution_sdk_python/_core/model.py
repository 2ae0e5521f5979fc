"""Wire types of the durable execution service; `codec` has what reads and writes them."""

# ruff: noqa: RUF009 - each field is made once, on purpose

from __future__ import annotations

import enum
import functools
import json
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import cast

from aws_durable_execution_sdk_python._core.codec import (
    Fields,
    Wire,
    WireType,
    codec,
    parse_timestamp,
    read_fields,
    wire,
)


class Status(enum.StrEnum):
    """One status enumeration for executions, invocations and operations.

    The documentation compares the same member with a run's status, a step's status and a plain
    string, so there is one class with three names.
    """

    STARTED = "STARTED"
    PENDING = "PENDING"
    READY = "READY"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"
    RUNNING = "RUNNING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    DELETING = "DELETING"
    # Of an invocation that raised: the service invokes again, and is answered nothing.
    RETRY = "RETRY"


InvocationStatus = Status
OperationStatus = Status
ExecutionStatus = Status

TERMINAL: frozenset[Status] = frozenset(
    {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT, Status.STOPPED}
)


class OperationType(enum.StrEnum):
    EXECUTION = "EXECUTION"
    CONTEXT = "CONTEXT"
    STEP = "STEP"
    WAIT = "WAIT"
    CALLBACK = "CALLBACK"
    CHAINED_INVOKE = "CHAINED_INVOKE"


class OperationSubType(enum.StrEnum):
    STEP = "Step"
    WAIT = "Wait"
    CALLBACK = "Callback"
    CHAINED_INVOKE = "ChainedInvoke"
    WAIT_FOR_CONDITION = "WaitForCondition"
    RUN_IN_CHILD_CONTEXT = "RunInChildContext"
    WAIT_FOR_CALLBACK = "WaitForCallback"
    MAP = "Map"
    MAP_ITERATION = "MapIteration"
    PARALLEL = "Parallel"
    PARALLEL_BRANCH = "ParallelBranch"
    # Asked for by no code: the wait that an invocation leaves when its time is gone.
    INVOCATION_DEADLINE = "InvocationDeadline"
    # Numbered by no code: the step that says which way `patched` went.
    PATCH = "PatchMarker"


class OperationAction(enum.StrEnum):
    START = "START"
    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    RETRY = "RETRY"
    CANCEL = "CANCEL"


# Looking a member up by its value costs several times as much in the enumeration itself.
_read_type = functools.cache(OperationType)
_read_status = functools.cache(Status)

# Made once: `json.dumps` with options makes an encoder for each call.
_ascii_json = json.JSONEncoder(separators=(",", ":")).encode
_utf8_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


# ---------------------------------------------------------------------------------- operations


@codec
@dataclass(frozen=True)
class ErrorObject(WireType):
    """An error as the service stores it.

    `str()` names its type and message, and then where it was raised, if that is stored;
    `headline` is type and message alone.
    """

    message: str | None = wire("ErrorMessage", default=None)
    type: str | None = wire("ErrorType", default=None)
    data: str | None = wire("ErrorData", default=None)
    stack_trace: list[str] | None = wire("StackTrace", list, default=None)

    @classmethod
    def from_message(cls, message: str) -> ErrorObject:
        """An error that is no more than a message."""
        return cls(message)

    @classmethod
    def from_exception(cls, exception: BaseException) -> ErrorObject:
        """An exception's text and type, as an operation that fails with it stores them."""
        kind = type(exception)
        qualified = kind.__qualname__
        if kind.__module__ != "builtins":
            qualified = f"{kind.__module__}.{qualified}"
        return cls(str(exception), qualified)

    @property
    def headline(self) -> str:
        """Type and message."""
        return ": ".join(part for part in (self.type, self.message) if part)

    @property
    def trace(self) -> str:
        """The stored stack trace as text, indented, without a line break at its end."""
        lines = self.stack_trace if isinstance(self.stack_trace, list) else []
        return "\n".join(str(line).rstrip("\n") for line in lines)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.headline, self.trace) if part)


@codec
@dataclass(frozen=True)
class ExecutionDetails(WireType):
    input_payload: str | None = wire("InputPayload", default=None)


@codec
@dataclass(frozen=True)
class ContextDetails(WireType):
    replay_children: bool = wire("ReplayChildren", default=False)
    result: str | None = wire("Result", default=None)
    error: ErrorObject | None = wire("Error", ErrorObject.from_dict, default=None)


@codec
@dataclass(frozen=True)
class StepDetails(WireType):
    """`attempt` counts finished attempts: the one running is `attempt + 1`."""

    attempt: int = wire("Attempt", default=0)
    next_attempt_timestamp: datetime | None = wire(
        "NextAttemptTimestamp", parse_timestamp, default=None
    )
    result: str | None = wire("Result", default=None)
    error: ErrorObject | None = wire("Error", ErrorObject.from_dict, default=None)


@codec
@dataclass(frozen=True)
class WaitDetails(WireType):
    scheduled_end_timestamp: datetime | None = wire(
        "ScheduledEndTimestamp", parse_timestamp, default=None
    )


@codec
@dataclass(frozen=True)
class CallbackDetails(WireType):
    callback_id: str | None = wire("CallbackId", default=None)
    result: str | None = wire("Result", default=None)
    error: ErrorObject | None = wire("Error", ErrorObject.from_dict, default=None)


@codec
@dataclass(frozen=True)
class ChainedInvokeDetails(WireType):
    result: str | None = wire("Result", default=None)
    error: ErrorObject | None = wire("Error", ErrorObject.from_dict, default=None)


@codec
@dataclass(frozen=True, kw_only=True)
class Operation(WireType):
    """The stored state of one operation."""

    operation_id: str = wire("Id")
    operation_type: OperationType = wire("Type", _read_type)
    status: Status = wire("Status", _read_status)
    parent_id: str | None = wire("ParentId", default=None)
    name: str | None = wire("Name", default=None)
    # The service may know sub-types this version does not: kept as text.
    sub_type: str | None = wire("SubType", default=None)
    start_timestamp: datetime | None = wire("StartTimestamp", parse_timestamp, default=None)
    end_timestamp: datetime | None = wire("EndTimestamp", parse_timestamp, default=None)
    execution_details: ExecutionDetails | None = wire(
        "ExecutionDetails", ExecutionDetails.from_dict, default=None
    )
    context_details: ContextDetails | None = wire(
        "ContextDetails", ContextDetails.from_dict, default=None
    )
    step_details: StepDetails | None = wire("StepDetails", StepDetails.from_dict, default=None)
    wait_details: WaitDetails | None = wire("WaitDetails", WaitDetails.from_dict, default=None)
    callback_details: CallbackDetails | None = wire(
        "CallbackDetails", CallbackDetails.from_dict, default=None
    )
    chained_invoke_details: ChainedInvokeDetails | None = wire(
        "ChainedInvokeDetails", ChainedInvokeDetails.from_dict, default=None
    )

    @classmethod
    def for_replay(cls, data: Wire) -> Operation:
        """Like `from_dict`, but for when it began and ended: see `Journal.began` and `ended`."""
        return cls.checked(read_fields(data, _REPLAY_FIELDS))

    @property
    def result(self) -> str | None:
        """The stored result text, whichever details object holds it."""
        details = self._outcome
        return None if details is None else details.result

    @property
    def error(self) -> ErrorObject | None:
        details = self._outcome
        return None if details is None else details.error

    @property
    def _outcome(
        self,
    ) -> ContextDetails | StepDetails | CallbackDetails | ChainedInvokeDetails | None:
        return (
            self.step_details
            or self.context_details
            or self.callback_details
            or self.chained_invoke_details
        )


_REPLAY_FIELDS: Fields = {
    key: entry for key, entry in Operation.fields_by_key.items() if not key.endswith("Timestamp")
}


# ------------------------------------------------------------------------------------- updates


@codec
@dataclass(frozen=True)
class ContextOptions(WireType):
    replay_children: bool = wire("ReplayChildren", default=False)


@codec
@dataclass(frozen=True)
class StepOptions(WireType):
    next_attempt_delay_seconds: int = wire("NextAttemptDelaySeconds", default=0)


@codec
@dataclass(frozen=True)
class WaitOptions(WireType):
    wait_seconds: int = wire("WaitSeconds", default=1)


@codec
@dataclass(frozen=True)
class CallbackOptions(WireType):
    """Time-outs in whole seconds; 0 switches one off, and both are always sent."""

    timeout_seconds: int = wire("TimeoutSeconds", default=0)
    heartbeat_timeout_seconds: int = wire("HeartbeatTimeoutSeconds", default=0)


@codec
@dataclass(frozen=True)
class ChainedInvokeOptions(WireType):
    function_name: str = wire("FunctionName")
    tenant_id: str | None = wire("TenantId", default=None)
    x_amzn_trace_id: str | None = wire("XAmznTraceId", default=None)


@codec
@dataclass(frozen=True, kw_only=True)
class OperationUpdate(WireType):
    """One change sent with a checkpoint.

    `order` is where the code stands that makes it, not part of the wire form: changes sent
    together are sorted by it, so that concurrent code leaves one history.
    """

    operation_id: str = wire("Id")
    operation_type: OperationType = wire("Type", OperationType)
    action: OperationAction = wire("Action", OperationAction)
    parent_id: str | None = wire("ParentId", default=None)
    name: str | None = wire("Name", default=None)
    sub_type: str | None = wire("SubType", default=None)
    payload: str | None = wire("Payload", default=None)
    error: ErrorObject | None = wire("Error", ErrorObject.from_dict, default=None)
    context_options: ContextOptions | None = wire(
        "ContextOptions", ContextOptions.from_dict, default=None
    )
    step_options: StepOptions | None = wire("StepOptions", StepOptions.from_dict, default=None)
    wait_options: WaitOptions | None = wire("WaitOptions", WaitOptions.from_dict, default=None)
    callback_options: CallbackOptions | None = wire(
        "CallbackOptions", CallbackOptions.from_dict, default=None
    )
    chained_invoke_options: ChainedInvokeOptions | None = wire(
        "ChainedInvokeOptions", ChainedInvokeOptions.from_dict, default=None
    )
    order: tuple[float, ...] = field(default=(), compare=False, repr=False)
    _json: bytes | None = field(default=None, init=False, compare=False, repr=False)

    def to_json(self) -> bytes:
        """The wire form as UTF-8 JSON: made once, to be measured and to be sent."""
        if self._json is None:
            object.__setattr__(self, "_json", self._encode_json())
        return cast(bytes, self._json)

    def _encode_json(self) -> bytes:
        text = (
            f'{{"Id":{_ascii_text(self.operation_id)},"Type":{_ascii_text(self.operation_type)},'
            f'"Action":{_ascii_text(self.action)}'
        )
        if self.parent_id is not None:
            text += f',"ParentId":{_ascii_text(self.parent_id)}'
        if self.name is not None:
            text += f',"Name":{_ascii_text(self.name)}'
        if self.sub_type is not None:
            text += f',"SubType":{_ascii_text(self.sub_type)}'
        if self.payload is not None:
            text += f',"Payload":{_text(self.payload)}'
        if self.error is not None:
            text += f',"Error":{_utf8_json(self.error.to_dict())}'
        for attribute, prefix in _UPDATE_OPTIONS:
            options = getattr(self, attribute)
            if options is not None:
                text += prefix + _options_text(options)
        try:
            return f"{text}}}".encode()
        except UnicodeEncodeError:  # a lone surrogate can only be written escaped
            return _ascii_json(self.to_dict()).encode()


# What is neither a payload nor an error is ASCII, if all is well.
_ascii_text = encode_basestring_ascii


def _text(value: str) -> str:
    # Of two functions that write the same, the one for ASCII is the faster.
    return encode_basestring_ascii(value) if value.isascii() else encode_basestring(value)


@functools.lru_cache(maxsize=64)
def _options_text(options: WireType) -> str:
    # There are few that differ: of contexts two.
    return _utf8_json(options.to_dict())


_UPDATE_OPTIONS = tuple(
    (attribute, f',"{key}":')
    for attribute, key, _ in OperationUpdate.wire_table
    if attribute.endswith("_options")
)


# ---------------------------------------------------------------------------- service answers


@dataclass(frozen=True, slots=True)
class StateOutput:
    """One page of state. `operations` are wire dicts: most are never looked at on replay."""

    operations: list[Wire]
    next_marker: str | None = None


@dataclass(frozen=True, slots=True)
class CheckpointOutput:
    """A checkpoint's answer. `checkpoint_token` is None when no further call is allowed."""

    checkpoint_token: str | None
    new_execution_state: StateOutput
