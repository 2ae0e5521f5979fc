"""The plugin that flake8 loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing._lint.flake8_plugin import DurablePlugin

SOURCE = """\
import time
from aws_durable_execution_sdk_python import durable_execution


@durable_execution
def handler(event, context):
    before = time.time()  # durable: ignore[DUR101]
    between = time.time()  # noqa: DUR101
    return before, between, time.time()
"""


def test_findings_are_tuples_with_columns_from_0() -> None:
    lines = SOURCE.splitlines(keepends=True)
    found = list(DurablePlugin(ast.parse(SOURCE), lines).run())
    # The other comment is flake8's own affair.
    assert [(line, column, kind) for line, column, _, kind in found] == [
        (8, 14, DurablePlugin),
        (9, 28, DurablePlugin),
    ]
    assert all(text.startswith("DUR101 time.time() reads the clock") for _, _, text, _ in found)


def test_the_plugin_introduces_itself() -> None:
    assert DurablePlugin.name == "durable-lint"
    assert re.fullmatch(r"\d+\.\d+\.\d+\+aio\.\d+", DurablePlugin.version)


def test_flake8_itself(tmp_path: Path) -> None:
    """As a user would: the codes are selected, and both kinds of comment work."""
    pytest.importorskip("flake8")
    (tmp_path / "app.py").write_text(SOURCE)
    (tmp_path / "setup.cfg").write_text(
        "[flake8]\nselect = DUR\n"
        # Also where the installed metadata is older than the entry point.
        f"[flake8:local-plugins]\nextension =\n    DUR = {DurablePlugin.__module__}:DurablePlugin\n"
    )
    command = [sys.executable, "-m", "flake8", "--jobs=1", "app.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert {line.partition(" DUR101")[0] for line in result.stdout.splitlines()} == {"app.py:9:29:"}
