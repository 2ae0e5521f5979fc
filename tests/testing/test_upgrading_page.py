"""What docs/upgrading.md says to write works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from aws_durable_execution_sdk_python_testing.lint import lint_source

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    assert len(FILES) == TEXT.count("```python\n")
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=TEXT.count("\ndef test_"))


@pytest.mark.parametrize("name", FILES)
def test_the_lint_has_nothing_against_the_examples(name: str) -> None:
    assert lint_source(FILES[name], name) == []


def test_the_hooks_are_those_of_the_repository() -> None:
    (block,) = re.findall(r"^```yaml\n(repos:.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    shown = {hook["id"] for hook in yaml.safe_load(block)["repos"][0]["hooks"]}
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert shown == {hook["id"] for hook in hooks}
