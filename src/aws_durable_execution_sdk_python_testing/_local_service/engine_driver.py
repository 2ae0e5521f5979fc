"""Drives an engine: a lock around it, threads for what it asks for, a clock for its timers.

Every command ends by carrying out what the engine asks for (`_settle`). Nothing polls: functions
run on threads of their own, callers wait on conditions, and one thread waits for the earliest
deadline that passes in real time. When nothing runs, whoever settles skips to the next deadline.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    Effect,
    Engine,
    ExecutionEnded,
    HandlerInvocation,
    InvokeFunction,
    InvokeHandler,
    ResourceConflictError,
    Returned,
    invoke_timed_out,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
    Invoker,
)
from aws_durable_execution_sdk_python_testing._functions.wire_errors import (
    describe_broken_invoker,
    late_call,
    timed_out,
)
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    Answer,
    CallbackResponder,
    Failure,
    give,
)
from aws_durable_execution_sdk_python_testing._local_service.running_functions import (
    RunningFunctions,
)
from aws_durable_execution_sdk_python_testing._local_service.skipped_time import (
    WAITED_FOR,
    SkippedTime,
)
from aws_durable_execution_sdk_python_testing._local_service.worker_threads import WorkerThreads
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock
from aws_durable_execution_sdk_python_testing._time.time_limits import TimeLimit
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores.base import StoreWriteError

T = TypeVar("T")

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.local_service")

# Seconds: what an unchanged deadline may differ by from one computation to the next.
_TIMER_SLACK = 0.001


class EngineDriver:
    """Runs an engine's executions.

    Parameters:
        engine: what to drive. Nobody else may call it, except inside `command` or `lock`.
        clock: the time; one that skips waiting is moved over the time nothing runs in.
        service: what functions are given to call the service with.
        invoker: calls the functions.
        time_limit: how long a function, by its name, may take.
        skipped_time_counts: whether skipped time counts for execution time-outs.
        attended: whether somebody outside answers the callbacks of all executions.
        on_failure: called once nothing will happen any more, because the store has failed say.

    Attributes:
        lock: held while the engine is used.
        progress: notified after every command.
        listeners: called after every command and on `close`, with the lock held.
        ended: notified when an execution has ended, and on `close`.
    """

    def __init__(
        self,
        engine: Engine,
        clock: RealClock,
        service: HandlerService,
        invoker: Invoker,
        *,
        time_limit: Callable[[str], TimeLimit],
        skipped_time_counts: bool = False,
        attended: bool = False,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self.lock = threading.RLock()
        self.progress = threading.Condition(self.lock)
        self.ended = threading.Condition(self.lock)
        self.listeners: list[Callable[[], None]] = []
        self._engine = engine
        self._clock = clock
        self._service = service
        self._invoker = invoker
        self._time_limit = time_limit
        self._on_failure = on_failure
        self._threads = WorkerThreads("durable-function")
        self._running = RunningFunctions()
        self._skipping = SkippedTime(engine, clock, skipped_time_counts, attended)
        # Executions whose callbacks' answers are known in advance.
        self._responders: dict[str, CallbackResponder] = {}
        self._timer = threading.Condition(self.lock)
        self._timer_thread: threading.Thread | None = None
        self._timer_wakes = float("inf")
        self._closed = False
        self._failure: Exception | None = None

    @contextlib.contextmanager
    def command(self) -> Iterator[tuple[Engine, float]]:
        """The engine and the time, for one command; what it asks for is done on the way out.

        Raises:
            DurableFunctionsLocalRunnerError: the driver is closed, or has failed.
        """
        with self.lock:
            self.check_open()
            try:
                yield self._engine, self._clock.now()
            except StoreWriteError as error:
                self._fail(error)
                self.check_open()
            finally:
                # Also after a refusal: timers may have fired before it.
                if self._failure is None:
                    self._settle()

    @contextlib.contextmanager
    def query(self) -> Iterator[Engine]:
        """The engine, for looking at it; also once the driver is closed.

        Raises:
            DurableFunctionsLocalRunnerError: it has failed: what the engine would show may not
                be stored.
        """
        with self.lock:
            self._check_failure()
            yield self._engine

    def answered(self, now: float) -> None:
        """After an answer to what a function asked; the caller holds the lock."""
        self._skipping.move_on(now)

    def check_open(self) -> None:
        """Raise if nothing will happen any more."""
        self._check_failure()
        if self._closed:
            raise DurableFunctionsLocalRunnerError("the local service is closed")

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise DurableFunctionsLocalRunnerError(
                f"the local service failed: {self._failure}"
            ) from self._failure

    def attend(self, arn: str, responder: CallbackResponder | None, attended: bool) -> None:
        """Say who answers an execution's callbacks: a responder, or somebody outside."""
        if responder is not None:
            self._responders[arn] = responder
            self._answer_callbacks(arn)
        elif attended:
            self._skipping.attended.add(arn)

    def is_idle(self, arn: str) -> bool:
        """Whether no function runs for this execution."""
        return not self._running.runs_for(arn)

    def waits_for_nothing(self) -> bool:
        """Whether nothing runs, and nothing is due but the time-outs of executions."""
        return not self._running and self._engine.next_deadline(WAITED_FOR) is None

    def close(self) -> None:
        """Abandon what runs, and refuse its calls. Idempotent."""
        with self.lock:
            self._closed = True
            self._running.clear()
            for condition in (self.ended, self._timer):
                condition.notify_all()
            self._announce()
        self._threads.close()

    def _settle(self) -> None:
        """Do what the engine asks for, then whatever time brings while nothing runs."""
        with self._failing():
            self._perform_effects()
            while not self._running and self._skipping.to_next_deadline():
                self._perform_effects()
            self._wake_timer()
        self._announce()

    def _announce(self) -> None:
        self.progress.notify_all()
        for listener in self.listeners:
            listener()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Whoever waits must learn of an error that strikes where no caller can handle it."""
        try:
            yield
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        """Nothing more will happen, nor is anything shown: it might not be stored."""
        if self._closed:
            return
        self._failure = error
        _log.error("the local service has failed: %s", " ".join(str(error).split()))
        self.close()
        self._on_failure()

    @contextlib.contextmanager
    def _in_background(self) -> Iterator[None]:
        """For threads of the driver's own: they end when it closes; if they fail, so does it."""
        with contextlib.suppress(Exception), self._failing():
            yield  # an error is raised to those who wait, by `check_open`

    # ----------------------------------------------------------------------------- effects

    def _perform_effects(self) -> None:
        while effects := self._engine.take_effects():
            for effect in effects:
                self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case InvokeHandler():
                self._invoke_handler(effect)
            case InvokeFunction():
                self._call_function(effect)
            case ExecutionEnded():
                self._skipping.attended.discard(effect.arn)
                self._responders.pop(effect.arn, None)
                self.ended.notify_all()

    def _invoke_handler(self, effect: InvokeHandler) -> None:
        try:
            invocation = self._engine.begin_invocation(effect.arn, now := self._clock.now())
        except ResourceConflictError:
            return  # the execution ended meanwhile
        self.answered(now)
        limit = self._time_limit(invocation.function_name)
        late: Returned | Crashed = Crashed(timed_out(invocation.request_id, limit.total))
        self._run(
            effect.arn,
            partial(self._invoker.invoke, invocation, self._service),
            partial(self._end_invocation, invocation),
            seconds=limit.total,
            given_up=late,
            broken=Crashed,
        )

    def _end_invocation(self, invocation: HandlerInvocation, outcome: Returned | Crashed) -> None:
        self._engine.end_invocation(
            invocation.arn, invocation.request_id, outcome, self._clock.now()
        )
        self._answer_callbacks(invocation.arn)

    def _call_function(self, effect: InvokeFunction) -> None:
        limit = self._time_limit(effect.function_name)
        self._run(
            effect.arn,
            partial(self._invoker.call, effect, self._service),
            partial(self._end_function, effect),
            seconds=limit.total,
            given_up=late_call(effect, limit),
            broken=lambda error: FunctionResult(error=error),
        )

    def _end_function(self, effect: InvokeFunction, outcome: FunctionResult) -> None:
        status = Status.SUCCEEDED if outcome.error is None else Status.FAILED
        error = outcome.error
        if outcome.unanswered_after is not None:
            status, error = Status.TIMED_OUT, invoke_timed_out(outcome.unanswered_after)
        self._engine.complete_invoke(
            effect.arn, effect.operation_id, status, outcome.result, error, self._clock.now()
        )

    def _answer_callbacks(self, arn: str) -> None:
        responder = self._responders.get(arn)
        if responder is None:
            return
        for callback in self._engine.open_callbacks(arn):
            name = responder.take(callback)
            if name is not None:
                seconds = self._service.invocation_timeout
                late: Answer = Failure(timed_out(callback.callback_id, seconds))
                self._run(
                    arn,
                    partial(responder.answer, name),
                    partial(self._give_answer, callback.callback_id),
                    seconds=seconds,
                    given_up=late,
                    broken=Failure,
                )

    def _give_answer(self, callback_id: str, answer: Answer) -> None:
        give(answer, self._engine, callback_id, self._clock.now())

    def _run(
        self,
        arn: str,
        work: Callable[[], T],
        finish: Callable[[T], Any],
        *,
        seconds: float,
        given_up: T,
        broken: Callable[[dict[str, Any]], T],
    ) -> None:
        """Run `work` on a thread, then `finish` with its value under the lock.

        If it takes longer than `seconds`, `finish(given_up)` is called instead and whatever it
        comes to is dropped: a thread cannot be killed. It should not raise; if it
        does, `broken` makes the value of the wire error, so that nobody waits for ever.
        """
        running = self._running.add(arn, seconds, partial(finish, given_up))

        def job() -> None:
            try:
                value = work()
            except BaseException as error:
                value = broken(describe_broken_invoker(error))
            with self._in_background(), self.command():
                if self._running.remove(running):
                    finish(value)

        self._threads.submit(job)

    # -------------------------------------------------------------------------------- time

    def advance(self, seconds: float, timeout: float | None) -> None:
        """Let time pass: go from deadline to deadline, and let what falls due run to rest.

        Parameters:
            seconds: how much. Callback time-outs count it, whoever answers them.
            timeout: real seconds to wait, each time, until no function runs.

        Raises:
            TimeoutError: a function runs for longer than that.
        """
        left = seconds
        with self.progress:
            while True:
                if not self.progress.wait_for(self._is_at_rest, timeout):
                    raise TimeoutError(f"a function has not come to rest within {timeout} s")
                if left <= 0:
                    return
                left -= self._jump_by_at_most(left)

    def _is_at_rest(self) -> bool:
        self.check_open()
        return not self._running

    def _jump_by_at_most(self, seconds: float) -> float:
        """Jump to the next deadline if it is that near, else by `seconds`; returns how far."""
        with self.command() as (_, now):
            return self._skipping.jump_by_at_most(seconds, now)

    def _real_wait(self) -> float:
        """Real seconds until something is due."""
        deadline = self._engine.next_deadline()
        wait = float("inf") if deadline is None else self._clock.real_delay(deadline)
        left = self._running.seconds_left()
        return wait if left is None else min(wait, left)

    def _wake_timer(self) -> None:
        wakes = time.monotonic() + self._real_wait()
        if self._timer_thread is None and wakes < float("inf"):
            self._timer_thread = EngineThread(
                target=self._keep_time, name="durable-timer", daemon=True
            )
            self._timer_thread.start()
        elif wakes < self._timer_wakes - _TIMER_SLACK:
            self._timer.notify()

    def _keep_time(self) -> None:
        """Wait for deadlines in real time, until closed."""
        with self._in_background(), self._timer:
            while True:
                with self.command() as (engine, now):
                    engine.fire_due(now)
                    self._running.give_up_late()
                wait = self._real_wait()
                self._timer_wakes = time.monotonic() + wait
                self._timer.wait(min(wait, threading.TIMEOUT_MAX))
