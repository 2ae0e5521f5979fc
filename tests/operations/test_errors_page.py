"""What docs/errors.md says to write works, and what it says of bounds is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python._core import error_details, stack_traces

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    assert len(FILES) == TEXT.count("```python\n")
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=TEXT.count("\ndef test_"))


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"up to {error_details.MAX_STATE_BYTES // 1024} KiB an error" in TEXT
    assert f"to a depth of {error_details.MAX_CHAIN}" in TEXT
    assert f"the first {error_details.MAX_GROUP}:" in TEXT
    assert f"at most {stack_traces.MAX_FRAMES};" in TEXT
