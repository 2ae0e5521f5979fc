"""Attempts of a step: what is asked, what is recorded, when it ends."""

from __future__ import annotations

from typing import Any

import pytest
from answers import PENDING, failure, succeeded, untraced
from fake_service import FakeService, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ExecutionError,
    InvocationError,
    RetryableSerDesError,
    StepContext,
    StepError,
)
from aws_durable_execution_sdk_python.config import Duration, StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import (
    RetryDecision,
    RetryPresets,
    RetryStrategyConfig,
    create_retry_strategy,
    fixed,
)


def failing(times: int, problem: type[Exception] = ConnectionError) -> Any:
    """A step that fails that often, then returns the number of the attempt."""

    def function(step_context: StepContext) -> int:
        if step_context.attempt <= times:
            raise problem(f"attempt {step_context.attempt}")
        return step_context.attempt

    return function


def one_step(flavour: Flavour, function: Any, strategy: Any = None, **options: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(function, name="work", config=StepConfig(strategy))

    return flavour.durable(handler, **options)


def delays(service: FakeService) -> list[int]:
    retries = [u for u in service.updates if u["Action"] == "RETRY"]
    return [u["StepOptions"]["NextAttemptDelaySeconds"] for u in retries]


def test_without_a_strategy_the_first_error_is_final(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(one_step(flavour, failing(1)))
    assert failure(answer) == ("ConnectionError", "attempt 1")
    assert service.trace == ["STEP START work", "STEP FAIL work"]
    assert untraced(service.sent("FAIL", 1)["Error"]) == {
        "ErrorType": "ConnectionError",
        "ErrorMessage": "attempt 1",
    }


def test_each_attempt_is_its_own_invocation_with_start_and_number(flavour: Flavour) -> None:
    service = FakeService()
    strategy = create_retry_strategy(
        RetryStrategyConfig(max_attempts=4, initial_delay=Duration(1), backoff_rate=2)
    )
    assert service.run(one_step(flavour, failing(3), strategy)) == succeeded(4)
    assert delays(service) == [1, 2, 4]
    assert service.trace == ["STEP START work", "STEP RETRY work"] * 3 + [
        "STEP START work",
        "STEP SUCCEED work",
    ]


def test_a_retry_records_the_error_and_no_payload(flavour: Flavour) -> None:
    service = FakeService()
    assert service.invoke(one_step(flavour, failing(1), fixed(3))) == PENDING
    retry = service.sent("RETRY", 1)
    assert retry["Error"]["ErrorType"] == "ConnectionError"
    assert "Payload" not in retry


def test_the_last_attempt_fails_with_its_own_error(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.run(one_step(flavour, failing(9), fixed(1, max_attempts=3)))
    assert failure(answer) == ("ConnectionError", "attempt 3")
    assert service.trace.count("STEP START work") == 3
    assert service.trace[-1] == "STEP FAIL work"


def test_a_strategy_sees_the_original_error_and_the_attempt(flavour: Flavour) -> None:
    seen = []

    def strategy(problem: Exception, attempt: int) -> RetryDecision:
        seen.append((type(problem), attempt))
        return RetryDecision.retry(1) if attempt < 2 else RetryDecision.no_retry()

    FakeService().run(one_step(flavour, failing(9, KeyError), strategy))
    assert seen == [(KeyError, 1), (KeyError, 2)]


@pytest.mark.parametrize("delay", [0, Duration(0), 1])
def test_a_delay_is_at_least_one_second(flavour: Flavour, delay: Any) -> None:
    service = FakeService()
    service.invoke(one_step(flavour, failing(1), lambda e, n: RetryDecision.retry(delay)))
    assert delays(service) == [1]


def test_a_strategy_that_raises_fails_the_step_with_its_error(flavour: Flavour) -> None:
    def strategy(problem: Exception, attempt: int) -> RetryDecision:
        raise LookupError("the strategy is broken")

    service = FakeService()
    answer = service.invoke(one_step(flavour, failing(1), strategy))
    assert failure(answer) == ("LookupError", "the strategy is broken")
    assert service.trace == ["STEP START work", "STEP FAIL work"]


def test_a_strategy_that_decides_nothing_fails_the_step(flavour: Flavour) -> None:
    service = FakeService()
    kind, message = failure(service.invoke(one_step(flavour, failing(1), lambda e, n: None)))
    assert kind == "aws_durable_execution_sdk_python.exceptions.ValidationError"
    assert "RetryDecision" in (message or "")
    assert service.trace[-1] == "STEP FAIL work"


# Under compat="aws" an execution fails with the error of its operation.
STEP_ERROR = "aws_durable_execution_sdk_python.exceptions.StepError"


@pytest.mark.parametrize("by_environment", [False, True])
def test_compat_aws_retries_without_being_told(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    """The official SDK's default: six attempts."""
    if by_environment:
        monkeypatch.setenv("DURABLE_EXECUTION_COMPAT", "aws")
    options = {} if by_environment else {"compat": "aws"}
    service = FakeService()
    answer = service.run(one_step(flavour, failing(9), **options))
    assert failure(answer) == (STEP_ERROR, "attempt 6")
    assert all(1 <= delay <= 60 for delay in delays(service))


def test_compat_aws_leaves_a_chosen_strategy_alone(flavour: Flavour) -> None:
    handler = one_step(flavour, failing(9), RetryPresets.none(), compat="aws")
    assert failure(FakeService().invoke(handler)) == (STEP_ERROR, "attempt 1")


def test_an_error_that_is_handled_lets_the_handler_go_on(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(failing(1), name="work")
        except ConnectionError as problem:
            is_step_error = isinstance(problem, StepError)
        return [is_step_error, await ctx.step(lambda: "fallback", name="other")]

    assert FakeService().invoke(flavour.durable(handler)) == succeeded([True, "fallback"])


# ------------------------------------------------------ errors that are no failure of the step


def test_an_execution_error_ends_the_execution_and_leaves_no_outcome(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(one_step(flavour, failing(1, ExecutionError), fixed(1)))
    assert failure(answer)[1] == "attempt 1"
    assert service.trace in ([], ["STEP START work"])


@pytest.mark.parametrize("kind", [InvocationError, RetryableSerDesError])
def test_an_invocation_error_in_the_function_is_an_ordinary_failure(
    flavour: Flavour, kind: type[Exception]
) -> None:
    service = FakeService()
    assert service.run(one_step(flavour, failing(1, kind), fixed(1))) == succeeded(2)


def test_a_failed_step_never_ends_the_invocation_by_its_type(flavour: Flavour) -> None:
    """The step's error is for the caller to handle, even if an InvocationError was raised in it."""

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(failing(1, InvocationError), name="work")
        except StepError as problem:
            return [isinstance(problem, InvocationError), problem.error_type]

    expected = [False, "aws_durable_execution_sdk_python.exceptions.InvocationError"]
    assert FakeService().invoke(flavour.durable(handler)) == succeeded(expected)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_foreign_base_exception_is_raised_and_leaves_no_outcome(
    flavour: Flavour, kind: type[BaseException]
) -> None:
    def function() -> None:
        raise kind("out")

    service = FakeService()
    with pytest.raises(kind):
        service.invoke(one_step(flavour, function, fixed(1)))
    assert service.trace in ([], ["STEP START work"])
    assert service.operations.get(oid(1), {"Status": "STARTED"})["Status"] == "STARTED"


def test_the_next_invocation_after_a_crash_runs_the_attempt_again(flavour: Flavour) -> None:
    service = FakeService(recorded("STEP", "STARTED", 1, "work", Attempt=0))
    assert service.invoke(one_step(flavour, failing(0))) == succeeded(1)


# --------------------------------------------------------------------------- names and messages


def test_a_step_is_named_by_its_argument(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(one_step(flavour, failing(0)))
    assert service.sent("START", 1)["Name"] == "work"
    assert service.sent("START", 1)["SubType"] == "Step"


def test_an_unnamed_step_of_a_bare_function_has_no_name(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(failing(0))

    service = FakeService()
    service.invoke(flavour.durable(handler))
    assert "Name" not in service.sent("START", 1)


def test_a_sub_type_of_its_own_is_recorded_and_replays(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(failing(0), config=StepConfig(sub_type="Payment"))
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(None)
    assert service.sent("START", 1)["SubType"] == "Payment"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise self

    __repr__ = __str__


@pytest.mark.parametrize("cls", [Unprintable, Unspeakable])
def test_an_error_without_a_text_still_fails_the_step(
    flavour: Flavour, cls: type[Exception]
) -> None:
    def function() -> None:
        raise cls

    service = FakeService()
    kind, message = failure(service.invoke(one_step(flavour, function)))
    assert kind == f"{__name__}.{cls.__name__}"
    assert message
    assert service.trace[-1] == "STEP FAIL work"


@pytest.mark.parametrize("letter", ["x", "é", '"', "\n"])
def test_an_over_long_message_is_cut_and_still_only_fails_the_step(
    flavour: Flavour, letter: str
) -> None:
    def function() -> None:
        raise ValueError("begins " + letter * 100_000)

    seen = []

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(function, config=StepConfig(fixed(1, max_attempts=2)))
        except ValueError as problem:
            seen.append(str(problem))
        await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    first, again = seen
    assert first == again
    assert first.startswith("begins " + letter * 6000)
    assert first.endswith("bytes in all]")


def test_an_at_most_once_step_numbers_its_attempts_as_well(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = StepConfig(fixed(1), StepSemantics.AT_MOST_ONCE_PER_RETRY)
        return await ctx.step(failing(2), "work", config)

    assert FakeService().run(flavour.durable(handler)) == succeeded(3)
