"""How long it takes to open a store that holds many executions, and to list them.

    python benchmarks/opening.py --executions 10000

Each opening is a process of its own, so nothing is warm but the system's cache of files. Shown is
the quickest of several, by the clock on the wall, and the processor time of that one. To compare
two versions, run this file of one of them with the other on `PYTHONPATH`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Engine,
    Returned,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    SQLiteExecutionStore,
)

STORES: dict[str, Callable[[Path], Any]] = {
    "SQLite": SQLiteExecutionStore.create_and_initialize,
    "file system": FileSystemExecutionStore.create,
}
STEPS = 3


def fill(kind: str, path: Path, count: int) -> None:
    """Store executions of a few steps that have ended."""
    store = STORES[kind](path)
    engine = Engine(store)
    engine.register_target("f", DurableTarget(retention_period_days=14))
    now = time.time()
    for number in range(count):
        request = StartExecution(function_name="f", input=json.dumps({"n": number}))
        arn = engine.start_execution(request, now).arn
        invocation = engine.begin_invocation(arn, now)
        token = invocation.event["CheckpointToken"]
        for step in range(STEPS):
            updates = [_step(step, "START"), {**_step(step, "SUCCEED"), "Payload": '"done"'}]
            body = {"CheckpointToken": token, "Updates": updates}
            token = engine.checkpoint(arn, body, now)["CheckpointToken"]
        output = Returned({"Status": "SUCCEEDED", "Result": "1"})
        engine.end_invocation(arn, invocation.request_id, output, now)
        engine.take_effects()
    store.close()


def _step(number: int, action: str) -> dict[str, str]:
    update = {"Id": f"s{number}", "Type": "STEP", "Action": action}
    return {**update, "Name": f"step {number}", "SubType": "Step"}


def measure(kind: str, path: Path) -> dict[str, float]:
    """Open it and read lists of it; seconds."""
    times = [(time.perf_counter(), time.process_time())]

    def lap() -> None:
        times.append((time.perf_counter(), time.process_time()))

    engine = Engine(STORES[kind](path))
    lap()
    page = engine.list_executions("f", max_items=100)
    lap()
    while marker := page.get("NextMarker"):
        page = engine.list_executions("f", marker, max_items=100)
    lap()
    walls = [after[0] - before[0] for before, after in itertools.pairwise(times)]
    return {
        "open": walls[0],
        "processor": times[1][1] - times[0][1],
        "page": walls[1],
        "list": walls[1] + walls[2],
    }


@click.command()
@click.option("--executions", default=10_000, show_default=True)
@click.option("--times", default=5, show_default=True)
@click.option("--measure", "measured", nargs=2, hidden=True)
def main(executions: int, times: int, measured: tuple[str, str] | None) -> None:
    """Open stores of many executions."""
    if measured is not None:
        click.echo(json.dumps(measure(measured[0], Path(measured[1]))))
        return
    with tempfile.TemporaryDirectory() as directory:
        for kind in STORES:
            path = Path(directory) / kind.replace(" ", "-")
            fill(kind, path, executions)
            command = [sys.executable, __file__, "--measure", kind, str(path)]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(times)]
            best = min(runs, key=lambda run: run["open"])
            click.echo(
                f"{kind}: {executions} executions opened in {best['open']:.2f} s "
                f"({best['processor']:.2f} s of processor time), a page of 100 in "
                f"{best['page'] * 1000:.1f} ms, all pages in {best['list']:.2f} s"
            )


if __name__ == "__main__":
    main()
