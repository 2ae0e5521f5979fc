"""What docs/testing.md says to write and to type works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from aws_durable_execution_sdk_python_testing.cli import main

pytest_plugins = ["pytester"]

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^durable (.*)$", TEXT, re.MULTILINE)


def test_every_python_block_is_a_file() -> None:
    assert len(FILES) == TEXT.count("```python\n")


def test_the_tests_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**FILES)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=len(re.findall(r"^(?:async )?def test_", TEXT, re.MULTILINE)))


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_are_understood(line: str) -> None:
    command: click.Command = main
    context = click.Context(main)
    arguments = shlex.split(line)
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    command.make_context(command.name, arguments)


def test_every_command_is_shown() -> None:
    shown = {line.split()[0] for line in COMMANDS}
    assert shown == set(main.list_commands(click.Context(main)))
