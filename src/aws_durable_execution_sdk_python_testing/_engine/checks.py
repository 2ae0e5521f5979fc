"""Whether a batch of updates may be applied. It is judged as a whole before any of it is.

What the API's model says of its members has been checked by then; see `api_model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aws_durable_execution_sdk_python._core.model import OperationAction, OperationType, Status
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python_testing._engine.api_model import (
    at_most,
    check_error_members,
    check_members,
    violation,
)
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    ACCOUNT_ID,
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

_INVOKE_START = (OperationType.CHAINED_INVOKE, OperationAction.START)
# The option an action cannot do without, and the object it is in.
_REQUIRED_OPTIONS: Mapping[tuple[OperationType, OperationAction], tuple[str, str]] = {
    (OperationType.STEP, OperationAction.RETRY): ("StepOptions", "NextAttemptDelaySeconds"),
    (OperationType.WAIT, OperationAction.START): ("WaitOptions", "WaitSeconds"),
    _INVOKE_START: ("ChainedInvokeOptions", "FunctionName"),
}
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


def validate_batch(service: ServiceState, execution: Execution, updates: Sequence[Update]) -> None:
    """Check a batch against the limits, its own order and the stored operations.

    Raises:
        ShapeError, InvalidParameterValueError: the first rule that is broken.
    """
    for number, update in enumerate(updates, start=1):
        _check_length(update, f"updates.{number}.member.payload", execution, service.limits)
    for update in updates:
        _check_action(update)
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


def check_error(error: Any, limit: int) -> None:
    """Check a wire error object, of at most `limit` bytes."""
    check_error_members(error)
    text = json.dumps(error, separators=(",", ":"), ensure_ascii=False)
    if utf8_size(text) > limit:
        _refuse(f"Error object size must be less than or equal to {limit} bytes.")


def check_account(account_id: str) -> None:
    """Check the id of an AWS account."""
    if not ACCOUNT_ID.fullmatch(account_id):
        _refuse(f"Invalid AccountId: {account_id!r} must match {ACCOUNT_ID.pattern}.")


def check_function(what: str, name: Any) -> FunctionReference:
    """Read a function's name or ARN; `what` is what the caller calls it."""
    try:
        return FunctionReference.parse(name if isinstance(name, str) else "")
    except ValueError:
        _refuse(f"Invalid {what} '{name}'")


def check_tenant(tenant_id: Any, target: Target | None) -> None:
    """Check a tenant's id, and whether the function wants one."""
    check_members("Invoke", {"TenantId": tenant_id})
    tenancy = None if target is None else target.tenancy
    if tenancy is True and tenant_id is None:
        _refuse("The function is tenant-isolated: a TenantId is required.")
    if tenancy is False and tenant_id is not None:
        _refuse("The function is not tenant-isolated: a TenantId is not allowed.")


def check_range(key: str, value: Any, smallest: int, largest: int) -> None:
    """Check a whole number against its range."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not smallest <= value <= largest:
        _refuse(f"Invalid {key}: {value!r} must be an integer from {smallest} to {largest}.")


# ------------------------------------------------------------------------ one update alone


def _check_action(update: Update) -> None:
    key = OperationType(update["Type"]), OperationAction(update["Action"])
    if key not in TRANSITIONS:
        _refuse("Invalid action for the given operation type.")
    options, needed = _REQUIRED_OPTIONS.get(key, (None, ""))
    if options is not None and (update.get(options) or {}).get(needed) is None:
        _refuse(f"Invalid {options} for the given action.")


def _check_length(update: Update, path: str, execution: Execution, limits: Limits) -> None:
    """Check what ends an execution, whose limit is one of the model."""
    payload, longest = update.get("Payload"), limits.execution_payload_bytes
    if payload is not None and _may_be_longest(update, execution) and utf8_size(payload) > longest:
        raise ShapeError([violation(path, at_most(longest))])


def _may_be_longest(update: Update, execution: Execution) -> bool:
    """Whether a payload may be as long as any."""
    return update["Type"] == OperationType.EXECUTION and not execution.facts.asynchronous


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


def _check_payload(payload: str, update: Update, execution: Execution, limits: Limits) -> None:
    if _may_be_longest(update, execution):
        return
    limit, subject = limits.payload_bytes, f"{update['Type']} payload"
    if update["Type"] == OperationType.STEP:
        limit, subject = limits.step_bytes, "STEP output payload"
    elif update["Type"] == OperationType.CHAINED_INVOKE:
        subject = "CHAINED_INVOKE input payload"
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
