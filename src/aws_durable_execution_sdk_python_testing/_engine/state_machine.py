"""The local durable execution service as a pure state machine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import OperationType, Status
from aws_durable_execution_sdk_python_testing._engine import (
    callbacks,
    checkpoints,
    checks,
    completions,
    invocations,
    lifecycle,
    pauses,
    recovery,
    starting,
)
from aws_durable_execution_sdk_python_testing._engine.api_model import check_request
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)
from aws_durable_execution_sdk_python_testing._engine.command_types import (
    Crashed,
    HandlerInvocation,
    Returned,
    Started,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._engine.driven_engine import DrivenEngine
from aws_durable_execution_sdk_python_testing._engine.function_targets import Target
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    ResourceConflictError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing.stores.base import EventStore


def _fresh_id() -> str:
    return str(uuid.uuid4())


class Engine(DrivenEngine):
    """Durable executions, their operations, timers and histories.

    The engine has no clock, thread or lock: every command says what time it is (`now`, epoch
    seconds) and the driver calls it from one thread at a time. A command that is refused raises
    a `ServiceError` and changes nothing, except that timers due by then have fired and that too
    many operations fail the execution. What a command makes necessary (an invocation, a call
    of another function) waits in `take_effects`. What a command changed is in the store before
    the command returns. Time never runs backwards: an earlier `now` counts as the latest one.

    Parameters:
        store: where every change is appended; what it already holds is loaded.
        limits: the service's limits.
        region, account_id: what ARNs are made of.
        new_id: source of unique ids; give a seeded one for reproducible runs.

    Example:
        >>> engine = Engine(InMemoryExecutionStore())
        >>> arn = engine.start_execution(StartExecution(function_name="f", input="{}"), 0.0).arn
        >>> engine.take_effects()
        [InvokeHandler(arn=..., function_name='f')]
        >>> invocation = engine.begin_invocation(arn, 0.0)
        >>> engine.end_invocation(
        ...     arn, invocation.request_id, Returned({"Status": "SUCCEEDED", "Result": "1"}), 0.1
        ... )
        >>> engine.get_execution(arn)["Status"]
        'SUCCEEDED'
    """

    def __init__(
        self,
        store: EventStore,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        region: str = DEFAULT_REGION,
        account_id: str = DEFAULT_ACCOUNT_ID,
        new_id: Callable[[], str] = _fresh_id,
    ) -> None:
        super().__init__(
            ServiceState(
                store=store, limits=limits, region=region, account_id=account_id, new_id=new_id
            )
        )
        recovery.load(self._service)

    # ------------------------------------------------------------------------ executions

    def register_target(self, function_name: str, target: Target) -> None:
        """Make a function known to chained invokes.

        Parameters:
            function_name: `name`, or `name:qualifier` for one version only.
            target: what kind of function it is.
        """
        self._service.targets.register(function_name, target)

    def start_execution(self, request: StartExecution, now: float) -> Started:
        """Start an execution, or find the one that has the name and the payload already.

        Raises:
            DurableExecutionAlreadyStartedError: the name is taken, with another payload.
            InvalidParameterValueError: a field is out of its range.
        """
        with self._command(now) as service:
            return starting.start(service, request)

    def stop_execution(self, arn: str, error: Mapping[str, Any] | None, now: float) -> float:
        """End an execution as STOPPED; its open operations keep their status.

        Returns:
            When the execution ended, epoch seconds; for a closed one, when it did.

        Raises:
            ResourceNotFoundError: no such execution.
        """
        with self._command(now) as service:
            execution = service.find(arn)
            if execution.progress.ended is not None:
                return execution.progress.ended
            checks.check_error(error or {}, service.limits.error_bytes)
            lifecycle.stop(service, execution, error)
            return service.now

    def pause_execution(
        self,
        arn: str,
        now: float,
        *,
        reason: str | None = None,
        execution_timeout_paused: bool = True,
        client_token: str | None = None,
    ) -> None:
        """Pause a running execution: its handler is not invoked until `resume_execution`.

        It is PAUSED at once, or PAUSING until the invocation in flight next checkpoints or
        ends. That checkpoint is saved, but answered with no operations and no token, so that
        the handler suspends. Waits, retries, callbacks and chained invokes go on meanwhile.

        Parameters:
            arn: the execution.
            now: epoch seconds.
            reason: shown in the history.
            execution_timeout_paused: whether the execution's time-out stands still too.
            client_token: repeating a request with its token within the limits' window is no
                error and changes nothing.

        Raises:
            InvalidParameterValueError: a member is out of its range.
            ResourceConflictError: the execution is not running.
            ResourceNotFoundError: no such execution.
        """
        with self._command(now) as service:
            self._fire_due()
            execution = service.find(arn)
            pauses.pause(service, execution, reason, execution_timeout_paused, client_token)

    def resume_execution(
        self, arn: str, now: float, *, reason: str | None = None, client_token: str | None = None
    ) -> None:
        """End a pause. The handler is invoked only if that became necessary meanwhile.

        Parameters:
            arn: the execution.
            now: epoch seconds.
            reason: shown in the history.
            client_token: as for `pause_execution`.

        Raises:
            InvalidParameterValueError: a member is out of its range.
            ResourceConflictError: the execution is neither PAUSING nor PAUSED.
            ResourceNotFoundError: no such execution.
        """
        with self._command(now) as service:
            self._fire_due()
            pauses.resume(service, service.find(arn), reason, client_token)

    def delete_execution(self, arn: str, now: float) -> float:
        """Forget a closed execution and its history at once; its name is free again.

        Returns:
            When the request was accepted, epoch seconds.

        Raises:
            ResourceConflictError: the execution has not ended.
            ResourceNotFoundError: no such execution.
        """
        with self._command(now) as service:
            execution = service.find(arn)
            if not execution.closed:
                raise ResourceConflictError(
                    f"Durable execution is {execution.status} and cannot be deleted: {arn}"
                )
            service.purge(execution)
            return service.now

    # ------------------------------------------------------------------------ invocations

    def begin_invocation(self, arn: str, now: float) -> HandlerInvocation:
        """Take up the invocation an `InvokeHandler` effect asked for.

        Raises:
            ResourceConflictError: none is wanted: the execution has ended, been paused or
                deleted meanwhile, or an invocation is in flight. The driver drops the effect.
        """
        with self._command(now) as service:
            self._fire_due()
            return invocations.begin(service, arn)

    def end_invocation(
        self, arn: str, request_id: str, outcome: Returned | Crashed, now: float
    ) -> None:
        """Close an invocation: complete, suspend, retry or fail the execution.

        An invocation that is no longer current is ignored, that of a deleted execution too.
        """
        with self._command(now) as service:
            if arn in service.executions:
                invocations.end(service, service.find(arn), request_id, outcome)

    def revoke_token(self, arn: str, now: float) -> None:
        """Take its token from the invocation in flight, which can then only end.

        Another invocation follows once it has. Without an invocation nothing happens.

        Raises:
            ResourceNotFoundError: no such execution.
        """
        with self._command(now) as service:
            execution = service.find(arn)
            if execution.token is not None:
                execution.advance(withdrawn=True)

    # ---------------------------------------------------------------- the handler's calls

    def checkpoint(self, arn: str, body: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Apply a batch of updates, all or none (CheckpointDurableExecution).

        Parameters:
            arn: the execution.
            body: `CheckpointToken`, `Updates` and optionally `ClientToken`.
            now: epoch seconds; timers due by then fire first.

        Returns:
            `{"CheckpointToken": ..., "NewExecutionState": {"Operations": [...]}}`: every
            operation touched since the handler last looked. No token after the update that
            ends the execution, and none and no operations while a pause is waited for.

        Raises:
            InvalidParameterValueError: `Invalid checkpoint token`, the broken rule, or no such
                execution.
            ShapeError: the request is not what the API's model says.
        """
        check_request("CheckpointDurableExecution", {**body, "DurableExecutionArn": arn})
        with self._command(now) as service:
            execution = service.find_for_handler(arn)
            answer = checkpoints.replayed(service, execution, body)
            if answer is None:
                self._fire_due()
                answer = checkpoints.checkpoint(service, execution, body)
            return answer

    def get_state(
        self,
        arn: str,
        checkpoint_token: str,
        marker: str | None = None,
        max_items: int = 0,
        now: float = 0.0,
    ) -> dict[str, Any]:
        """One page of operations in creation order (GetDurableExecutionState).

        Parameters:
            arn: the execution.
            checkpoint_token: the current token; it is not consumed.
            marker: `NextMarker` of the page before, for the same token.
            max_items: at most this many, 0 for 100; never more than 1000.
            now: taken for symmetry; reading fires no timer.

        Returns:
            `{"Operations": [...], "NextMarker"?: ...}`.

        Raises:
            InvalidParameterValueError: `Invalid checkpoint token`, a bad marker, or no such
                execution.
        """
        service = self._service
        execution = service.find_for_handler(arn)
        return checkpoints.state(service, execution, checkpoint_token, marker, max_items)

    # ----------------------------------------------------------------- answers from outside

    def callback_succeed(self, callback_id: str, result: bytes | None, now: float) -> None:
        """Answer a callback with a result (UTF-8 text, or None for no result).

        Raises:
            CallbackTimeoutError: the callback is closed already.
            InvalidParameterValueError: a malformed id, or a result that is too large.
            ResourceNotFoundError: no such callback.
        """
        with self._command(now) as service:
            self._fire_due()
            callbacks.succeed(service, callback_id, result)

    def callback_fail(self, callback_id: str, error: Mapping[str, Any] | None, now: float) -> None:
        """Answer a callback with an error object; None leaves an empty one.

        Raises:
            As `callback_succeed`.
        """
        with self._command(now) as service:
            self._fire_due()
            callbacks.fail(service, callback_id, error)

    def callback_heartbeat(self, callback_id: str, now: float) -> None:
        """Say that the answer is still being worked on: the heartbeat time-out starts anew.

        Raises:
            As `callback_succeed`.
        """
        with self._command(now) as service:
            self._fire_due()
            callbacks.heartbeat(service, callback_id)

    def complete_invoke(
        self,
        arn: str,
        operation_id: str,
        status: Status,
        result: str | None,
        error: Mapping[str, Any] | None,
        now: float,
    ) -> None:
        """Bring back what a plain function answered (see the effect `InvokeFunction`).

        Parameters:
            arn: the invoking execution; ignored if it has been deleted meanwhile.
            operation_id: its CHAINED_INVOKE operation; ignored if that is closed already.
            status: SUCCEEDED, FAILED (e.g. `Sandbox.Timedout`) or TIMED_OUT (no answer).
            result: JSON text, with SUCCEEDED.
            error: wire error object, otherwise.
            now: epoch seconds.

        Raises:
            ResourceNotFoundError: the execution has no such operation.
        """
        with self._command(now) as service:
            execution = service.get(arn)
            if execution is None:
                return
            operation = execution.operations.get(operation_id)
            if operation is None or operation.type is not OperationType.CHAINED_INVOKE:
                raise ResourceNotFoundError(f"Chained invoke not found: {operation_id}")
            completions.complete_invoke(service, execution, operation_id, status, result, error)
