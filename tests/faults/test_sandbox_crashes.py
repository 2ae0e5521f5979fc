"""Crash exploration with processes of Lambda's runtime that die of SIGKILL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aws_durable_execution_sdk_python_testing._exploration import CrashPoint, Moment
from aws_durable_execution_sdk_python_testing._exploration.sandbox_exploration import (
    explore_sandbox_crashes,
)

ORDERS = Path(__file__).parent / "sandboxed_orders.py"


def explore(handler: str, notes: Path, **options: Any) -> Any:
    return explore_sandbox_crashes(
        f"{ORDERS}:{handler}",
        {"notes": str(notes)},
        callbacks={"approve": True},
        before_each=lambda: notes.write_text(""),
        **options,
    )


@pytest.mark.parametrize("handler", ["blocking", "asynchronous"])
def test_killed_processes_change_nothing(handler: str, tmp_path: Path) -> None:
    report = explore(handler, tmp_path / "notes", samples=3, seed=1)
    assert report.calm.result == ["charged", "shipped", True]
    assert (len(report.explored), list(report.unreached)) == (3, [])
    assert {row.step for row in report.rows} == {
        "charge",
        "ship",
        "approve > approve submitter",
    }


@pytest.mark.parametrize(
    ("moment", "effects"),
    [
        (Moment.IN_BODY, ["begun", "begun", "done"]),
        (Moment.AFTER_BODY, ["begun", "done", "begun", "done"]),
    ],
)
def test_a_process_is_killed_at_the_very_place(
    moment: Moment, effects: list[str], tmp_path: Path
) -> None:
    """What the body had done outside stays done; code that would clean up does not run."""
    notes = tmp_path / "notes"
    report = explore("blocking", notes, only=CrashPoint(moment, "ship"))
    assert notes.read_text().split() == effects
    assert [i.error and i.error.type for i in report.calm.invocations] == [None, None]


def test_a_result_that_depends_on_how_often_a_body_ran_is_reported(tmp_path: Path) -> None:
    only = CrashPoint(Moment.AFTER_BODY, "count")
    report = explore("counting", tmp_path / "notes", only=only, check=False)
    assert [(each.point, each.problem) for each in report.divergences] == [
        (only, "result: expected 1, got 2")
    ]
