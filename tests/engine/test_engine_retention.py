"""How long executions are kept, and deleting them before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from bench import Bench, Handler, callback, invoke

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Engine,
    ExecutionEnded,
    InvalidParameterValueError,
    InvokeHandler,
    PlainTarget,
    ResourceConflictError,
    ResourceNotFoundError,
)
from aws_durable_execution_sdk_python_testing.stores import EventStore
from aws_durable_execution_sdk_python_testing.stores.base import PURGED, Record

DAY = 86_400.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def known(engine: Engine, arn: str) -> bool:
    try:
        engine.get_execution(arn)
    except ResourceNotFoundError:
        return False
    return True


def stored(store: EventStore) -> set[str]:
    return {arn for arn, _ in store.load()}


# ------------------------------------------------------------------------------- deleting


def test_a_deleted_execution_is_gone_from_every_query(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(callback())
    callback_id = handler.callback_id()
    handler.succeeds()
    assert bench.engine.delete_execution(handler.arn, bench.now + 5) == 1_005.0
    engine = bench.engine
    for query in (engine.get_execution, engine.get_history, engine.operations):
        with pytest.raises(ResourceNotFoundError):
            query(handler.arn)
    with pytest.raises(ResourceNotFoundError):
        engine.callback_succeed(callback_id, b"1", bench.now)
    assert engine.list_executions() == {"DurableExecutions": []}
    assert stored(bench.store) == set()


def test_deleting_twice_is_not_found(bench: Bench) -> None:
    handler = bench.start()
    handler.succeeds()
    bench.engine.delete_execution(handler.arn, bench.now)
    with pytest.raises(ResourceNotFoundError):
        bench.engine.delete_execution(handler.arn, bench.now)


@pytest.mark.parametrize("paused", [False, True])
def test_only_a_closed_execution_can_be_deleted(bench: Bench, paused: bool) -> None:
    handler = bench.start()
    if paused:
        bench.engine.pause_execution(handler.arn, bench.now)
    with pytest.raises(ResourceConflictError) as caught:
        bench.engine.delete_execution(handler.arn, bench.now)
    assert caught.value.status_code == 409
    assert known(bench.engine, handler.arn)


def test_the_name_of_a_deleted_execution_is_free(bench: Bench) -> None:
    handler = bench.start(execution_name="n", input="1")
    handler.succeeds()
    bench.engine.delete_execution(handler.arn, bench.now)
    again = bench.start_only(execution_name="n", input="2")
    assert again != handler.arn


def test_a_late_checkpoint_of_a_deleted_execution_is_refused(bench: Bench) -> None:
    handler = bench.start()
    bench.engine.stop_execution(handler.arn, None, bench.now)
    bench.engine.delete_execution(handler.arn, bench.now)
    with pytest.raises(InvalidParameterValueError, match="not found"):
        handler.checkpoint()


def test_what_still_ran_for_a_deleted_execution_is_ignored(bench: Bench) -> None:
    bench.engine.register_target("plain", PlainTarget())
    handler = bench.start()
    handler.checkpoint(invoke("plain"))
    bench.engine.stop_execution(handler.arn, None, bench.now)
    bench.engine.delete_execution(handler.arn, bench.now)
    handler.succeeds()
    bench.engine.complete_invoke(handler.arn, "i", Status.SUCCEEDED, "1", None, bench.now)
    assert bench.engine.list_executions() == {"DurableExecutions": []}


def test_nothing_is_left_of_many_that_were_deleted(bench: Bench) -> None:
    """Also of when they would have been forgotten: that is up to 90 days away."""
    for _ in range(500):
        handler = bench.start()
        handler.succeeds()
        bench.engine.delete_execution(handler.arn, bench.now)
    service = bench.engine._service  # nothing of this can be seen from outside
    held = (service.executions, service.names, service.touched, service.purged)
    assert not any(held)
    assert len(service.retention) < 100
    assert len(service.timers) < 100


# ------------------------------------------------------------------------------ retention


@pytest.mark.parametrize("days", [1, 90])
def test_a_closed_execution_is_kept_so_many_days(bench: Bench, days: int) -> None:
    handler = bench.start(retention_period_days=days)
    bench.now += 1_000
    handler.succeeds()
    bench.engine.fire_due(2_000 + days * DAY - 0.001)
    assert known(bench.engine, handler.arn)
    bench.engine.fire_due(2_000 + days * DAY)
    assert not known(bench.engine, handler.arn)
    assert stored(bench.store) == set()


def test_an_open_execution_is_kept_however_old(bench: Bench) -> None:
    handler = bench.start(retention_period_days=1)
    handler.checkpoint(callback())
    handler.suspends()
    bench.advance(300 * DAY)
    assert known(bench.engine, handler.arn)


def test_any_command_lets_go_of_what_is_overdue(bench: Bench) -> None:
    """So the name is free when the next one starts."""
    handler = bench.start(execution_name="n", retention_period_days=1, input="1")
    handler.succeeds()
    bench.now += DAY
    assert bench.start_only(execution_name="n", input="2") != handler.arn


def test_no_clock_is_to_jump_to_the_end_of_a_retention(bench: Bench) -> None:
    bench.start(retention_period_days=1).succeeds()
    assert bench.engine.next_deadline() is None


def test_skipped_time_does_not_count(bench: Bench) -> None:
    """A test that skips a week still looks at what ended before."""
    handler = bench.start(retention_period_days=1)
    handler.succeeds()
    bench.engine.skip_time(7 * DAY, [])
    bench.now += 7 * DAY
    bench.engine.fire_due(bench.now)
    assert known(bench.engine, handler.arn)
    bench.engine.fire_due(bench.now + DAY)
    assert not known(bench.engine, handler.arn)


def test_retention_goes_on_in_a_new_process(bench: Bench) -> None:
    handler = bench.start(retention_period_days=1)
    handler.succeeds()
    engine = Engine(bench.store)
    assert known(engine, handler.arn)
    engine.recover(bench.now + DAY)
    assert not known(engine, handler.arn)
    assert stored(bench.store) == set()


# ------------------------------------------------------------------- parents and children


def test_a_child_outlives_a_parent_that_is_gone(bench: Bench) -> None:
    bench.engine.register_target("child", DurableTarget())
    parent = bench.start()
    parent.checkpoint(invoke("child"))
    (effect,) = bench.engine.take_effects()
    child = Handler(bench, effect.arn)
    child.begin()
    bench.engine.stop_execution(parent.arn, None, bench.now)
    bench.engine.delete_execution(parent.arn, bench.now)
    bench.engine.take_effects()
    child.succeeds()
    assert child.status == "SUCCEEDED"
    assert bench.engine.take_effects() == [ExecutionEnded(child.arn)]


def test_a_parent_outlives_a_child_that_is_gone(bench: Bench) -> None:
    bench.engine.register_target("child", DurableTarget())
    parent = bench.start()
    parent.checkpoint(invoke("child"))
    parent.suspends()
    (effect,) = bench.engine.take_effects()
    assert isinstance(effect, InvokeHandler)
    child = Handler(bench, effect.arn)
    child.begin()
    child.succeeds('"done"')
    bench.engine.delete_execution(child.arn, bench.now)
    again = Bench(bench.store)
    again.engine.recover(bench.now)
    assert not known(again.engine, child.arn)
    handler = Handler(again, parent.arn)
    assert handler.operation("i")["ChainedInvokeDetails"] == {"Result": '"done"'}
    assert again.engine.take_effects() == [InvokeHandler(parent.arn, "f")]


# --------------------------------------------------------------------- stores that keep it


class KeepingStore:
    """A store that never drops a record, which it may."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Record]] = []

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        self.log += records

    def load(self) -> Iterator[tuple[str, Record]]:
        return iter(self.log)

    def close(self) -> None:
        pass


def test_the_last_record_says_that_the_execution_is_gone() -> None:
    store = KeepingStore()
    bench = Bench(store)
    handler = bench.start(execution_name="n", input="1")
    handler.succeeds()
    bench.engine.delete_execution(handler.arn, bench.now)
    assert store.log[-1] == (handler.arn, PURGED)
    again = Bench(store)
    assert not known(again.engine, handler.arn)
    again.start_only(execution_name="n", input="2")
