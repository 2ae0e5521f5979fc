"""Pausing and resuming executions: while one is paused, its handler is not invoked."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import history_events
from aws_durable_execution_sdk_python_testing._engine.api_model import check_members
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution, Pause
from aws_durable_execution_sdk_python_testing._engine.service_errors import ResourceConflictError
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import Timer, TimerKind


def pause(
    service: ServiceState,
    execution: Execution,
    reason: str | None,
    timeout_paused: bool,
    client_token: str | None,
) -> None:
    """Pause a running execution: at once, or when its invocation next checkpoints or ends."""
    members = {"Reason": reason, "ExecutionTimeoutPaused": timeout_paused}
    check_members("PauseDurableExecution", {**members, "ClientToken": client_token})
    if _answered(service, execution, client_token, "pause", reason, timeout_paused):
        return
    _check_status(execution, "paused", {Status.RUNNING})
    _remember(service, execution, client_token, "pause", reason, timeout_paused)
    asked = Pause(requested=service.now, reason=reason, timeout_paused=timeout_paused)
    execution.advance(pause=asked)
    settle(service, execution)


def settle(service: ServiceState, execution: Execution) -> None:
    """Let a pause that was asked for take effect, unless an invocation still holds its token."""
    progress = execution.progress
    asked = progress.pause
    if asked is None or asked.since is not None or progress.outcome is not None:
        return
    if execution.token is not None:
        return
    left = _hold_timeout(service, execution) if asked.timeout_paused else None
    execution.advance(
        pause=dataclasses.replace(asked, since=service.now, timeout_left=left),
        # An invocation that was asked for and has not begun waits for the end of the pause.
        invoke_wanted=False,
        deferred=progress.deferred or progress.invoke_wanted or progress.withdrawn,
    )
    details = history_events.paused(asked.requested, asked.reason, asked.timeout_paused)
    execution.log(history_events.EXECUTION_PAUSED, service.now, details, execution.root)


def withdraw(service: ServiceState, execution: Execution) -> bool:
    """Take the token from an invocation whose execution is to pause; False if none is to."""
    progress = execution.progress
    if execution.status is not Status.PAUSING or progress.outcome is not None:
        return False
    execution.advance(withdrawn=True)
    settle(service, execution)
    return True


def resume(
    service: ServiceState, execution: Execution, reason: str | None, client_token: str | None
) -> None:
    """End a pause; one that has not taken effect yet leaves no trace."""
    check_members("ResumeDurableExecution", {"Reason": reason, "ClientToken": client_token})
    if _answered(service, execution, client_token, "resume", reason):
        return
    _check_status(execution, "resumed", {Status.PAUSING, Status.PAUSED})
    _remember(service, execution, client_token, "resume", reason)
    progress = execution.progress
    over, deferred = progress.pause, progress.deferred
    execution.advance(pause=None, deferred=False)
    if over is None or over.since is None:
        return
    if over.timeout_left is not None:
        _release_timeout(service, execution, over.since, over.timeout_left)
    details = history_events.resumed(service.now, reason)
    execution.log(history_events.EXECUTION_RESUMED, service.now, details, execution.root)
    if deferred:
        service.trigger(execution)


# ------------------------------------------------------------------------ the time-out


def _hold_timeout(service: ServiceState, execution: Execution) -> float:
    """Stop the execution's time-out; the seconds that are left of it.

    They are read from the timer: where skipped time does not count, the execution has more
    left than its start and the clock would say.
    """
    deadline = service.timers.deadline(Timer(TimerKind.EXECUTION_TIMEOUT, execution.arn))
    service.disarm(TimerKind.EXECUTION_TIMEOUT, execution)
    return (execution.timeout_at if deadline is None else deadline) - service.now


def _release_timeout(
    service: ServiceState, execution: Execution, since: float, left: float
) -> None:
    """Let the time-out go on. No pause takes an execution beyond the longest time it may take."""
    paused, facts = service.now - since, execution.facts
    extension = execution.progress.timeout_extension
    counted = facts.execution_timeout + extension - left
    execution.advance(timeout_extension=extension + paused)
    left = min(left, MAX_EXECUTION_SECONDS - counted - paused)
    service.arm(TimerKind.EXECUTION_TIMEOUT, execution, "", service.now + left)


# ------------------------------------------------------------------------ client tokens


def _answered(
    service: ServiceState, execution: Execution, client_token: str | None, *request: Any
) -> bool:
    """Whether this very request has been carried out within the window."""
    at = execution.progress.answered.get(_key(client_token, request))
    return at is not None and service.now - at <= service.limits.client_token_window


def _remember(
    service: ServiceState, execution: Execution, client_token: str | None, *request: Any
) -> None:
    if client_token is None:
        return
    oldest = service.now - service.limits.client_token_window
    recent = {key: at for key, at in execution.progress.answered.items() if at >= oldest}
    execution.advance(answered={**recent, _key(client_token, request): service.now})


def _key(client_token: str | None, request: tuple[Any, ...]) -> str:
    return json.dumps([client_token, *request])


def _check_status(execution: Execution, what: str, allowed: set[Status]) -> None:
    if execution.status not in allowed:
        raise ResourceConflictError(
            f"Durable execution is {execution.status} and cannot be {what}: {execution.arn}"
        )
