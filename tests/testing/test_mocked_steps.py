"""`mock_step`: steps whose functions do not run, and of which nothing else can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
    durable_step,
)
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.exceptions import StepError
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionsTestError,
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
    ErrorObject,
)

RETRY = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(max_attempts=3)))


def forbidden(*_: Any) -> Any:
    raise AssertionError("the step's function runs")


@durable_step
def charge(step: Any, amount: int) -> int:
    raise AssertionError("the step's function runs")


@durable_execution
def blocking(event: Any, context: DurableContext) -> Any:
    return context.step(forbidden, name="charge", config=RETRY)


@durable_execution
def decorated(event: Any, context: DurableContext) -> Any:
    return context.step(charge(5), config=RETRY)


@durable_execution
async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
    async def body(_: Any) -> Any:
        raise AssertionError("the step's function runs")

    return await context.step(body, name="charge", config=RETRY)


@pytest.fixture(params=[blocking, decorated, asynchronous])
def runner(request: pytest.FixtureRequest) -> Any:
    with DurableFunctionTestRunner(request.param) as made:
        yield made


def events(result: DurableFunctionTestResult) -> list[str]:
    return [event.event_type for event in result.history.events]


def test_the_function_does_not_run_and_the_step_has_the_result(
    runner: DurableFunctionTestRunner,
) -> None:
    result = runner.mock_step("charge", result={"id": "c-1"}).run()
    assert result.result == {"id": "c-1"}
    assert result.get_step("charge").result == {"id": "c-1"}


def test_the_history_looks_as_if_the_function_had_run(runner: DurableFunctionTestRunner) -> None:
    assert events(runner.mock_step("charge").run()) == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


def test_outcomes_are_taken_attempt_by_attempt(runner: DurableFunctionTestRunner) -> None:
    result = runner.mock_step("charge", [ValueError("one"), ValueError("two"), 3]).run()
    assert result.result == 3
    assert result.get_step("charge").attempt == 3
    assert events(result).count("StepFailed") == 2


@pytest.mark.parametrize("error", [ConnectionError("down"), ErrorObject("down", "ConnectionError")])
def test_an_error_is_raised_at_every_attempt(
    runner: DurableFunctionTestRunner, error: Exception | ErrorObject
) -> None:
    result = runner.mock_step("charge", error=error).run()
    assert result.status == "FAILED"
    assert str(result.get_step("charge").error) == "ConnectionError: down"
    assert result.get_step("charge").attempt == 3


@pytest.mark.parametrize("outcome", [{"id": "c-1"}, "text", 7])
def test_an_outcome_that_is_no_list_is_that_of_every_attempt(
    runner: DurableFunctionTestRunner, outcome: Any
) -> None:
    assert runner.mock_step("charge", outcome).run().result == outcome
    assert runner.run().result == outcome


def test_an_error_that_is_no_list_is_raised_at_every_attempt(
    runner: DurableFunctionTestRunner,
) -> None:
    result = runner.mock_step("charge", ConnectionError("down")).run()
    assert str(result.get_step("charge").error) == "ConnectionError: down"
    assert result.get_step("charge").attempt == 3


def test_the_handler_catches_the_error_as_ever() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        try:
            context.step(forbidden, name="charge")
        except StepError as error:
            return f"{isinstance(error, ConnectionError)} {error}"
        return "not reached"

    with DurableFunctionTestRunner(handler) as runner:
        assert runner.mock_step("charge", error=ConnectionError("down")).run().result == "True down"


def test_steps_of_a_name_are_mocked_on_every_level_and_share_the_outcomes() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> list[Any]:
        def item(inner: DurableContext, item: int, *_: Any) -> Any:
            return inner.step(forbidden, name="charge")

        first = context.step(forbidden, name="charge")
        return [first, *context.map([1, 2], item, name="all").get_results()]

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.mock_step("charge", [1, 2, 3]).run()
    assert sorted(result.result) == [1, 2, 3]


def test_other_steps_run() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> list[Any]:
        return [
            context.step(lambda _: "real", name="real"),
            context.step(lambda _: "unnamed"),
            context.step(forbidden, name="charge"),
        ]

    with DurableFunctionTestRunner(handler) as runner:
        assert runner.mock_step("charge", result=1).run().result == ["real", "unnamed", 1]


def test_more_attempts_than_outcomes_fail_and_say_so() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> list[Any]:
        return [context.step(forbidden, name="charge") for _ in range(2)]

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.mock_step("charge", [1]).run()
    assert "mock_step('charge') was called more often than it has outcomes: 1" in str(result.error)


def test_a_mocked_step_is_replayed_from_its_record() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        first = context.step(forbidden, name="charge")
        context.wait(seconds=60)
        return first

    with DurableFunctionTestRunner(handler, replay_every_checkpoint=True) as runner:
        assert runner.mock_step("charge", ["once"]).run().result == "once"


def test_the_check_of_a_condition_is_mocked_by_its_states() -> None:
    strategy = create_wait_strategy(
        WaitStrategyConfig(should_continue_polling=lambda state: state != "ready")
    )

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        config = WaitForConditionConfig(wait_strategy=strategy, initial_state="")
        return context.wait_for_condition(forbidden, name="poll", config=config)

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.mock_step("poll", ["starting", "ready"]).run()
    assert result.result == "ready"
    assert result.get_step("poll").attempt == 2


def test_the_submitter_of_wait_for_callback_is_mocked_by_its_steps_name() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.wait_for_callback(forbidden, name="approval")

    with DurableFunctionTestRunner(handler) as runner:
        name = _submitter_name(handler)
        assert runner.mock_step(name).run(callbacks={"approval": "yes"}).result == "yes"


def _submitter_name(handler: Callable[..., Any]) -> str:
    with DurableFunctionTestRunner(handler) as runner:
        context = runner.run().get_context("approval")
    (step,) = (o for o in context.child_operations if o.operation_type == "STEP")
    assert step.name is not None
    return step.name


def test_a_list_and_a_result_at_once_are_refused() -> None:
    with (
        DurableFunctionTestRunner(blocking) as runner,
        pytest.raises(DurableFunctionsTestError, match=r"mock_step\('charge'\): give a list"),
    ):
        runner.mock_step("charge", [1], result=2)
