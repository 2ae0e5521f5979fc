"""Results as a picture: each figure of each lane as a multiple of the official SDK's."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.catalog import FLOOR, FORK, OFFICIAL, OURS, OURS_ASYNC, ROWS, Row
from benchmarks.results import Results
from benchmarks.tables import show


class Mark(NamedTuple):
    """How a lane looks in the picture."""

    label: str
    colour: str
    shape: str


MARKS = {
    FLOOR: Mark("bare socket, no SDK", "#9aa0a6", "|"),
    FORK: Mark("async-durable-execution 2.5.0", "#e8871e", "s"),
    OFFICIAL: Mark("official SDK 3.0.0", "#c5221f", "D"),
    OURS: Mark("this project, blocking", "#1a73e8", "o"),
    OURS_ASYNC: Mark("this project, async", "#188038", "^"),
}
ROW_INCHES = 0.42
MARGIN_INCHES = 1.6
WIDTH_INCHES = 9.5


def draw(results: Results, path: Path) -> None:
    """Write the picture; the suffix of the path says in which format.

    Raises:
        ValueError: nothing was measured in the lane of the official SDK or of the fork.
    """
    rows = [row for row in ROWS if not row.metric.endswith("_growth") and _base(results, row)]
    if not rows:
        raise ValueError("no figures of the official SDK or of the fork to compare with")
    figure = Figure(figsize=(WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * len(rows)))
    axes = figure.add_subplot()
    for lane, mark in MARKS.items():
        _mark(axes, results, rows, lane, mark)
    _label(axes, results, rows)
    figure.tight_layout()
    # The same results are the same file, and text stays text.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _base(results: Results, row: Row) -> float | None:
    """What is 1: the official SDK's figure, or the fork's where that SDK has none."""
    return results.value(row, OFFICIAL) or results.value(row, FORK)


def _mark(axes: Axes, results: Results, rows: list[Row], lane: str, mark: Mark) -> None:
    points = [
        (value / base, place)
        for place, row in enumerate(rows)
        if (value := results.value(row, lane)) and (base := _base(results, row))
    ]
    if points:
        axes.plot(
            *zip(*points, strict=True),
            mark.shape,
            color=mark.colour,
            label=mark.label,
            markersize=8,
            alpha=0.9,
        )


def _label(axes: Axes, results: Results, rows: list[Row]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(rows)), [_row_label(results, row) for row in rows])
    axes.invert_yaxis()
    axes.axvline(1, color="#c5221f", linewidth=1, zorder=0)
    axes.grid(axis="x", color="#e8eaed", zorder=0)
    axes.set_xlabel("as a multiple of the official SDK's figure (in brackets); less is better")
    axes.legend(loc="upper center", bbox_to_anchor=(0.3, -0.07), ncols=3, frameon=False)


def _row_label(results: Results, row: Row) -> str:
    value = results.value(row, OFFICIAL)
    if value is not None:
        return f"{row.label} ({show(row.metric, value)})"
    other = results.value(row, FORK)
    assert other is not None
    return f"{row.label} (the other's: {show(row.metric, other)})"
