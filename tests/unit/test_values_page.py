"""What docs/values.md says to write works, and its table names every type there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python._core.values.scalars import TEXT_TYPES

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "values.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_the_programs_and_tests_of_the_page_pass(pytester: pytest.Pytester) -> None:
    assert len(FILES) == TEXT.count("```python\n")
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=TEXT.count("\ndef test_"))


@pytest.mark.parametrize("cls", TEXT_TYPES, ids=lambda cls: cls.__name__)
def test_the_table_names_the_type(cls: type) -> None:
    table = TEXT[TEXT.index("## The types") :]
    assert f"`{cls.__name__}`" in table
