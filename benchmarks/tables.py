"""Results for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table

from benchmarks.catalog import (
    BEFORE,
    BEFORE_ASYNC,
    FLOOR,
    FORK,
    OFFICIAL,
    OURS,
    OURS_ASYNC,
    ROWS,
    Row,
)
from benchmarks.driver import Figures
from benchmarks.results import Results

PEERS = (OFFICIAL, FORK, FLOOR)
TIMES = {"wall", "cpu", "wall_per_unit", "cpu_per_unit"}
# What `compare` shows of two measurements, by workload and lane.
COMPARED = ("wall", "cpu", "calls", "rss", "threads")


class Verdict(NamedTuple):
    """One figure of a lane of ours, next to everything that it is compared with."""

    row: Row
    lane: str
    value: float
    peers: dict[str, float]
    limit: float | None

    @property
    def word(self) -> str:
        if self.limit is None:
            return ""
        return "reached" if self.value <= self.limit else "missed"


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every row of the report that was measured, for each lane of ours."""
    for row in ROWS:
        for lane in (OURS, OURS_ASYNC):
            value = results.value(row, lane)
            if value is None:
                continue
            found = {peer: results.value(row, peer) for peer in PEERS}
            peers = {peer: other for peer, other in found.items() if other is not None}
            target = row.targets.get(lane)
            limit = results.limit(row, target) if target else None
            yield Verdict(row, lane, value, peers, limit)


def report(results: Results) -> Table:
    """Our figures against the peers', the floor's and the targets."""
    table = Table(title="Medians; in brackets: ours as a multiple of it")
    table.add_column("figure", no_wrap=True)
    for name in ("lane", "value", *PEERS, "at most", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for verdict in verdicts(results):
        metric = verdict.row.metric
        table.add_row(
            verdict.row.label,
            verdict.lane,
            show(metric, verdict.value),
            *(_against(verdict, verdict.peers.get(peer)) for peer in PEERS),
            "" if verdict.limit is None else _against(verdict, verdict.limit),
            {"reached": "[green]reached", "missed": "[red]missed"}.get(verdict.word, ""),
        )
    return table


def details(results: Results) -> Table:
    """Everything that was counted, for every lane."""
    table = Table(title="All lanes")
    table.add_column("workload", no_wrap=True)
    for name in (
        "lane",
        "runs",
        "wall",
        "min-max",
        "CPU",
        "wall/unit",
        "CPU/unit",
        "calls",
        "pages",
        "upd/call",
        "sent",
        "trips",
        "RSS",
        "threads",
        "late",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for name, lanes in results.runs.items():
        for lane in lanes:
            figures = results.median(name, lane)
            if figures is not None:
                table.add_row(name, lane, *_detail_cells(figures, lanes[lane]))
        table.add_section()
    return table


def comparison(before: Results, after: Results) -> Table:
    """Two measurements of the same lanes: the factor by which each figure changed."""
    table = Table(title="After, and as a multiple of before")
    for name in ("workload", "lane", *COMPARED):
        table.add_column(name, justify="left" if name == "workload" else "right")
    for name in after.runs:
        for lane in after.runs[name]:
            old, new = before.median(name, lane), after.median(name, lane)
            if old is not None and new is not None:
                table.add_row(name, lane, *(_change(metric, old, new) for metric in COMPARED))
    return table


def baseline(results: Results) -> Table | None:
    """The checkout against the one it was interleaved with; None if there was none."""
    if not {BEFORE, BEFORE_ASYNC} & set(results.lanes()):
        return None
    renamed = {BEFORE: OURS, BEFORE_ASYNC: OURS_ASYNC}
    runs = {
        name: {renamed[lane]: figures for lane, figures in lanes.items() if lane in renamed}
        for name, lanes in results.runs.items()
    }
    return comparison(Results(runs, results.about), results)


def show(metric: str, value: float) -> str:
    """A figure with its unit: seconds, bytes, a count or a factor."""
    if metric in TIMES:
        for unit, factor in (("s", 1.0), ("ms", 1e-3)):
            if value >= factor:
                return f"{value / factor:.3g} {unit}"
        return f"{value / 1e-6:.3g} us"
    if metric in {"rss", "bytes_in"}:
        return f"{value / 1e6:.3g} MB" if value >= 1e5 else f"{value / 1e3:.3g} kB"
    if metric.endswith("_growth"):
        return f"{value:.2f}x"
    return f"{value:.4g}"


def _against(verdict: Verdict, other: float | None) -> str:
    if other is None:
        return "-"
    return show(verdict.row.metric, other) + _times(verdict.value, other)


def _detail_cells(figures: Figures, runs: Sequence[Figures]) -> list[str]:
    walls = [run["wall"] for run in runs]
    trips = figures.get("round_trips")
    return [
        str(len(runs)),
        show("wall", figures["wall"]),
        f"{show('wall', min(walls))}-{show('wall', max(walls))}",
        show("cpu", figures["cpu"]),
        show("wall", figures["wall_per_unit"]),
        show("cpu", figures["cpu_per_unit"]),
        show("calls", figures["calls"]),
        show("calls", figures["state_calls"]),
        f"{figures['updates_per_call']:.1f}",
        show("bytes_in", figures["bytes_in"]),
        "-" if trips is None else f"{trips:.1f}",
        show("rss", figures["rss"]),
        show("threads", figures["threads"]),
        show("calls", figures["late"]),
    ]


def _change(metric: str, old: Figures, new: Figures) -> str:
    return show(metric, new[metric]) + _times(new[metric], old[metric])


def _times(value: float, other: float) -> str:
    if not other:
        return ""
    factor = value / other
    return f" ({factor:.2f}x)" if factor >= 0.1 else f" ({factor:.2g}x)"
