"""Operations rebuilt from a history are the operations the service has."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python._core.model import Operation, Status
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._engine import PlainTarget, StartExecution
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._results.folding import OperationFold, fold
from aws_durable_execution_sdk_python_testing._time.clocks import VirtualClock
from aws_durable_execution_sdk_python_testing.model import ExecutionHistory
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore


@durable_execution
def steps(event: Any, context: DurableContext) -> None:
    context.step(lambda _: 1, name="one")
    context.wait(seconds=5, name="pause")


@durable_execution
def retried(event: Any, context: DurableContext) -> None:
    def fail(_: object) -> None:
        raise ValueError("always")

    retry = create_retry_strategy(RetryStrategyConfig(max_attempts=3))
    context.step(fail, name="fail", config=StepConfig(retry_strategy=retry))


@durable_execution
def polled(event: Any, context: DurableContext) -> Any:
    def decide(state: int, attempt: int) -> WaitForConditionDecision:
        if state >= 2:
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(Duration.from_seconds(9))

    return context.wait_for_condition(
        lambda state, _: state + 1,
        WaitForConditionConfig(wait_strategy=decide, initial_state=0),
        name="poll",
    )


@durable_execution
def nested(event: Any, context: DurableContext) -> Any:
    config = CallbackConfig(timeout=Duration.from_minutes(1))
    context.create_callback(name="late", config=config).result()
    context.invoke("plain", {"a": 1}, name="call")
    batch = context.map([1, 2], lambda c, item, i, all_: c.step(lambda _: item), name="each")
    return batch.get_results()


@pytest.mark.parametrize("handler", [steps, retried, polled, nested])
def test_folding_a_history_gives_the_operations_of_the_service(handler: Any) -> None:
    invoker = InProcessInvoker()
    invoker.register("f", handler)
    invoker.register("plain", lambda event, context: event)
    service = LocalService(invoker, InMemoryExecutionStore(), clock=VirtualClock())
    service.register_target("plain", PlainTarget())
    arn = service.start(StartExecution(function_name="f", input="{}"))
    service.wait_until_ended(arn)
    execution = service.execution(arn)
    expected = DurableFunctionTestResult.from_service(execution, service.operations(arn))
    folded = DurableFunctionTestResult.from_execution_history(
        execution, {"Events": service.history(arn)}
    )
    service.close()
    assert folded.get_all_operations() == expected.get_all_operations()
    assert folded == expected


def test_an_unfinished_attempt_shows_when_the_next_is_due() -> None:
    events = [
        {
            "EventType": "StepStarted",
            "EventId": 1,
            "Id": "s",
            "Name": "flaky",
            "SubType": "Step",
            "EventTimestamp": 100.0,
            "StepStartedDetails": {},
        },
        {
            "EventType": "StepFailed",
            "EventId": 2,
            "Id": "s",
            "EventTimestamp": 101.0,
            "StepFailedDetails": {
                "Error": {"Payload": {"ErrorMessage": "no"}},
                "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 9},
            },
        },
    ]
    (operation,) = fold(events)
    assert operation.status is Status.PENDING
    assert operation.name == "flaky"
    assert operation.end_timestamp is None
    assert operation.step_details is not None
    assert operation.step_details.attempt == 1
    assert operation.step_details.next_attempt_timestamp == datetime.fromtimestamp(110, UTC)


@pytest.mark.parametrize(
    "event",
    [
        {"EventType": "InvocationCompleted", "EventId": 1, "EventTimestamp": 1.0},
        {"EventType": "SomethingNew", "EventId": 1, "Id": "x", "EventTimestamp": 1.0},
    ],
)
def test_events_that_concern_no_known_operation_are_passed_over(event: dict[str, Any]) -> None:
    folded = OperationFold()
    assert folded.feed(event) is None
    assert folded.operations == {}


def test_folding_does_not_change_operations_handed_out_before() -> None:
    folded = OperationFold()
    start: dict[str, Any] = {"EventType": "ContextStarted", "EventId": 1, "Id": "c"}
    start["EventTimestamp"] = 1.0
    first = folded.feed(start)
    assert isinstance(first, Operation)
    before = dataclasses.replace(first)
    folded.feed({**start, "EventType": "ContextSucceeded", "EventId": 2, "EventTimestamp": 2.0})
    assert first == before


def test_a_history_shows_events_with_their_details() -> None:
    with DurableFunctionTestRunner(steps) as runner:
        arn = runner.run_async()
        runner.wait_for_result(arn)
        history = runner.get_execution_history(arn)
        whole = runner.get_execution_history(arn, include_execution_data=True)
    assert isinstance(history, ExecutionHistory)
    assert [e.event_id for e in history.events] == list(range(1, len(history.events) + 1))
    assert history.events[0].event_type == "ExecutionStarted"
    (without,) = (e for e in history.events if e.event_type == "StepSucceeded")
    (with_data,) = (e for e in whole.events if e.event_type == "StepSucceeded")
    assert without.name == "one"
    assert without.details["Result"]["Truncated"] is True
    assert "Payload" not in without.details["Result"]
    assert with_data.details["Result"]["Payload"] == "1"
