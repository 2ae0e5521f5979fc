"""`mock_invoke`: functions that a handler invokes, without there being any."""

from __future__ import annotations

from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionsTestError,
    DurableFunctionTestRunner,
    ErrorObject,
)


@durable_execution
def pays(event: Any, context: DurableContext) -> Any:
    return context.invoke("pay", {"amount": 5}, name="paying")


@durable_execution
def pays_three_times(event: Any, context: DurableContext) -> list[Any]:
    outcomes: list[Any] = []
    for _ in range(3):
        try:
            outcomes.append(context.invoke("pay", {}))
        except InvokeError as error:
            outcomes.append(str(error))
    return outcomes


def test_a_mocked_function_gives_its_result() -> None:
    with DurableFunctionTestRunner(pays) as runner:
        result = runner.mock_invoke("pay", result={"paid": True}).run()
    assert result.result == {"paid": True}
    assert result.get_invoke("paying").result == {"paid": True}


def test_the_history_shows_an_invoke_like_any_other() -> None:
    with DurableFunctionTestRunner(pays) as runner:
        events = runner.mock_invoke("pay").run().history.events
    types = [event.event_type for event in events]
    assert types.count("ChainedInvokeStarted") == types.count("ChainedInvokeSucceeded") == 1
    (started,) = (event for event in events if event.event_type == "ChainedInvokeStarted")
    assert started.details["FunctionName"] == "pay"
    assert started.details["Input"]["Payload"] == '{"amount": 5}'


@pytest.mark.parametrize("error", [ConnectionError("down"), ErrorObject("down", "ConnectionError")])
def test_a_mocked_function_fails_with_an_error(error: Exception | ErrorObject) -> None:
    with DurableFunctionTestRunner(pays) as runner:
        result = runner.mock_invoke("pay", error=error).run()
    assert result.status == "FAILED"
    assert str(result.get_invoke("paying").error) == "ConnectionError: down"


def test_outcomes_are_given_call_by_call() -> None:
    with DurableFunctionTestRunner(pays_three_times) as runner:
        result = runner.mock_invoke("pay", [1, ValueError("second"), None]).run()
    assert result.result == [1, "second", None]


def test_a_call_beyond_the_outcomes_fails_and_says_so() -> None:
    with DurableFunctionTestRunner(pays_three_times) as runner:
        result = runner.mock_invoke("pay", [1, 2]).run()
    assert result.result[:2] == [1, 2]
    assert "mock_invoke('pay') was called more often than it has outcomes: 2" in result.result[2]


def test_one_result_is_given_on_every_call() -> None:
    with DurableFunctionTestRunner(pays_three_times) as runner:
        assert runner.mock_invoke("pay", result="yes").run().result == ["yes"] * 3


def test_a_mock_takes_the_place_of_a_registered_durable_function() -> None:
    @durable_execution
    def real(event: Any, context: DurableContext) -> str:
        return "real"

    with DurableFunctionTestRunner(pays) as runner:
        runner.register_durable_function("pay", real)
        assert runner.mock_invoke("pay", result="mocked").run().result == "mocked"


@pytest.mark.parametrize(
    ("invoked", "mocked"),
    [
        ("pay:live", "pay:live"),
        ("pay:live", "pay"),
        ("arn:aws:lambda:us-west-2:123456789012:function:pay:live", "pay"),
        ("pay", "arn:aws:lambda:us-west-2:123456789012:function:pay"),
    ],
)
def test_a_function_is_mocked_by_any_of_its_names(invoked: str, mocked: str) -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.invoke(invoked, {})

    with DurableFunctionTestRunner(handler) as runner:
        assert runner.mock_invoke(mocked, result=1).run().result == 1


def test_a_result_and_an_error_at_once_are_refused() -> None:
    with (
        DurableFunctionTestRunner(pays) as runner,
        pytest.raises(DurableFunctionsTestError, match=r"mock_invoke\('pay'\): give a list"),
    ):
        runner.mock_invoke("pay", result=1, error=ValueError())


def test_what_is_no_name_of_a_function_is_refused() -> None:
    with (
        DurableFunctionTestRunner(pays) as runner,
        pytest.raises(DurableFunctionsTestError, match="no name of a function"),
    ):
        runner.mock_invoke("no name")
