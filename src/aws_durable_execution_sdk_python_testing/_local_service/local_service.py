"""A durable execution service inside the process: the API that runners, the command line and
an HTTP server call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import TERMINAL, Status
from aws_durable_execution_sdk_python_testing._engine import (
    CallbackInfo,
    Engine,
    Limits,
    StartExecution,
    Target,
)
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)
from aws_durable_execution_sdk_python_testing._faults import (
    FaultPlan,
    Faults,
    FaultyInvoker,
    FaultyService,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import HandlerService, Invoker
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._local_service.engine_driver import EngineDriver
from aws_durable_execution_sdk_python_testing._local_service.skipped_time import in_real_time
from aws_durable_execution_sdk_python_testing._results.open_operations import waits_for
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock
from aws_durable_execution_sdk_python_testing._time.time_limits import (
    MAX_INVOCATION_SECONDS,
    TimeLimit,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError
from aws_durable_execution_sdk_python_testing.stores.base import EventStore


class LocalService:
    """A durable execution service. All methods may be called from any thread.

    Once the service is closed or its store has failed, whatever would change or wait for
    something raises `DurableFunctionsLocalRunnerError`. An execution that does not exist raises
    `ResourceNotFoundError`.

    Parameters:
        invoker: calls the functions.
        store: where executions are kept. It stays open: it belongs to the caller.
        clock: `RealClock()`, or `VirtualClock()` to skip the time nothing runs in.
        limits: the service's limits.
        region, account_id: what ARNs are made of.
        invocation_timeout: real seconds after which an invocation is given up.
        skipped_time_counts: whether time that was skipped counts for execution time-outs.
        time_limit: how long each function, by its name, may take; by default none has a limit
            of its own.
        faults: what is to go wrong between handlers and service.
        attended: somebody outside answers the callbacks of every execution, so that their
            time-outs run in real time even if time is skipped.
        on_failure: called once nothing will happen any more, because the store has failed say.

    Attributes:
        faults: the plan of what goes wrong, which knows what did; None if nothing is to.
    """

    def __init__(
        self,
        invoker: Invoker,
        store: EventStore,
        *,
        clock: RealClock | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        region: str = DEFAULT_REGION,
        account_id: str = DEFAULT_ACCOUNT_ID,
        invocation_timeout: float = MAX_INVOCATION_SECONDS,
        skipped_time_counts: bool = False,
        time_limit: Callable[[str], TimeLimit] | None = None,
        faults: Faults | None = None,
        attended: bool = False,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock = clock or RealClock()
        self.invocation_timeout = invocation_timeout
        self.faults = None if faults is None else FaultPlan(faults)
        seen: HandlerService = self
        if self.faults is not None:
            seen, invoker = FaultyService(self, self.faults), FaultyInvoker(invoker, self.faults)
        if self.clock.skips_waiting:
            limits = limits.with_skipped_time()
        self._engine = Engine(store, limits=limits, region=region, account_id=account_id)
        # An earlier service may have skipped time: what it left is not to happen again sooner.
        self.clock.jump_to(self._engine.catch_up(self.clock.now()))
        self._real = in_real_time(counts=skipped_time_counts, attended=attended)
        self._driver = EngineDriver(
            self._engine,
            self.clock,
            seen,
            invoker,
            time_limit=time_limit or (lambda _: TimeLimit(invocation_timeout)),
            skipped_time_counts=skipped_time_counts,
            attended=attended,
            on_failure=on_failure,
        )

    # ------------------------------------------------------------------------- executions

    def register_target(self, function_name: str, target: Target) -> None:
        """Make a function known to `context.invoke`."""
        with self._driver.lock:
            self._engine.register_target(function_name, target)

    def start(
        self,
        request: StartExecution,
        *,
        responder: CallbackResponder | None = None,
        attended: bool = False,
    ) -> str:
        """Start an execution, or find the one that has its name and payload.

        Parameters:
            request: what to start.
            responder: answers its callbacks.
            attended: somebody outside answers its callbacks, so their time-outs run in real
                time even if time is skipped.

        Returns:
            The execution's ARN.

        Raises:
            DurableExecutionAlreadyStartedError: the name is taken, with another payload.
            InvalidParameterValueError: a field is out of its range.
        """
        with self._driver.command() as (engine, now):
            arn = engine.start_execution(request, now).arn
            if not self._has_ended(arn):
                self._driver.attend(arn, responder, attended)
            return arn

    def recover(self, responders: Mapping[str, CallbackResponder] | None = None) -> None:
        """Resume what the store holds: once, after the targets are registered.

        Parameters:
            responders: who answers the callbacks, by ARN of the execution.
        """
        with self._driver.command() as (engine, now):
            engine.recover(now, self._real)
            for arn, responder in (responders or {}).items():
                self._driver.attend(arn, responder, attended=False)

    def stop(self, arn: str, error: Mapping[str, Any] | None = None) -> float:
        """End an execution as STOPPED; returns when it ended, epoch seconds."""
        with self._driver.command() as (engine, now):
            return engine.stop_execution(arn, error, now)

    def pause(self, arn: str, **request: Any) -> None:
        """PauseDurableExecution; see `Engine.pause_execution`."""
        with self._driver.command() as (engine, now):
            engine.pause_execution(arn, now, **request)

    def resume(self, arn: str, **request: Any) -> None:
        """ResumeDurableExecution; see `Engine.resume_execution`."""
        with self._driver.command() as (engine, now):
            engine.resume_execution(arn, now, **request)

    def wait_until_paused(self, arn: str, timeout: float | None = None) -> None:
        """Return when a pause that was asked for has taken effect.

        Parameters:
            arn: the execution.
            timeout: real seconds to wait at most; None waits without limit.

        Raises:
            DurableFunctionsTestError: the execution ended first.
            TimeoutError: its function goes on without a checkpoint.
        """
        with self._driver.progress:
            if not self._driver.progress.wait_for(partial(self._has_settled, arn), timeout):
                raise TimeoutError(f"the execution has not paused within {timeout} s: {arn}")
            if self._has_ended(arn):
                raise DurableFunctionsTestError(f"the execution ended before it paused: {arn}")

    def wait_until_ended(self, arn: str, timeout: float | None = None) -> None:
        """Return when the execution has ended.

        Parameters:
            arn: the execution.
            timeout: real seconds to wait at most; None waits without limit.

        Raises:
            TimeoutError: it has not ended by then.
        """
        with self._driver.ended:
            if not self._driver.ended.wait_for(partial(self._has_ended, arn), timeout):
                raise TimeoutError(
                    f"the execution has not ended within {timeout} s; it waits for "
                    f"{self._waits_for(arn)}: {arn}"
                )

    def wait_until_ended_or_stuck(self, arn: str, timeout: float | None) -> list[CallbackInfo]:
        """Return when the execution has ended, or waits for callbacks and for nothing else.

        Parameters:
            arn: the execution.
            timeout: real seconds to wait at most; None waits without limit.

        Returns:
            The callbacks it waits for; none if it has ended, or not by then.
        """
        left: list[CallbackInfo] = []

        def look() -> bool:
            if self._has_ended(arn):
                return True
            if self._driver.waits_for_nothing():
                left.extend(self._engine.open_callbacks(arn))
            return bool(left)

        with self._driver.progress:
            self._driver.progress.wait_for(look, timeout)
        return left

    def _waits_for(self, arn: str) -> str:
        with self._driver.query() as engine:
            running = not self._driver.is_idle(arn)
            return waits_for(engine.operations(arn), running=running)

    def advance(self, seconds: float, timeout: float | None = None) -> None:
        """Let that much of the clock's time pass; see `EngineDriver.advance`."""
        self._driver.advance(seconds, timeout)

    def close(self) -> None:
        """Stop: functions that still run are abandoned, and their calls refused. Idempotent."""
        self._driver.close()

    # ----------------------------------------------------------------- the handler's calls

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """CheckpointDurableExecution; see `Engine.checkpoint`."""
        with self._driver.command() as (engine, now):
            answer = engine.checkpoint(arn, body, now)
            self._driver.answered(now)
            return answer

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        """GetDurableExecutionState; see `Engine.get_state`."""
        with self._driver.command() as (engine, now):
            return engine.get_state(arn, checkpoint_token, marker, max_items, now)

    def revoke_token(self, arn: str) -> None:
        """End what the invocation in flight can do; see `Engine.revoke_token`."""
        with self._driver.command() as (engine, now):
            engine.revoke_token(arn, now)

    # --------------------------------------------------------------------------- callbacks

    def callback_succeed(self, callback_id: str, result: bytes | None = None) -> None:
        """Answer a callback with a result; raises as `Engine.callback_succeed`."""
        with self._driver.command() as (engine, now):
            engine.callback_succeed(callback_id, result, now)

    def callback_fail(self, callback_id: str, error: Mapping[str, Any] | None = None) -> None:
        """Answer a callback with a wire error object; raises as `Engine.callback_fail`."""
        with self._driver.command() as (engine, now):
            engine.callback_fail(callback_id, error, now)

    def callback_heartbeat(self, callback_id: str) -> None:
        """Start a callback's heartbeat time-out anew; raises as `Engine.callback_heartbeat`."""
        with self._driver.command() as (engine, now):
            engine.callback_heartbeat(callback_id, now)

    def wait_for_callback(self, arn: str, name: str | None, timeout: float) -> str:
        """The id of an open callback whose creating invocation has ended.

        Parameters:
            arn: the execution.
            name: of the callback or the context it is created in: the first open one. None
                takes the latest open callback.
            timeout: real seconds to wait at most.

        Raises:
            DurableFunctionsTestError: no such callback can come any more.
            TimeoutError: there is none by then.
        """
        found: list[str] = []

        def look() -> bool:
            found.extend(self._find_callback(arn, name))
            return bool(found)

        with self._driver.progress:
            if not self._driver.progress.wait_for(look, timeout):
                raise TimeoutError(
                    f"no open {_label(name)} within {timeout} s; the execution waits for "
                    f"{self._waits_for(arn)}: {arn}"
                )
        return found[0]

    def _find_callback(self, arn: str, name: str | None) -> list[str]:
        """The wanted callback's id, as a list of one or none."""
        callbacks = [c for c in self._engine.callbacks(arn) if _is_called(c, name)]
        waiting = [c for c in callbacks if c.status is Status.STARTED]
        announced = [c.callback_id for c in waiting if c.announced]
        if announced:
            return [announced[-1] if name is None else announced[0]]
        if self._has_ended(arn):
            raise DurableFunctionsTestError(f"the execution ended with no open {_label(name)}")
        # While the function runs it may create another one of that name.
        if name and callbacks and not waiting and self._driver.is_idle(arn):
            raise DurableFunctionsTestError(f"the {_label(name)} is {callbacks[-1].status} already")
        return []

    # ----------------------------------------------------------------------------- queries

    def execution(self, arn: str) -> dict[str, Any]:
        """GetDurableExecution, with execution data."""
        with self._driver.query() as engine:
            return engine.get_execution(arn)

    def operations(self, arn: str) -> list[dict[str, Any]]:
        """Every operation in creation order, in API form."""
        with self._driver.query() as engine:
            return engine.operations(arn)

    def callbacks(self, arn: str) -> list[CallbackInfo]:
        """Every callback, closed ones too, in creation order."""
        with self._driver.query() as engine:
            return engine.callbacks(arn)

    def history(self, arn: str, include_execution_data: bool = True) -> list[dict[str, Any]]:
        """Every event, oldest first."""
        return self.events_after(arn, 0, include_execution_data)

    def follow(self, arn: str) -> Iterator[dict[str, Any]]:
        """Yield the events of an execution as they come, up to the one that ends it."""
        seen, ended = 0, False
        while not ended:
            with self._driver.progress:
                self._driver.progress.wait_for(partial(self._has_news, arn, seen))
                ended = self._has_ended(arn)
                events = self.events_after(arn, seen)
            yield from events
            seen = events[-1]["EventId"]

    def _has_news(self, arn: str, event_id: int) -> bool:
        self._driver.check_open()
        newest = self._engine.get_history(arn, False, None, 1, reverse_order=True)["Events"]
        return bool(newest) and newest[0]["EventId"] > event_id

    def events_after(
        self, arn: str, event_id: int, include_execution_data: bool = True
    ) -> list[dict[str, Any]]:
        """The events with higher ids, oldest first."""
        events: list[dict[str, Any]] = []
        with self._driver.query():
            # Backwards, so that following a long history does not read it all each time.
            for page in self._pages(arn, include_execution_data):
                events += [event for event in page if event["EventId"] > event_id]
                if page and page[-1]["EventId"] <= event_id + 1:
                    break
        events.reverse()
        return events

    def _pages(self, arn: str, include_execution_data: bool) -> Iterator[list[dict[str, Any]]]:
        """The events, newest first."""
        marker = None
        while True:
            page = self._engine.get_history(
                arn, include_execution_data, marker, MAX_PAGE_ITEMS, reverse_order=True
            )
            yield page["Events"]
            marker = page.get("NextMarker")
            if not marker:
                return

    def _has_settled(self, arn: str) -> bool:
        self._driver.check_open()
        return bool(self._engine.get_execution(arn, False)["Status"] != Status.PAUSING)

    def _has_ended(self, arn: str) -> bool:
        with self._driver.query() as engine:
            ended = engine.get_execution(arn, False)["Status"] in TERMINAL
            if not ended:
                self._driver.check_open()  # else it never will
            return ended


def _is_called(callback: CallbackInfo, name: str | None) -> bool:
    return name is None or name in (callback.name, callback.context_name)


def _label(name: str | None) -> str:
    return "callback" if name is None else f"callback named {name!r}"
