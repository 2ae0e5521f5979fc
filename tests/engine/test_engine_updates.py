"""The table of updates: what is allowed in which state, and what is said otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench import (
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

from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    Limits,
    PlainTarget,
    ServiceError,
)
from aws_durable_execution_sdk_python_testing._engine.transitions import TRANSITIONS


@pytest.fixture
def handler() -> Handler:
    bench = Bench()
    bench.engine.register_target("g", PlainTarget())
    return bench.start()


def refusal(handler: Handler, *updates: Any) -> str:
    """The message a batch is refused with; nothing may change."""
    before = handler.bench.engine.operations(handler.arn), handler.events
    with pytest.raises(ServiceError) as caught:
        handler.checkpoint(*updates)
    assert (handler.bench.engine.operations(handler.arn), handler.events) == before
    of_the_model = " detected: Value" in caught.value.message
    expected = "ValidationException" if of_the_model else "InvalidParameterValueException"
    assert (caught.value.code, caught.value.status_code) == (expected, 400)
    return caught.value.message


def absent(_: Handler) -> None:
    pass


def step_started(handler: Handler) -> None:
    handler.checkpoint(step("START"))


def step_pending(handler: Handler) -> None:
    handler.checkpoint(step("START"), retry(delay=5))


def step_ready(handler: Handler) -> None:
    step_pending(handler)
    handler.bench.now += 5
    handler.checkpoint()


def step_succeeded(handler: Handler) -> None:
    handler.checkpoint(step("SUCCEED", Payload="1"))


def step_failed(handler: Handler) -> None:
    handler.checkpoint(step("FAIL", Error=FAILURE))


STEP_STATES: dict[str | None, Callable[[Handler], None]] = {
    None: absent,
    "STARTED": step_started,
    "PENDING": step_pending,
    "READY": step_ready,
    "SUCCEEDED": step_succeeded,
    "FAILED": step_failed,
}
STEP_UPDATES = {
    "START": step("START"),
    "SUCCEED": step("SUCCEED", Payload="1"),
    "FAIL": step("FAIL", Error=FAILURE),
    "RETRY": retry(Error=FAILURE),
}
STEP_ALLOWED = {
    "START": {None, "READY"},
    "SUCCEED": {None, "STARTED", "READY"},
    "FAIL": {None, "STARTED", "READY"},
    "RETRY": {None, "STARTED", "READY"},
}
STEP_BECOMES = {
    "START": "STARTED",
    "SUCCEED": "SUCCEEDED",
    "FAIL": "FAILED",
    "RETRY": "PENDING",
}
STEP_MESSAGES = {
    "START": "Invalid current STEP state to start.",
    "SUCCEED": "Invalid current STEP state to close.",
    "FAIL": "Invalid current STEP state to close.",
    "RETRY": "Invalid current STEP state to re-attempt.",
}


@pytest.mark.parametrize("state", STEP_STATES)
@pytest.mark.parametrize("action", STEP_UPDATES)
def test_step_transitions(handler: Handler, state: str | None, action: str) -> None:
    """Every action on a step in every state: it moves on, or is refused and nothing changes."""
    STEP_STATES[state](handler)
    if state in STEP_ALLOWED[action]:
        (shown,) = handler.checkpoint(STEP_UPDATES[action])
        assert shown["Status"] == STEP_BECOMES[action]
    else:
        assert refusal(handler, STEP_UPDATES[action]) == STEP_MESSAGES[action]


@pytest.mark.parametrize("action", ["START", "SUCCEED", "FAIL"])
@pytest.mark.parametrize("state", [None, "STARTED", "SUCCEEDED", "FAILED"])
def test_context_transitions(handler: Handler, state: str | None, action: str) -> None:
    """A context starts once and closes once, with or without a START before."""
    before = {
        None: [],
        "STARTED": [context("START")],
        "SUCCEEDED": [context("SUCCEED")],
        "FAILED": [context("FAIL")],
    }
    handler.checkpoint(*before[state])
    allowed = {"START": {None}, "SUCCEED": {None, "STARTED"}, "FAIL": {None, "STARTED"}}
    becomes = {"START": "STARTED", "SUCCEED": "SUCCEEDED", "FAIL": "FAILED"}
    if state in allowed[action]:
        (shown,) = handler.checkpoint(context(action))
        assert shown["Status"] == becomes[action]
    elif action == "START":
        message = refusal(handler, context(action))
        assert message == "Cannot start a CONTEXT operation that already exists"
    else:
        assert refusal(handler, context(action)) == "Invalid current CONTEXT state to close."


@pytest.mark.parametrize(
    ("again", "message"),
    [
        (wait(), "Cannot start a WAIT operation that already exists"),
        (callback(), "Cannot start a CALLBACK operation that already exists"),
        (invoke(), "Cannot start a CHAINED_INVOKE operation that already exists"),
    ],
    ids=["wait", "callback", "invoke"],
)
def test_other_operations_start_once(handler: Handler, again: dict[str, Any], message: str) -> None:
    (shown,) = handler.checkpoint(again)
    assert shown["Status"] == "STARTED"
    assert refusal(handler, again) == message


def test_a_running_wait_can_be_cancelled(handler: Handler) -> None:
    handler.checkpoint(wait())
    (shown,) = handler.checkpoint(update("WAIT", "CANCEL", "w"))
    assert shown["Status"] == "CANCELLED"
    assert handler.bench.engine.next_deadline() == 1_000.0 + 31_622_400  # the execution's


@pytest.mark.parametrize("over", [False, True])
def test_only_a_running_wait_can_be_cancelled(handler: Handler, over: bool) -> None:
    if over:
        handler.checkpoint(wait(10))
        handler.bench.now += 10
        handler.checkpoint()
    message = refusal(handler, update("WAIT", "CANCEL", "w"))
    assert message == "Cannot cancel a WAIT that does not exist or has already completed."


ACTIONS = ("START", "SUCCEED", "FAIL", "RETRY", "CANCEL")
TYPES = ("STEP", "CONTEXT", "WAIT", "CALLBACK", "CHAINED_INVOKE", "EXECUTION")
ALLOWED = {(str(kind), str(action)) for kind, action in TRANSITIONS}


@pytest.mark.parametrize(
    ("kind", "action"),
    [(kind, action) for kind in TYPES for action in ACTIONS if (kind, action) not in ALLOWED],
)
def test_other_actions_are_refused(handler: Handler, kind: str, action: str) -> None:
    message = refusal(handler, update(kind, action, "o"))
    assert message == "Invalid action for the given operation type."


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        (
            [end_execution(), end_execution()],
            "Cannot checkpoint multiple EXECUTION updates.",
        ),
        ([end_execution(), step("START")], "EXECUTION checkpoint must be the last update."),
        (
            [step("START"), step("START")],
            "Cannot checkpoint multiple operations with the same ID.",
        ),
        (
            [step("SUCCEED"), step("START")],
            "Cannot checkpoint multiple operations with the same ID.",
        ),
        (
            [step("START"), step("SUCCEED"), step("SUCCEED")],
            "Cannot checkpoint multiple operations with the same ID.",
        ),
        (
            [wait(), update("WAIT", "CANCEL", "w")],
            "Cannot checkpoint multiple operations with the same ID.",
        ),
        ([step("START", ParentId="nowhere")], "Invalid parent operation id."),
        ([step("START"), step("START", "t", ParentId="s")], "Invalid parent operation id."),
        ([step("START", ParentId="x"), context("START")], "Invalid parent operation id."),
        ([step("FAIL", Payload="1")], "Cannot provide a Payload for FAIL action."),
        ([step("SUCCEED", Error=FAILURE)], "Cannot provide an Error for SUCCEED action."),
        (
            [retry(Error=FAILURE, Payload="1")],
            "Cannot provide both a Payload and an Error for RETRY action.",
        ),
        ([step("RETRY")], "Invalid StepOptions for the given action."),
        ([update("WAIT", "START", "w")], "Invalid WaitOptions for the given action."),
        (
            [update("CHAINED_INVOKE", "START", "i")],
            "Invalid ChainedInvokeOptions for the given action.",
        ),
        ([invoke("no.such.name")], "Invalid function ARN 'no.such.name'"),
        (
            [invoke("arn:aws:lambda:us-west-2:999999999999:function:g")],
            "Cannot start a CHAINED_INVOKE on a function in another account.",
        ),
        (
            [invoke("arn:aws:lambda:eu-west-1:123456789012:function:g")],
            "Cannot start a CHAINED_INVOKE on a function in another region.",
        ),
    ],
)
def test_rules_of_a_batch(handler: Handler, updates: list[Any], message: str) -> None:
    assert refusal(handler, *updates) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Type": "CONTEXT"}, "Inconsistent operation type."),
        ({"SubType": "WaitForCondition"}, "Inconsistent operation subtype."),
        ({"Name": "other"}, "Inconsistent operation name."),
        ({"ParentId": "y"}, "Inconsistent parent operation id."),
    ],
)
def test_what_an_operation_is_cannot_change(
    handler: Handler, change: dict[str, str], message: str
) -> None:
    handler.checkpoint(context("START"), context("START", "y"))
    handler.checkpoint(step("START", Name="n", ParentId="x"))
    assert refusal(handler, {**step("SUCCEED", Name="n", ParentId="x"), **change}) == message


def test_identity_is_checked_within_a_batch_too(handler: Handler) -> None:
    message = refusal(handler, step("START", Name="a"), step("SUCCEED", Name="b"))
    assert message == "Inconsistent operation name."


def test_what_an_update_leaves_out_is_inherited(handler: Handler) -> None:
    handler.checkpoint(context("START"), step("START", Name="n", ParentId="x"))
    (shown,) = handler.checkpoint({"Id": "s", "Type": "STEP", "Action": "SUCCEED"})
    assert (shown["Name"], shown["ParentId"], shown["SubType"]) == ("n", "x", "Step")


def test_a_context_started_earlier_in_the_batch_is_a_parent(handler: Handler) -> None:
    shown = handler.checkpoint(context("START"), step("START", ParentId="x"), context("SUCCEED"))
    assert [operation["Status"] for operation in shown] == ["SUCCEEDED", "STARTED"]


@pytest.mark.parametrize(
    "broken",
    [
        "not an object",
        step("START", "i d"),
        step("START", "s" * 65),
        {"Type": "STEP", "Action": "START"},
        step("START", Name=""),
        step("START", Name="n" * 257),
        step("START", Name="é"),
        step("START", Name=7),
        step("START", SubType="s" * 33),
        step("START", ParentId="p p"),
        update("JUMP", "START", "j"),
        update("STEP", "JUMP", "j"),
        {"Id": "j", "Type": [], "Action": "START"},
        {"Id": "j", "Type": "STEP", "Action": {}},
        step("SUCCEED", Payload=1),
        step("FAIL", Error="no"),
        step("FAIL", Error={"ErrorType": 1}),
        step("FAIL", Error={"StackTrace": "line"}),
        retry(delay=0),
        retry(delay=31_622_401),
        wait(0),
        wait(31_622_401),
        update("WAIT", "START", "w", WaitOptions={"WaitSeconds": True}),
        update("WAIT", "START", "w", WaitOptions={}),
        update("WAIT", "START", "w", WaitOptions=5),
        callback(timeout=-1),
        callback(timeout=100_000_000),
        callback(heartbeat=100_000_000),
        invoke("no such name!"),
        invoke(options={"XAmznTraceId": "x" * 8_193}),
        None,
        invoke(options={"TenantId": "a\tb"}),
    ],
)
def test_the_constraints_of_the_model(handler: Handler, broken: Any) -> None:
    """A member out of its range refuses the whole batch, the sound update before it included."""
    assert refusal(handler, step("START", "sound"), broken)


def test_updates_must_be_a_list(handler: Handler) -> None:
    with pytest.raises(InvalidParameterValueError, match="must be a list"):
        handler.answer(Updates={"Id": "s"})


@pytest.mark.parametrize(
    ("large", "message"),
    [
        (
            step("SUCCEED", Payload="é" * 6),
            "STEP output payload size must be less than or equal to 10 bytes.",
        ),
        (
            invoke(Payload="p" * 11),
            "CHAINED_INVOKE input payload size must be less than or equal to 10 bytes.",
        ),
        (
            end_execution(Payload="p" * 21),
            "1 validation error detected: Value at 'updates.1.member.payload' failed to satisfy "
            "constraint: Member must have length less than or equal to 20",
        ),
        (
            step("FAIL", Error={"ErrorMessage": "e" * 31}),
            "Error object size must be less than or equal to 30 bytes.",
        ),
    ],
)
def test_sizes_are_limited(large: dict[str, Any], message: str) -> None:
    handler = Bench(
        limits=Limits(step_bytes=10, payload_bytes=10, execution_payload_bytes=20, error_bytes=30)
    ).start()
    assert refusal(handler, large) == message


def test_an_asynchronous_execution_has_the_lower_limit() -> None:
    limits = Limits(payload_bytes=10, execution_payload_bytes=20)
    handler = Bench(limits=limits).start(asynchronous=True)
    message = refusal(handler, end_execution(Payload="p" * 11))
    assert message == "EXECUTION payload size must be less than or equal to 10 bytes."


def test_a_wait_of_no_time_is_no_request_of_the_api() -> None:
    handler = Bench().start()
    assert refusal(handler, step("START"), wait(0)) == (
        "1 validation error detected: Value '0' at 'updates.2.member.waitOptions.waitSeconds' "
        "failed to satisfy constraint: Member must have value greater than or equal to 1"
    )


def test_the_shape_of_the_whole_request_comes_first() -> None:
    """A payload that is too large is told of only where the request is one at all."""
    handler = Bench(limits=Limits(step_bytes=10, execution_payload_bytes=20)).start()
    message = refusal(handler, step("SUCCEED", Payload="p" * 11), end_execution(Payload="p" * 21))
    assert "'updates.2.member.payload'" in message


def test_sizes_at_the_limit_pass() -> None:
    handler = Bench(limits=Limits(step_bytes=10)).start()
    (shown,) = handler.checkpoint(step("SUCCEED", Payload="é" * 5))
    assert shown["StepDetails"]["Result"] == "é" * 5


def test_the_limits_are_the_services_own() -> None:
    limits = Limits()
    assert limits.operations == 3_000
    assert (limits.step_bytes, limits.error_bytes) == (262_144, 262_144)
    assert (limits.payload_bytes, limits.execution_payload_bytes) == (1_048_576, 6_291_456)
    assert limits.empty_pending_attempts == 4
    assert (limits.batch_updates, limits.batch_bytes) == (250, 768_000)


@pytest.mark.parametrize(
    ("updates", "warned"),
    [
        ([step("SUCCEED", str(number)) for number in range(250)], False),
        ([step("SUCCEED", str(number)) for number in range(251)], True),
        ([invoke(Payload="x" * 760 * 1024)], True),
        ([invoke(Payload="x" * 740 * 1024)], False),
    ],
    ids=["250", "251", "760 KiB", "740 KiB"],
)
def test_a_batch_larger_than_sdks_send_is_accepted_with_a_warning(
    handler: Handler,
    caplog: pytest.LogCaptureFixture,
    updates: list[dict[str, Any]],
    warned: bool,
) -> None:
    assert len(handler.checkpoint(*updates)) == len(updates)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warned


def test_too_many_operations_refuse_the_checkpoint_and_fail_the_execution() -> None:
    """The start and retries count. The handler's own end then no longer matters."""
    handler = Bench(limits=Limits(operations=4)).start()
    handler.checkpoint(step("START"), retry(delay=1))
    handler.checkpoint(step("START", "t"))
    with pytest.raises(InvalidParameterValueError, match="limit of 4 operations"):
        handler.checkpoint(step("START", "u"))
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint()
    handler.succeeds()
    assert handler.status == "FAILED"
    assert "limit of 4 operations" in handler.described["Error"]["ErrorMessage"]


def test_attempts_are_counted_when_they_end(handler: Handler) -> None:
    handler.checkpoint(step("START"))
    assert handler.operation("s")["StepDetails"] == {"Attempt": 0}
    handler.checkpoint(retry(delay=5, Payload="7"))
    assert handler.operation("s")["StepDetails"] == {
        "Attempt": 1,
        "NextAttemptTimestamp": 1_005.0,
        "Result": "7",
    }
    handler.bench.now += 5
    (ready,) = handler.checkpoint()
    assert ready["Status"] == "READY"
    assert ready["StepDetails"] == {"Attempt": 1, "Result": "7"}
    handler.checkpoint(step("START"))
    assert handler.operation("s")["StepDetails"] == {"Attempt": 1, "Result": "7"}
    handler.checkpoint(step("SUCCEED", Payload="8"))
    assert handler.operation("s")["StepDetails"] == {"Attempt": 2, "Result": "8"}
    assert handler.operation("s")["EndTimestamp"] == 1_005.0


def test_a_payload_may_hold_lone_surrogates(handler: Handler) -> None:
    handler.checkpoint(step("SUCCEED", Payload='"\ud800"'))
    assert handler.operation("s")["StepDetails"]["Result"] == '"\ud800"'


def test_an_empty_result_is_a_result(handler: Handler) -> None:
    handler.checkpoint(step("SUCCEED", Payload=""))
    assert handler.operation("s")["StepDetails"]["Result"] == ""


def test_a_closing_context_keeps_replay_children(handler: Handler) -> None:
    options = {"ReplayChildren": True}
    handler.checkpoint(context("SUCCEED", Payload="1", ContextOptions=options))
    assert handler.operation("x")["ContextDetails"] == {"ReplayChildren": True, "Result": "1"}
