"""One measurement from end to end, in the lane that needs no SDK installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.catalog import FLOOR, WORKLOADS, History, Workload
from benchmarks.driver import Driver, Settings
from benchmarks.equipment import Cores, FakeService, WorkerError

THREE_STEPS = replace(
    WORKLOADS["steps-500-0ms"],
    parameters={"count": 3},
    expected="3",
    operations=3,
    unit_count=3,
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    python = tmp_path / "ours" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    cores = Cores.choose()
    with FakeService(cores) as fake:
        yield Driver(Settings(runs=2, lanes=[FLOOR], environments=tmp_path), fake, cores)


def test_a_workload_is_run_and_counted(driver: Driver) -> None:
    runs = driver.measure(THREE_STEPS)[FLOOR]
    assert [(run["calls"], run["updates"], run["late"]) for run in runs] == [(3, 6, 0)] * 2
    assert all(run["wall"] > 0 and run["cpu"] > 0 and run["rss"] > 0 for run in runs)


def test_a_replay_calls_nothing(driver: Driver) -> None:
    (run, _) = driver.measure(replace(THREE_STEPS, history=History()))[FLOOR]
    assert run["calls"] == 0


@pytest.mark.parametrize(
    "workload", [replace(THREE_STEPS, expected="4"), replace(THREE_STEPS, operations=4)]
)
def test_what_is_not_as_expected_ends_the_measurement(driver: Driver, workload: Workload) -> None:
    with pytest.raises(WorkerError, match="steps-500-0ms in lane floor"):
        driver.measure(workload)
