"""Whether a batch of updates may be applied. It is judged as a whole before any of it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from aws_durable_execution_sdk_python._core.limits import (
    MAX_CALLBACK_TIMEOUT_SECONDS,
    MAX_DELAY_SECONDS,
    OPERATION_NAME,
    SUB_TYPE,
    TENANT_ID,
)
from aws_durable_execution_sdk_python._core.model import OperationAction, OperationType, Status
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    FunctionReference,
    Target,
)
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
    ShapeError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.transitions import TRANSITIONS, Update

_E = TypeVar("_E", OperationType, OperationAction)

_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_TEXT_FIELDS: Mapping[str, re.Pattern[str]] = {
    "ParentId": _ID,
    "Name": OPERATION_NAME,
    "SubType": SUB_TYPE,
}
_CLIENT_TOKEN = re.compile(r"[\x21-\x7E]{1,64}")
_LONGEST_REASON = 1_024
_LONGEST_TRACE_HEADER = 8_192
_ERROR_TEXTS = ("ErrorMessage", "ErrorType", "ErrorData")

_STEP_RETRY = (OperationType.STEP, OperationAction.RETRY)
_INVOKE_START = (OperationType.CHAINED_INVOKE, OperationAction.START)
# Options an action cannot do without.
_REQUIRED_OPTIONS: Mapping[tuple[OperationType, OperationAction], str] = {
    _STEP_RETRY: "StepOptions",
    (OperationType.WAIT, OperationAction.START): "WaitOptions",
    _INVOKE_START: "ChainedInvokeOptions",
}
_OPTION_OBJECTS = (
    "ContextOptions",
    "StepOptions",
    "WaitOptions",
    "CallbackOptions",
    "ChainedInvokeOptions",
)
# Whole seconds: options object, member, smallest, largest, required.
_SECONDS: Sequence[tuple[str, str, int, int, bool]] = (
    ("StepOptions", "NextAttemptDelaySeconds", 1, MAX_DELAY_SECONDS, True),
    ("WaitOptions", "WaitSeconds", 1, MAX_DELAY_SECONDS, True),
    ("CallbackOptions", "TimeoutSeconds", 0, MAX_CALLBACK_TIMEOUT_SECONDS, False),
    ("CallbackOptions", "HeartbeatTimeoutSeconds", 0, MAX_CALLBACK_TIMEOUT_SECONDS, False),
)
# What an action must not bring, and what is said about it.
_FORBIDDEN: Mapping[OperationAction, tuple[str, str]] = {
    OperationAction.FAIL: ("Payload", "Cannot provide a Payload for FAIL action."),
    OperationAction.SUCCEED: ("Error", "Cannot provide an Error for SUCCEED action."),
}
_IDENTITY = (
    ("SubType", "Inconsistent operation subtype."),
    ("Name", "Inconsistent operation name."),
    ("ParentId", "Inconsistent parent operation id."),
)
# Types whose START and closing update may share a batch.
_START_AND_CLOSE = (OperationType.STEP, OperationType.CONTEXT)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an operation is, as the updates before this one leave it."""

    type: OperationType
    identity: Mapping[str, Any]
    status: Status


def validate_batch(service: ServiceState, execution: Execution, updates: Any) -> None:
    """Check a batch against the API's constraints, its own order and the stored operations.

    Raises:
        ShapeError, InvalidParameterValueError: the first rule that is broken; of the shapes of all
            updates before anything else.
    """
    if not isinstance(updates, list):
        _refuse("Updates must be a list.")
    for number, update in enumerate(updates, start=1):
        _check_modelled_limits(update, f"updates.{number}.member", service.limits)
    for update in updates:
        _check_shape(update)
    for update in updates:
        _check_data(update, execution, service.limits)
        if (OperationType(update["Type"]), OperationAction(update["Action"])) == _INVOKE_START:
            _check_target(update["ChainedInvokeOptions"], service, execution)
    _check_order(updates)
    known: dict[str, _Known] = {}
    for update in updates:
        if update["Type"] != OperationType.EXECUTION:
            _check_transition(execution, known, update)


def exceeds_operations(execution: Execution, updates: Sequence[Update], limits: Limits) -> bool:
    """Whether a valid batch would take the execution over its limit of operations."""
    added = {update["Id"] for update in updates if update["Type"] != OperationType.EXECUTION}
    fresh = sum(key not in execution.operations for key in added)
    retries = sum(update["Action"] == OperationAction.RETRY for update in updates)
    total: int = execution.weight + fresh + retries
    return total > limits.operations


def over_operations(limits: Limits) -> str:
    """What is said of an execution that is over its limit of operations."""
    return f"Durable execution exceeds the limit of {limits.operations} operations."


def check_client_token(token: Any) -> None:
    """Check a checkpoint's ClientToken; it may be left out."""
    if token is not None:
        check_text("ClientToken", token, _CLIENT_TOKEN)


def check_error(error: Any, limit: int) -> None:
    """Check a wire error object, of at most `limit` bytes."""
    check_error_members(error)
    text = json.dumps(error, separators=(",", ":"), ensure_ascii=False)
    if utf8_size(text) > limit:
        _refuse(f"Error object size must be less than or equal to {limit} bytes.")


def check_error_members(error: Any) -> None:
    """Check what a wire error object is made of."""
    if not isinstance(error, Mapping):
        _refuse("Error must be an object.")
    for key in _ERROR_TEXTS:
        if not isinstance(error.get(key), str | None):
            _refuse(f"{key} must be a string.")
    trace = error.get("StackTrace") or []
    if not isinstance(trace, list) or not all(isinstance(line, str) for line in trace):
        _refuse("StackTrace must be a list of strings.")


def check_text(key: str, value: Any, pattern: re.Pattern[str]) -> None:
    """Check a string member against its pattern."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        _refuse(f"Invalid {key}: {value!r} must match {pattern.pattern}.")


def check_function(what: str, name: Any) -> FunctionReference:
    """Read a function's name or ARN; `what` is what the caller calls it."""
    try:
        return FunctionReference.parse(name if isinstance(name, str) else "")
    except ValueError:
        _refuse(f"Invalid {what} '{name}'")


def check_reason(reason: Any) -> None:
    """Check what a caller says about a pause or its end."""
    _check_length("Reason", reason, _LONGEST_REASON)


def check_trace_header(header: Any) -> None:
    """Check an X-Ray trace header."""
    _check_length("XAmznTraceId", header, _LONGEST_TRACE_HEADER)


def check_flag(key: str, value: Any) -> None:
    """Check a member that is true or false."""
    if not isinstance(value, bool):
        _refuse(f"Invalid {key}: {value!r} must be true or false.")


def check_tenant(tenant_id: Any, target: Target | None) -> None:
    """Check a tenant's id, and whether the function wants one."""
    if tenant_id is not None:
        check_text("TenantId", tenant_id, TENANT_ID)
    tenancy = None if target is None else target.tenancy
    if tenancy is True and tenant_id is None:
        _refuse("The function is tenant-isolated: a TenantId is required.")
    if tenancy is False and tenant_id is not None:
        _refuse("The function is not tenant-isolated: a TenantId is not allowed.")


def _check_length(key: str, value: Any, longest: int) -> None:
    if value is not None and not (isinstance(value, str) and len(value) <= longest):
        _refuse(f"Invalid {key}: it must be a string of at most {longest} characters.")


def check_range(key: str, value: Any, smallest: int, largest: int) -> None:
    """Check a whole number against its range."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not smallest <= value <= largest:
        _refuse(f"Invalid {key}: {value!r} must be an integer from {smallest} to {largest}.")


# ------------------------------------------------------------------------ one update alone


def _check_shape(update: Any) -> None:
    if not isinstance(update, Mapping):
        _refuse("An update must be an object.")
    check_text("Id", update.get("Id"), _ID)
    for member, pattern in _TEXT_FIELDS.items():
        if update.get(member) is not None:
            check_text(member, update[member], pattern)
    key = _member(OperationType, update.get("Type")), _member(OperationAction, update.get("Action"))
    if key not in TRANSITIONS:
        _refuse("Invalid action for the given operation type.")
    _check_options(update, _REQUIRED_OPTIONS.get(key))


def _member(enumeration: type[_E], value: Any) -> _E:
    try:
        return enumeration(value)
    except ValueError:
        _refuse(f"{value!r} is not a valid {enumeration.__name__}.")


def _check_options(update: Update, required: str | None) -> None:
    for options in _OPTION_OBJECTS:
        given = update.get(options)
        if not isinstance(given, Mapping) and (given is not None or options == required):
            _refuse(f"Invalid {options} for the given action.")
    for options, key, smallest, largest, needed in _SECONDS:
        given = update.get(options)
        if given is not None and (needed or given.get(key) is not None):
            check_range(key, given.get(key), smallest, largest)
    replay = (update.get("ContextOptions") or {}).get("ReplayChildren")
    if replay is not None:
        check_flag("ReplayChildren", replay)


def _check_modelled_limits(update: Any, member: str, limits: Limits) -> None:
    """Check what the API's model bounds, and the service therefore before all else."""
    if not isinstance(update, Mapping):
        return
    wait = update.get("WaitOptions")
    seconds = wait.get("WaitSeconds") if isinstance(wait, Mapping) else None
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds < 1:
        rule = "Member must have value greater than or equal to 1"
        raise ShapeError(f"{member}.waitOptions.waitSeconds", rule, seconds)
    payload, longest = update.get("Payload"), limits.execution_payload_bytes
    if isinstance(payload, str) and utf8_size(payload) > longest:
        rule = f"Member must have length less than or equal to {longest}"
        raise ShapeError(f"{member}.payload", rule)


def _check_data(update: Update, execution: Execution, limits: Limits) -> None:
    payload, error = update.get("Payload"), update.get("Error")
    action = OperationAction(update["Action"])
    forbidden, message = _FORBIDDEN.get(action, ("", ""))
    if update.get(forbidden) is not None:
        _refuse(message)
    if action is OperationAction.RETRY and payload is not None and error is not None:
        _refuse("Cannot provide both a Payload and an Error for RETRY action.")
    if error is not None:
        check_error(error, limits.error_bytes)
    if payload is not None:
        _check_payload(payload, update, execution, limits)


def _check_payload(payload: Any, update: Update, execution: Execution, limits: Limits) -> None:
    if not isinstance(payload, str):
        _refuse("Payload must be a string.")
    limit, subject = limits.payload_bytes, f"{update['Type']} payload"
    if update["Type"] == OperationType.STEP:
        limit, subject = limits.step_bytes, "STEP output payload"
    elif update["Type"] == OperationType.CHAINED_INVOKE:
        subject = "CHAINED_INVOKE input payload"
    elif update["Type"] == OperationType.EXECUTION and not execution.facts.asynchronous:
        limit = limits.execution_payload_bytes
    check_size(subject, payload, limit)


def check_size(subject: str, text: str, limit: int) -> None:
    """Check the size of a text in UTF-8."""
    if utf8_size(text) > limit:
        _refuse(f"{subject} size must be less than or equal to {limit} bytes.")


def _check_target(options: Mapping[str, Any], service: ServiceState, execution: Execution) -> None:
    reference = check_function("function ARN", options.get("FunctionName"))
    facts = execution.facts
    if reference.account not in (None, facts.account_id):
        _refuse("Cannot start a CHAINED_INVOKE on a function in another account.")
    if reference.region not in (None, facts.region):
        _refuse("Cannot start a CHAINED_INVOKE on a function in another region.")
    check_trace_header(options.get("XAmznTraceId"))
    target = service.targets.find(reference.name, reference.qualifier)
    check_tenant(options.get("TenantId"), target)


# ------------------------------------------------------------------------- the whole batch


def _check_order(updates: Sequence[Update]) -> None:
    ends = [update["Type"] == OperationType.EXECUTION for update in updates]
    if sum(ends) > 1:
        _refuse("Cannot checkpoint multiple EXECUTION updates.")
    if any(ends[:-1]):
        _refuse("EXECUTION checkpoint must be the last update.")
    before: dict[str, OperationAction | None] = {}
    for update in updates:
        key, action = update["Id"], OperationAction(update["Action"])
        if key in before:
            closes = before[key] is OperationAction.START and action is not OperationAction.START
            if not (closes and update["Type"] in _START_AND_CLOSE):
                _refuse("Cannot checkpoint multiple operations with the same ID.")
            before[key] = None  # a third one is never allowed
        else:
            before[key] = action


# ------------------------------------------------------------- against what is stored


def _check_transition(execution: Execution, known: dict[str, _Known], update: Update) -> None:
    operation_type = OperationType(update["Type"])
    current = _lookup(execution, known, update["Id"])
    if current is None:
        _check_parent(execution, known, update.get("ParentId"))
    else:
        _check_identity(current, operation_type, update)
    transition = TRANSITIONS[operation_type, OperationAction(update["Action"])]
    if (None if current is None else current.status) not in transition.allowed:
        _refuse(transition.message)
    identity = update if current is None else current.identity
    known[update["Id"]] = _Known(operation_type, identity, transition.becomes)


def _lookup(execution: Execution, known: Mapping[str, _Known], key: str) -> _Known | None:
    if key in known:
        return known[key]
    stored = execution.operations.get(key)
    return None if stored is None else _Known(stored.type, stored.wire, stored.status)


def _check_parent(execution: Execution, known: Mapping[str, _Known], key: str | None) -> None:
    if key is None:
        return
    parent = _lookup(execution, known, key)
    if parent is None or parent.type is not OperationType.CONTEXT:
        _refuse("Invalid parent operation id.")


def _check_identity(current: _Known, operation_type: OperationType, update: Update) -> None:
    if current.type is not operation_type:
        _refuse("Inconsistent operation type.")
    for key, message in _IDENTITY:
        # What an update leaves out is inherited.
        if update.get(key) is not None and update[key] != current.identity.get(key):
            _refuse(message)


def _refuse(message: str) -> NoReturn:
    raise InvalidParameterValueError(message)
