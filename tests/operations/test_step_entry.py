"""What a step does for each state it finds on record, under both semantics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import START_TIME, FakeService, Wire, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import StepError
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import fixed

AT_LEAST_ONCE = StepSemantics.AT_LEAST_ONCE_PER_RETRY
AT_MOST_ONCE = StepSemantics.AT_MOST_ONCE_PER_RETRY
BOTH = pytest.mark.parametrize("semantics", [AT_LEAST_ONCE, AT_MOST_ONCE])


class Counting:
    """A step function that counts its runs."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    def __call__(self, step_context: Any) -> str:
        self.attempts.append(step_context.attempt)
        return "done"


def one_step(flavour: Flavour, function: Any, config: StepConfig[Any] | None = None) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(function, name="work", config=config)

    return flavour.durable(handler)


def step(status: str, **details: Any) -> Wire:
    return recorded("STEP", status, 1, "work", **details)


@BOTH
def test_an_absent_step_starts_runs_and_succeeds(
    flavour: Flavour, semantics: StepSemantics
) -> None:
    function, service = Counting(), FakeService()
    answer = service.invoke(one_step(flavour, function, StepConfig(step_semantics=semantics)))
    assert answer == succeeded("done")
    assert service.trace == ["STEP START work", "STEP SUCCEED work"]
    assert function.attempts == [1]


def test_start_at_least_once_rides_with_the_result(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(one_step(flavour, Counting()))
    assert [len(request) for request in service.requests] == [2]


def test_start_at_most_once_is_saved_before_the_function_runs(flavour: Flavour) -> None:
    service = FakeService()
    seen = []

    def function() -> None:
        seen.append(list(service.trace))

    service.invoke(one_step(flavour, function, StepConfig(step_semantics=AT_MOST_ONCE)))
    assert seen == [["STEP START work"]]


@BOTH
def test_a_ready_step_starts_its_next_attempt(flavour: Flavour, semantics: StepSemantics) -> None:
    function, service = Counting(), FakeService(step("READY", Attempt=2))
    answer = service.invoke(one_step(flavour, function, StepConfig(step_semantics=semantics)))
    assert answer == succeeded("done")
    assert service.trace == ["STEP START work", "STEP SUCCEED work"]
    assert function.attempts == [3]


def test_a_started_step_runs_again_without_another_start(flavour: Flavour) -> None:
    function, service = Counting(), FakeService(step("STARTED", Attempt=1))
    assert service.invoke(one_step(flavour, function)) == succeeded("done")
    assert service.trace == ["STEP SUCCEED work"]
    assert function.attempts == [2]


def test_a_started_step_that_may_run_only_once_counts_as_a_failed_attempt(
    flavour: Flavour,
) -> None:
    """Without a retry strategy the interruption is final, and the function never runs."""
    function, service = Counting(), FakeService(step("STARTED", Attempt=0))
    handler = one_step(flavour, function, StepConfig(step_semantics=AT_MOST_ONCE))
    kind, message = failure(service.invoke(handler))
    assert kind == "aws_durable_execution_sdk_python.exceptions.StepInterruptedError"
    assert message is not None
    assert "work" in message
    assert service.trace == ["STEP FAIL work"]
    assert function.attempts == []


def test_an_interrupted_step_asks_its_retry_strategy(flavour: Flavour) -> None:
    function, service = Counting(), FakeService(step("STARTED", Attempt=1))
    asked = []

    def strategy(problem: Exception, attempt: int) -> Any:
        asked.append((type(problem).__name__, attempt))
        return fixed(7)(problem, attempt)

    handler = one_step(flavour, function, StepConfig(strategy, AT_MOST_ONCE))
    assert service.invoke(handler) == PENDING
    assert asked == [("StepInterruptedError", 2)]
    assert service.sent("RETRY", 1)["StepOptions"] == {"NextAttemptDelaySeconds": 7}
    service.pass_time(7)
    assert service.invoke(handler) == succeeded("done")
    assert function.attempts == [3]


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@BOTH
@pytest.mark.parametrize(
    "write",
    [millis, datetime.isoformat, lambda moment: moment],
    ids=["milliseconds", "ISO", "datetime"],
)
def test_a_pending_step_suspends_until_its_next_attempt(
    flavour: Flavour, semantics: StepSemantics, write: Any
) -> None:
    due = START_TIME + timedelta(seconds=5)
    function = Counting()
    service = FakeService(step("PENDING", Attempt=1, NextAttemptTimestamp=write(due)))
    service._elapse = lambda: None  # type: ignore[method-assign] # this form is for the SDK to read
    handler = one_step(flavour, function, StepConfig(step_semantics=semantics))
    assert service.invoke(handler) == PENDING
    assert (service.updates, function.attempts) == ([], [])


def test_a_pending_step_that_is_due_is_asked_for_and_goes_on(flavour: Flavour) -> None:
    """One empty checkpoint tells that it is READY; no further invocation is needed."""
    function, service = Counting(), FakeService()
    handler = one_step(flavour, function)
    service.operations[oid(1)] = step("PENDING", Attempt=1, NextAttemptTimestamp=START_TIME)
    assert service.invoke(handler) == succeeded("done")
    assert service.requests[0] == []
    assert function.attempts == [2]


def test_a_pending_step_without_a_time_suspends(flavour: Flavour) -> None:
    service = FakeService(step("PENDING", Attempt=1))
    service._elapse = lambda: None  # type: ignore[method-assign] # there is no time to wait for
    assert service.invoke(one_step(flavour, Counting())) == PENDING


@BOTH
@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ({}, None),
        ({"Result": "null"}, None),
        ({"Result": '""'}, ""),
        ({"Result": '{"a":1}'}, {"a": 1}),
        ({"Result": '{"t":"m","v":{"a":{"t":"i","v":1}}}'}, {"a": 1}),
        ({"Result": '{"t":"t","v":[{"t":"i","v":1},{"t":"s","v":"x"}]}'}, [1, "x"]),
    ],
)
def test_a_succeeded_step_gives_its_result(
    flavour: Flavour, semantics: StepSemantics, stored: Wire, value: Any
) -> None:
    """Plain JSON and the official SDK's envelopes both read."""
    function, service = Counting(), FakeService(step("SUCCEEDED", Attempt=1, **stored))
    answer = service.invoke(one_step(flavour, function, StepConfig(step_semantics=semantics)))
    assert answer == succeeded(value)
    assert (service.requests, function.attempts) == ([], [])


@BOTH
@pytest.mark.parametrize(
    ("stored", "caught"),
    [
        (error("ValueError", "bad"), ValueError),
        (error("json.decoder.JSONDecodeError", "bad"), ValueError),
        (error("aws_durable_execution_sdk_python.exceptions.StepError", "bad"), StepError),
        (error("CallableRuntimeError", "bad"), StepError),
        (error("no.such.module.Error", "bad"), StepError),
        ({"ErrorMessage": "bad"}, StepError),
    ],
)
def test_a_failed_step_raises(
    flavour: Flavour, semantics: StepSemantics, stored: Wire, caught: type[Exception]
) -> None:
    """Also when the official SDK recorded it, of any version."""
    function = Counting()
    service = FakeService(step("FAILED", Attempt=1, Error=stored))

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(function, "work", StepConfig(step_semantics=semantics))
        except caught as problem:
            return [isinstance(problem, StepError), str(problem), problem.error_type]

    expected = [True, "bad", stored.get("ErrorType")]
    assert service.invoke(flavour.durable(handler)) == succeeded(expected)
    assert (service.requests, function.attempts) == ([], [])


@pytest.mark.parametrize("status", ["CANCELLED", "TIMED_OUT", "STOPPED"])
def test_any_other_end_raises_too(flavour: Flavour, status: str) -> None:
    service = FakeService(step(status, Error=error("Stopped", "by hand")))
    assert failure(service.invoke(one_step(flavour, Counting()))) == ("Stopped", "by hand")


def test_a_result_that_cannot_be_read_fails_the_execution(flavour: Flavour) -> None:
    service = FakeService(step("SUCCEEDED", Result='{"t":"dt","v":"no date"}'))
    kind, message = failure(service.invoke(one_step(flavour, Counting())))
    assert kind == "aws_durable_execution_sdk_python.exceptions.SerDesError"
    assert "work" in (message or "")
