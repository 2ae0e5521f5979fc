"""`durable lint`: what it takes, prints and exits with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aws_durable_execution_sdk_python_testing.cli import main
from aws_durable_execution_sdk_python_testing.lint import lint_paths

WRONG = """\
import os, time
from aws_durable_execution_sdk_python import durable_execution
@durable_execution
def handler(event, context):
    return time.time(), os.getpid()
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *arguments], input=stdin)


def test_nothing_found(directory: Path) -> None:
    (directory / "app.py").write_text("x = 1\n")
    result = lint("app.py")
    assert (result.exit_code, result.stdout) == (0, "nothing found in 1 file\n")


def test_findings(directory: Path) -> None:
    (directory / "app.py").write_text(WRONG)
    result = lint()
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("app.py:5:12: DUR101 time.time() reads the clock outside a step")
    assert lines[1].startswith("app.py:5:25: DUR104 os.getpid() uses the environment")
    assert lines[2] == "2 found in 1 file (DUR101: 1, DUR104: 1)"


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--select", "DUR104"], 1),
        (["--select", "dur1, DUR2"], 2),
        (["--ignore", "DUR1"], 0),
        (["--ignore", "DUR101,DUR104"], 0),
        (["--select", "DUR101", "--ignore", "DUR1"], 1),
        (["--select", "DUR1", "--ignore", "DUR101"], 1),
        (["--select", "DUR101", "--ignore", "DUR101"], 0),
    ],
)
def test_the_longer_of_select_and_ignore_wins(options: list[str], count: int) -> None:
    result = lint("-", "--format", "json", *options, stdin=WRONG)
    assert len(json.loads(result.stdout)["findings"]) == count
    assert result.exit_code == (1 if count else 0)


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_unknown_codes_are_refused(option: str) -> None:
    result = lint("-", option, "E501", stdin=WRONG)
    assert result.exit_code == 2
    assert "no code begins with 'E501'" in result.stderr


def test_standard_input() -> None:
    result = lint("-", "--stdin-filename", "src/app.py", stdin=WRONG)
    assert result.exit_code == 1
    assert result.stdout.startswith("src/app.py:5:12: DUR101")


def test_files_that_cannot_be_read(directory: Path) -> None:
    (directory / "broken.py").write_text("def f(:\n")
    (directory / "latin.py").write_bytes(b"x = '\xe9'\n")
    (directory / "null.py").write_bytes(b"x = 1\0\n")
    (directory / "deep.py").write_text("(" * 400 + ")" * 400)
    (directory / "wrong.py").write_text(WRONG)
    result = lint(".", "missing.py")
    assert result.exit_code == 2
    assert result.stdout.count("DUR10") == 4  # found and counted all the same
    for name in ("broken.py: cannot be linted: line 1", "latin", "null", "deep", "missing.py"):
        assert name in result.stdout


def test_standard_input_that_cannot_be_read() -> None:
    assert lint("-", stdin=b"x = '\xe9'\n").exit_code == 2
    assert lint("-", stdin="def").exit_code == 2


def test_encodings_are_those_that_files_declare(directory: Path) -> None:
    text = "# coding: latin-1\n" + WRONG.replace("return", "return 'é',")
    (directory / "app.py").write_bytes(text.encode("latin-1"))
    assert lint("app.py").stdout.startswith("app.py:6:17: DUR101")
    assert lint("-", stdin=b"\xef\xbb\xbf" + WRONG.encode()).exit_code == 1


def test_what_is_not_looked_into(directory: Path) -> None:
    for name in (".hidden", "venv", "build", "node_modules", "pkg"):
        (directory / name).mkdir()
        (directory / name / "app.py").write_text(WRONG)
    (directory / "venv" / "pyvenv.cfg").touch()
    (directory / "notes.txt").write_text(WRONG)
    assert {finding.path for finding in lint_paths(["."]).findings} == {"pkg/app.py"}
    assert lint_paths([".hidden", "pkg", "pkg/app.py"]).files == 2


@pytest.mark.parametrize("pattern", ["old", "old/", "src/old", "*/old/*", "o?d", "app_*.py"])
def test_exclude(directory: Path, pattern: str) -> None:
    (directory / "src" / "old").mkdir(parents=True)
    (directory / "src" / "old" / "app_1.py").write_text(WRONG)
    (directory / "src" / "app.py").write_text(WRONG)
    report = lint_paths(["src"], exclude=[pattern])
    assert {finding.path for finding in report.findings} == {"src/app.py"}


def test_output_goes_to_a_file(directory: Path) -> None:
    result = lint("-", "--output", "lint.txt", stdin=WRONG)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "2 found in 1 file" in (directory / "lint.txt").read_text()
    assert lint("-", "--output", "no/where.txt", stdin=WRONG).exit_code == 2


def test_json(directory: Path) -> None:
    (directory / "app.py").write_text(WRONG)
    report = json.loads(lint("app.py", "missing.py", "--format", "json").stdout)
    assert report["files"] == 1
    assert report["problems"] == [{"path": "missing.py", "reason": "No such file or directory"}]
    first = report["findings"][0]
    assert first.pop("message").startswith("time.time() reads the clock")
    assert first == {
        "path": "app.py",
        "line": 5,
        "column": 12,
        "code": "DUR101",
        "end_line": 5,
        "end_column": 23,
    }


def test_sarif(directory: Path) -> None:
    """The members that SARIF 2.1.0 demands, and those that code scanning services use."""
    (directory / "my app.py").write_text(WRONG)
    result = lint("my app.py", "--format", "sarif")
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is True
    found = run["results"][0]
    assert found["ruleId"] == "DUR101"
    assert rules[found["ruleIndex"]]["id"] == "DUR101"
    assert rules[found["ruleIndex"]]["name"] == "ClockOutsideStep"
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "my%20app.py"}
    assert place["region"] == {"startLine": 5, "startColumn": 12, "endLine": 5, "endColumn": 23}


def test_sarif_names_the_files_that_cannot_be_read(directory: Path) -> None:
    result = lint(str(directory / "missing.py"), "--format", "sarif")
    assert result.exit_code == 2
    invocation = json.loads(result.stdout)["runs"][0]["invocations"][0]
    assert invocation["executionSuccessful"] is False
    place = invocation["toolExecutionNotifications"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == (directory / "missing.py").as_uri()
    assert "missing.py: cannot be linted" in result.stderr
