"""What docs/reliability.md says to write and to type works."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import click
import pytest

from aws_durable_execution_sdk_python_testing._exploration import Moment
from aws_durable_execution_sdk_python_testing._faults import Fault, Faults
from aws_durable_execution_sdk_python_testing.cli import main

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^durable (.*)$", TEXT, re.MULTILINE)


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    assert len(FILES) == TEXT.count("```python\n")
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=TEXT.count("\ndef test_"))


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_are_understood(line: str) -> None:
    name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = command.make_context(name, arguments).params
    assert Faults.parse(options.get("faults") or "")


def test_every_moment_and_every_fault_is_described() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert described == {moment.name for moment in Moment} | set(Fault)
    assert set(Fault) <= {one.name for one in fields(Faults)}
