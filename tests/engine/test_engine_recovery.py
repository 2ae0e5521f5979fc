"""What a store brings back: the same executions, and work that goes on."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import pytest
from bench import (
    EXIT_ERROR,
    FAILURE,
    Bench,
    Handler,
    callback,
    context,
    end_execution,
    invoke,
    retry,
    step,
    update,
    wait,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import (
    CallbackTimeoutError,
    DurableTarget,
    Engine,
    InvokeFunction,
    InvokeHandler,
    PlainTarget,
    ResourceConflictError,
    ResourceNotFoundError,
    ServiceError,
    TimerKind,
    metering,
)
from aws_durable_execution_sdk_python_testing.stores import EventStore, InMemoryExecutionStore


def restarted(bench: Bench) -> Bench:
    """A new process on the same store."""
    again = Bench(bench.store, now=bench.now)
    again.engine.register_target("child", DurableTarget())
    again.engine.register_target("plain", PlainTarget())
    again.engine.recover(bench.now)
    return again


def moved(handler: Handler, bench: Bench) -> Handler:
    return Handler(bench, handler.arn)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.engine.register_target("child", DurableTarget())
    bench.engine.register_target("plain", PlainTarget())
    return bench


def test_a_lost_invocation_is_closed_as_crashed_and_asked_for_again(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(step("START"))
    bench.now += 5
    again = restarted(bench)
    handler = moved(handler, again)
    assert again.engine.take_effects() == [InvokeHandler(handler.arn, "f")]
    error = handler.details("InvocationCompleted")["Error"]["Payload"]
    assert error["ErrorType"] == "Runtime.ExitError"
    handler.begin()
    handler.checkpoint(step("SUCCEED", Payload="1"))
    handler.succeeds()
    assert handler.status == "SUCCEEDED"


def test_an_invocation_that_never_began_is_asked_for_again(bench: Bench) -> None:
    arn = bench.start_only()
    again = restarted(bench)
    assert again.engine.take_effects() == [InvokeHandler(arn, "f")]
    assert Handler(again, arn).event_types == ["ExecutionStarted"]


def test_timers_are_armed_again(bench: Bench) -> None:
    handler = bench.start(execution_timeout=1_000)
    handler.checkpoint(
        wait(30), retry(delay=20), callback(timeout=40), callback("d", timeout=50, heartbeat=10)
    )
    handler.suspends()
    bench.now += 5
    bench.engine.callback_heartbeat(handler.callback_id("d"), bench.now)
    again = restarted(bench)
    deadlines = {kind: again.engine.next_deadline([kind]) for kind in TimerKind}
    assert deadlines == {
        TimerKind.EXECUTION_TIMEOUT: 2_000.0,
        TimerKind.INVOCATION_RETRY: None,
        TimerKind.WAIT: 1_030.0,
        TimerKind.STEP_RETRY: 1_020.0,
        TimerKind.CALLBACK_TIMEOUT: 1_040.0,
        TimerKind.CALLBACK_HEARTBEAT: 1_015.0,
    }
    assert again.engine.take_effects() == []


REAL = {
    TimerKind.EXECUTION_TIMEOUT,
    TimerKind.CALLBACK_TIMEOUT,
    TimerKind.CALLBACK_HEARTBEAT,
}


def skipping_bench(seconds: float) -> tuple[Bench, Handler]:
    """An execution whose wait of so many seconds was skipped, and that has two callbacks."""
    bench = Bench()
    handler = bench.start(execution_timeout=1_000)
    handler.checkpoint(wait(int(seconds)), callback(timeout=40, heartbeat=10))
    handler.suspends()
    bench.engine.skip_time(seconds, REAL)
    bench.advance(seconds)
    handler.begin()
    handler.checkpoint(callback("later", timeout=60, heartbeat=20))
    return bench, handler


def caught_up(bench: Bench, skipped: float, real: Collection[TimerKind]) -> Bench:
    """A new process, whose clock is where it would be if nothing had been skipped."""
    again = Bench(bench.store, now=bench.now)
    again.engine.catch_up(bench.now - skipped)
    again.engine.recover(bench.now, real)
    return again


@pytest.mark.parametrize(("real", "later"), [(REAL, 500.0), ((), 0.0)])
def test_skipped_time_counts_after_a_restart_where_it_did_before(
    real: Collection[TimerKind], later: float
) -> None:
    """What an execution had left of its time-outs must not go with the process that skipped."""
    bench, _ = skipping_bench(500)
    again = caught_up(bench, 500, real)
    deadlines = [again.engine.next_deadline([kind]) for kind in sorted(REAL)]
    assert deadlines == [
        min(1_010.0 + later, 1_520.0),
        min(1_040.0 + later, 1_560.0),
        2_000.0 + later,
    ]


def test_a_heartbeat_counts_from_where_it_was() -> None:
    bench, handler = skipping_bench(500)
    bench.engine.callback_heartbeat(handler.callback_id("c"), bench.now)
    again = caught_up(bench, 500, REAL)
    assert again.engine.next_deadline([TimerKind.CALLBACK_HEARTBEAT]) == 1_510.0


def test_what_has_ended_outlives_skipped_time_after_a_restart_too() -> None:
    day = 86_400.0
    bench = Bench()
    handler = bench.start(retention_period_days=1)
    handler.succeeds()
    bench.engine.skip_time(5 * day, REAL)
    bench.advance(5 * day)
    bench.start_only()
    again = caught_up(bench, 5 * day, REAL)
    assert again.engine.get_execution(handler.arn)["Status"] == "SUCCEEDED"
    again.engine.fire_due(again.now + day)
    with pytest.raises(ResourceNotFoundError):
        again.engine.get_execution(handler.arn)


def test_a_timer_that_fell_due_meanwhile_fires(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(wait(30))
    handler.suspends()
    bench.now += 100
    again = restarted(bench)
    assert again.advance(0) == [InvokeHandler(handler.arn, "f")]


def test_the_delay_after_a_crash_goes_on(bench: Bench) -> None:
    handler = bench.start()
    for _ in range(2):
        handler.crashes()
        bench.advance(1)
        if handler.event_types.count("InvocationCompleted") == 1:
            handler.begin()
    again = restarted(bench)
    assert again.engine.take_effects() == []
    assert again.advance(1) == [InvokeHandler(handler.arn, "f")]
    handler = moved(handler, again)
    handler.begin()
    handler.crashes()
    assert again.advance(3.999) == []
    assert again.advance(0.001) == [InvokeHandler(handler.arn, "f")]


def test_an_outcome_by_checkpoint_is_the_end(bench: Bench) -> None:
    """Its invocation was lost, its result was not."""
    handler = bench.start()
    handler.checkpoint(end_execution(Payload="1"))
    handler = moved(handler, restarted(bench))
    assert handler.described["Result"] == "1"
    assert handler.event_types[-2:] == ["InvocationCompleted", "ExecutionSucceeded"]


def test_calls_of_plain_functions_are_asked_for_again(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(invoke("plain", Payload="[1]"))
    handler.suspends()
    again = restarted(bench)
    assert again.engine.take_effects() == [InvokeFunction(handler.arn, "i", "plain", "[1]")]


def test_a_child_still_answers_its_parent(bench: Bench) -> None:
    parent = bench.start()
    parent.checkpoint(invoke("child"))
    parent.suspends()
    again = restarted(bench)
    (effect,) = again.engine.take_effects()
    assert isinstance(effect, InvokeHandler)
    child = Handler(again, effect.arn)
    child.begin()
    child.succeeds()
    assert InvokeHandler(parent.arn, "f") in again.engine.take_effects()
    assert moved(parent, again).operation("i")["Status"] == "SUCCEEDED"


def test_names_and_callback_ids_stay_valid(bench: Bench) -> None:
    handler = bench.start(execution_name="n", input="1")
    handler.checkpoint(callback())
    handler.suspends()
    callback_id = handler.callback_id()
    again = restarted(bench)
    assert again.start_only(execution_name="n", input="1") == handler.arn
    again.engine.callback_succeed(callback_id, b"1", again.now)
    assert again.engine.take_effects() == [InvokeHandler(handler.arn, "f")]


def test_a_finished_execution_stays_finished(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(callback())
    handler.succeeds()
    again = restarted(bench)
    assert again.engine.take_effects() == []
    assert again.engine.next_deadline() is None
    with pytest.raises(CallbackTimeoutError):
        again.engine.callback_succeed(handler.callback_id(), None, again.now)


def test_the_limit_of_operations_survives(bench: Bench) -> None:
    """The start, retries and failed invocations included; and that of bytes."""
    handler = bench.start(input='"12345"')
    handler.checkpoint(step("START"), retry(delay=1, Error=FAILURE))
    handler.checkpoint(callback())
    handler.crashes()
    again = Engine(bench.store)
    used = [
        (execution.weight, execution.written)  # not visible from outside
        for engine in (bench.engine, again)
        for execution in [engine._service.find(handler.arn)]
    ]
    written = 7 + len(compact(FAILURE)) + len(compact(EXIT_ERROR))
    assert used == [(5, written)] * 2
    history = again.get_history(handler.arn)["Events"]
    assert metering.Usage.of(history) == metering.Usage(5, written)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class FlakyStore(InMemoryExecutionStore):
    """Refuses to append while `broken`."""

    broken = False

    def append(self, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
        if self.broken:
            raise OSError("disk full")
        super().append(records)


def test_what_the_store_refused_is_stored_with_the_next_command() -> None:
    store = FlakyStore()
    bench = Bench(store)
    handler = bench.start()
    store.broken = True
    with pytest.raises(OSError, match="disk full"):
        handler.checkpoint(callback())
    store.broken = False
    bench.engine.stop_execution(handler.arn, None, bench.now)
    assert snapshot(Engine(store)) == snapshot(bench.engine)


# ------------------------------------------------------------------------------- property


def snapshot(engine: Engine) -> dict[str, Any]:
    """Everything the API shows."""
    listed = engine.list_executions(max_items=1_000)["DurableExecutions"]
    return {
        arn: (
            engine.get_execution(arn),
            engine.operations(arn),
            engine.get_history(arn, max_items=1_000),
            engine.callbacks(arn),
        )
        for arn in (one["DurableExecutionArn"] for one in listed)
    }


def copied(store: EventStore) -> EventStore:
    copy = InMemoryExecutionStore()
    copy.append(list(store.load()))
    return copy


NUMBERS = st.integers(0, 3)
PARENTS = st.sampled_from([{}, {}, {"ParentId": "x"}])
TARGETS = st.sampled_from(["child", "child", "plain", "nobody"])


def close(action: str, number: int, **members: Any) -> dict[str, Any]:
    return {"Id": f"s{number}", "Type": "STEP", "Action": action, **members}


# Keys are few and per type, so that most updates fit the state and some do not.
UPDATES = st.one_of(
    st.builds(lambda number, parent: step("START", f"s{number}", **parent), NUMBERS, PARENTS),
    st.builds(lambda number: close("SUCCEED", number, Payload="1"), NUMBERS),
    st.builds(lambda number: close("FAIL", number, Error=FAILURE), NUMBERS),
    st.builds(lambda number, delay: retry(f"s{number}", delay), NUMBERS, st.integers(1, 5)),
    st.builds(lambda number, parent: wait(3, f"w{number}", **parent), NUMBERS, PARENTS),
    st.builds(lambda number: update("WAIT", "CANCEL", f"w{number}"), NUMBERS),
    st.builds(lambda number, beat: callback(f"c{number}", 7, beat), NUMBERS, NUMBERS),
    st.builds(lambda number, name: invoke(name, f"i{number}"), NUMBERS, TARGETS),
    st.just(context("START")),
    st.just(context("SUCCEED", Payload="1")),
)
PAUSES = ("ExecutionPaused", "ExecutionResumed")
ENDS = {f"Execution{how}" for how in ("Succeeded", "Failed", "TimedOut", "Stopped")}
OPEN = {"RUNNING", "PAUSING", "PAUSED"}
OUTPUTS = st.sampled_from(
    [{"Status": "PENDING"}] * 6 + [{"Status": "SUCCEEDED", "Result": "1"}, {"Status": "FAILED"}]
)


class StoredExecutions(RuleBasedStateMachine):
    """Whatever happens, the store holds it, and histories keep their form."""

    @initialize()
    def open(self) -> None:
        self.bench = Bench()
        self.bench.engine.register_target("child", DurableTarget(execution_timeout=30))
        self.bench.engine.register_target("plain", PlainTarget())
        self.flying: list[Handler] = []
        self.arns: list[str] = []
        self.start()

    def perform_effects(self) -> None:
        """Begin every invocation asked for, and answer every plain function."""
        engine = self.bench.engine
        for effect in engine.take_effects():
            if isinstance(effect, InvokeHandler):
                handler = Handler(self.bench, effect.arn)
                with suppress(ResourceConflictError):  # the execution ended meanwhile
                    handler.begin()
                    self.flying.append(handler)
            elif isinstance(effect, InvokeFunction):
                key, now = effect.operation_id, self.bench.now
                engine.complete_invoke(effect.arn, key, Status.SUCCEEDED, "1", None, now)
                self.perform_effects()

    @precondition(lambda self: len(self.arns) < 3)
    @rule()
    def start(self) -> None:
        self.arns.append(self.bench.start_only(execution_timeout=100))
        self.perform_effects()

    @precondition(lambda self: self.flying)
    @rule(number=NUMBERS, updates=st.lists(UPDATES, min_size=1, max_size=2))
    def checkpoint(self, number: int, updates: list[dict[str, Any]]) -> None:
        with suppress(ServiceError):
            self.flying[number % len(self.flying)].checkpoint(*updates)
        self.perform_effects()

    @precondition(lambda self: self.flying)
    @rule(number=NUMBERS, output=OUTPUTS)
    def end(self, number: int, output: dict[str, Any]) -> None:
        self.flying.pop(number % len(self.flying)).returns(output)
        self.perform_effects()

    @precondition(lambda self: self.flying)
    @rule(number=NUMBERS)
    def crash(self, number: int) -> None:
        self.flying.pop(number % len(self.flying)).crashes()
        self.perform_effects()

    @precondition(lambda self: self.flying)
    @rule(number=NUMBERS)
    def settle(self, number: int) -> None:
        with suppress(ServiceError):
            self.flying[number % len(self.flying)].checkpoint(end_execution(Payload="1"))

    @rule(number=NUMBERS, answer=st.sampled_from(["succeed", "fail", "heartbeat"]))
    def answer(self, number: int, answer: str) -> None:
        engine, now = self.bench.engine, self.bench.now
        with suppress(ResourceNotFoundError):
            for one in engine.open_callbacks(self.arns[number % len(self.arns)]):
                arguments = [] if answer == "heartbeat" else [None]
                with suppress(CallbackTimeoutError):
                    getattr(engine, f"callback_{answer}")(one.callback_id, *arguments, now)
        self.perform_effects()

    @rule(number=NUMBERS)
    def stop(self, number: int) -> None:
        arn = self.arns[number % len(self.arns)]
        with suppress(ResourceNotFoundError):
            self.bench.engine.stop_execution(arn, FAILURE, self.bench.now)
        self.perform_effects()

    @rule(number=NUMBERS, timeout_paused=st.booleans())
    def pause(self, number: int, timeout_paused: bool) -> None:
        arn = self.arns[number % len(self.arns)]
        with suppress(ResourceConflictError, ResourceNotFoundError):
            self.bench.engine.pause_execution(
                arn, self.bench.now, execution_timeout_paused=timeout_paused
            )

    @rule(number=NUMBERS)
    def resume(self, number: int) -> None:
        with suppress(ResourceConflictError, ResourceNotFoundError):
            self.bench.engine.resume_execution(self.arns[number % len(self.arns)], self.bench.now)
        self.perform_effects()

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        with suppress(ResourceConflictError, ResourceNotFoundError):
            self.bench.engine.delete_execution(self.arns[number % len(self.arns)], self.bench.now)

    @rule(seconds=st.integers(1, 8))
    def pass_time(self, seconds: int) -> None:
        self.bench.now += seconds
        self.bench.engine.fire_due(self.bench.now)
        self.perform_effects()

    @invariant()
    def the_store_holds_everything(self) -> None:
        engine = self.bench.engine
        assert snapshot(Engine(copied(self.bench.store))) == snapshot(engine)

    @invariant()
    def histories_have_their_form(self) -> None:
        for described, _, page, _ in snapshot(self.bench.engine).values():
            events = page["Events"]
            json.dumps(events)
            assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
            times = [event["EventTimestamp"] for event in events]
            assert times == sorted(times)
            ends = [e for e in events[1:] if e["EventType"] in ENDS]
            assert ends == ([] if described["Status"] in OPEN else [events[-1]])
            changes = [e["EventType"] for e in events if e["EventType"] in PAUSES]
            assert changes == [*PAUSES * len(changes)][: len(changes)]

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """A running execution has an invocation, or something that will bring one."""
        for execution in self.bench.engine._service.executions.values():
            progress = execution.progress
            if execution.status == "RUNNING" and progress.request_id is None:
                assert progress.retry_at is not None or (execution.pending and not execution.unseen)

    @invariant()
    def recovery_arms_the_same_timers(self) -> None:
        """While no invocation is in flight; one that is makes recovery do more."""
        engine = self.bench.engine
        flying = any(one.progress.request_id for one in engine._service.executions.values())
        if not flying:
            again = Engine(copied(self.bench.store))
            again.recover(self.bench.now)
            for kind in TimerKind:
                assert again.next_deadline([kind]) == engine.next_deadline([kind])


TestStoredExecutions = StoredExecutions.TestCase
TestStoredExecutions.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
