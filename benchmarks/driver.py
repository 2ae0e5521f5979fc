"""Runs workloads in their lanes, interleaved: A B C, then C B A, and so on."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.catalog import LANES, Workload
from benchmarks.environments import DEFAULT_DIRECTORY, interpreter
from benchmarks.equipment import Cores, FakeService, WorkerError, run_worker

Figures = dict[str, float]
Runs = dict[str, dict[str, list[Figures]]]
STEP = json.dumps({"count": 1})


@dataclass(frozen=True)
class Settings:
    """How a measurement is made.

    Parameters:
        runs: of each workload in each lane, at most.
        lanes: which ones, by name.
        sources: by lane, a directory to import the SDK from.
        environments: where `setup` made them.
        progress: told what begins.
    """

    runs: int
    lanes: Sequence[str]
    sources: Mapping[str, Path] = field(default_factory=dict[str, Path])
    environments: Path = DEFAULT_DIRECTORY
    progress: Callable[[str], None] = lambda _: None


class Driver:
    """One measurement: the fake, and the workers that it starts one at a time."""

    def __init__(self, settings: Settings, fake: FakeService, cores: Cores) -> None:
        self._settings = settings
        self._fake = fake
        self._cores = cores

    def measure(self, workload: Workload) -> dict[str, list[Figures]]:
        """The figures of every run, by lane.

        Raises:
            WorkerError: a run failed, gave a wrong answer, or broke a rule of the service.
        """
        self._fake.forget()
        lanes = [lane for lane in self._settings.lanes if lane in workload.lanes]
        sources = {lane: self._record(workload, lane) for lane in lanes if workload.history}
        figures: dict[str, list[Figures]] = {lane: [] for lane in lanes}
        for number, lane in interleaved(workload, lanes, self._settings.runs):
            self._settings.progress(f"{workload.name}: {lane}, run {number + 1}")
            figures[lane].append(self._run(workload, lane, sources.get(lane)))
        return figures

    def _record(self, workload: Workload, lane: str) -> str:
        """Let a lane's own SDK make the history that it replays later; returns the ARN."""
        event = self._fake.create(payload=json.dumps(workload.parameters))
        self._work(workload, lane, [event], warm=False)
        self._check(workload, lane, event)
        arn: str = event["DurableExecutionArn"]
        return arn

    def _run(self, workload: Workload, lane: str, source: str | None) -> Figures:
        events = [self._event(workload, source) for _ in range(workload.invocations)]
        measured = self._work(workload, lane, events, warm=workload.warm)
        if workload.measure == "import":
            reports = []
        else:
            reports = [self._check(workload, lane, event) for event in events]
        return figures_of(workload, measured, reports)

    def _event(self, workload: Workload, source: str | None) -> dict[str, Any]:
        payload, history = json.dumps(workload.parameters), workload.history
        if history is None:
            return self._fake.create(payload=payload, latency=workload.latency)
        return self._fake.create(
            payload=payload,
            latency=workload.latency,
            copy_of=source,
            reopen_contexts=history.reopen_contexts,
            first_page=history.first_page,
        )

    def _work(
        self, workload: Workload, lane: str, events: list[dict[str, Any]], *, warm: bool
    ) -> dict[str, Any]:
        environment = LANES[lane]
        job = {
            "module": environment.module,
            "package": environment.package,
            "handler": workload.handlers.get(lane, workload.handler),
            "measure": workload.measure,
            "expected": workload.expected,
            "events": [json.dumps(event) for event in events],
            "warm_up": [json.dumps(self._fake.create(payload=STEP))] if warm else [],
        }
        python = interpreter(environment.environment, self._settings.environments)
        source = self._settings.sources.get(lane)
        try:
            return run_worker(python, job, self._fake.endpoint, self._cores, source)
        except WorkerError as error:
            raise WorkerError(f"{workload.name} in lane {lane}: {error}") from error

    def _check(self, workload: Workload, lane: str, event: dict[str, Any]) -> dict[str, Any]:
        """What the service saw, if it is what the workload is."""
        report = self._fake.report(event["DurableExecutionArn"])
        operations = dict(report["operations"])
        operations.pop("EXECUTION STARTED")
        unfinished = {key for key in operations if not key.endswith(" SUCCEEDED")}
        wrong = sum(operations.values()) != workload.operations
        if report["violations"] or unfinished or wrong:
            raise WorkerError(f"{workload.name} in lane {lane}: the service saw {report}")
        return report


def interleaved(workload: Workload, lanes: Sequence[str], runs: int) -> Iterator[tuple[int, str]]:
    """The order of runs: every second round backwards, so that drift hits all lanes alike."""
    for number in range(runs):
        for lane in lanes if number % 2 == 0 else reversed(lanes):
            if number < workload.runs_at_most.get(lane, runs):
                yield number, lane


def figures_of(
    workload: Workload, measured: dict[str, Any], reports: list[dict[str, Any]]
) -> Figures:
    """The figures of one run: the median of its invocations, in seconds, bytes and counts."""
    samples = measured["samples"]
    wall = statistics.median(sample["wall"] for sample in samples)
    cpu = statistics.median(sample["cpu"] for sample in samples)
    figures = {
        "wall": wall,
        "cpu": cpu,
        "wall_per_unit": wall / workload.unit_count,
        "cpu_per_unit": cpu / workload.unit_count,
        "rss": measured["rss"],
        "threads": measured["threads"],
    }
    for name in ("calls", "state_calls", "updates", "bytes_in", "bytes_out", "late"):
        figures[name] = statistics.median(report[name] for report in reports) if reports else 0
    figures["updates_per_call"] = figures["updates"] / (figures["calls"] or 1)
    if workload.latency:
        # How many answers in a row the time would be enough for: the critical path.
        figures["round_trips"] = wall / workload.latency
    return figures


def median_figures(runs: Sequence[Figures]) -> Figures:
    """The median of each figure over the runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
