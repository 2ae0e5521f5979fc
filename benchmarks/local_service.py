"""How fast the testing SDK runs executions on this machine.

    python benchmarks/local_service.py

Each figure is the median of several runs in one process; the targets are what a test suite should
not notice. The executions are real: decorated handlers, every event and answer through JSON.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.stores.sqlite import SQLiteExecutionStore


@durable_execution
def steps(event: int, context: DurableContext) -> int:
    for number in range(event):
        context.step(lambda: None, name=f"step-{number}")
    return event


@durable_execution
def hour(event: Any, context: DurableContext) -> str:
    context.wait(hours=1)
    return "done"


@durable_execution
def staggered(event: Any, context: DurableContext) -> list[int]:
    def one(child: DurableContext, seconds: int, index: int, items: Any) -> int:
        child.wait(seconds=seconds)
        return seconds

    return list(context.map([5, 1, 4, 2, 3], one))


def run(handler: Any, event: Any = None, **options: Any) -> None:
    with DurableFunctionTestRunner(handler=handler, **options) as runner:
        result = runner.run(input=event, timeout=120)
    assert result.status == "SUCCEEDED", result.error


def run_on_sqlite(handler: Any, event: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = SQLiteExecutionStore.create_and_initialize(Path(directory) / "benchmark.db")
        try:
            run(handler, event, store=store)
        finally:
            store.close()


def run_fifty() -> None:
    with DurableFunctionTestRunner(handler=hour) as runner:
        arns = [runner.run_async(input=None) for _ in range(50)]
        for arn in arns:
            assert runner.wait_for_result(arn).status == "SUCCEEDED"


def history() -> tuple[tuple[str, str | None], ...]:
    with DurableFunctionTestRunner(handler=staggered) as runner:
        arn = runner.run_async(input=None, execution_name="one")
        runner.wait_for_result(arn)
        events = runner.get_execution_history(arn).events
    return tuple((event.event_type, event.name) for event in events)


def median(function: Callable[[], None], runs: int = 5) -> float:
    function()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


CASES: list[tuple[str, Callable[[], None], float]] = [
    ("1 step", lambda: run(steps, 1), 0.010),
    ("100 steps", lambda: run(steps, 100), 0.1),
    ("1,000 steps", lambda: run(steps, 1000), 1.0),
    ("2,900 steps", lambda: run(steps, 2900), 2.9),
    ("a wait of 1 hour", lambda: run(hour), 0.020),
    ("300 steps on SQLite", lambda: run_on_sqlite(steps, 300), 0.5),
    ("50 executions at once, each with a wait", run_fifty, 0.3),
    ("5 staggered waits in parallel", lambda: run(staggered), 0.050),
]


def main() -> None:
    for name, function, target in CASES:
        seconds = median(function)
        verdict = "ok" if seconds < target else "MISSED"
        print(f"{name:42} {seconds * 1000:9.1f} ms   target {target * 1000:7.0f} ms   {verdict}")
    histories = Counter(history() for _ in range(50))
    print(f"{'50 runs of 5 staggered waits':42} {len(histories):6} histories   target       1")


if __name__ == "__main__":
    main()
