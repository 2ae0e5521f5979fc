"""The execution SDK and the testing SDK are two distributions that are released together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import aws_durable_execution_sdk_python as execution
import aws_durable_execution_sdk_python_testing as testing

ROOT = Path(__file__).resolve().parents[2]
TESTING = ROOT / "src" / "aws_durable_execution_sdk_python_testing"


def _project(directory: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((directory / "pyproject.toml").read_text())["project"]
    return project


def test_both_have_one_version_and_the_testing_sdk_pins_it() -> None:
    version = execution.__version__
    assert testing.__version__ == version
    assert _project(ROOT)["version"] == _project(TESTING)["version"] == version
    assert f"aws-durable-execution-sdk-python=={version}" in _project(TESTING)["dependencies"]


def test_the_version_satisfies_pins_of_the_official_interface() -> None:
    assert re.fullmatch(r"3\.\d+\.\d+\+aio\.\d+", execution.__version__)


def test_the_execution_sdk_needs_nothing_else() -> None:
    names = {re.split(r"[<>=]", needed)[0] for needed in _project(ROOT)["dependencies"]}
    assert names == {"aioboto3", "anyio", "typing-extensions"}


def test_the_commands_and_plugins_of_tools_belong_to_the_testing_sdk() -> None:
    assert "scripts" not in _project(ROOT)
    assert set(_project(ROOT)["entry-points"]) == {"aws_durable_execution.plugins"}
    assert set(_project(TESTING)["scripts"]) == {"durable", "dex-local-runner"}
    assert set(_project(TESTING)["entry-points"]) == {"flake8.extension", "pytest11"}


def test_both_carry_the_licence() -> None:
    assert (TESTING / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_notice_of_what_was_made_from_the_work_of_others_comes_along() -> None:
    (named,) = re.findall(r"^(src/\S+)", (ROOT / "NOTICE").read_text(), re.MULTILINE)
    assert (ROOT / named).is_file()
    assert "NOTICE" in _project(ROOT)["license-files"]


def test_both_say_the_same_of_where_they_are_and_what_they_run_on() -> None:
    ours, theirs = _project(ROOT), _project(TESTING)
    assert ours["urls"] == theirs["urls"]
    about = ("Programming Language", "Operating System", "Development Status", "Typing")
    assert [one for one in ours["classifiers"] if one.startswith(about)] == [
        one for one in theirs["classifiers"] if one.startswith(about)
    ]
