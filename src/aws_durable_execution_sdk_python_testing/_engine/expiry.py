"""What happens when a timer fires: one table, keyed by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import invocations, lifecycle
from aws_durable_execution_sdk_python_testing._engine.completions import check_move, complete
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import Timer, TimerKind

_Expire = Callable[[ServiceState, Execution, str], None]


def fire(service: ServiceState, timer: Timer) -> None:
    """Let a timer that is due do its work."""
    execution = service.find(timer.arn)
    _ON_EXPIRY[timer.kind](service, execution, timer.operation_id)


def _execution_timed_out(service: ServiceState, execution: Execution, _: str) -> None:
    lifecycle.time_out(service, execution)


def _invocation_retry_due(service: ServiceState, execution: Execution, _: str) -> None:
    invocations.retry(service, execution)


def _wait_over(service: ServiceState, execution: Execution, operation_id: str) -> None:
    complete(service, execution, execution.operations[operation_id], Status.SUCCEEDED)


def _attempt_due(service: ServiceState, execution: Execution, operation_id: str) -> None:
    operation = execution.operations[operation_id]
    check_move(operation, Status.READY)
    details = dict(operation.details)
    del details["NextAttemptTimestamp"]
    execution.put(operation.evolve(Status.READY, details), by_service=True)
    service.trigger(execution)


def _callback_timed_out(error_type: str, message: str) -> _Expire:
    error = {"ErrorType": error_type, "ErrorMessage": message}

    def expire(service: ServiceState, execution: Execution, operation_id: str) -> None:
        operation = execution.operations[operation_id]
        complete(service, execution, operation, Status.TIMED_OUT, {"Error": error})

    return expire


_ON_EXPIRY: Mapping[TimerKind, _Expire] = {
    TimerKind.EXECUTION_TIMEOUT: _execution_timed_out,
    TimerKind.INVOCATION_RETRY: _invocation_retry_due,
    TimerKind.WAIT: _wait_over,
    TimerKind.STEP_RETRY: _attempt_due,
    TimerKind.CALLBACK_TIMEOUT: _callback_timed_out("Callback.Timeout", "Callback timed out"),
    TimerKind.CALLBACK_HEARTBEAT: _callback_timed_out(
        "Callback.Heartbeat", "Callback timed out on heartbeat"
    ),
}
