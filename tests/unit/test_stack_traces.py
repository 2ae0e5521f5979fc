"""Stored traces: the user's frames first, the SDK's folded, everything bounded."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import StepError
from aws_durable_execution_sdk_python._core.error_traces import trace_of
from aws_durable_execution_sdk_python._core.errors import describe, rebuild
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python._core.running import Leaf


def fails() -> Any:
    raise ValueError("bad")


def caught(function: Any) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError


def names(error: BaseException) -> list[str]:
    """The functions of a trace, and the lines that are no frames as they are."""
    lines = [line.splitlines()[0] for line in trace_of(error)]
    return [line.partition(", in ")[2] or line.strip() for line in lines]


def test_a_line_is_a_frame_with_its_source() -> None:
    assert trace_of(caught(fails))[-1] == (
        f'  File "{__file__}", line {fails.__code__.co_firstlineno + 1}, in fails\n'
        '    raise ValueError("bad")\n'
    )


def test_frames_of_the_sdk_between_those_of_the_user_are_folded() -> None:
    """Those before the first one of the user's are left out."""
    error = caught(lambda: Leaf(None, "serdes").call(fails))
    assert names(error)[1:] == [
        "<lambda>",
        "... 1 frame of aws_durable_execution_sdk_python",
        "fails",
    ]


def test_an_operations_error_goes_on_with_the_trace_of_the_original() -> None:
    stored = rebuild(StepError, describe(caught(fails)))

    def operation() -> Any:
        raise stored

    error = caught(operation)
    assert names(error) == ["caught", "operation", "caught", "fails"]
    assert describe(error).stack_trace == trace_of(error)


def test_below_an_error_are_the_errors_of_its_group_and_its_cause() -> None:
    inner = caught(fails)

    def group() -> Any:
        try:
            fails()
        except ValueError as error:
            raise ExceptionGroup("all", [inner]) from error

    assert names(caught(group)) == [
        *("caught", "group"),
        "sub-exception 1 of 1: ValueError: bad",
        *("caught", "fails"),
        "caused by ValueError: bad",
        *("group", "fails"),
    ]


def test_a_deep_recursion_is_cut_in_the_middle() -> None:
    def deep(count: int) -> Any:
        return fails() if count == 0 else (lambda: deep(count - 1))()

    found = names(caught(lambda: deep(50)))
    assert len(found) == 32
    assert found[8] == "... 73 frames left out"
    assert found[-1] == "fails"


def test_long_lines_and_many_bytes_are_cut() -> None:
    lines = [f'  File "{"x" * 5000}{number}"\n' for number in range(30)]
    error = rebuild(StepError, ErrorObject("text", "ValueError", None, lines))
    trace = trace_of(error)
    assert len("".join(trace)) < 13_000
    assert trace[-1].endswith("frames left out\n")


def test_str_of_a_stored_error_shows_where_it_was_raised() -> None:
    described = describe(caught(fails))
    assert described.headline == "ValueError: bad"
    assert str(described).splitlines()[0] == "ValueError: bad"
    assert str(described).splitlines()[-1] == '    raise ValueError("bad")'
    assert str(ErrorObject("bad", "ValueError")) == "ValueError: bad"
