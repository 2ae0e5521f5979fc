"""Each code has a page, and the page's examples are what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing.lint import CODES, lint_source

PAGES = Path(__file__).parents[2] / "docs" / "lint"
OVERVIEW = (PAGES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_the_examples_of_a_page_are_wrong_and_right(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    wrong, right = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert {finding.code for finding in lint_source(wrong)} == {code}
    assert lint_source(right) == []
    for example in (wrong, right):
        compile(example, code, "exec")


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_why_and_how_to_silence(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: ")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["Why", "Wrong", "Right", "Silencing it"]
    assert f"# durable: ignore[{code}]" in text


def test_there_are_pages_for_these_codes_only() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*CODES, "README"}


def test_the_overview_lists_the_codes() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (.*) \|$", OVERVIEW, re.MULTILINE)
    assert rows == [(code.id, code.id, code.summary) for code in CODES.values()]
