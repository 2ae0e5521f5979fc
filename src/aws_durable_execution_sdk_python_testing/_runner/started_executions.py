"""What a test does with executions that it has started: wait, answer, pause, look."""

from __future__ import annotations

import logging
import math
import weakref
from datetime import timedelta
from types import TracebackType
from typing import Self

from aws_durable_execution_sdk_python._core.model import ErrorObject, Status
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._results.histories import ExecutionHistory
from aws_durable_execution_sdk_python_testing._results.open_operations import waits_for
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.runner")


class StartedExecutions:
    """The executions of one local service, which lives as long as this.

    Parameters:
        service: runs them; closed with this.
        is_raw: whether results are given as text, as the official SDK's runners do.
    """

    def __init__(self, service: LocalService, *, is_raw: bool) -> None:
        self._service = service
        self._is_raw = is_raw
        self._depth = 0
        # A runner may be used without `with`: its threads must end with it all the same.
        self._finalizer = weakref.finalize(self, service.close)

    def wait_for_result(
        self, execution_arn: str, timeout: float | None = 60
    ) -> DurableFunctionTestResult:
        """Wait for an execution to end. May be called again for the same result.

        Parameters:
            execution_arn: from `run_async`, or of a child from the history.
            timeout: wall-clock seconds to wait at most; None waits without limit.

        Raises:
            TimeoutError: it has not ended by then.
        """
        self._service.wait_until_ended(execution_arn, timeout)
        execution = self._service.execution(execution_arn)
        operations = self._service.operations(execution_arn)
        if execution["Status"] == Status.TIMED_OUT:
            # The service does not tell, and a test that fails on it shows what was logged.
            _log.warning(
                "the execution timed out; it waited for %s: %s",
                waits_for(operations),
                execution_arn,
            )
        return DurableFunctionTestResult.from_service(
            execution,
            operations,
            self._service.history(execution_arn),
            is_raw=self._is_raw,
        )

    def wait_for_callback(
        self, execution_arn: str, name: str | None = None, timeout: float = 60
    ) -> str:
        """Wait until a callback is open and the invocation that created it has ended.

        Parameters:
            execution_arn: from `run_async`.
            name: of the callback or its `wait_for_callback`; the first open one is taken.
                None takes the latest open callback.
            timeout: wall-clock seconds to wait at most.

        Returns:
            The callback id.

        Raises:
            DurableFunctionsTestError: the callback, or the execution, has ended already.
            TimeoutError: no such callback is open by then.
        """
        return self._service.wait_for_callback(execution_arn, name, timeout)

    def advance(self, time: float | Duration | timedelta, timeout: float = 60) -> None:
        """Let time pass on the runner's clock, and what falls due in it happen.

        With `skip_time` (the default) only time-outs of callbacks are left to wait for, those
        of executions started with `run_async`; without it, waits and retries too. Returns when
        no function runs any more, so that the test can look at what has happened.

        Parameters:
            time: how much: seconds, a `Duration` or a `timedelta`.
            timeout: wall-clock seconds functions may take until they rest.

        Raises:
            TimeoutError: a function runs for longer than that.
            ValidationError, which is a ValueError here: `time` is negative, infinite or no number.

        Example:
            ```python
            arn = runner.run_async(input={"order_id": "1"})
            runner.wait_for_callback(arn, "approval")
            runner.advance(Duration.from_hours(24))
            assert runner.wait_for_result(arn).result == "nobody approved"
            ```
        """
        seconds = _seconds(time)
        if not math.isfinite(seconds):
            raise _TimeError(f"a finite number of seconds can pass, not {time!r}")
        if seconds < 0:
            raise _TimeError(f"time does not go back: {time!r}")
        self._service.advance(seconds, timeout)

    def send_callback_success(self, callback_id: str, result: bytes | str | None = None) -> None:
        """Answer a callback. `result` is what arrives, JSON text as a rule.

        Raises:
            CallbackTimeoutError: the callback is closed already.
            ResourceNotFoundError: no such callback.
        """
        self._service.callback_succeed(
            callback_id, result.encode() if isinstance(result, str) else result
        )

    def send_callback_failure(self, callback_id: str, error: ErrorObject | None = None) -> None:
        """Fail a callback. Raises as `send_callback_success`."""
        self._service.callback_fail(callback_id, None if error is None else error.to_dict())

    def send_callback_heartbeat(self, callback_id: str) -> None:
        """Start a callback's heartbeat time-out anew. Raises as `send_callback_success`."""
        self._service.callback_heartbeat(callback_id)

    def pause_execution(self, execution_arn: str, timeout: float = 60) -> None:
        """Invoke an execution's handler no more, and wait until that is so.

        An invocation under way ends with its next checkpoint. Waits, retries and callbacks go
        on meanwhile, and the handler learns of them when the execution is resumed.

        Parameters:
            execution_arn: from `run_async`.
            timeout: wall-clock seconds to wait at most.

        Raises:
            DurableFunctionsTestError: the execution ended first.
            ResourceConflictError: it has ended already, or is paused.
            TimeoutError: the handler has not come to a checkpoint by then.
        """
        self._service.pause(execution_arn)
        self._service.wait_until_paused(execution_arn, timeout)

    def resume_execution(self, execution_arn: str) -> None:
        """Let a paused execution go on.

        Raises:
            ResourceConflictError: it is not paused.
        """
        self._service.resume(execution_arn)

    def get_execution_history(
        self, execution_arn: str, include_execution_data: bool = False
    ) -> ExecutionHistory:
        """The events of an execution, a child's too.

        Parameters:
            execution_arn: the execution.
            include_execution_data: False leaves payloads out.
        """
        return ExecutionHistory.from_dicts(
            self._service.history(execution_arn, include_execution_data)
        )

    # -------------------------------------------------------------------------- lifecycle

    def close(self) -> None:
        """Stop the service. What still runs is abandoned. Idempotent."""
        self._finalizer()

    def __enter__(self) -> Self:
        self._depth += 1
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The fixture enters and so does the test: only the outermost exit closes.
        self._depth -= 1
        if self._depth == 0:
            self.close()


class _TimeError(ValidationError, ValueError):
    """A time that cannot pass."""


def _seconds(time: float | Duration | timedelta) -> float:
    if isinstance(time, timedelta):
        return time.total_seconds()
    return time.to_seconds() if isinstance(time, Duration) else time
