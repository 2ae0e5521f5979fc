"""ARNs are written and read in one place."""

from __future__ import annotations

import pytest

from aws_durable_execution_sdk_python._core import arns
from aws_durable_execution_sdk_python._core.arns import FunctionArn

FUNCTION = "arn:aws:lambda:us-west-2:123456789012:function:order"
EXECUTION = f"{FUNCTION}:7/durable-execution/first/id-1"


@pytest.mark.parametrize("text", [FUNCTION, f"{FUNCTION}:7", f"{FUNCTION}:$LATEST"])
def test_the_arn_of_a_function_is_written_as_it_was_read(text: str) -> None:
    assert str(FunctionArn.parse(text)) == text


def test_the_arn_of_a_function_has_parts() -> None:
    arn = FunctionArn("us-west-2", "123456789012", "order", "7")
    assert FunctionArn.parse(f"{FUNCTION}:7") == arn


@pytest.mark.parametrize("text", ["", "order", "order:7", f"{FUNCTION}:7:8"])
def test_what_has_other_parts_is_no_arn_of_a_function(text: str) -> None:
    with pytest.raises(ValueError, match="no ARN"):
        FunctionArn.parse(text)


def test_the_arn_of_an_execution_holds_what_it_was_made_of() -> None:
    function = FunctionArn.parse(f"{FUNCTION}:7")
    assert arns.execution_arn(function, "first", "id-1") == EXECUTION
    assert arns.function_part(EXECUTION) == str(function)
    assert arns.execution_name(EXECUTION) == "first"
    assert arns.execution_id(EXECUTION) == "id-1"


@pytest.mark.parametrize(("text", "expected"), [(EXECUTION, True), (FUNCTION, False)])
def test_only_executions_have_the_arn_of_one(text: str, expected: bool) -> None:
    assert arns.is_execution_arn(text) is expected
