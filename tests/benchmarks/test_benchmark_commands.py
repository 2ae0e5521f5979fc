"""`python -m benchmarks` says what is wrong with its arguments, and shows files of results."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.catalog import WORKLOADS
from benchmarks.cli import main
from benchmarks.results import Results
from click.testing import CliRunner

TIMES = ("wall", "cpu", "wall_per_unit", "cpu_per_unit", "round_trips")
SIZES = ("rss", "threads", "bytes_in", "bytes_out")
COUNTS = ("calls", "state_calls", "updates", "updates_per_call", "late")
FIGURES = dict.fromkeys((*TIMES, *SIZES, *COUNTS), 2.0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    Results({"warm": {"ours": [FIGURES], "floor": [FIGURES]}}, {}).save(path)
    return path


def test_the_list_has_every_workload() -> None:
    output = CliRunner().invoke(main, ["list"]).output
    assert [line.split()[0] for line in output.splitlines()] == list(WORKLOADS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none"], "no workload 'none'"),
        (["run", "--sdk", "ours,none"], "none: not one of ours, official, fork, floor"),
        (["run", "--environments", "missing", "--sdk", "fork"], "run python -m benchmarks setup"),
    ],
)
def test_wrong_arguments_are_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert message in result.output


def test_one_file_compares_the_lanes_in_it(saved: Path) -> None:
    output = CliRunner().invoke(main, ["compare", str(saved)]).output
    assert "2 s (1.00x)" in output
    assert "missed" in output


def test_two_files_are_before_and_after(saved: Path) -> None:
    output = CliRunner().invoke(main, ["compare", "--markdown", str(saved), str(saved)]).output
    assert "| warm" in output
    assert "2 s (1.00x)" in output


def test_a_file_of_something_else_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("[]")
    result = CliRunner().invoke(main, ["compare", str(path)])
    assert result.exit_code == 1
    assert "not a result of these benchmarks" in result.output
