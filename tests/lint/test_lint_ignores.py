"""Comments that silence findings."""

from __future__ import annotations

import pytest

from aws_durable_execution_sdk_python_testing.lint import Selection, lint_source

HEAD = """
import os, time
from aws_durable_execution_sdk_python import durable_execution
@durable_execution
def handler(event, context):
"""


def codes(line: str) -> list[str]:
    return [finding.code for finding in lint_source(HEAD + "    " + line)]


@pytest.mark.parametrize(
    "comment",
    [
        "# durable: ignore[DUR101]",
        "# durable: ignore",
        "#durable:ignore[dur101]",
        "# measured only  # durable: ignore[DUR101]",
        "# noqa",
        "# noqa: DUR101",
        "# noqa: E501, DUR1",
    ],
)
def test_a_comment_silences_its_line(comment: str) -> None:
    assert codes(f"return time.time()  {comment}") == []


@pytest.mark.parametrize("comment", ["# noqa: E501", "# durable: ignored", "# ignore[DUR101]"])
def test_other_comments_do_not(comment: str) -> None:
    assert codes(f"return time.time()  {comment}") == ["DUR101"]


def test_several_codes() -> None:
    line = "return time.time(), os.getpid()  # durable: ignore[{}]"
    assert codes(line.format("DUR101, DUR104")) == []
    assert codes(line.format("DUR104")) == ["DUR101"]


def test_any_line_of_the_code_in_question_will_do() -> None:
    assert codes("return time.time(\n    )  # durable: ignore[DUR101]") == []
    assert codes("return [\n    time.time(),\n]  # durable: ignore[DUR101]") == ["DUR101", "DUR902"]


def test_the_line_of_an_except_is_its_first() -> None:
    head = "try:\n        context.wait(seconds=1)\n    except:"
    assert codes(f"{head}  # durable: ignore[DUR401]\n        print(1)") == []
    assert codes(f"{head}\n        print(1)  # durable: ignore[DUR401]") == ["DUR401", "DUR902"]


def test_unknown_codes_are_reported() -> None:
    finding, unknown = lint_source(HEAD + "    return time.time()  # durable: ignore[DUR11]")
    assert (finding.code, unknown.code) == ("DUR101", "DUR901")
    assert (unknown.column, unknown.end_column) == (25, 49)
    assert "'DUR11'" in unknown.message


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("return 1  # durable: ignore", "DUR902"),
        ("return 1  # durable: ignore[DUR101]", "DUR902"),
        ("return time.time()  # durable: ignore[DUR101, DUR102]", "DUR902"),
        ("return time.time()  # durable: ignore[DUR101, X]", "DUR901"),
        ("return 1  # durable: ignore[]", "DUR901"),
    ],
)
def test_comments_that_do_nothing_are_reported(line: str, code: str) -> None:
    assert codes(line) == [code]


def test_a_text_that_looks_like_a_comment_is_none() -> None:
    assert codes("return '# durable: ignore[DUR101]', time.time()") == ["DUR101"]


def test_codes_that_are_not_selected_are_not_missed_in_comments() -> None:
    """A comment for a code that is not looked for today is no unused one."""
    text = HEAD + "    return time.time()  # durable: ignore[DUR101]"
    assert lint_source(text, selection=Selection(ignore=["DUR101"])) == []
