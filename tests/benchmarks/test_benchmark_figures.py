"""The arithmetic of the benchmarks: order of runs, medians, targets, the file of results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.catalog import FLOOR, OFFICIAL, OURS, ROWS, WORKLOADS, Row, Target
from benchmarks.driver import Figures, figures_of, interleaved, median_figures
from benchmarks.results import Results
from benchmarks.tables import comparison, details, report, show, verdicts
from rich.console import Console

STEPS = WORKLOADS["steps-500-5ms"]


def run(wall: float, **more: float) -> Figures:
    counts = dict.fromkeys(
        ("calls", "state_calls", "updates", "bytes_in", "bytes_out", "late", "updates_per_call"), 1
    )
    figures = {
        "wall": wall,
        "cpu": wall / 2,
        "wall_per_unit": wall / 500,
        "cpu_per_unit": wall / 1000,
        "rss": 1e6,
        "threads": 3,
    }
    return figures | counts | more


def results(**walls: list[float]) -> Results:
    lanes = {lane: [run(wall) for wall in found] for lane, found in walls.items()}
    return Results({STEPS.name: lanes}, {})


def test_every_second_round_runs_backwards() -> None:
    order = list(interleaved(STEPS, ["a", "b", "c"], 3))
    assert [lane for _, lane in order] == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]


def test_a_lane_that_needs_minutes_runs_less_often() -> None:
    workload = replace(STEPS, runs_at_most={"b": 1})
    assert [lane for _, lane in interleaved(workload, ["a", "b"], 3)] == ["a", "b", "a", "a"]


def test_the_figures_of_a_run_are_those_of_its_middle_invocation() -> None:
    samples = [{"wall": wall, "cpu": wall / 2} for wall in (5.0, 1.0, 2.5)]
    counts: dict[str, Any] = dict.fromkeys(("state_calls", "bytes_in", "bytes_out", "late"), 0)
    service = counts | {"calls": 500, "updates": 1000}
    figures = figures_of(STEPS, {"samples": samples, "rss": 7, "threads": 2}, [service])
    assert figures["wall"] == 2.5
    assert figures["wall_per_unit"] == 0.005
    assert figures["cpu_per_unit"] == 0.0025
    assert figures["updates_per_call"] == 2
    assert figures["round_trips"] == 500


def test_the_median_is_taken_of_each_figure_on_its_own() -> None:
    runs = [run(1.0, rss=30), run(9.0, rss=20), run(2.0, rss=10)]
    assert median_figures(runs)["wall"] == 2.0
    assert median_figures(runs)["rss"] == 20


def test_a_target_can_be_a_multiple_of_another_lane() -> None:
    row = Row("steps", STEPS.name, "wall")
    measured = results(ours=[2.0], floor=[1.0, 3.0, 2.0])
    assert measured.limit(row, Target(1.25, times=FLOOR)) == 2.5
    assert measured.limit(row, Target(1.25, times=OFFICIAL)) is None
    assert measured.limit(row, Target(0.5)) == 0.5


@pytest.mark.parametrize(("wall", "word"), [(2.5, "reached"), (2.51, "missed")])
def test_a_target_is_reached_up_to_its_limit(wall: float, word: str) -> None:
    (verdict,) = verdicts(results(ours=[wall], floor=[2.0]))
    assert verdict.word == word


def test_there_is_no_verdict_without_the_lane_it_depends_on() -> None:
    (verdict,) = verdicts(results(ours=[2.5]))
    assert verdict.word == ""


def test_growth_is_against_a_tenth_of_the_work() -> None:
    measured = Results({"small": {OURS: [run(1.0)]}, "large": {OURS: [run(12.0)]}}, {})
    assert measured.value(Row("growth", "large", "wall_growth", base="small"), OURS) == 12


def test_results_are_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    measured = results(ours=[2.0, 1.0, 3.0], official=[4.0])
    measured.save(path)
    assert Results.load(path) == measured
    ours = json.loads(path.read_text())["workloads"][STEPS.name]["lanes"][OURS]
    assert ours["median"]["wall"] == 2.0


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"format": 99}')
    with pytest.raises(ValueError, match=r"other\.json is not a result"):
        Results.load(path)


def test_tables_show_ratios_to_every_lane() -> None:
    measured = results(ours=[2.0], official=[4.0], floor=[1.0])
    text = rendered(report(measured))
    assert "8 ms (0.50x)" in text
    assert "2 ms (2.00x)" in text
    assert "official" in rendered(details(measured))


def test_a_comparison_shows_what_became_of_each_lane() -> None:
    table = comparison(results(ours=[2.0]), results(ours=[1.0]))
    assert "1 s (0.50x)" in rendered(table)


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("wall", 2.5, "2.5 s"),
        ("wall", 0.0025, "2.5 ms"),
        ("cpu_per_unit", 15e-6, "15 us"),
        ("rss", 61e6, "61 MB"),
        ("wall_growth", 10, "10.00x"),
        ("threads", 251, "251"),
    ],
)
def test_figures_have_units(metric: str, value: float, text: str) -> None:
    assert show(metric, value) == text


def test_every_row_is_about_a_workload_and_its_lanes() -> None:
    for row in ROWS:
        assert set(row.targets) <= set(WORKLOADS[row.workload].lanes), row.label
        assert row.base is None or row.base in WORKLOADS


def rendered(table: Any) -> str:
    console = Console(width=250)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
