"""The runner for deployed functions, against a stand-in for Lambda's API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_lambda import ARN, FakeLambda, event

from aws_durable_execution_sdk_python_testing import (
    DurableFunctionCloudTestRunner,
    DurableFunctionsTestError,
    ErrorObject,
)
from aws_durable_execution_sdk_python_testing._remote.durable_api import console_page


@pytest.fixture
def cloud() -> Iterator[FakeLambda]:
    fake = FakeLambda()
    yield fake
    fake.close()


@pytest.fixture
def runner(
    cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DurableFunctionCloudTestRunner]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    made = DurableFunctionCloudTestRunner(
        "Mine:$LATEST", lambda_endpoint=cloud.url, poll_interval=0.001
    )
    yield made
    made.close()


STEP = [
    event(1, "ExecutionStarted", "e", Name="run", details={"Input": {"Payload": "{}"}}),
    event(2, "StepStarted", "s", Name="add", SubType="Step"),
    event(3, "StepSucceeded", "s", Name="add", details={"Result": {"Payload": "8"}}),
    event(4, "ExecutionSucceeded", "e", details={"Result": {"Payload": "8"}}),
]
WAITING = [
    event(1, "ExecutionStarted", "e", Name="run"),
    event(2, "ContextStarted", "c", Name="approve", SubType="WaitForCallback"),
    event(
        *(3, "CallbackStarted", "cb"),
        Name="approve create callback id",
        ParentId="c",
        details={"CallbackId": "id-1"},
    ),
]
SUSPENDED = [*WAITING, event(4, "InvocationCompleted", None)]
ANSWERED = [*SUSPENDED, event(5, "CallbackSucceeded", "cb"), event(6, "ContextSucceeded", "c")]
ENDED = [*ANSWERED, event(7, "ExecutionSucceeded", "e")]


def test_a_run_invokes_and_reads_the_history(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.executions = [{"Status": "RUNNING"}, {"Status": "SUCCEEDED", "Result": "8"}]
    cloud.events = STEP
    with runner:
        result = runner.run(input={"a": 5})
    assert cloud.invoked == [("Mine:$LATEST", "RequestResponse", {"a": 5})]
    assert result.status == "SUCCEEDED"
    assert result.result == 8
    assert result.get_step("add").result == 8


def test_text_that_is_json_is_sent_as_it_is(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    assert runner.run_async(input='{"a": 1}') == ARN
    assert cloud.invoked == [("Mine:$LATEST", "Event", {"a": 1})]


def test_all_pages_of_the_history_are_read(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.events, cloud.page = STEP, 1
    assert [e.event_id for e in runner.get_execution_history(ARN).events] == [1, 2, 3, 4]


def test_a_failed_execution_is_a_result(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    error = {"ErrorType": "ValueError", "ErrorMessage": "no"}
    cloud.executions = [{"Status": "FAILED", "Error": error}]
    cloud.events = [
        *WAITING,
        event(4, "ExecutionFailed", "e", details={"Error": {"Payload": error}}),
    ]
    result = runner.run()
    assert result.status == "FAILED"
    assert str(result.error) == "ValueError: no"


def test_an_execution_that_is_not_visible_yet_is_waited_for(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.executions = [None, None, {"Status": "SUCCEEDED"}]
    cloud.events = STEP
    assert runner.wait_for_result(ARN).status == "SUCCEEDED"


def test_the_last_events_are_waited_for_and_not_the_status(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    """Histories are eventually consistent."""
    cloud.executions = [{"Status": "SUCCEEDED", "Result": "8"}]
    cloud.events = STEP[:2]
    cloud.later = [STEP[:3], STEP]
    result = runner.wait_for_result(ARN)
    assert result.get_step("add").status == "SUCCEEDED"


def test_a_throttled_look_is_taken_again(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.throttled = 2
    cloud.executions = [{"Status": "SUCCEEDED", "Result": "8"}]
    cloud.events = STEP
    assert runner.wait_for_result(ARN).result == 8


def test_a_time_out_names_what_the_execution_waits_for(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.events = SUSPENDED
    with pytest.raises(TimeoutError, match="waits for callback 'approve'"):
        runner.wait_for_result(ARN, timeout=0)


def test_an_execution_has_a_page_in_the_console() -> None:
    arn = "arn:aws:lambda:eu-north-1:123456789012:function:Mine:7/durable-execution/run/id-1"
    assert console_page(arn) == (
        "https://eu-north-1.console.aws.amazon.com/lambda/home?region=eu-north-1"
        "#/functions/Mine/versions/7/executions/run/id-1"
    )


def test_no_page_is_told_of_where_no_console_is(
    runner: DurableFunctionCloudTestRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    runner.run_async()
    assert "console" not in caplog.text


def test_an_execution_that_does_not_end_raises_timeout_error(
    runner: DurableFunctionCloudTestRunner,
) -> None:
    with pytest.raises(TimeoutError, match=r"0\.01"):
        runner.wait_for_result(ARN, timeout=0.01)


def test_a_function_that_is_not_durable_is_refused(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.durable = False
    with pytest.raises(DurableFunctionsTestError, match="DurableConfig"):
        runner.run()


@pytest.mark.parametrize("name", [None, "approve", "approve create callback id"])
def test_an_open_callback_is_found(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner, name: str | None
) -> None:
    cloud.events = SUSPENDED
    assert runner.wait_for_callback(ARN, name) == "id-1"


def test_a_callback_is_not_taken_before_its_invocation_has_ended(
    cloud: FakeLambda, runner: DurableFunctionCloudTestRunner
) -> None:
    cloud.events = WAITING
    with pytest.raises(TimeoutError):
        runner.wait_for_callback(ARN, "approve", timeout=0.01)


@pytest.mark.parametrize(("name", "events"), [("approve", ANSWERED), (None, ENDED)])
def test_a_callback_that_has_ended_is_an_error(
    cloud: FakeLambda,
    runner: DurableFunctionCloudTestRunner,
    name: str | None,
    events: list[dict[str, object]],
) -> None:
    cloud.events = events
    with pytest.raises(DurableFunctionsTestError):
        runner.wait_for_callback(ARN, name)


def test_callbacks_are_answered(cloud: FakeLambda, runner: DurableFunctionCloudTestRunner) -> None:
    runner.send_callback_success("one", b'{"ok": 1}')
    runner.send_callback_failure("two", ErrorObject("no", "Refused"))
    runner.send_callback_heartbeat("three")
    assert cloud.callbacks == [
        ("one", "succeed", b'{"ok": 1}'),
        ("two", "fail", b'{"ErrorMessage": "no", "ErrorType": "Refused"}'),
        ("three", "heartbeat", b""),
    ]
