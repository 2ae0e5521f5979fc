"""Cost per step in the service's engine, by length of the execution and by store.

    python benchmarks/engine_steps.py

One execution runs as many steps as given, each with a checkpoint of its own, in one invocation.
Printed are microseconds per step. The cost must not grow with the length, whatever the store.
Options: --steps 100 1000 3000, --repeat 3 (the best of so many runs counts).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing._engine import Engine, Limits, StartExecution
from aws_durable_execution_sdk_python_testing.stores import (
    EventStore,
    FileSystemExecutionStore,
    InMemoryExecutionStore,
    SQLiteExecutionStore,
)

STORES: dict[str, Callable[[Path], EventStore]] = {
    "memory": lambda _: InMemoryExecutionStore(),
    "sqlite": lambda path: SQLiteExecutionStore.create_and_initialize(path / "executions.db"),
    "filesystem": lambda path: FileSystemExecutionStore.create(path / "executions"),
}


def step(number: int) -> dict[str, Any]:
    return {
        "Id": f"{number:064x}",
        "Type": "STEP",
        "SubType": "Step",
        "Name": "charge",
        "Action": "SUCCEED",
        "Payload": '{"amount": 12}',
    }


def seconds(store: EventStore, steps: int) -> float:
    """How long the steps of one execution take."""
    engine = Engine(store, limits=Limits(operations=steps + 1))
    arn = engine.start_execution(StartExecution(function_name="f", input="{}"), time.time()).arn
    token = engine.begin_invocation(arn, time.time()).event["CheckpointToken"]
    start = time.perf_counter()
    for number in range(steps):
        body = {"CheckpointToken": token, "Updates": [step(number)]}
        token = engine.checkpoint(arn, body, time.time())["CheckpointToken"]
    return time.perf_counter() - start


def best(make: Callable[[Path], EventStore], steps: int, repeat: int) -> float:
    def once() -> float:
        with tempfile.TemporaryDirectory() as directory:
            store = make(Path(directory))
            try:
                return seconds(store, steps)
            finally:
                store.close()

    return min(once() for _ in range(repeat))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1_000, 3_000])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print(f"{'us per step':>12}", *(f"{steps:>8}" for steps in options.steps))
    for name, make in STORES.items():
        costs = [best(make, steps, options.repeat) / steps * 1e6 for steps in options.steps]
        print(f"{name:>12}", *(f"{cost:>8.0f}" for cost in costs))


if __name__ == "__main__":
    main()
