"""A handler without its decorator fails in a way that says so."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner


def failed(handler: Any) -> str:
    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    assert result.status == "FAILED"
    assert result.error is not None
    return result.error.message or ""


def test_one_that_uses_its_context_is_told_whose_that_is() -> None:
    text = failed(lambda event, context: context.step(lambda _: 1))
    assert "it is Lambda's own context, not a durable one" in text
    assert "Decorate the handler with @durable_execution" in text


def test_one_that_returns_something_else_than_a_response_is_asked() -> None:
    for result in (1, None, {"order": "o-1"}):
        text = failed(lambda event, context, result=result: result)
        assert text.endswith("Is the handler decorated with @durable_execution?")


def test_other_attributes_that_lambdas_context_lacks_are_only_missing() -> None:
    text = failed(lambda event, context: context.colour)
    assert "'LambdaContext' object has no attribute 'colour'" in text
    assert "durable_execution" not in text
