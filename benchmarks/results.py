"""A measurement as data: what `run` writes and `compare` and `chart` read."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.catalog import WORKLOADS, Row, Target
from benchmarks.driver import Figures, median_figures
from benchmarks.environments import ROOT

FORMAT = 1


@dataclass(frozen=True)
class Results:
    """The figures of every run, by workload and lane, and where they were taken."""

    runs: Mapping[str, Mapping[str, Sequence[Figures]]]
    about: Mapping[str, Any]

    def median(self, workload: str, lane: str) -> Figures | None:
        runs = self.runs.get(workload, {}).get(lane)
        return median_figures(runs) if runs else None

    def lanes(self) -> list[str]:
        """Every lane that has figures, in the order of the runs."""
        return list(dict.fromkeys(lane for lanes in self.runs.values() for lane in lanes))

    def value(self, row: Row, lane: str) -> float | None:
        """A row's figure in a lane: None where it was not measured."""
        figures = self.median(row.workload, lane)
        if figures is None:
            return None
        if row.base is None:
            return figures[row.metric]
        base, grown = self.median(row.base, lane), row.metric.removesuffix("_growth")
        return figures[grown] / base[grown] if base else None

    def limit(self, row: Row, target: Target) -> float | None:
        """What a target allows: None if it depends on a lane that was not measured."""
        if target.times is None:
            return target.at_most
        reference = self.value(row, target.times)
        return target.at_most * reference if reference is not None else None

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n")

    def to_dict(self) -> dict[str, Any]:
        workloads = {
            name: {
                "title": WORKLOADS[name].title,
                "latency_seconds": WORKLOADS[name].latency,
                "lanes": {
                    lane: {"median": median_figures(runs), "runs": list(runs)}
                    for lane, runs in lanes.items()
                    if runs
                },
            }
            for name, lanes in self.runs.items()
        }
        return {"format": FORMAT, "about": dict(self.about), "workloads": workloads}

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` wrote.

        Raises:
            ValueError: it is not a file of this format.
        """
        data = json.loads(path.read_text())
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"{path} is not a result of these benchmarks")
        runs = {
            name: {lane: figures["runs"] for lane, figures in workload["lanes"].items()}
            for name, workload in data["workloads"].items()
        }
        return cls(runs, data["about"])


def about(versions: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """When, where and of what a measurement is."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("describe", "--always", "--dirty"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {name: dict(found) for name, found in versions.items()},
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
