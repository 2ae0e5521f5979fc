"""What a store brings back: the same executions, and work that goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
from hypothesis.stateful import Bundle as Pool
from hypothesis.stateful import (
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from aws_durable_execution_sdk_python.core.model import Status
from aws_durable_execution_sdk_python_testing.engine import (
    CallbackTimeoutError,
    DurableTarget,
    Engine,
    InvokeFunction,
    InvokeHandler,
    PlainTarget,
    ServiceError,
    TimerKind,
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
    for _ in range(3):
        handler.begin()
        handler.crashes()
        again.advance(60)
    assert handler.status == "FAILED"
    assert handler.event_types.count("InvocationCompleted") == 5


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
    """Retries included."""
    handler = bench.start()
    handler.checkpoint(step("START"), retry(delay=1))
    handler.checkpoint(callback())
    again = Engine(bench.store)
    weights = [
        engine._service.executions[handler.arn].weight  # not visible from outside
        for engine in (bench.engine, again)
    ]
    assert weights == [3, 3]


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


KEYS = st.sampled_from(["a", "b", "c", "d"])
PARENTS = st.sampled_from([{}, {}, {"ParentId": "x"}])
UPDATES = st.one_of(
    st.builds(lambda key, parent: step("START", key, **parent), KEYS, PARENTS),
    st.builds(lambda key: {"Id": key, "Type": "STEP", "Action": "SUCCEED", "Payload": "1"}, KEYS),
    st.builds(lambda key: {"Id": key, "Type": "STEP", "Action": "FAIL", "Error": FAILURE}, KEYS),
    st.builds(lambda key, delay: retry(key, delay), KEYS, st.integers(1, 5)),
    st.builds(lambda key, parent: wait(3, key, **parent), KEYS, PARENTS),
    st.builds(lambda key: update("WAIT", "CANCEL", key), KEYS),
    st.builds(lambda key, beat: callback(key, 7, beat), KEYS, st.integers(0, 3)),
    st.builds(lambda key, name: invoke(name, key), KEYS, st.sampled_from(["child", "plain", "?"])),
    st.builds(lambda key, name: invoke(name, key), KEYS, st.sampled_from(["child", "nobody"])),
    st.just(context("START")),
    st.just(context("SUCCEED", Payload="1")),
)
OUTPUTS = st.sampled_from(
    [{"Status": "PENDING"}] * 4 + [{"Status": "SUCCEEDED", "Result": "1"}, {"Status": "FAILED"}]
)


class StoredExecutions(RuleBasedStateMachine):
    """Whatever happens, the store holds it, and histories keep their form."""

    wanted = Pool("wanted")
    running = Pool("running")

    @initialize()
    def open(self) -> None:
        self.bench = Bench()
        self.bench.engine.register_target("child", DurableTarget(execution_timeout=15))
        self.bench.engine.register_target("plain", PlainTarget())

    def effects(self) -> Iterator[Handler]:
        for effect in self.bench.engine.take_effects():
            if isinstance(effect, InvokeHandler):
                yield Handler(self.bench, effect.arn)
            elif isinstance(effect, InvokeFunction):
                self.bench.engine.complete_invoke(
                    effect.arn, effect.operation_id, Status.SUCCEEDED, "1", None, self.bench.now
                )
                yield from self.effects()

    @rule(target=wanted)
    def start(self) -> Any:
        self.bench.start_only(execution_timeout=40)
        return multiple(*self.effects())

    @rule(target=running, handler=consumes(wanted))
    def begin(self, handler: Handler) -> Any:
        try:
            handler.begin()
        except ServiceError:
            return multiple()
        return handler

    @rule(target=wanted, handler=running, updates=st.lists(UPDATES, max_size=3))
    def checkpoint(self, handler: Handler, updates: list[dict[str, Any]]) -> Any:
        token = handler.token
        try:
            handler.checkpoint(*updates)
        except ServiceError:
            handler.token = token
        return multiple(*self.effects())

    @rule(target=wanted, handler=consumes(running), output=OUTPUTS)
    def end(self, handler: Handler, output: dict[str, Any]) -> Any:
        handler.returns(output)
        return multiple(*self.effects())

    @rule(target=wanted, handler=consumes(running))
    def crash(self, handler: Handler) -> Any:
        handler.crashes(EXIT_ERROR)
        return multiple(*self.effects())

    @rule(handler=running)
    def settle(self, handler: Handler) -> None:
        try:
            handler.checkpoint(end_execution(Payload="1"))
        except ServiceError:
            return

    @rule(target=wanted, handler=running, answer=st.sampled_from(["succeed", "fail", "heartbeat"]))
    def answer(self, handler: Handler, answer: str) -> Any:
        engine, now = self.bench.engine, self.bench.now
        for one in engine.open_callbacks(handler.arn):
            arguments = [] if answer == "heartbeat" else [None]
            try:
                getattr(engine, f"callback_{answer}")(one.callback_id, *arguments, now)
            except CallbackTimeoutError:
                continue
        return multiple(*self.effects())

    @rule(target=wanted, handler=running)
    def stop(self, handler: Handler) -> Any:
        self.bench.engine.stop_execution(handler.arn, FAILURE, self.bench.now)
        return multiple(*self.effects())

    @rule(target=wanted, seconds=st.integers(0, 20))
    def pass_time(self, seconds: int) -> Any:
        due = self.bench.now + seconds
        self.bench.engine.fire_due(due)
        self.bench.now = due
        return multiple(*self.effects())

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
            ends = [e for e in events[1:] if e["EventType"].startswith("Execution")]
            assert ends == ([] if described["Status"] == "RUNNING" else [events[-1]])

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
TestStoredExecutions.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)
