"""Callbacks: answers, time-outs, heartbeats, and who may still answer."""

from __future__ import annotations

import base64
import re

import pytest
from bench import FAILURE, Bench, Handler, callback, context, step, wait

from aws_durable_execution_sdk_python_testing._engine import (
    CallbackTimeoutError,
    InvalidParameterValueError,
    InvokeHandler,
    Limits,
    ResourceNotFoundError,
)


@pytest.fixture
def handler() -> Handler:
    return Bench().start()


def waiting(handler: Handler, timeout: int = 0, heartbeat: int = 0) -> str:
    """Let the handler suspend on a callback."""
    handler.checkpoint(callback(timeout=timeout, heartbeat=heartbeat))
    handler.suspends()
    return handler.callback_id()


def test_the_id_is_base64(handler: Handler) -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", waiting(handler))


def test_ids_are_unique(handler: Handler) -> None:
    handler.checkpoint(callback("a"), callback("b"))
    assert handler.callback_id("a") != handler.callback_id("b")


def test_success_wakes_the_execution(handler: Handler) -> None:
    engine = handler.bench.engine
    engine.callback_succeed(waiting(handler), '"é"'.encode(), handler.bench.now)
    assert engine.take_effects() == [InvokeHandler(handler.arn, "f")]
    operation = handler.operation("c")
    assert operation["Status"] == "SUCCEEDED"
    assert operation["CallbackDetails"]["Result"] == '"é"'
    assert handler.details("CallbackSucceeded")["Result"]["Payload"] == '"é"'


def test_success_needs_no_result(handler: Handler) -> None:
    handler.bench.engine.callback_succeed(waiting(handler), None, handler.bench.now)
    assert "Result" not in handler.operation("c")["CallbackDetails"]


def test_failure(handler: Handler) -> None:
    handler.bench.engine.callback_fail(waiting(handler), FAILURE, handler.bench.now)
    operation = handler.operation("c")
    assert operation["Status"] == "FAILED"
    assert operation["CallbackDetails"]["Error"] == FAILURE
    assert handler.details("CallbackFailed")["Error"]["Payload"] == FAILURE


def test_failure_without_an_error_leaves_an_empty_one(handler: Handler) -> None:
    handler.bench.engine.callback_fail(waiting(handler), None, handler.bench.now)
    assert handler.operation("c")["CallbackDetails"]["Error"] == {}


def test_a_callback_times_out(handler: Handler) -> None:
    waiting(handler, timeout=3)
    assert handler.details("CallbackStarted") == {
        "CallbackId": handler.callback_id(),
        "Timeout": 3,
    }
    handler.bench.advance(3)
    operation = handler.operation("c")
    assert operation["Status"] == "TIMED_OUT"
    assert operation["CallbackDetails"]["Error"] == {
        "ErrorType": "Callback.Timeout",
        "ErrorMessage": "Callback timed out",
    }


def test_a_callback_times_out_without_heartbeats(handler: Handler) -> None:
    waiting(handler, timeout=100, heartbeat=3)
    assert handler.details("CallbackStarted")["HeartbeatTimeout"] == 3
    handler.bench.advance(3)
    assert handler.details("CallbackTimedOut")["Error"]["Payload"] == {
        "ErrorType": "Callback.Heartbeat",
        "ErrorMessage": "Callback timed out on heartbeat",
    }


def test_heartbeats_keep_a_callback_alive_until_its_timeout(handler: Handler) -> None:
    bench = handler.bench
    callback_id = waiting(handler, timeout=10, heartbeat=4)
    for _ in range(3):
        bench.advance(3)
        bench.engine.callback_heartbeat(callback_id, bench.now)
    bench.advance(1)
    error = handler.operation("c")["CallbackDetails"]["Error"]
    assert error["ErrorType"] == "Callback.Timeout"


def test_a_heartbeat_without_heartbeat_timeout_is_accepted(handler: Handler) -> None:
    callback_id = waiting(handler)
    handler.bench.engine.callback_heartbeat(callback_id, handler.bench.now)
    assert handler.operation("c")["Status"] == "STARTED"


def test_an_answer_disarms_the_timers(handler: Handler) -> None:
    bench = handler.bench
    callback_id = waiting(handler, timeout=10, heartbeat=4)
    bench.engine.callback_succeed(callback_id, b"1", bench.now)
    bench.advance(10)
    assert "CallbackTimedOut" not in handler.event_types


@pytest.mark.parametrize("answer", ["callback_succeed", "callback_fail"])
def test_a_second_answer_is_refused(handler: Handler, answer: str) -> None:
    engine, now = handler.bench.engine, handler.bench.now
    callback_id = waiting(handler)
    engine.callback_succeed(callback_id, b"1", now)
    with pytest.raises(CallbackTimeoutError) as caught:
        getattr(engine, answer)(callback_id, None, now)
    assert caught.value.status_code == 400
    assert caught.value.code == "CallbackTimeoutException"
    with pytest.raises(CallbackTimeoutError):
        engine.callback_heartbeat(callback_id, now)


def test_an_answer_at_the_deadline_is_too_late(handler: Handler) -> None:
    """Even if nobody fired the timer before."""
    callback_id = waiting(handler, timeout=3)
    with pytest.raises(CallbackTimeoutError):
        handler.bench.engine.callback_succeed(callback_id, b"1", handler.bench.now + 3)
    assert handler.operation("c")["Status"] == "TIMED_OUT"


@pytest.mark.parametrize("callback_id", ["", "not base64!", "Zm9vYg", "\u00e6"])
def test_a_malformed_id_is_refused(handler: Handler, callback_id: str) -> None:
    with pytest.raises(InvalidParameterValueError):
        handler.bench.engine.callback_succeed(callback_id, b"1", 0)


def test_an_unknown_id_is_not_found(handler: Handler) -> None:
    handler.checkpoint(step("START"))
    texts = ("foo", "arn\nc", f"{handler.arn}\nc", f"{handler.arn}\ns", "a\nb\nc")
    for known in (*map(str.encode, texts), b"\xff"):
        with pytest.raises(ResourceNotFoundError):
            handler.bench.engine.callback_succeed(base64.b64encode(known).decode(), b"", 0)


def test_a_result_must_be_text_within_the_limit() -> None:
    handler = Bench(limits=Limits(payload_bytes=5)).start()
    callback_id = waiting(handler)
    engine, now = handler.bench.engine, handler.bench.now
    with pytest.raises(InvalidParameterValueError, match="UTF-8"):
        engine.callback_succeed(callback_id, b"\xff", now)
    with pytest.raises(InvalidParameterValueError, match="Callback result size"):
        engine.callback_succeed(callback_id, b"123456", now)
    engine.callback_succeed(callback_id, b"12345", now)
    assert handler.operation("c")["Status"] == "SUCCEEDED"


def test_an_error_must_be_one(handler: Handler) -> None:
    callback_id = waiting(handler)
    with pytest.raises(InvalidParameterValueError):
        handler.bench.engine.callback_fail(callback_id, {"ErrorMessage": 1}, handler.bench.now)


def test_callbacks_are_described_for_who_wants_to_answer(handler: Handler) -> None:
    handler.checkpoint(
        context("START", Name="approve", SubType="WaitForCallback"),
        callback(Name="approve create callback id", ParentId="x"),
        callback("d", Name="direct"),
    )
    inner, direct = handler.bench.engine.callbacks(handler.arn)
    assert (inner.name, inner.context_name) == ("approve create callback id", "approve")
    assert (direct.name, direct.context_name) == ("direct", None)
    assert inner.callback_id == handler.callback_id("c")
    assert inner.status == "STARTED"


def test_a_callback_is_announced_when_its_invocation_has_ended(handler: Handler) -> None:
    handler.checkpoint(callback(), wait(1))
    (created,) = handler.bench.engine.callbacks(handler.arn)
    assert not created.announced
    handler.suspends()
    (created,) = handler.bench.engine.callbacks(handler.arn)
    assert created.announced
    handler.bench.advance(1)
    handler.begin()
    handler.checkpoint(callback("d"))
    earlier, later = handler.bench.engine.callbacks(handler.arn)
    assert (earlier.announced, later.announced) == (True, False)


def test_closed_callbacks_are_told_apart(handler: Handler) -> None:
    engine = handler.bench.engine
    handler.checkpoint(callback("a"), callback("b"))
    engine.callback_succeed(handler.callback_id("a"), None, handler.bench.now)
    assert [one.operation_id for one in engine.callbacks(handler.arn)] == ["a", "b"]
    assert [one.operation_id for one in engine.open_callbacks(handler.arn)] == ["b"]
