"""Arguments are checked before anything is checkpointed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python.exceptions import ValidationError

ACCEPTED: list[tuple[Callable[[Any], object], object]] = [
    (validation.operation_name, None),
    (validation.operation_name, "a"),
    (validation.operation_name, "order #7 ~"),
    (validation.operation_name, "x" * 256),
    (validation.sub_type, None),
    (validation.sub_type, "My-sub_type9"),
    (validation.sub_type, "x" * 32),
    (validation.function_name, "process-order"),
    (validation.function_name, "process-order:$LATEST"),
    (validation.function_name, "arn:aws:lambda:eu-west-1:123456789012:function:process:live"),
    (validation.tenant_id, None),
    (validation.tenant_id, "tenant 7/a.b:c=d+e-f@g"),
    (validation.max_concurrency, None),
    (validation.max_concurrency, 1),
    (validation.wait_seconds, 1),
    (validation.wait_seconds, 31_622_400),
    (validation.callback_timeout_seconds, 0),
    (validation.callback_timeout_seconds, 99_999_999),
]


@pytest.mark.parametrize(("check", "value"), ACCEPTED)
def test_what_the_service_accepts_is_returned(
    check: Callable[[Any], object], value: object
) -> None:
    assert check(value) == value


REFUSED: list[tuple[Callable[[Any], object], object, str]] = [
    (validation.operation_name, "", r"name must be 1 to 256 printable ASCII.*got '' \(0 char"),
    (validation.operation_name, "x" * 257, r"\(257 characters\)"),
    (validation.operation_name, "café", "got 'café'"),
    (validation.operation_name, "a\n", r"got 'a\\n'"),
    (validation.operation_name, "a\x7f", "printable ASCII"),
    (validation.operation_name, 7, r"name must be a string.*got 7 \(int\)"),
    (validation.operation_name, len, "name must be a string"),
    (validation.sub_type, "", "sub_type must be 1 to 32"),
    (validation.sub_type, "x" * 33, r"\(33 characters\)"),
    (validation.sub_type, "my type", "letters, digits"),
    (validation.function_name, "", "function_name must be a Lambda function name"),
    (validation.function_name, None, r"function_name must be a string.*\(NoneType\)"),
    (validation.function_name, "two words", "got 'two words'"),
    (validation.tenant_id, "", "tenant_id must be 1 to 256"),
    (validation.tenant_id, "a#b", "got 'a#b'"),
    (validation.max_concurrency, 0, "max_concurrency must be at least 1; got 0"),
    (validation.max_concurrency, 1.5, r"must be a whole number at least 1; got 1.5 \(float\)"),
    (validation.max_concurrency, True, r"got True \(bool\)"),
    (validation.wait_seconds, 0, "duration must be at least 1 second; got 0 s"),
    (validation.wait_seconds, 31_622_401, "from 1 to 31622400; got 31622401"),
    (validation.callback_timeout_seconds, -1, "timeout in seconds must be from 0 to 99999999"),
    (validation.callback_timeout_seconds, 100_000_000, "got 100000000"),
]


@pytest.mark.parametrize(("check", "value", "message"), REFUSED)
def test_anything_else_is_refused_with_the_value_and_the_limit(
    check: Callable[[Any], object], value: object, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        check(value)


def test_an_over_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ValidationError, match=r"x\.\.\. \(100000 characters\)") as caught:
        validation.operation_name("x" * 100_000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("text", "size"), [("abc", 3), ("é", 2), ("😀", 4), ("\ud800", 3)])
def test_sizes_are_counted_in_utf8_bytes(text: str, size: int) -> None:
    assert validation.utf8_size(text) == size


def test_a_payload_up_to_the_limit_is_returned() -> None:
    assert validation.payload_size("the result", "éé", 4) == "éé"


def test_a_payload_above_the_limit_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"the result is 6 bytes.*at most 4.*Amazon S3"):
        validation.payload_size("the result", "ééé", 4)
