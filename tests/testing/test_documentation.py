"""What docs/testing.md says to write works, and it shows every command."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from aws_durable_execution_sdk_python_testing.cli import main

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_every_python_block_is_a_file() -> None:
    assert len(FILES) == TEXT.count("```python\n")


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=len(re.findall(r"^(?:async )?def test_", TEXT, re.MULTILINE)))


def test_every_command_is_shown() -> None:
    shown = set(re.findall(r"^durable ([\w-]+)", TEXT, re.MULTILINE))
    assert shown == set(main.list_commands(click.Context(main)))
