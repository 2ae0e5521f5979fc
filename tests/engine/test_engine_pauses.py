"""Pausing and resuming: what goes on meanwhile, what waits, and what callers are told."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, Handler, callback, end_execution, invoke, retry, step, wait

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import (
    Engine,
    ExecutionEnded,
    InvalidParameterValueError,
    InvokeHandler,
    PlainTarget,
    ResourceConflictError,
    ShapeError,
    TimerKind,
)

LONGEST = 31_622_400


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def handler(bench: Bench) -> Handler:
    """An execution in its first invocation; it has 60 s."""
    return bench.start(execution_timeout=60)


def pause(handler: Handler, **members: Any) -> None:
    handler.bench.engine.pause_execution(handler.arn, handler.bench.now, **members)


def resume(handler: Handler, **members: Any) -> None:
    handler.bench.engine.resume_execution(handler.arn, handler.bench.now, **members)


def suspended(handler: Handler, *updates: dict[str, Any]) -> Handler:
    """The execution waits for something, and no invocation is in flight."""
    handler.checkpoint(*updates)
    handler.suspends()
    assert handler.bench.engine.take_effects() == []
    return handler


# ------------------------------------------------------------------------ how it takes effect


def test_an_execution_that_waits_is_paused_at_once(handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler)
    assert handler.status == "PAUSED"


def test_an_execution_whose_invocation_is_in_flight_is_pausing(handler: Handler) -> None:
    pause(handler)
    assert handler.status == "PAUSING"
    assert "ExecutionPaused" not in handler.event_types


def test_the_next_checkpoint_is_saved_and_answered_with_neither_operations_nor_token(
    handler: Handler,
) -> None:
    pause(handler)
    answer = handler.answer(step("SUCCEED", Payload="1"), step("START", "t"))
    assert answer == {"NewExecutionState": {"Operations": []}}
    assert handler.status == "PAUSED"
    assert handler.operation("s")["StepDetails"]["Result"] == "1"
    assert handler.event_types[-2:] == ["StepStarted", "ExecutionPaused"]


def test_an_empty_checkpoint_pauses_too(handler: Handler) -> None:
    pause(handler)
    assert handler.answer() == {"NewExecutionState": {"Operations": []}}
    assert handler.status == "PAUSED"


def test_the_old_token_is_refused_after_that(handler: Handler) -> None:
    token = handler.token
    pause(handler)
    handler.answer(step("START"))
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint(step("SUCCEED"), CheckpointToken=token)
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.bench.engine.get_state(handler.arn, str(token))


def test_a_retry_of_the_checkpoint_gets_the_same_answer(handler: Handler) -> None:
    token = handler.token
    pause(handler)
    body = {"CheckpointToken": token, "ClientToken": "c"}
    assert handler.answer(step("START"), **body) == handler.answer(step("START"), **body)
    assert handler.event_types.count("StepStarted") == 1


def test_a_refused_checkpoint_does_not_pause(handler: Handler) -> None:
    pause(handler)
    with pytest.raises(InvalidParameterValueError):
        handler.checkpoint(step("CANCEL"))
    assert handler.status == "PAUSING"


def test_pending_with_nothing_pending_is_right_for_a_paused_execution(handler: Handler) -> None:
    pause(handler)
    handler.answer(step("START"))
    handler.suspends()
    assert handler.status == "PAUSED"
    assert "Error" not in handler.details("InvocationCompleted")
    assert handler.bench.engine.take_effects() == []


@pytest.mark.parametrize("end", ["suspends", "crashes"])
def test_without_a_checkpoint_the_end_of_the_invocation_pauses(handler: Handler, end: str) -> None:
    handler.checkpoint(callback())
    pause(handler)
    getattr(handler, end)()
    assert handler.status == "PAUSED"
    assert handler.event_types[-2:] == ["InvocationCompleted", "ExecutionPaused"]


def test_a_handler_that_suspended_for_the_pause_alone_is_invoked_after_it(
    bench: Bench, handler: Handler
) -> None:
    pause(handler)
    handler.suspends()
    resume(handler)
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]


@pytest.mark.parametrize("checkpointed", [False, True])
def test_an_execution_may_end_while_it_pauses(handler: Handler, checkpointed: bool) -> None:
    pause(handler)
    if checkpointed:
        handler.answer(step("START"))
    handler.succeeds()
    assert handler.status == "SUCCEEDED"
    assert handler.event_types[-2:] == ["InvocationCompleted", "ExecutionSucceeded"]
    assert "PauseDetails" not in handler.described


def test_an_outcome_by_checkpoint_ends_the_execution_despite_the_pause(handler: Handler) -> None:
    pause(handler)
    handler.answer(end_execution(Payload="7"))
    assert "ExecutionPaused" not in handler.event_types
    handler.succeeds("")
    assert (handler.status, handler.described["Result"]) == ("SUCCEEDED", "7")


def test_an_invocation_that_was_asked_for_waits_for_the_end_of_the_pause(bench: Bench) -> None:
    """Its effect is out already; the driver finds that none is wanted any more."""
    handler = Handler(bench, bench.start_only())
    pause(handler)
    with pytest.raises(ResourceConflictError):
        handler.begin()
    bench.engine.take_effects()
    resume(handler)
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]
    handler.begin()


# --------------------------------------------------------------------- what goes on meanwhile


def complete_callback(handler: Handler) -> None:
    handler.bench.engine.callback_succeed(handler.callback_id(), b"1", handler.bench.now)


def complete_function(handler: Handler) -> None:
    handler.bench.engine.complete_invoke(
        handler.arn, "i", Status.SUCCEEDED, "1", None, handler.bench.now
    )


def let_time_pass(handler: Handler) -> None:
    handler.bench.advance(10)


@pytest.mark.parametrize(
    ("update", "complete", "status"),
    [
        (callback(), complete_callback, "SUCCEEDED"),
        (callback(timeout=10), let_time_pass, "TIMED_OUT"),
        (callback(heartbeat=10), let_time_pass, "TIMED_OUT"),
        (wait(10), let_time_pass, "SUCCEEDED"),
        (retry(delay=10), let_time_pass, "READY"),
        (invoke("plain"), complete_function, "SUCCEEDED"),
    ],
)
def test_what_completes_during_a_pause_invokes_after_it(
    bench: Bench, handler: Handler, update: dict[str, Any], complete: Any, status: str
) -> None:
    bench.engine.register_target("plain", PlainTarget())
    handler.checkpoint(update)
    handler.suspends()
    bench.engine.take_effects()
    pause(handler)
    complete(handler)
    assert bench.engine.take_effects() == []
    assert handler.operation(update["Id"])["Status"] == status
    resume(handler)
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]
    assert handler.begin()["UpdatedOperationIds"] == [update["Id"]]


def test_a_pause_in_which_nothing_happened_invokes_nothing(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler)
    bench.advance(5)
    resume(handler)
    assert handler.status == "RUNNING"
    assert bench.engine.take_effects() == []


def test_an_interrupted_invocation_is_made_up_for(bench: Bench, handler: Handler) -> None:
    """Although it only waits: the handler has not been told what became of its update."""
    pause(handler)
    handler.answer(wait(50))
    handler.suspends()
    resume(handler)
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]


def test_resuming_before_the_interrupted_invocation_has_ended(
    bench: Bench, handler: Handler
) -> None:
    pause(handler)
    handler.answer(step("START"))
    resume(handler)
    assert handler.status == "RUNNING"
    assert bench.engine.take_effects() == []
    handler.suspends()
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]
    handler.begin()
    assert handler.checkpoint(step("SUCCEED")) != []


def test_resuming_while_pausing_leaves_no_trace(handler: Handler) -> None:
    before = handler.events
    pause(handler)
    resume(handler)
    assert handler.status == "RUNNING"
    assert handler.events == before
    assert handler.checkpoint(step("START")) != []


def test_the_delay_after_a_crash_runs_on_and_its_invocation_waits(
    bench: Bench, handler: Handler
) -> None:
    pause(handler)
    handler.crashes()
    assert bench.advance(30) == []
    resume(handler)
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]


def test_resuming_does_not_cut_the_delay_after_a_crash_short(
    bench: Bench, handler: Handler
) -> None:
    handler.checkpoint(callback())
    handler.crashes()
    pause(handler)
    complete_callback(handler)
    resume(handler)
    assert bench.engine.take_effects() == []
    assert bench.advance(1) == [InvokeHandler(handler.arn, "f")]


def test_a_paused_execution_can_be_stopped(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler)
    bench.engine.stop_execution(handler.arn, None, bench.now)
    assert bench.engine.take_effects() == [ExecutionEnded(handler.arn)]
    assert handler.status == "STOPPED"


def test_an_execution_may_pause_twice(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    for _ in range(2):
        pause(handler)
        resume(handler)
    assert handler.event_types[-4:] == ["ExecutionPaused", "ExecutionResumed"] * 2


# --------------------------------------------------------------------- the execution's time-out


def test_by_default_the_time_out_stands_still(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    bench.advance(20)
    pause(handler)
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_000 + LONGEST
    assert bench.advance(500) == []
    resume(handler)
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_560.0
    assert bench.advance(39.999) == []
    assert bench.advance(0.001) == [ExecutionEnded(handler.arn)]
    assert handler.status == "TIMED_OUT"
    assert handler.described["Error"]["ErrorMessage"] == "Execution timed out after 60 seconds."


def test_it_stands_still_from_the_moment_the_pause_takes_effect(
    bench: Bench, handler: Handler
) -> None:
    pause(handler)
    bench.advance(10)
    handler.answer(callback())
    handler.suspends()
    bench.advance(100)
    resume(handler)
    bench.engine.take_effects()
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_160.0


def test_while_pausing_the_execution_may_time_out(bench: Bench, handler: Handler) -> None:
    pause(handler)
    bench.advance(60)
    assert handler.status == "TIMED_OUT"


def test_a_pause_comes_too_late_for_what_was_due_before(bench: Bench, handler: Handler) -> None:
    """Even if nobody fired the timer before."""
    suspended(handler, callback())
    bench.now += 60
    with pytest.raises(ResourceConflictError, match="TIMED_OUT"):
        pause(handler)


def test_the_time_out_may_run_on(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler, execution_timeout_paused=False)
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_060.0
    assert bench.advance(60) == [ExecutionEnded(handler.arn)]
    assert handler.event_types[-1] == "ExecutionTimedOut"


def test_pauses_add_up(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    for _ in range(3):
        pause(handler)
        bench.advance(100)
        resume(handler)
        bench.advance(10)
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_360.0
    assert bench.engine.next_deadline() == 1_360.0


def test_no_pause_takes_an_execution_beyond_366_days(bench: Bench) -> None:
    handler = suspended(bench.start(execution_timeout=LONGEST - 100), callback())
    pause(handler)
    bench.advance(1_000)
    resume(handler)
    assert handler.described["ExpectedExecutionTimeoutTimestamp"] == 1_000 + LONGEST
    assert bench.engine.next_deadline() == 1_000 + LONGEST


def test_skipped_time_that_did_not_count_does_not_count_after_a_pause(
    bench: Bench, handler: Handler
) -> None:
    suspended(handler, wait(300), callback())
    bench.engine.skip_time(300, [TimerKind.EXECUTION_TIMEOUT])
    bench.advance(300)
    handler.begin()
    handler.suspends()
    pause(handler)
    bench.advance(50)
    resume(handler)
    assert bench.engine.next_deadline() == 1_000 + 300 + 50 + 60


# ------------------------------------------------------------------------ what callers are told


def test_the_events_and_the_details(bench: Bench, handler: Handler) -> None:
    pause(handler, reason="deploy", execution_timeout_paused=False)
    bench.advance(5)
    handler.answer(callback())
    handler.suspends()
    assert handler.described["PauseDetails"] == {
        "PauseRequestTimestamp": 1_000.0,
        "Reason": "deploy",
        "ExecutionTimeoutPaused": False,
    }
    bench.advance(5)
    resume(handler, reason="deployed")
    assert "PauseDetails" not in handler.described
    paused = next(event for event in handler.events if event["EventType"] == "ExecutionPaused")
    assert paused["EventTimestamp"] == 1_005.0
    assert paused["ExecutionPausedDetails"] == {
        "PauseRequestTimestamp": 1_000.0,
        "ExecutionTimeoutPaused": False,
        "Reason": {"Payload": "deploy", "Truncated": False},
    }
    assert handler.details("ExecutionResumed") == {
        "ResumeRequestTimestamp": 1_010.0,
        "Reason": {"Payload": "deployed", "Truncated": False},
    }
    assert [event["EventId"] for event in handler.events] == list(range(1, len(handler.events) + 1))


def test_a_reason_need_not_be_given(handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler)
    assert handler.described["PauseDetails"] == {
        "PauseRequestTimestamp": 1_000.0,
        "ExecutionTimeoutPaused": True,
    }
    resume(handler)
    assert "Reason" not in handler.details("ExecutionPaused")
    assert handler.details("ExecutionResumed") == {"ResumeRequestTimestamp": 1_000.0}


def test_a_reason_is_execution_data(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler, reason="secret")
    described = bench.engine.get_execution(handler.arn, include_execution_data=False)
    assert "Reason" not in described["PauseDetails"]
    events = bench.engine.get_history(handler.arn, include_execution_data=False)["Events"]
    assert events[-1]["ExecutionPausedDetails"]["Reason"] == {"Truncated": True}


def test_the_status_is_in_lists(bench: Bench, handler: Handler) -> None:
    suspended(handler, callback())
    pause(handler)
    (listed,) = bench.engine.list_executions(statuses=["PAUSED"])["DurableExecutions"]
    assert (listed["DurableExecutionArn"], listed["Status"]) == (handler.arn, "PAUSED")


def test_only_a_running_execution_can_be_paused(handler: Handler) -> None:
    pause(handler)
    with pytest.raises(ResourceConflictError, match="PAUSING"):
        pause(handler)
    handler.answer()
    with pytest.raises(ResourceConflictError, match="PAUSED"):
        pause(handler)
    handler.succeeds()
    with pytest.raises(ResourceConflictError, match="SUCCEEDED") as caught:
        pause(handler)
    assert caught.value.status_code == 409


def test_only_a_paused_execution_can_be_resumed(handler: Handler) -> None:
    with pytest.raises(ResourceConflictError, match="RUNNING"):
        resume(handler)
    handler.succeeds()
    with pytest.raises(ResourceConflictError, match="SUCCEEDED"):
        resume(handler)


def test_the_same_request_twice_is_carried_out_once(bench: Bench, handler: Handler) -> None:
    """Also where the other request came in between: the late retry must not pause again."""
    suspended(handler, callback())
    pause(handler, reason="r", client_token="p")
    pause(handler, reason="r", client_token="p")
    resume(handler, client_token="r")
    resume(handler, client_token="r")
    pause(handler, reason="r", client_token="p")
    assert handler.status == "RUNNING"
    assert handler.event_types[-2:] == ["ExecutionPaused", "ExecutionResumed"]


def test_a_client_token_answers_for_its_own_request_and_window_only(
    bench: Bench, handler: Handler
) -> None:
    suspended(handler, callback())
    pause(handler, client_token="p")
    with pytest.raises(ResourceConflictError):
        pause(handler, reason="another", client_token="p")
    bench.advance(15 * 60 + 0.001)
    with pytest.raises(ResourceConflictError):
        pause(handler, client_token="p")


@pytest.mark.parametrize(
    "members",
    [
        {"reason": "x" * 1_025},
        {"reason": 7},
        {"execution_timeout_paused": "yes"},
        {"client_token": "x" * 65},
        {"client_token": ""},
    ],
)
def test_a_request_out_of_range_is_refused(handler: Handler, members: dict[str, Any]) -> None:
    with pytest.raises((InvalidParameterValueError, ShapeError)):
        pause(handler, **members)
    assert handler.status == "RUNNING"


# --------------------------------------------------------------------------- a new process


def restarted(handler: Handler) -> Handler:
    """The same execution in a new engine on the same store."""
    bench = Bench.__new__(Bench)
    bench.store, bench.now = handler.bench.store, handler.bench.now
    bench.engine = Engine(bench.store)
    bench.engine.recover(bench.now)
    return Handler(bench, handler.arn)


def test_a_pause_outlives_the_process(bench: Bench, handler: Handler) -> None:
    suspended(handler, wait(30), callback())
    bench.advance(20)
    pause(handler, reason="r", client_token="p")
    bench.advance(100)
    again = restarted(handler)
    assert again.described == handler.described
    assert again.bench.engine.next_deadline() is None
    pause(again, reason="r", client_token="p")
    resume(again)
    assert again.bench.engine.take_effects() == [InvokeHandler(again.arn, "f")]
    assert again.bench.engine.next_deadline() == 1_000 + 60 + 100


def test_an_invocation_lost_while_pausing_is_made_up_for_after_the_pause(handler: Handler) -> None:
    handler.checkpoint(callback())
    pause(handler)
    again = restarted(handler)
    assert again.status == "PAUSED"
    assert again.event_types[-2:] == ["InvocationCompleted", "ExecutionPaused"]
    assert again.bench.engine.take_effects() == []
    resume(again)
    assert again.bench.engine.take_effects() == [InvokeHandler(again.arn, "f")]
