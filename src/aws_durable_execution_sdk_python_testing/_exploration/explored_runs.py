"""Runs a handler to its end on a service of its own, crashing at one place or at none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python._kernel.hooks import StepAttempt
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Limits,
    Returned,
    StartExecution,
    Target,
)
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
from aws_durable_execution_sdk_python_testing._engine.function_targets import DEFAULT_QUALIFIER
from aws_durable_execution_sdk_python_testing._exploration.crashable_process import (
    REFRESH,
    STATE,
    CrashableProcess,
    SimulatedCrash,
)
from aws_durable_execution_sdk_python_testing._exploration.waiting import wait_until_ended
from aws_durable_execution_sdk_python_testing._exploration.witness import Memory
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    Handler,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._functions.mocks import Outcomes, StepMocks
from aws_durable_execution_sdk_python_testing._functions.wire_errors import describe_crash
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock, VirtualClock
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

# Nobody outside knows the service of a run: who has not answered by then never will.
_PATIENCE = 0.5


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is explored: a handler, what surrounds it, and how it is started.

    Attributes:
        request: starts the execution. Every run has a store of its own, so names may repeat.
        functions: handlers by the name they answer to.
        targets: what chained invokes find under the names.
        steps: what stands in for steps.
        callbacks: answers to callbacks.
        compat_aws: see `Hooks`.
        limits, region, invocation_timeout, skipped_time_counts: of the service.
    """

    request: StartExecution
    functions: Mapping[str, Handler]
    targets: Mapping[str, Target] = field(default_factory=dict[str, Target])
    steps: StepMocks = field(default_factory=StepMocks)
    callbacks: Mapping[str, Any] | None = None
    compat_aws: bool | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    region: str = DEFAULT_REGION
    invocation_timeout: float = MAX_INVOCATION_SECONDS
    skipped_time_counts: bool = False


@dataclass(frozen=True)
class ExploredRun:
    """What came of a run.

    Attributes:
        memory: what it passed.
        result: how the execution ended.
        executions: the results of all executions, by key: that of the explored one is "", that of
            another the invoking one's, a slash, and the id of the operation that invoked it.
        functions: the names of those that were invoked, by key.
    """

    memory: Memory
    result: DurableFunctionTestResult
    executions: Mapping[str, DurableFunctionTestResult]
    functions: Mapping[str, str] = field(default_factory=dict[str, str])


def run(subject: Subject, memory: Memory) -> ExploredRun:
    """Run a subject to its end; `memory` says where it is to crash."""
    processes = _Processes(memory)
    steps = _WatchedSteps(subject.steps.fresh(), processes)
    inner = InProcessInvoker(steps, compat_aws=subject.compat_aws)
    service = LocalService(
        _CrashingInvoker(inner, processes),
        InMemoryExecutionStore(),
        clock=VirtualClock(),
        limits=subject.limits,
        region=subject.region,
        invocation_timeout=subject.invocation_timeout,
        skipped_time_counts=subject.skipped_time_counts,
    )
    try:
        for name, handler in subject.functions.items():
            inner.register(name, handler.fresh() if isinstance(handler, Outcomes) else handler)
        for name, target in subject.targets.items():
            service.register_target(name, target)
        answers = subject.callbacks
        responder = None if answers is None else CallbackResponder(answers)
        arn = service.start(subject.request, responder=responder)
        wait_until_ended(service, arn, _PATIENCE)
        executions = {key: _result(service, one) for one, key in processes.keys.items()}
        return ExploredRun(memory, executions[""], executions, processes.functions)
    finally:
        service.close()


def _result(service: LocalService, arn: str) -> DurableFunctionTestResult:
    return DurableFunctionTestResult.from_service(
        service.execution(arn), service.operations(arn), service.history(arn)
    )


class _Processes:
    """The invocations of a run.

    Attributes:
        keys: of the executions, by ARN; by who invoked them, for whose turn came first may be a
            matter of timing.
        functions: see `ExploredRun`.
    """

    def __init__(self, memory: Memory) -> None:
        self.keys: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self._memory = memory
        self._current: dict[str, CrashableProcess] = {}
        self._lock = threading.Lock()

    def begin(self, invocation: HandlerInvocation) -> CrashableProcess:
        with self._lock:
            key = self._key(invocation)
            process = self._current[invocation.arn] = CrashableProcess(self._memory, key)
            return process

    def of(self, arn: str) -> CrashableProcess:
        return self._current[arn]

    def _key(self, invocation: HandlerInvocation) -> str:
        if invocation.arn not in self.keys:
            key = ""
            if invocation.invoked_by is not None:
                arn, operation_id = invocation.invoked_by
                key = f"{self.keys[arn]}/{operation_id}"
                name = invocation.function_name.removesuffix(f":{DEFAULT_QUALIFIER}")
                self.functions[key] = name
            self.keys[invocation.arn] = key
        return self.keys[invocation.arn]


class _CrashingInvoker:
    """Calls handlers in this process, each invocation in a `CrashableProcess`."""

    def __init__(self, inner: InProcessInvoker, processes: _Processes) -> None:
        self._inner = inner
        self._processes = processes

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        process = self._processes.begin(invocation)
        outcome = self._inner.invoke(invocation, _CrashingService(process, service))
        try:
            process.ends()
        except SimulatedCrash as crash:
            return Crashed(describe_crash(crash, invocation.request_id))
        return outcome

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        return self._inner.call(call, service)


class _CrashingService:
    """The service as one invocation sees it."""

    def __init__(self, process: CrashableProcess, service: HandlerService) -> None:
        self._process = process
        self._service = service

    @property
    def clock(self) -> RealClock:
        return self._service.clock

    @property
    def invocation_timeout(self) -> float:
        return self._service.invocation_timeout

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        call = self._process.begin_call(REFRESH, body["Updates"])
        answer = self._service.checkpoint(arn, body)
        self._process.answered(call)
        return answer

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        call = self._process.begin_call(STATE)
        answer = self._service.get_state(arn, checkpoint_token, marker, max_items)
        self._process.answered(call)
        return answer


class _WatchedSteps(StepMocks):
    """Passes the functions of steps on to the invocation they run in.

    A mocked step gives each attempt its outcome, however often that runs.
    """

    def __init__(self, mocks: StepMocks, processes: _Processes) -> None:
        super().__init__()
        self._mocks = mocks
        self._processes = processes
        self._given: dict[tuple[str, str, int], Callable[[], Any]] = {}

    def stand_in(self, attempt: StepAttempt, function: Callable[..., Any]) -> Callable[..., Any]:
        chosen = self._mocks.stand_in(attempt, function)
        if chosen is not function:
            chosen = self._once(attempt, chosen)
        return self._processes.of(attempt.execution_arn).body(attempt, chosen)

    def _once(self, attempt: StepAttempt, mock: Callable[..., Any]) -> Callable[..., Any]:
        key = (attempt.execution_arn, attempt.operation_id, attempt.number)

        def perform(*args: Any) -> Any:
            if key not in self._given:
                self._given[key] = _outcome(mock)
            return self._given[key]()

        return perform


def _outcome(mock: Callable[..., Any]) -> Callable[[], Any]:
    """Call a mock once; what it comes to, to have again and again."""
    try:
        value = mock()
    except Exception as error:
        return _raiser(error)
    return lambda: value


def _raiser(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail
