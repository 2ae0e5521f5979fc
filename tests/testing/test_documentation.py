"""docs/testing.md shows every command."""

from __future__ import annotations

import re
from pathlib import Path

import click

from aws_durable_execution_sdk_python_testing.cli import main

TEXT = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_every_command_is_shown() -> None:
    shown = set(re.findall(r"^durable ([\w-]+)", TEXT, re.MULTILINE))
    assert shown == set(main.list_commands(click.Context(main)))
