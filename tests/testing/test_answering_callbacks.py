"""Callbacks that a test answers, in advance or while the execution waits."""

from __future__ import annotations

from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration
from aws_durable_execution_sdk_python_testing import (
    CALLBACK_TIMEOUT,
    DurableFunctionsTestError,
    DurableFunctionTestRunner,
    ErrorObject,
)
from aws_durable_execution_sdk_python_testing._engine import (
    CallbackTimeoutError,
    ResourceNotFoundError,
)


def approval(config: CallbackConfig | None = None) -> Any:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.create_callback(name="approval", config=config).result()

    return handler


HOUR = CallbackConfig(timeout=Duration.from_hours(1))


def test_a_callback_is_answered_by_name() -> None:
    with DurableFunctionTestRunner(approval()) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, name="approval")
        runner.send_callback_success(callback_id, result=b'{"approved": true}')
        result = runner.wait_for_result(arn)
    assert result.result == {"approved": True}
    callback = result.get_callback("approval")
    assert callback.callback_id == callback_id
    assert callback.result == {"approved": True}


def test_a_callback_is_found_by_the_name_of_its_wait_for_callback() -> None:
    submitted = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.wait_for_callback(lambda cid, ctx: submitted.append(cid), name="approve")

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, name="approve")
        assert submitted == [callback_id]
        runner.send_callback_success(callback_id, result=b"1")
        assert runner.wait_for_result(arn).result == 1


def test_without_a_name_the_latest_open_callback_is_taken() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        one = context.create_callback(name="one")
        two = context.create_callback(name="two")
        return [one.result(), two.result()]

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        runner.send_callback_success(runner.wait_for_callback(arn), result=b'"second"')
        runner.send_callback_success(runner.wait_for_callback(arn), result=b'"first"')
        assert runner.wait_for_result(arn).result == ["first", "second"]


def test_callbacks_of_one_name_are_found_one_after_the_other() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return [context.create_callback(name="next").result() for _ in range(5)]

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        for n in range(5):
            runner.send_callback_success(runner.wait_for_callback(arn, "next"), str(n).encode())
        assert runner.wait_for_result(arn).result == [0, 1, 2, 3, 4]


def test_a_failed_callback_raises_in_the_handler() -> None:
    with DurableFunctionTestRunner(approval()) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn)
        runner.send_callback_failure(callback_id, ErrorObject("too dear", "Rejected"))
        result = runner.wait_for_result(arn)
    assert result.status == "FAILED"
    error = result.get_callback("approval").error
    assert error is not None
    assert (error.type, error.message) == ("Rejected", "too dear")


def test_waiting_for_a_callback_that_has_ended_is_an_error() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        first = context.create_callback(name="first").result()
        return [first, context.create_callback(name="second").result()]

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        runner.send_callback_success(runner.wait_for_callback(arn, "first"))
        runner.wait_for_callback(arn, "second")
        with pytest.raises(DurableFunctionsTestError, match="SUCCEEDED already"):
            runner.wait_for_callback(arn, "first")


def test_waiting_for_a_callback_of_an_ended_execution_is_an_error() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> None: ...

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        with pytest.raises(DurableFunctionsTestError, match="ended"):
            runner.wait_for_callback(arn)


def test_a_callback_that_does_not_come_raises_timeout_error() -> None:
    with DurableFunctionTestRunner(approval()) as runner:
        arn = runner.run_async()
        with pytest.raises(TimeoutError, match="other"):
            runner.wait_for_callback(arn, name="other", timeout=0.01)


def test_a_closed_callback_takes_no_second_answer() -> None:
    with DurableFunctionTestRunner(approval()) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn)
        runner.send_callback_success(callback_id)
        with pytest.raises(CallbackTimeoutError):
            runner.send_callback_success(callback_id)


def test_an_unknown_callback_is_not_found() -> None:
    with DurableFunctionTestRunner(approval()) as first:
        callback_id = first.wait_for_callback(first.run_async())
        with DurableFunctionTestRunner(approval()) as other, pytest.raises(ResourceNotFoundError):
            other.send_callback_success(callback_id)


# ------------------------------------------------------------------------- time of callbacks


def test_a_callback_time_out_is_skipped_to_during_run() -> None:
    with DurableFunctionTestRunner(approval(HOUR)) as runner:
        result = runner.run(timeout=10)
    assert result.result is None
    assert result.get_callback("approval").status == "TIMED_OUT"


def test_a_lost_heartbeat_is_skipped_to_during_run() -> None:
    config = CallbackConfig(
        timeout=Duration.from_hours(24), heartbeat_timeout=Duration.from_hours(2)
    )
    with DurableFunctionTestRunner(approval(config)) as runner:
        error = runner.run(timeout=10).get_callback("approval").error
    assert error is not None
    assert error.type == "Callback.Heartbeat"


def test_a_callback_time_out_is_not_skipped_to_when_the_test_is_about_to_answer() -> None:
    with DurableFunctionTestRunner(approval(HOUR)) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn)
        runner.send_callback_heartbeat(callback_id)
        runner.send_callback_success(callback_id, result=b'"in time"')
        assert runner.wait_for_result(arn).result == "in time"


def test_other_waits_are_skipped_while_a_callback_waits_for_the_test() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        callback = context.create_callback(name="approval", config=HOUR)
        context.wait(Duration.from_days(1))
        context.step(lambda _: None, name="after")
        return callback.result()

    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        runner.send_callback_success(runner.wait_for_callback(arn), result=b"1")
        assert runner.wait_for_result(arn).result == 1


# --------------------------------------------------------------------------- answers in advance


@pytest.mark.parametrize(
    ("answer", "result"),
    [({"ok": True}, {"ok": True}), ("text", "text"), (b"[1]", [1]), (lambda: 7, 7), (None, None)],
)
def test_a_callback_is_answered_in_advance(answer: Any, result: Any) -> None:
    with DurableFunctionTestRunner(approval(HOUR)) as runner:
        outcome = runner.run(callbacks={"approval": answer}, timeout=10)
    assert outcome.result == result
    assert outcome.get_callback("approval").status == "SUCCEEDED"


def _refuse() -> None:
    raise PermissionError("no")


@pytest.mark.parametrize(
    "answer", [PermissionError("no"), ErrorObject("no", "PermissionError"), _refuse]
)
def test_an_error_given_in_advance_fails_the_callback(answer: Any) -> None:
    with DurableFunctionTestRunner(approval()) as runner:
        outcome = runner.run(callbacks={"approval": answer}, timeout=10)
    assert outcome.status == "FAILED"
    assert "PermissionError: no" in str(outcome.get_callback("approval").error)


def test_callback_timeout_in_advance_lets_the_time_out_pass() -> None:
    with DurableFunctionTestRunner(approval(HOUR)) as runner:
        arn = runner.run_async(callbacks={"approval": CALLBACK_TIMEOUT})
        result = runner.wait_for_result(arn)
    assert result.get_callback("approval").status == "TIMED_OUT"


def test_a_function_answers_each_callback_of_its_name() -> None:
    answers = iter(range(3))

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def submit(callback_id: str, _: Any) -> None: ...

        return [context.wait_for_callback(submit, name="approve") for _ in range(3)]

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(callbacks={"approve": lambda: next(answers)}, timeout=10)
    assert result.result == [0, 1, 2]
