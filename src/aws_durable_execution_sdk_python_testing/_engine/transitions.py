"""What each update does to an operation: one table, keyed by type and action.

What the service does to it without one stands in `completions.MOVES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn, execution_arn
from aws_durable_execution_sdk_python._core.model import OperationAction, OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import lifecycle, tokens
from aws_durable_execution_sdk_python_testing._engine.completions import complete_invoke, disarm_all
from aws_durable_execution_sdk_python_testing._engine.effects import InvokeFunction
from aws_durable_execution_sdk_python_testing._engine.execution_record import (
    Execution,
    ExecutionOutcome,
    Facts,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    DEFAULT_QUALIFIER,
    UNQUALIFIED,
    DurableTarget,
    FunctionReference,
    Target,
    executed_version,
)
from aws_durable_execution_sdk_python_testing._engine.history_events import retried
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

Update = Mapping[str, Any]
Apply = Callable[[ServiceState, Execution, Update], None]


def apply(service: ServiceState, execution: Execution, update: Update) -> None:
    """Apply one validated update."""
    key = OperationType(update["Type"]), OperationAction(update["Action"])
    TRANSITIONS[key].apply(service, execution, update)


def _current(service: ServiceState, execution: Execution, update: Update) -> OperationRecord:
    """The operation as stored, or as the update brings it into being."""
    stored = execution.operations.get(update["Id"])
    return stored or OperationRecord.create(update, service.now)


def _start(
    service: ServiceState,
    execution: Execution,
    operation: OperationRecord,
    details: Mapping[str, Any],
) -> OperationRecord:
    started = operation.evolve(Status.STARTED, details)
    execution.put(started)
    execution.log_started(started, service.now)
    return started


def _with_kept(operation: OperationRecord, **kept: Any) -> OperationRecord:
    present = {key: value for key, value in kept.items() if value is not None}
    return OperationRecord(operation.wire, {**operation.kept, **present})


def _data(update: Update) -> dict[str, Any]:
    """The result or error an update brings, as details show it."""
    names = {"Payload": "Result", "Error": "Error"}
    return {shown: update[key] for key, shown in names.items() if update.get(key) is not None}


def _close(
    service: ServiceState,
    execution: Execution,
    update: Update,
    details: Mapping[str, Any] | None = None,
) -> None:
    operation = _current(service, execution, update)
    status = TRANSITIONS[operation.type, OperationAction(update["Action"])].becomes
    final = operation.close(status, service.now, {**_data(update), **(details or {})})
    execution.put(final)
    execution.log_closed(final, service.now)
    disarm_all(service, execution, final)


# ------------------------------------------------------------------------------ STEP


def _start_step(service: ServiceState, execution: Execution, update: Update) -> None:
    operation = _current(service, execution, update)
    _start(service, execution, operation, {"Attempt": 0, **operation.details})


def _retry_step(service: ServiceState, execution: Execution, update: Update) -> None:
    operation = _current(service, execution, update)
    delay = update["StepOptions"]["NextAttemptDelaySeconds"]
    due = service.now + delay
    details = {
        "Attempt": operation.attempts + 1,
        "NextAttemptTimestamp": due,
        **_data(update),
    }
    pending = operation.evolve(Status.PENDING, details)
    execution.put(pending)
    kind, shown = retried(pending, delay)
    execution.log(kind, service.now, shown, pending)
    service.arm(TimerKind.STEP_RETRY, execution, pending.id, due)


# --------------------------------------------------------------------------- CONTEXT


def _start_context(service: ServiceState, execution: Execution, update: Update) -> None:
    _start(service, execution, _current(service, execution, update), {})


def _close_context(service: ServiceState, execution: Execution, update: Update) -> None:
    replay = (update.get("ContextOptions") or {}).get("ReplayChildren")
    _close(service, execution, update, {"ReplayChildren": True} if replay else None)


# ------------------------------------------------------------------------------ WAIT


def _start_wait(service: ServiceState, execution: Execution, update: Update) -> None:
    seconds = update["WaitOptions"]["WaitSeconds"]
    end = service.now + seconds
    operation = _with_kept(_current(service, execution, update), Duration=seconds)
    _start(service, execution, operation, {"ScheduledEndTimestamp": end})
    service.arm(TimerKind.WAIT, execution, operation.id, end)


# -------------------------------------------------------------------------- CALLBACK


def _start_callback(service: ServiceState, execution: Execution, update: Update) -> None:
    options = update.get("CallbackOptions") or {}
    timeout = options.get("TimeoutSeconds") or None  # 0 switches it off
    heartbeat = options.get("HeartbeatTimeoutSeconds") or None
    now = service.now
    operation = _with_kept(
        _current(service, execution, update),
        Timeout=timeout,
        HeartbeatTimeout=heartbeat,
        HeartbeatAt=now + heartbeat if heartbeat else None,
        RequestId=execution.progress.request_id,
        Skipped=service.skipped or None,
        HeartbeatSkipped=service.skipped or None if heartbeat else None,
    )
    callback_id = tokens.callback_id(execution.arn, operation.id)
    _start(service, execution, operation, {"CallbackId": callback_id})
    arm_callback(service, execution, operation)


def arm_callback(service: ServiceState, execution: Execution, operation: OperationRecord) -> None:
    """Arm the time-outs a callback was started with."""
    kept = operation.kept
    if "Timeout" in kept:
        kind = TimerKind.CALLBACK_TIMEOUT
        deadline = operation.wire["StartTimestamp"] + kept["Timeout"]
        deadline += service.put_off(kind, kept.get("Skipped", 0.0))
        service.arm(kind, execution, operation.id, deadline)
    if "HeartbeatAt" in kept:
        kind = TimerKind.CALLBACK_HEARTBEAT
        deadline = kept["HeartbeatAt"] + service.put_off(kind, kept.get("HeartbeatSkipped", 0.0))
        service.arm(kind, execution, operation.id, deadline)


# -------------------------------------------------------------------- CHAINED_INVOKE


def _start_invoke(service: ServiceState, execution: Execution, update: Update) -> None:
    options = update["ChainedInvokeOptions"]
    reference = FunctionReference.parse(options["FunctionName"])
    target = service.targets.find(reference.name, reference.qualifier)
    operation = _with_kept(
        _current(service, execution, update),
        FunctionName=options["FunctionName"],
        TenantId=options.get("TenantId"),
        TraceHeader=options.get("XAmznTraceId") or execution.facts.trace_header,
    )
    if target is None:
        _fail_unknown_target(service, execution, operation)
        return
    if isinstance(target, DurableTarget) and target.qualified and reference.qualifier is None:
        error = {"ErrorType": "InvalidParameterValueException", "ErrorMessage": UNQUALIFIED}
        _refuse_invoke(service, execution, operation, error)
        return
    if _invokers(execution).count(reference.name) >= service.limits.invoke_depth:
        _fail_recursion(service, execution, operation, reference.name)
        return
    payload = "{}" if update.get("Payload") is None else update["Payload"]
    operation = _with_kept(
        operation,
        Input=payload,
        ExecutedVersion=executed_version(target, reference.qualifier or DEFAULT_QUALIFIER),
        TargetName=reference.target_name,
    )
    _launch(service, execution, operation, target, reference)


def _fail_unknown_target(
    service: ServiceState, execution: Execution, operation: OperationRecord
) -> None:
    message = f"Function not found: {operation.kept['FunctionName']}"
    error = {"ErrorType": "ResourceNotFoundException", "ErrorMessage": message}
    _refuse_invoke(service, execution, operation, error)


def _fail_recursion(
    service: ServiceState, execution: Execution, operation: OperationRecord, name: str
) -> None:
    message = (
        f"{name} is invoked by itself {service.limits.invoke_depth} times over, and not any further"
    )
    error = {"ErrorType": "RecursiveInvocationException", "ErrorMessage": message}
    _refuse_invoke(service, execution, operation, error)


def _refuse_invoke(
    service: ServiceState,
    execution: Execution,
    operation: OperationRecord,
    error: Mapping[str, Any],
) -> None:
    started = _start(service, execution, operation, {})
    complete_invoke(service, execution, started.id, Status.FAILED, None, error)


def _invokers(execution: Execution) -> tuple[str, ...]:
    """The functions a chained invoke of this execution comes from, itself included."""
    return (*execution.facts.invokers, execution.facts.function_name)


def _launch(
    service: ServiceState,
    execution: Execution,
    operation: OperationRecord,
    target: Target,
    reference: FunctionReference,
) -> None:
    if isinstance(target, DurableTarget):
        facts = _child_facts(service, execution, operation, target, reference)
        operation = _with_kept(operation, DurableExecutionArn=facts.arn)
        _start(service, execution, operation, {})
        lifecycle.create(service, facts, operation.kept["Input"])
        return
    started = _start(service, execution, operation, {})
    call_function(service, execution, started)


def call_function(service: ServiceState, execution: Execution, operation: OperationRecord) -> None:
    """Ask the driver to call the plain function of a chained invoke."""
    kept = operation.kept
    service.effects.append(
        InvokeFunction(
            execution.arn,
            operation.id,
            kept["TargetName"],
            kept["Input"],
            kept.get("TenantId"),
            kept.get("TraceHeader"),
            execution.facts.chained_endpoint,
        )
    )


def _child_facts(
    service: ServiceState,
    execution: Execution,
    operation: OperationRecord,
    target: DurableTarget,
    reference: FunctionReference,
) -> Facts:
    parent = execution.facts
    kept = operation.kept
    unique = service.new_id()
    function = FunctionArn(
        parent.region, parent.account_id, reference.name, kept["ExecutedVersion"]
    )
    return Facts(
        arn=execution_arn(function, unique, unique),
        name=unique,
        function_name=reference.name,
        qualifier=reference.qualifier or DEFAULT_QUALIFIER,
        region=parent.region,
        account_id=parent.account_id,
        started=service.now,
        execution_timeout=target.execution_timeout,
        retention_period_days=target.retention_period_days,
        tenant_id=kept.get("TenantId"),
        trace_header=kept.get("TraceHeader"),
        asynchronous=True,
        lambda_endpoint=parent.chained_endpoint,
        chained_endpoint=parent.chained_endpoint,
        parent_arn=parent.arn,
        parent_operation_id=operation.id,
        invokers=_invokers(execution),
        skipped=service.skipped,
    )


# ------------------------------------------------------------------------- EXECUTION


def _settle(service: ServiceState, execution: Execution, update: Update) -> None:
    """The outcome is decided; the execution ends when its invocation does."""
    key = OperationType.EXECUTION, OperationAction(update["Action"])
    status = TRANSITIONS[key].becomes
    outcome = ExecutionOutcome(
        status=status, result=update.get("Payload"), error=update.get("Error")
    )
    execution.advance(outcome=outcome)
    service.disarm(TimerKind.EXECUTION_TIMEOUT, execution)


# ----------------------------------------------------------------------------- table


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: in which states (None: not there yet) it is allowed, and what follows.

    `becomes` is what the rest of the batch may rely on; the service may go further at once.
    """

    allowed: frozenset[Status | None]
    becomes: Status
    apply: Apply
    message: str


def _row(allowed: set[Status | None], becomes: Status, apply: Apply, message: str) -> Transition:
    return Transition(frozenset(allowed), becomes, apply, message)


_OPEN_STEP: set[Status | None] = {None, Status.STARTED, Status.READY}
_CLOSE_STEP = "Invalid current STEP state to close."
_CLOSE_CONTEXT = "Invalid current CONTEXT state to close."
_EXISTS = "Cannot start a {} operation that already exists"

_STEP, _CONTEXT = OperationType.STEP, OperationType.CONTEXT
_WAIT, _CALLBACK = OperationType.WAIT, OperationType.CALLBACK
_INVOKE, _EXECUTION = OperationType.CHAINED_INVOKE, OperationType.EXECUTION
_START, _SUCCEED = OperationAction.START, OperationAction.SUCCEED
_FAIL, _RETRY, _CANCEL = OperationAction.FAIL, OperationAction.RETRY, OperationAction.CANCEL

TRANSITIONS: Mapping[tuple[OperationType, OperationAction], Transition] = {
    (_STEP, _START): _row(
        {None, Status.READY},
        Status.STARTED,
        _start_step,
        "Invalid current STEP state to start.",
    ),
    (_STEP, _SUCCEED): _row(_OPEN_STEP, Status.SUCCEEDED, _close, _CLOSE_STEP),
    (_STEP, _FAIL): _row(_OPEN_STEP, Status.FAILED, _close, _CLOSE_STEP),
    (_STEP, _RETRY): _row(
        _OPEN_STEP, Status.PENDING, _retry_step, "Invalid current STEP state to re-attempt."
    ),
    (_CONTEXT, _START): _row({None}, Status.STARTED, _start_context, _EXISTS.format("CONTEXT")),
    (_CONTEXT, _SUCCEED): _row(
        {None, Status.STARTED}, Status.SUCCEEDED, _close_context, _CLOSE_CONTEXT
    ),
    (_CONTEXT, _FAIL): _row({None, Status.STARTED}, Status.FAILED, _close_context, _CLOSE_CONTEXT),
    (_WAIT, _START): _row({None}, Status.STARTED, _start_wait, _EXISTS.format("WAIT")),
    (_WAIT, _CANCEL): _row(
        {Status.STARTED},
        Status.CANCELLED,
        _close,
        "Cannot cancel a WAIT that does not exist or has already completed.",
    ),
    (_CALLBACK, _START): _row({None}, Status.STARTED, _start_callback, _EXISTS.format("CALLBACK")),
    (_INVOKE, _START): _row(
        {None}, Status.STARTED, _start_invoke, _EXISTS.format("CHAINED_INVOKE")
    ),
    (_EXECUTION, _SUCCEED): _row({None}, Status.SUCCEEDED, _settle, ""),
    (_EXECUTION, _FAIL): _row({None}, Status.FAILED, _settle, ""),
}
