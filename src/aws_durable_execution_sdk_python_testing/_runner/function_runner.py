"""The runner of durable functions in this process."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Limits,
    PlainTarget,
    StartExecution,
    Target,
)
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import FunctionReference
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import Subject
from aws_durable_execution_sdk_python_testing._exploration.explores_crashes import ExploresCrashes
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._functions.mocks import StepMocks
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._results.payloads import encode_input
from aws_durable_execution_sdk_python_testing._results.result import (
    DurableFunctionTestResult,
    compat_chosen,
)
from aws_durable_execution_sdk_python_testing._runner.claims import (
    check_answers,
    check_handler,
    check_mocks,
    unanswered,
)
from aws_durable_execution_sdk_python_testing._runner.mocking import Mocking
from aws_durable_execution_sdk_python_testing._runner.started_executions import StartedExecutions
from aws_durable_execution_sdk_python_testing._time.clocks import (
    RealClock,
    VirtualClock,
    waits_take_no_time,
)
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError
from aws_durable_execution_sdk_python_testing.stores.base import EventStore
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

_DEFAULT_NAME = "execution-name"
_FUNCTION_NAME = "test-function"


class DurableFunctionTestRunner(StartedExecutions, ExploresCrashes, Mocking):
    """Runs a durable handler on a local service.

    Waits, retry delays and callback time-outs are skipped: when no function runs, time jumps to
    the next thing that is due. While a function runs, time passes as it does outside.

    Parameters:
        handler: the durable handler.
        poll_interval: accepted for compatibility. Nothing is polled.
        max_invocation_page_bytes: size of the state an invocation starts with, in bytes;
            default 5 MiB. The SDK fetches the rest.
        execution_timeout: seconds an execution may take.
        invocation_timeout: real seconds one invocation may take.
        store: where executions are kept; default in memory.
        skip_time: False lets waits pass in real time, multiplied by the environment variable
            `DURABLE_EXECUTION_TIME_SCALE` if it is set; a scale of 0 skips them after all.
        region: region in ARNs.
        execution_timeout_clock: what execution time-outs count: "real" time that really passed,
            so that a wait of an hour fits into 10 seconds; "virtual" skipped time as well.
        limits: limits of the service that differ from its defaults.
        replay_every_checkpoint: run the handler from the top again after every checkpoint, so
            that a handler that cannot be replayed fails its test. What the test sees of the
            service, the history for one, stays the same; steps of concurrent branches may run
            more than once, as when an invocation is cut off.
        faults: what is to go wrong between handlers and service, and how often.
        compat: "aws" runs handlers that do not say otherwise as the official SDK does, and gives
            `.result` as JSON text. By default the environment variable
            `DURABLE_EXECUTION_COMPAT` decides.
    """

    mode: ClassVar[Literal["local"]] = "local"

    def __init__(
        self,
        handler: Handler,
        poll_interval: float = 1.0,
        max_invocation_page_bytes: int | None = None,
        execution_timeout: float = 300,
        invocation_timeout: float = MAX_INVOCATION_SECONDS,
        store: EventStore | None = None,
        skip_time: bool = True,
        region: str = DEFAULT_REGION,
        *,
        execution_timeout_clock: Literal["real", "virtual"] = "real",
        limits: Limits | None = None,
        replay_every_checkpoint: bool = False,
        faults: Faults | None = None,
        compat: Literal["aws"] | None = None,
    ) -> None:
        check_handler(handler)
        self._handler = handler
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._execution_timeout = execution_timeout
        self._virtual_timeout = execution_timeout_clock == "virtual"
        self._steps = StepMocks()
        self._functions: dict[str, tuple[Handler, Target]] = {}
        self._limits = limits or _limits(max_invocation_page_bytes)
        self._region = region
        is_raw = compat_chosen(compat)
        self._compat_aws = None if compat is None else True
        self._invoker = InProcessInvoker(
            self._steps,
            replay_every_checkpoint=replay_every_checkpoint,
            compat_aws=self._compat_aws,
        )
        service = LocalService(
            self._invoker,
            InMemoryExecutionStore() if store is None else store,
            clock=VirtualClock() if skip_time or waits_take_no_time() else RealClock(),
            limits=self._limits,
            region=region,
            invocation_timeout=invocation_timeout,
            skipped_time_counts=self._virtual_timeout,
            faults=faults,
        )
        super().__init__(service, is_raw=is_raw)

    # -------------------------------------------------------------------------- functions

    def register_durable_function(
        self,
        function_name: str,
        handler: Handler,
        execution_timeout: int = 120,
        retention_period_days: int = 1,
    ) -> Self:
        """Make a durable handler known to `context.invoke(function_name, ...)`.

        Parameters:
            function_name: `name`, or `name:qualifier` for one version only.
            handler: the durable handler.
            execution_timeout: seconds an execution of it may take.
            retention_period_days: kept for queries; nothing is deleted in memory.

        Returns:
            The runner, so that calls chain.
        """
        target = DurableTarget(self._service_seconds(execution_timeout), retention_period_days)
        return self._register(function_name, handler, target)

    def register_function(self, function_name: str, handler: Handler) -> Self:
        """Make an ordinary function `handler(event, context)` known to `context.invoke`.

        Returns:
            The runner, so that calls chain.
        """
        return self._register(function_name, handler, PlainTarget())

    def _register(self, function_name: str, handler: Handler, target: Target) -> Self:
        check_handler(handler, f"the handler of {function_name!r}")
        self._functions[function_name] = (handler, target)
        self._invoker.register(function_name, handler)
        self._service.register_target(function_name, target)
        return self

    # ---------------------------------------------------------------------------- running

    def run(
        self,
        input: Any = None,
        execution_timeout: float | None = None,
        timeout: float | None = None,
        function_name: str = _FUNCTION_NAME,
        execution_name: str = _DEFAULT_NAME,
        account_id: str = DEFAULT_ACCOUNT_ID,
        tenant_id: str | None = None,
        *,
        callbacks: Mapping[str, Any] | None = None,
    ) -> DurableFunctionTestResult:
        """Run the handler to its end.

        Parameters:
            input: the event. A str is taken as JSON text if it is that, else as a JSON string;
                anything else is encoded as JSON.
            execution_timeout: seconds the execution may take, if not the runner's.
            timeout: the same in wall-clock seconds: skipped time never counts. With
                `execution_timeout_clock="virtual"` it limits how long this call waits.
            function_name: the name the handler runs under.
            execution_name: name of the execution; the default is made unique. Running a name
                again with the same input gives the execution there is.
            account_id: account in the ARN.
            tenant_id: tenant the function runs for.
            callbacks: answers to callbacks, by the name of the callback or of its
                `wait_for_callback`: a JSON value, an exception or `ErrorObject` to fail it
                with, a function without arguments that returns or raises these, or
                `CALLBACK_TIMEOUT`. Others time out: nobody else can answer during `run`.

        Returns:
            The outcome. An execution that timed out has status FAILED and execution_status
            TIMED_OUT.

        Raises:
            DurableExecutionAlreadyStartedError: `execution_name` ran with another input.
            DurableFunctionsTestError: a callback is open that `callbacks` does not answer, and
                nothing else is to come; or it succeeds without a callback of a name in there.
            TimeoutError: only with `execution_timeout_clock="virtual"`, see `timeout`.

        Example:
            ```python
            result = runner.run(input={"a": 5}, timeout=10, callbacks={"approval": True})
            ```
        """
        request = self._request(
            input,
            function_name,
            execution_name,
            account_id,
            tenant_id,
            (execution_timeout, timeout),
        )
        arn = self._start(request, callbacks, attended=False)
        limit = timeout if self._virtual_timeout else None
        if callbacks is not None:
            left = self._service.wait_until_ended_or_stuck(arn, limit)
            if left:
                raise DurableFunctionsTestError(unanswered(callbacks, left))
        return self.wait_for_result(arn, limit)

    def run_async(
        self,
        input: Any = None,
        execution_timeout: float | None = None,
        timeout: float | None = None,
        function_name: str = _FUNCTION_NAME,
        execution_name: str = _DEFAULT_NAME,
        account_id: str = DEFAULT_ACCOUNT_ID,
        tenant_id: str | None = None,
        *,
        callbacks: Mapping[str, Any] | None = None,
    ) -> str:
        """Start the handler and return at once.

        Arguments as for `run`. Time-outs of callbacks pass in real time here, since the test
        is about to answer, unless `callbacks` is given.

        Returns:
            The execution's ARN, for `wait_for_result` and `wait_for_callback`.
        """
        request = self._request(
            input,
            function_name,
            execution_name,
            account_id,
            tenant_id,
            (execution_timeout, timeout),
        )
        return self._start(request, callbacks, attended=True)

    def wait_for_result(
        self, execution_arn: str, timeout: float | None = 60
    ) -> DurableFunctionTestResult:
        result = super().wait_for_result(execution_arn, timeout)
        if result.status == "SUCCEEDED":
            answers = self._answers.get(execution_arn)
            check_answers(answers, self._service.callbacks(execution_arn))
        return result

    wait_for_result.__doc__ = StartedExecutions.wait_for_result.__doc__

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        if exc is None and self._depth == 0:
            check_mocks(self._steps)

    # --------------------------------------------------------------------------- requests

    def _start(
        self, request: StartExecution, callbacks: Mapping[str, Any] | None, *, attended: bool
    ) -> str:
        arn = self._service.start(request, responder=_responder(callbacks), attended=attended)
        if callbacks is not None:
            self._answers[arn] = callbacks
        return arn

    def _request(
        self,
        input: Any,
        function_name: str,
        execution_name: str,
        account_id: str,
        tenant_id: str | None,
        timeouts: tuple[float | None, float | None],
    ) -> StartExecution:
        self._invoker.register(_plain_name(function_name), self._handler)
        if execution_name == _DEFAULT_NAME:
            execution_name = f"{_DEFAULT_NAME}-{uuid.uuid4().hex}"
        return StartExecution(
            function_name=function_name,
            execution_name=execution_name,
            input=encode_input(input),
            execution_timeout=self._timeout(*timeouts),
            account_id=account_id,
            tenant_id=tenant_id,
        )

    def _subject(
        self, input: Any, callbacks: Mapping[str, Any] | None, timeout: float | None
    ) -> Subject:
        handlers = {key: handler for key, (handler, _) in self._functions.items()}
        return Subject(
            request=self._request(
                input, _FUNCTION_NAME, _DEFAULT_NAME, DEFAULT_ACCOUNT_ID, None, (None, timeout)
            ),
            functions={_FUNCTION_NAME: self._handler, **handlers},
            targets={key: target for key, (_, target) in self._functions.items()},
            steps=self._steps,
            compat_aws=self._compat_aws,
            callbacks=callbacks,
            limits=self._limits,
            region=self._region,
            invocation_timeout=self._service.invocation_timeout,
            skipped_time_counts=self._virtual_timeout,
        )

    def _timeout(self, execution_timeout: float | None, timeout: float | None) -> int:
        if execution_timeout is None and not self._virtual_timeout:
            execution_timeout = timeout
        if execution_timeout is None:
            execution_timeout = self._execution_timeout
        return self._service_seconds(execution_timeout)

    def _service_seconds(self, seconds: float) -> int:
        """A time-out in whole seconds of the service's clock, which may run faster than real."""
        if not self._virtual_timeout:
            seconds = self._service.clock.in_real_time(seconds)
        return min(max(1, math.ceil(seconds)), MAX_EXECUTION_SECONDS)


def _plain_name(function_name: str) -> str:
    try:
        return FunctionReference.parse(function_name).name
    except ValueError:
        return function_name  # the service says what is wrong with it


def _responder(answers: Mapping[str, Any] | None) -> CallbackResponder | None:
    return None if answers is None else CallbackResponder(answers)


def _limits(page_bytes: int | None) -> Limits:
    return Limits() if page_bytes is None else Limits(page_bytes=page_bytes)
