"""A service that is killed again and again, and a thousand executions that must not notice.

    python benchmarks/soak.py --seconds 60 --executions 1000 --seed 1

`durable serve` runs on SQLite in a process of its own, which gets a SIGKILL at random moments and
is started again. The functions run in this process, behind a Lambda-compatible endpoint, with
real boto3 clients; so do the clients that start executions and answer callbacks. For a minute, a
thousand executions are open at any time. An execution that has ended is read back only after one
more kill, and then deleted:

- every checkpoint the service has acknowledged is in its history;
- it ended once, with the result its input calls for;
- no invocation ran the body of a step whose end was acknowledged before that invocation began;
- no attempt of a step that runs at most once per retry ran twice.

Then the limits, one execution each: 3,000 operations, payloads of 256 KiB, a result of 6 MB.
The exit code is 1 if anything was lost or done twice.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from soaking.executions import Soak, Summary
from soaking.host import FunctionHost
from soaking.service import Life, ServiceProcess

SECONDS_TO_KILL = (3.0, 9.0)
STARTED_AT_A_TIME = 50
SECONDS_BETWEEN_WORDS = 5.0
# How much more memory than in the first lives of the service the later ones may take.
MEMORY_GROWTH = 1.3
MIB = 1024 * 1024
MAX_OPERATIONS = 3_000
MAX_STEP_BYTES = 256 * 1024
MAX_SYNCHRONOUS_RESULT = 6 * MIB


@dataclass(frozen=True)
class Options:
    """Of the command line."""

    seconds: float
    executions: int
    seed: int
    drain_seconds: float


def soak(
    service: ServiceProcess, host: FunctionHost, options: Options, console: Console
) -> Summary:
    """Keep so many executions open for so long, while the service is killed."""
    work = Soak(service, host, options.seed)
    killer = Killer(service, options.seed)
    began = time.monotonic()
    next_words = began + SECONDS_BETWEEN_WORDS
    while (seconds := time.monotonic() - began) < options.seconds + options.drain_seconds:
        running = len(work.open) - len(work.ended)
        if seconds < options.seconds:
            work.start(min(STARTED_AT_A_TIME, options.executions - running))
        elif not work.open:
            break
        work.observe()
        service.sample()
        if time.monotonic() >= next_words:
            next_words = time.monotonic() + SECONDS_BETWEEN_WORDS
            console.print(
                f"{seconds:5.0f} s: {work.summary.started} started, {running} running, "
                f"{work.summary.verified} verified, {len(service.lives) - 1} kills"
            )
        time.sleep(0.1)
    killer.stop()
    work.summary.problems += [
        f"{arn} has not ended" for arn in work.open.keys() - work.ended.keys()
    ]
    return work.finish()


class Killer:
    """Kills the service at random moments, and starts it again."""

    def __init__(self, service: ServiceProcess, seed: int) -> None:
        self._service = service
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._random.uniform(*SECONDS_TO_KILL)):
            self._service.kill()
            self._service.start()


def limits(service: ServiceProcess) -> list[tuple[str, str]]:
    """One execution at each limit; what it is, and what was wrong with it if anything."""
    payload = MAX_STEP_BYTES - 2  # with its quotation marks
    result = MAX_SYNCHRONOUS_RESULT - 2
    return [
        (
            f"{MAX_OPERATIONS:,} operations",
            _outcome(service, "many_operations", MAX_OPERATIONS - 1, MAX_OPERATIONS - 1),
        ),
        ("3 step results of 256 KiB", _outcome(service, "large_payloads", payload, 3 * payload)),
        ("a result of 6 MiB", _outcome(service, "large_result", result, "x" * result)),
    ]


def _outcome(service: ServiceProcess, name: str, event: int, expected: Any) -> str:
    answer = service.client.invoke(
        FunctionName=name, Qualifier="$LATEST", Payload=json.dumps(event)
    )
    text = answer["Payload"].read()
    if answer.get("FunctionError"):
        return str(text[:300])
    return "" if json.loads(text) == expected else f"{text[:80]!r}, not what was expected"


def _grown(lives: Sequence[Life]) -> float:
    """The memory of the last life of some length over the most that the first ones took."""
    peaks = [life.peak_rss for life in lives if life.peak_rss]
    if len(peaks) < 4:
        return 1.0
    half = len(peaks) // 2
    return max(peaks[half:]) / max(peaks[:half])


def _report(
    console: Console, service: ServiceProcess, host: FunctionHost, summary: Summary
) -> None:
    table = Table("What", "How much", title="Soak")
    rows: list[tuple[str, Any]] = [
        ("executions started", summary.started),
        ("ended once with the right result, read back after a kill", summary.verified),
        ("kills of the service", len(service.lives) - 1),
        ("slowest restart, seconds", f"{max(x.seconds_until_ready for x in service.lives):.2f}"),
        ("invocations", host.invocations),
        ("... that failed, by error", dict(host.failed_invocations)),
        ("acknowledged updates, all in the histories", summary.acknowledged),
        ("events", summary.events),
        ("peak memory by life of the service, MB", _megabytes(service.lives)),
        ("problems", len(summary.problems)),
    ]
    for what, value in rows:
        table.add_row(what, f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    for problem in summary.problems[:20]:
        console.print(problem, style="red", markup=False)


def _megabytes(lives: Sequence[Life]) -> str:
    return " ".join(str(life.peak_rss // MIB) for life in lives)


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long to start executions.")
@click.option("--executions", default=1000, show_default=True, help="Open at any time.")
@click.option("--seed", default=1, show_default=True, help="Of the kills and the executions.")
@click.option("--drain-seconds", default=120.0, show_default=True, help="For what is left.")
def main(**options: Any) -> None:
    """Soak the local service, with kills."""
    console, settings = Console(), Options(**options)
    console.print(f"seed {settings.seed}")
    host = FunctionHost()
    with tempfile.TemporaryDirectory() as directory:
        service = ServiceProcess(Path(directory), host)
        service.start()
        host.service = service.client
        try:
            summary = soak(service, host, settings, console)
            at_limits = limits(service)
        finally:
            service.kill()
    growth = _grown(service.lives[:-1])
    if growth > MEMORY_GROWTH:
        summary.problems.append(f"memory has grown by a factor of {growth:.2f}")
    summary.problems += [f"{what}: {wrong}" for what, wrong in at_limits if wrong]
    _report(console, service, host, summary)
    for what, wrong in at_limits:
        console.print(f"{what}: {wrong or 'right'}", markup=False)
    # Threads of the host may still wait for a service that is gone.
    os._exit(1 if summary.problems else 0)


if __name__ == "__main__":
    main()
