"""What is measured: the lanes, the workloads, and the figures that have a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OURS, OURS_ASYNC, OFFICIAL, FORK, FLOOR = "ours", "ours-async", "official", "fork", "floor"
# The SDK of another checkout, when one is given to compare with.
BEFORE, BEFORE_ASYNC = "before", "before-async"

IMPORT_NAME = "aws_durable_execution_sdk_python"


@dataclass(frozen=True)
class Lane:
    """Whose cost is measured: an environment, and the module with its handlers."""

    name: str
    environment: str
    module: str
    package: str = IMPORT_NAME


LANES = {
    lane.name: lane
    for lane in (
        Lane(OURS, "ours", "blocking_handlers"),
        Lane(OURS_ASYNC, "ours", "async_handlers"),
        Lane(BEFORE, "ours", "blocking_handlers"),
        Lane(BEFORE_ASYNC, "ours", "async_handlers"),
        Lane(OFFICIAL, "official", "blocking_handlers"),
        Lane(FORK, "fork", "fork_handlers", "async_durable_execution"),
        Lane(FLOOR, "ours", "bare_socket"),
    )
}
# What `--sdk` takes, and the lanes that it means.
SDKS = {
    "ours": (OURS, OURS_ASYNC),
    "before": (BEFORE, BEFORE_ASYNC),
    "official": (OFFICIAL,),
    "fork": (FORK,),
    "floor": (FLOOR,),
}

BLOCKING = (OURS, BEFORE, OFFICIAL)
ASYNC = (OURS_ASYNC, BEFORE_ASYNC, FORK)
SDK_LANES = (OURS, OURS_ASYNC, BEFORE, BEFORE_ASYNC, OFFICIAL, FORK)
ALL_LANES = (*SDK_LANES, FLOOR)


@dataclass(frozen=True)
class History:
    """What is on record when the measured invocation begins: all that the workload did before.

    Parameters:
        reopen_contexts: contexts are open again, as when the function died before closing them.
        first_page: operations in the event; the rest is fetched. None: all are in the event.
    """

    reopen_contexts: bool = False
    first_page: int | None = None


@dataclass(frozen=True)
class Workload:
    """One thing that users do.

    Parameters:
        name: what `run` is told.
        title: what it is.
        handler: which of a lane's handlers runs.
        parameters: the execution's input.
        latency: the service's, in seconds.
        expected: the result, as JSON text.
        operations: on record at the end.
        unit_count: over how much a "per step" or "per operation" figure is spread.
        lanes: in which it has a meaning.
        handlers: lanes that run another handler.
        invocations: measured one after the other in one process; their median counts.
        warm: one unmeasured invocation comes first, so that there is a client.
        measure: from the process's start ("process"), the import alone, or the invocation.
        history: replays this instead of starting anew.
        runs_at_most: fewer runs for lanes that need minutes.
    """

    name: str
    title: str
    handler: str
    parameters: Mapping[str, int]
    latency: float
    expected: str
    operations: int
    unit_count: int = 1
    lanes: tuple[str, ...] = ALL_LANES
    handlers: Mapping[str, str] = field(default_factory=dict[str, str])
    invocations: int = 1
    warm: bool = True
    measure: Literal["invocation", "process", "import"] = "invocation"
    history: History | None = None
    runs_at_most: Mapping[str, int] = field(default_factory=dict[str, int])


def _steps(name: str, title: str, count: int, latency: float, **more: Any) -> Workload:
    return Workload(
        name,
        title,
        "steps",
        {"count": count},
        latency,
        expected=str(count),
        operations=count,
        unit_count=count,
        **more,
    )


def _map(name: str, title: str, count: int, latency: float = 0.005, **more: Any) -> Workload:
    more.setdefault("handler", "fan_out")
    return Workload(
        name,
        title,
        parameters={"count": count},
        latency=latency,
        expected=str(count),
        operations=1 + 2 * count,
        unit_count=count,
        **more,
    )


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "import",
            "import of the SDK alone",
            handler="",
            parameters={},
            latency=0,
            expected="",
            operations=0,
            # Importing is the same whatever the handler.
            lanes=(*BLOCKING, FORK),
            warm=False,
            measure="import",
        ),
        _steps(
            "cold-start",
            "process start to the result of 1 step, 5 ms",
            1,
            0.005,
            warm=False,
            measure="process",
        ),
        Workload(
            "empty",
            "empty handler, warm invocation",
            "empty",
            {},
            0.005,
            expected="1",
            operations=0,
            lanes=SDK_LANES,
            invocations=20,
        ),
        _steps("warm", "1 step, warm invocation, 5 ms", 1, 0.005, invocations=20),
        _steps("steps-500-0ms", "500 sequential steps, 0 ms", 500, 0.0),
        _steps("steps-500-5ms", "500 sequential steps, 5 ms", 500, 0.005),
        _steps("steps-500-20ms", "500 sequential steps, 20 ms", 500, 0.020),
        _steps("steps-5000-0ms", "5000 sequential steps, 0 ms", 5000, 0.0, runs_at_most={FORK: 1}),
        _map("map-1000", "map of 1000 x 1 step, 5 ms", 1000),
        _map("map-10000", "map of 10000 x 1 step, 5 ms", 10000, runs_at_most={FORK: 1}),
        _map(
            "map-200-blocking",
            "map of 200 x a step that blocks for 50 ms, 5 ms",
            200,
            handler="fan_out_sleeping",
            lanes=(*BLOCKING, FORK),
            handlers={FORK: "fan_out_blocking"},
        ),
        _map(
            "map-200-async",
            "map of 200 x a step that awaits for 50 ms, 5 ms",
            200,
            handler="fan_out_sleeping",
            lanes=ASYNC,
        ),
        Workload(
            "branches-50x20",
            "50 branches x 20 steps, 5 ms",
            "branches",
            {"count": 50, "steps": 20},
            0.005,
            expected="1000",
            operations=1 + 50 + 50 * 20,
            unit_count=1000,
        ),
        Workload(
            "map-100x100KB",
            "map of 100 items that return 100 KB, 5 ms",
            "large_items",
            {"count": 100, "characters": 100_000},
            0.005,
            expected="10000000",
            operations=1 + 100,
            unit_count=100,
        ),
        _steps(
            "replay-300",
            "replay of 300 steps from the event",
            300,
            0.005,
            history=History(),
        ),
        _steps(
            "replay-3000",
            "replay of 3000 steps from the event",
            3000,
            0.005,
            history=History(),
        ),
        _steps(
            "replay-3000-paged",
            "replay of 3000 steps, 2 pages of them fetched, 5 ms",
            3000,
            0.005,
            lanes=SDK_LANES,
            history=History(first_page=1001),
        ),
        _map(
            "resume-map-1000",
            "map of 1000 resumed: steps done, contexts open, 5 ms",
            1000,
            lanes=SDK_LANES,
            history=History(reopen_contexts=True),
        ),
    )
}

Metric = Literal[
    "wall",
    "cpu",
    "wall_per_unit",
    "cpu_per_unit",
    "rss",
    "threads",
    "wall_growth",
    "cpu_growth",
]


@dataclass(frozen=True)
class Target:
    """What a lane of ours may need at most: so much, or so many times another lane's figure."""

    at_most: float
    times: str | None = None


@dataclass(frozen=True)
class Row:
    """One figure of the report, for every lane of its workload.

    Parameters:
        metric: a growth is against `base`, which does a tenth of the work: 10 is linear.
        targets: by lane; seconds, bytes, threads, or a factor.
    """

    label: str
    workload: str
    metric: Metric
    targets: Mapping[str, Target] = field(default_factory=dict[str, Target])
    base: str | None = None


def _both(target: Target) -> dict[str, Target]:
    return {OURS: target, OURS_ASYNC: target}


MS, US = 1e-3, 1e-6
# Linear growth, with room for the noise of two measurements.
LINEAR = 11.0

ROWS = (
    Row("import alone", "import", "wall", {OURS: Target(100 * MS)}),
    Row("cold start to first result", "cold-start", "wall", _both(Target(0.9, times=OFFICIAL))),
    Row("empty handler, warm", "empty", "wall", _both(Target(1 * MS))),
    Row("warm invocation, 1 step, 5 ms", "warm", "wall", _both(Target(8 * MS))),
    Row(
        "500 steps, 5 ms, per step",
        "steps-500-5ms",
        "wall_per_unit",
        _both(Target(1.25, times=FLOOR)),
    ),
    Row("500 steps, 20 ms, per step", "steps-500-20ms", "wall_per_unit"),
    Row("500 steps, 0 ms, CPU per step", "steps-500-0ms", "cpu_per_unit", _both(Target(0.5 * MS))),
    Row("CPU growth, 500 to 5000 steps", "steps-5000-0ms", "cpu_growth", base="steps-500-0ms"),
    Row(
        "map 1000 x 1 step, 5 ms",
        "map-1000",
        "wall",
        {OURS: Target(0.45), OURS_ASYNC: Target(0.30)},
    ),
    Row("threads at 1000 branches", "map-1000", "threads", {OURS: Target(300)}),
    Row(
        "map 10000 x 1 step, 5 ms",
        "map-10000",
        "wall",
        {OURS: Target(4.5), OURS_ASYNC: Target(3.0)},
    ),
    Row("growth, map 1000 to 10000", "map-10000", "wall_growth", _both(Target(LINEAR)), "map-1000"),
    Row("peak RSS, map 10000", "map-10000", "rss", _both(Target(1.0, times=OFFICIAL))),
    Row("map 200 x 50 ms blocking", "map-200-blocking", "wall", {OURS: Target(0.25)}),
    Row("map 200 x 50 ms async", "map-200-async", "wall", {OURS_ASYNC: Target(0.15)}),
    Row(
        "50 branches x 20 steps, 5 ms",
        "branches-50x20",
        "wall",
        {OURS: Target(0.30), OURS_ASYNC: Target(0.22)},
    ),
    Row("map 100 x 100 KB, 5 ms", "map-100x100KB", "wall", _both(Target(0.28))),
    Row("replay 3000, CPU per operation", "replay-3000", "cpu_per_unit", _both(Target(15 * US))),
    Row("replay 3000, 2 of 3 pages fetched", "replay-3000-paged", "cpu_per_unit"),
    Row("CPU growth, replay 300 to 3000", "replay-3000", "cpu_growth", base="replay-300"),
    Row("resume map 1000", "resume-map-1000", "wall", _both(Target(0.25))),
)
