"""Invocations: the gate, the tokens, what an output means, and retries of failed ones."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from bench import EXIT_ERROR, FAILURE, Bench, Handler, callback, end_execution, retry, step, wait

from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    ExecutionEnded,
    InvalidParameterValueError,
    InvokeHandler,
    Limits,
    ResourceConflictError,
    Returned,
    ShapeError,
    TimerKind,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def handler(bench: Bench) -> Handler:
    return bench.start()


# ----------------------------------------------------------------------------------- gate


def test_the_event_of_the_first_invocation(bench: Bench) -> None:
    arn = bench.start_only(input='{"a":1}', execution_name="order-7")
    assert bench.engine.take_effects() == [InvokeHandler(arn, "f")]
    handler = Handler(bench, arn)
    event = handler.begin()
    execution_id = arn.rpartition("/")[2]
    assert event == {
        "DurableExecutionArn": arn,
        "CheckpointToken": handler.token,
        "InitialExecutionState": {
            "Operations": [
                {
                    "Id": execution_id,
                    "Type": "EXECUTION",
                    "Name": "order-7",
                    "StartTimestamp": 1_000_000,
                    "Status": "STARTED",
                    "ExecutionDetails": {"InputPayload": '{"a":1}'},
                }
            ],
            "NextMarker": "",
        },
        "UpdatedOperationIds": [],
    }


def test_the_event_has_milliseconds_and_answers_have_seconds(handler: Handler) -> None:
    handler.bench.now = 1_000.25
    shown = handler.checkpoint(wait(10), retry(delay=3))
    assert shown[0]["StartTimestamp"] == 1_000.25
    assert shown[0]["WaitDetails"] == {"ScheduledEndTimestamp": 1_010.25}
    handler.suspends()
    handler.bench.advance(3)
    operations = handler.begin()["InitialExecutionState"]["Operations"]
    assert operations[1]["StartTimestamp"] == 1_000_250
    assert operations[1]["WaitDetails"] == {"ScheduledEndTimestamp": 1_010_250}
    assert operations[2]["StepDetails"] == {"Attempt": 1}


def test_one_invocation_at_a_time(handler: Handler) -> None:
    with pytest.raises(ResourceConflictError):
        handler.begin()


def test_every_invocation_has_its_own_request_id(handler: Handler) -> None:
    handler.checkpoint(wait(1))
    first = handler.invocation.request_id
    handler.suspends()
    handler.bench.advance(1)
    handler.begin()
    assert handler.invocation.request_id != first


def test_a_trigger_asks_once(bench: Bench) -> None:
    """Two waits that end before the invocation begins need one invocation."""
    handler = bench.start()
    handler.checkpoint(wait(5, "v"), wait(6, "w"))
    handler.suspends()
    assert bench.advance(10) == [InvokeHandler(handler.arn, "f")]
    assert handler.begin()["UpdatedOperationIds"] == ["v", "w"]


def test_a_completion_nobody_awaits_invokes_too(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(callback(timeout=3), wait(6))
    handler.suspends()
    assert bench.advance(3) == [InvokeHandler(handler.arn, "f")]


def test_a_completion_during_an_invocation_waits_for_its_end(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(wait(5))
    assert bench.advance(5) == []
    handler.suspends()
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f")]


def test_a_completion_the_handler_has_seen_invokes_no_more(bench: Bench) -> None:
    """It was in the delta of a checkpoint, so nothing is new when the invocation ends."""
    handler = bench.start()
    handler.checkpoint(wait(5), callback())
    bench.now += 5
    (seen,) = handler.checkpoint()
    assert (seen["Id"], seen["Status"]) == ("w", "SUCCEEDED")
    handler.suspends()
    assert bench.engine.take_effects() == []


def test_an_invocation_wanted_before_the_end_is_refused_after_it(bench: Bench) -> None:
    arn = bench.start_only()
    bench.engine.stop_execution(arn, None, bench.now)
    with pytest.raises(ResourceConflictError):
        bench.engine.begin_invocation(arn, bench.now)


def test_an_invocation_wanted_before_its_execution_was_deleted_is_refused(bench: Bench) -> None:
    arn = bench.start_only()
    bench.engine.stop_execution(arn, None, bench.now)
    bench.engine.delete_execution(arn, bench.now)
    with pytest.raises(ResourceConflictError):
        bench.engine.begin_invocation(arn, bench.now)


# --------------------------------------------------------------------------------- tokens


def test_tokens_are_opaque_base64_and_used_once(handler: Handler) -> None:
    first = handler.token
    assert first is not None
    assert re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", first)
    assert len(first) <= 2048
    handler.checkpoint()
    assert handler.token != first
    with pytest.raises(InvalidParameterValueError) as caught:
        handler.checkpoint(CheckpointToken=first)
    assert caught.value.message == "Invalid checkpoint token"
    assert caught.value.to_dict() == {
        "Type": "InvalidParameterValueException",
        "message": "Invalid checkpoint token",
    }


@pytest.mark.parametrize("token", ["nonsense", base64.b64encode(b"1\n2\n3").decode()])
def test_other_tokens_are_refused(handler: Handler, token: str) -> None:
    with pytest.raises(InvalidParameterValueError, match=r"^Invalid checkpoint token$"):
        handler.checkpoint(CheckpointToken=token)


@pytest.mark.parametrize("token", [None, "", "no base64", "x" * 2_049])
def test_what_can_be_no_token_is_no_request(handler: Handler, token: str | None) -> None:
    with pytest.raises(ShapeError, match="'checkpointToken' failed to satisfy constraint"):
        handler.checkpoint(CheckpointToken=token)


def test_a_token_ends_with_its_invocation(handler: Handler) -> None:
    handler.checkpoint(wait(1))
    handler.suspends()
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint()
    handler.bench.advance(1)
    old = handler.token
    handler.begin()
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint(CheckpointToken=old)


def test_a_token_ends_with_its_execution(handler: Handler) -> None:
    handler.bench.engine.stop_execution(handler.arn, None, handler.bench.now)
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint(step("START"))


def test_a_refused_batch_leaves_the_token_valid(handler: Handler) -> None:
    with pytest.raises(InvalidParameterValueError):
        handler.checkpoint(step("RETRY"))
    assert handler.checkpoint(step("START"))


def test_the_same_client_token_and_token_replay_the_answer(handler: Handler) -> None:
    """A client that lost the answer asks again: same bytes, and the update counts once."""
    token = handler.token
    body = {"ClientToken": "call-1", "CheckpointToken": token}
    first = handler.answer(step("SUCCEED", Payload="1"), **body)
    handler.bench.now += 900
    again = handler.answer(step("SUCCEED", Payload="1"), **body)
    assert again == first
    assert handler.event_types.count("StepSucceeded") == 1
    assert handler.checkpoint(step("START", "t"))


def test_the_replay_window_closes(handler: Handler) -> None:
    body = {"ClientToken": "call-1", "CheckpointToken": handler.token}
    handler.answer(**body)
    handler.bench.now += 901
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.answer(**body)


def test_another_client_token_is_another_call(handler: Handler) -> None:
    token = handler.token
    handler.answer(ClientToken="call-1")
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.answer(ClientToken="call-2", CheckpointToken=token)


def test_a_client_token_is_printable_and_short(handler: Handler) -> None:
    with pytest.raises(ShapeError, match=r"'clientToken' failed to satisfy constraint: .* 64"):
        handler.answer(ClientToken="x" * 65)


def test_the_delta_is_what_was_touched_since_the_last_answer(handler: Handler) -> None:
    bench = handler.bench
    handler.checkpoint(step("START"), callback())
    bench.engine.callback_succeed(handler.callback_id(), b"yes", bench.now)
    shown = handler.checkpoint(step("SUCCEED", Payload="1"))
    assert [operation["Id"] for operation in shown] == ["c", "s"]
    assert handler.checkpoint() == []


def test_completions_due_now_are_part_of_the_answer(handler: Handler) -> None:
    handler.checkpoint(wait(5), retry(delay=4))
    handler.bench.now += 5
    shown = handler.checkpoint()
    assert [(one["Id"], one["Status"]) for one in shown] == [("s", "READY"), ("w", "SUCCEEDED")]


def test_a_heartbeat_is_nothing_the_handler_sees(handler: Handler) -> None:
    handler.checkpoint(callback(heartbeat=5))
    handler.bench.engine.callback_heartbeat(handler.callback_id(), handler.bench.now)
    assert handler.checkpoint() == []


# ------------------------------------------------------------------------------- outcomes


def test_success(handler: Handler) -> None:
    handler.succeeds('"done"')
    assert handler.bench.engine.take_effects() == [ExecutionEnded(handler.arn)]
    assert handler.described["Status"] == "SUCCEEDED"
    assert handler.described["Result"] == '"done"'
    root = handler.operation(handler.arn.rpartition("/")[2])
    assert root["Status"] == "SUCCEEDED"


def test_failure(handler: Handler) -> None:
    handler.fails()
    assert handler.described["Status"] == "FAILED"
    assert handler.described["Error"] == FAILURE


def test_failure_needs_no_error(handler: Handler) -> None:
    handler.returns({"Status": "FAILED"})
    assert handler.status == "FAILED"
    assert "Error" not in handler.described


UNDECORATED = "Is the handler decorated with @durable_execution?"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            {"Status": "SUCCEEDED", "Error": FAILURE},
            "Cannot provide an Error for SUCCEEDED status.",
        ),
        (
            {"Status": "FAILED", "Result": "1"},
            "Cannot provide a Result for FAILED status.",
        ),
        (None, f"Invalid invocation output: an object with a Status is expected. {UNDECORATED}"),
        ("text", f"Invalid invocation output: an object with a Status is expected. {UNDECORATED}"),
        ({"order": 1}, f"Invalid Status in invocation output: None. {UNDECORATED}"),
        ({"Status": None}, "Invalid Status in invocation output: None."),
        ({"Status": "DONE"}, "Invalid Status in invocation output: 'DONE'."),
        ({"Status": ["SUCCEEDED"]}, "Invalid Status in invocation output: ['SUCCEEDED']."),
        ({"Status": "SUCCEEDED", "Result": 1}, "Invalid Result in invocation output."),
        ({"Status": "FAILED", "Error": "no"}, "Invalid Error in invocation output."),
        *(
            ({"Status": "FAILED", "Error": error}, "Invalid Error in invocation output.")
            for error in ({"ErrorMessage": 5}, {"ErrorType": ["T"]}, {"StackTrace": [1]})
        ),
    ],
)
def test_an_invalid_output_fails_the_execution_at_once(
    handler: Handler, output: Any, message: str
) -> None:
    handler.returns(output)
    assert handler.status == "FAILED"
    assert handler.described["Error"] == {
        "ErrorType": "InvalidParameterValueException",
        "ErrorMessage": message,
    }


def test_a_result_over_the_limit_fails_the_execution() -> None:
    handler = Bench(limits=Limits(execution_payload_bytes=10)).start()
    handler.succeeds("x" * 11)
    assert "less than or equal to 10 bytes" in handler.described["Error"]["ErrorMessage"]


def test_a_large_result_comes_by_checkpoint(handler: Handler) -> None:
    """The checkpoint gives no token any more; the empty result that follows is not the result."""
    answer = handler.answer(end_execution(Payload='"large"'))
    assert "CheckpointToken" not in answer
    assert handler.status == "RUNNING"
    handler.succeeds("")
    assert handler.described["Result"] == '"large"'
    assert handler.event_types[-2:] == ["InvocationCompleted", "ExecutionSucceeded"]
    assert handler.event_types.count("ExecutionSucceeded") == 1
    assert handler.events[-1]["Id"] == handler.arn.rpartition("/")[2]


def test_a_large_error_comes_by_checkpoint(handler: Handler) -> None:
    handler.checkpoint(end_execution("FAIL", Error=FAILURE))
    handler.returns({"Status": "FAILED"})
    assert handler.described["Error"] == FAILURE


def test_an_outcome_by_checkpoint_survives_a_crash(handler: Handler) -> None:
    handler.checkpoint(end_execution(Payload="1"))
    handler.crashes()
    assert handler.status == "SUCCEEDED"
    assert handler.details("InvocationCompleted")["Error"]["Payload"] == EXIT_ERROR


def test_what_comes_after_the_end_is_ignored(handler: Handler) -> None:
    bench = handler.bench
    bench.engine.stop_execution(handler.arn, None, bench.now)
    before = handler.events
    handler.succeeds()
    assert handler.status == "STOPPED"
    assert handler.events == before


def test_another_invocations_end_is_ignored(handler: Handler) -> None:
    handler.bench.engine.end_invocation(
        handler.arn, "another", Returned({"Status": "SUCCEEDED"}), handler.bench.now
    )
    assert handler.status == "RUNNING"


# -------------------------------------------------------------------------------- retries


def test_pending_with_something_pending_suspends(handler: Handler) -> None:
    handler.checkpoint(callback())
    handler.suspends()
    assert handler.bench.engine.take_effects() == []
    assert handler.bench.engine.next_deadline([TimerKind.INVOCATION_RETRY]) is None


def test_pending_with_nothing_pending_is_retried_and_then_fails(handler: Handler) -> None:
    bench = handler.bench
    for delay in (1, 2, 4):
        handler.suspends()
        assert bench.engine.next_deadline() == bench.now + delay
        assert bench.advance(delay) == [InvokeHandler(handler.arn, "f")]
        handler.begin()
    handler.suspends()
    assert handler.status == "FAILED"
    assert handler.described["Error"] == {
        "ErrorType": "InvalidParameterValueException",
        "ErrorMessage": "Cannot return PENDING status with no pending operations.",
    }


def test_a_started_or_ready_step_is_nothing_pending(handler: Handler) -> None:
    handler.checkpoint(step("START"))
    handler.suspends()
    assert handler.bench.engine.next_deadline([TimerKind.INVOCATION_RETRY]) is not None


def test_crashes_are_retried_with_growing_delays_until_the_time_out() -> None:
    handler = Bench().start(execution_timeout=10_000)
    bench = handler.bench
    for delay in (1, 2, 4, 8, 16, 32, *[60] * 20):
        handler.crashes()
        assert bench.advance(delay - 0.001) == []
        assert bench.advance(0.001) == [InvokeHandler(handler.arn, "f")]
        handler.begin()
    handler.crashes()
    assert handler.status == "RUNNING"
    bench.advance(10_000)
    assert handler.status == "TIMED_OUT"


def test_a_runner_may_give_up_before_and_says_so() -> None:
    handler = Bench(limits=Limits(invocation_attempts=3)).start()
    for delay in (1, 2):
        handler.crashes()
        handler.bench.advance(delay)
        handler.begin()
    handler.crashes()
    assert handler.status == "FAILED"
    error = handler.described["Error"]
    assert error["ErrorType"] == EXIT_ERROR["ErrorType"]
    assert error["ErrorMessage"].startswith(EXIT_ERROR["ErrorMessage"])
    assert "3 invocations in a row have failed" in error["ErrorMessage"]
    assert "invocation_attempts" in error["ErrorMessage"]


def test_failed_invocations_count_as_operations() -> None:
    """So one that always crashes comes to an end by itself: the start, and three crashes."""
    handler = Bench(limits=Limits(operations=3)).start()
    for delay in (1, 2):
        handler.crashes()
        handler.bench.advance(delay)
        handler.begin()
    handler.crashes()
    assert handler.status == "FAILED"
    assert "limit of 3 operations" in handler.described["Error"]["ErrorMessage"]


def test_what_changed_is_told_until_an_invocation_has_gone_well(handler: Handler) -> None:
    bench = handler.bench
    handler.checkpoint(wait(1, "w"), callback("c"))
    handler.suspends()
    callback_id = handler.callback_id()
    bench.engine.callback_succeed(callback_id, b"1", bench.now)
    assert handler.begin()["UpdatedOperationIds"] == ["c"]
    handler.crashes()
    bench.advance(1)
    assert handler.begin()["UpdatedOperationIds"] == ["c", "w"]
    handler.checkpoint(wait(5, "v"))
    handler.suspends()
    bench.advance(5)
    assert handler.begin()["UpdatedOperationIds"] == ["v"]


def test_what_a_checkpoint_has_told_is_not_told_again(handler: Handler) -> None:
    handler.checkpoint(wait(1, "w"), wait(9, "v"))
    handler.bench.now += 1
    assert {one["Id"] for one in handler.checkpoint()} == {"w"}
    handler.suspends()
    handler.bench.advance(8)
    assert handler.begin()["UpdatedOperationIds"] == ["v"]


def test_the_delay_is_capped() -> None:
    limits = Limits(invocation_retry_initial=10.0, invocation_retry_maximum=30.0)
    assert [limits.invocation_delay(count) for count in (1, 2, 3, 50)] == [10, 20, 30, 30]


def test_a_suspension_between_crashes_starts_the_count_anew(handler: Handler) -> None:
    bench = handler.bench
    for _ in range(4):
        handler.crashes()
        bench.advance(60)
        handler.begin()
    handler.checkpoint(wait(1))
    handler.suspends()
    bench.advance(1)
    handler.begin()
    handler.crashes()
    assert handler.status == "RUNNING"


def test_a_crash_leaves_operations_as_they_are(handler: Handler) -> None:
    handler.checkpoint(step("START"))
    handler.crashes()
    assert handler.operation("s")["Status"] == "STARTED"
    assert handler.operation("s")["StepDetails"] == {"Attempt": 0}


def test_a_completion_does_not_cut_the_delay_short(handler: Handler) -> None:
    bench = handler.bench
    handler.checkpoint(wait(1))
    for _ in range(3):
        handler.crashes()
        bench.advance(4)
        handler.begin()
    handler.checkpoint(wait(1, "v"))
    handler.crashes()
    assert bench.advance(7) == []
    assert bench.advance(1) == [InvokeHandler(handler.arn, "f")]


def test_a_function_that_does_not_exist_is_not_retried(handler: Handler) -> None:
    error = {"ErrorType": "ResourceNotFoundException", "ErrorMessage": "Function not found: f"}
    handler.crashes(error)
    assert handler.status == "FAILED"
    assert handler.described["Error"] == error


def test_a_crash_of_a_stale_invocation_is_ignored(handler: Handler) -> None:
    handler.bench.engine.end_invocation(handler.arn, "old", Crashed(EXIT_ERROR), 2_000)
    assert handler.event_types == ["ExecutionStarted"]
