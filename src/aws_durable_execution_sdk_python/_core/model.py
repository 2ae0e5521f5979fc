"""Wire types of the durable execution service, and the one codec that reads and writes them.

Each type is a frozen dataclass whose fields carry their wire name; `_codec` builds, once per
class, the table that `from_dict` and `to_dict` walk. Timestamps arrive as epoch milliseconds
(invocation event), as datetimes (boto3) or as ISO strings (recorded histories): all three parse
to aware datetimes.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, ClassVar, Self, TypeVar, cast


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


class OperationAction(enum.StrEnum):
    START = "START"
    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    RETRY = "RETRY"
    CANCEL = "CANCEL"


# --------------------------------------------------------------------------------------- codec


def parse_timestamp(value: Any) -> datetime | None:
    """Read a timestamp in any of the forms the service's clients give it."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value / 1000, UTC)


def epoch_micros(value: Any) -> int | None:
    """A timestamp in any of these forms as a number that can be compared with others."""
    if isinstance(value, (int, float)):
        return round(value * 1000)
    moment = parse_timestamp(value)
    return None if moment is None else round(moment.timestamp() * 1_000_000)


# Looking a member up by its value costs several times as much in the enumeration itself.
_read_type = functools.cache(OperationType)
_read_status = functools.cache(Status)


def timestamp_millis(value: datetime) -> int:
    return round(value.timestamp() * 1000)


def _wire(key: str, decode: Callable[[Any], Any] | None = None, **kwargs: Any) -> Any:
    return field(metadata={"wire": key, "decode": decode}, **kwargs)


def _encode(value: Any) -> Any:
    if isinstance(value, _Wire):
        return value.to_dict()
    if isinstance(value, datetime):
        return timestamp_millis(value)
    if isinstance(value, enum.Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


# Made once: `json.dumps` with options makes an encoder for each call.
_ascii_json = json.JSONEncoder(separators=(",", ":")).encode
_utf8_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


_Fields = Mapping[str, tuple[str, Callable[[Any], Any] | None]]


def _read(data: Mapping[str, Any], fields: _Fields) -> dict[str, Any]:
    """The attributes in a wire dict, which holds a few of the many that there are."""
    values = {}
    for key, raw in data.items():
        if raw is not None and key in fields:
            attribute, decode = fields[key]
            values[attribute] = raw if decode is None else decode(raw)
    return values


class _Wire:
    """Base of the wire types: `from_dict` and `to_dict` driven by the fields' metadata."""

    __slots__ = ()
    _table: ClassVar[tuple[tuple[str, str, Callable[[Any], Any] | None], ...]]
    _by_key: ClassVar[_Fields]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**_read(data, cls._by_key))

    def to_dict(self) -> dict[str, Any]:
        """The wire form; absent (None) fields are left out."""
        out = {}
        for attribute, key, _ in self._table:
            value = getattr(self, attribute)
            if value is not None:
                out[key] = _encode(value)
        return out


_W = TypeVar("_W", bound=_Wire)


def _codec(cls: type[_W]) -> type[_W]:
    cls._table = tuple(
        (f.name, f.metadata["wire"], f.metadata["decode"])
        for f in dataclasses.fields(cast(Any, cls))
        if "wire" in f.metadata
    )
    cls._by_key = {key: (attribute, decode) for attribute, key, decode in cls._table}
    return cls


# ---------------------------------------------------------------------------------- operations


@_codec
@dataclass(frozen=True, slots=True)
class ErrorObject(_Wire):
    """An error as the service stores it. `str()` names its type and message."""

    message: str | None = _wire("ErrorMessage", default=None)
    type: str | None = _wire("ErrorType", default=None)
    data: str | None = _wire("ErrorData", default=None)
    stack_trace: list[str] | None = _wire("StackTrace", list, default=None)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.type, self.message) if part)


@_codec
@dataclass(frozen=True, slots=True)
class ExecutionDetails(_Wire):
    input_payload: str | None = _wire("InputPayload", default=None)


@_codec
@dataclass(frozen=True, slots=True)
class ContextDetails(_Wire):
    replay_children: bool = _wire("ReplayChildren", default=False)
    result: str | None = _wire("Result", default=None)
    error: ErrorObject | None = _wire("Error", ErrorObject.from_dict, default=None)


@_codec
@dataclass(frozen=True, slots=True)
class StepDetails(_Wire):
    """`attempt` counts finished attempts: the one running is `attempt + 1`."""

    attempt: int = _wire("Attempt", default=0)
    next_attempt_timestamp: datetime | None = _wire(
        "NextAttemptTimestamp", parse_timestamp, default=None
    )
    result: str | None = _wire("Result", default=None)
    error: ErrorObject | None = _wire("Error", ErrorObject.from_dict, default=None)


@_codec
@dataclass(frozen=True, slots=True)
class WaitDetails(_Wire):
    scheduled_end_timestamp: datetime | None = _wire(
        "ScheduledEndTimestamp", parse_timestamp, default=None
    )


@_codec
@dataclass(frozen=True, slots=True)
class CallbackDetails(_Wire):
    callback_id: str | None = _wire("CallbackId", default=None)
    result: str | None = _wire("Result", default=None)
    error: ErrorObject | None = _wire("Error", ErrorObject.from_dict, default=None)


@_codec
@dataclass(frozen=True, slots=True)
class ChainedInvokeDetails(_Wire):
    result: str | None = _wire("Result", default=None)
    error: ErrorObject | None = _wire("Error", ErrorObject.from_dict, default=None)


@_codec
@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(_Wire):
    """The stored state of one operation."""

    operation_id: str = _wire("Id")
    operation_type: OperationType = _wire("Type", _read_type)
    status: Status = _wire("Status", _read_status)
    parent_id: str | None = _wire("ParentId", default=None)
    name: str | None = _wire("Name", default=None)
    # The service may know sub-types this version does not: kept as text.
    sub_type: str | None = _wire("SubType", default=None)
    start_timestamp: datetime | None = _wire("StartTimestamp", parse_timestamp, default=None)
    end_timestamp: datetime | None = _wire("EndTimestamp", parse_timestamp, default=None)
    execution_details: ExecutionDetails | None = _wire(
        "ExecutionDetails", ExecutionDetails.from_dict, default=None
    )
    context_details: ContextDetails | None = _wire(
        "ContextDetails", ContextDetails.from_dict, default=None
    )
    step_details: StepDetails | None = _wire("StepDetails", StepDetails.from_dict, default=None)
    wait_details: WaitDetails | None = _wire("WaitDetails", WaitDetails.from_dict, default=None)
    callback_details: CallbackDetails | None = _wire(
        "CallbackDetails", CallbackDetails.from_dict, default=None
    )
    chained_invoke_details: ChainedInvokeDetails | None = _wire(
        "ChainedInvokeDetails", ChainedInvokeDetails.from_dict, default=None
    )

    @classmethod
    def for_replay(cls, data: Mapping[str, Any]) -> Operation:
        """Like `from_dict`, but for when it began and ended: see `Journal.began` and `ended`."""
        return cls(**_read(data, _REPLAY_FIELDS))

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


_REPLAY_FIELDS: _Fields = {
    key: entry for key, entry in Operation._by_key.items() if not key.endswith("Timestamp")
}


# ------------------------------------------------------------------------------------- updates


@_codec
@dataclass(frozen=True, slots=True)
class ContextOptions(_Wire):
    replay_children: bool = _wire("ReplayChildren", default=False)


@_codec
@dataclass(frozen=True, slots=True)
class StepOptions(_Wire):
    next_attempt_delay_seconds: int = _wire("NextAttemptDelaySeconds", default=0)


@_codec
@dataclass(frozen=True, slots=True)
class WaitOptions(_Wire):
    wait_seconds: int = _wire("WaitSeconds", default=1)


@_codec
@dataclass(frozen=True, slots=True)
class CallbackOptions(_Wire):
    """Time-outs in whole seconds; 0 switches one off, and both are always sent."""

    timeout_seconds: int = _wire("TimeoutSeconds", default=0)
    heartbeat_timeout_seconds: int = _wire("HeartbeatTimeoutSeconds", default=0)


@_codec
@dataclass(frozen=True, slots=True)
class ChainedInvokeOptions(_Wire):
    function_name: str = _wire("FunctionName")
    tenant_id: str | None = _wire("TenantId", default=None)
    x_amzn_trace_id: str | None = _wire("XAmznTraceId", default=None)


@_codec
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationUpdate(_Wire):
    """One change sent with a checkpoint.

    `order` is where the code stands that makes it, not part of the wire form: changes sent
    together are sorted by it, so that concurrent code leaves one history.
    """

    operation_id: str = _wire("Id")
    operation_type: OperationType = _wire("Type", OperationType)
    action: OperationAction = _wire("Action", OperationAction)
    parent_id: str | None = _wire("ParentId", default=None)
    name: str | None = _wire("Name", default=None)
    sub_type: str | None = _wire("SubType", default=None)
    payload: str | None = _wire("Payload", default=None)
    error: ErrorObject | None = _wire("Error", ErrorObject.from_dict, default=None)
    context_options: ContextOptions | None = _wire(
        "ContextOptions", ContextOptions.from_dict, default=None
    )
    step_options: StepOptions | None = _wire("StepOptions", StepOptions.from_dict, default=None)
    wait_options: WaitOptions | None = _wire("WaitOptions", WaitOptions.from_dict, default=None)
    callback_options: CallbackOptions | None = _wire(
        "CallbackOptions", CallbackOptions.from_dict, default=None
    )
    chained_invoke_options: ChainedInvokeOptions | None = _wire(
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
        members = []
        for prefix, value in zip(_UPDATE_PREFIXES, _update_values(self), strict=True):
            if value is None:
                continue
            if not isinstance(value, str):
                text = _utf8_json(_encode(value))
            # Of two functions that write the same, the one for ASCII is the faster.
            elif value.isascii():
                text = encode_basestring_ascii(value)
            else:
                text = encode_basestring(value)
            members.append(prefix + text)
        try:
            return f"{{{','.join(members)}}}".encode()
        except UnicodeEncodeError:  # a lone surrogate can only be written escaped
            return _ascii_json(self.to_dict()).encode()


_UPDATE_PREFIXES = tuple(f'"{key}":' for _, key, _ in OperationUpdate._table)
_update_values = operator.attrgetter(*(attribute for attribute, _, _ in OperationUpdate._table))


# ---------------------------------------------------------------------------- service answers


@dataclass(frozen=True, slots=True)
class StateOutput:
    """One page of state. `operations` are wire dicts: most are never looked at on replay."""

    operations: list[Mapping[str, Any]]
    next_marker: str | None = None


@dataclass(frozen=True, slots=True)
class CheckpointOutput:
    """A checkpoint's answer. `checkpoint_token` is None when no further call is allowed."""

    checkpoint_token: str | None
    new_execution_state: StateOutput
