"""How long the page takes: `python tests/ui/measure.py`, which needs Chromium.

Prints the time to start on a store of 10,000 executions and to list them, and the time to show an
execution of 3,000 branches.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent))

import browser
import programs
from page import Page

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import Limits, StartExecution
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._ui.dashboard import Dashboard
from aws_durable_execution_sdk_python_testing.stores import SQLiteExecutionStore

EXECUTIONS = 10_000
BRANCHES = 3_000
LIST = "/2025-12-01/durable-executions"
_FRAMES = """
const done = arguments[arguments.length - 1];
const rows = document.getElementById("timeline");
const step = rows.scrollHeight / 60;
const times = [];
let last = performance.now();
let frame = 0;
function next(now) {
  times.push(now - last);
  last = now;
  rows.scrollTop = step * frame;
  frame += 1;
  if (frame < 60) requestAnimationFrame(next);
  else done(times.slice(1));
}
requestAnimationFrame(next);
"""


class Took(NamedTuple):
    """Milliseconds.

    Attributes:
        wall: that went by.
        processor: of this process, which serves; the browser's is its own.
    """

    wall: float
    processor: float


def timed(action: Callable[[], Any]) -> Took:
    started, used = time.perf_counter(), time.process_time()
    action()
    return Took((time.perf_counter() - started) * 1000, (time.process_time() - used) * 1000)


def best(action: Callable[[], Any]) -> Took:
    return min(timed(action) for _ in range(5))


def say(what: str, took: Took) -> None:
    print(f"{what:60} {took.wall:8.0f} ms, of which {took.processor:6.0f} ms here")


def server(store: Any = None) -> DurableServer:
    limits = Limits(operations=100_000)
    functions = [hosted("quick", programs.quick), hosted("wide", programs.wide)]
    return DurableServer(functions, ServerSettings(limits=limits), store, Dashboard())


def stored_executions(page: Page, file: Path) -> None:
    with server(SQLiteExecutionStore.create_and_initialize(file)) as filling:
        assert filling.service is not None
        arns = [
            filling.service.start(
                StartExecution(function_name="quick", input=str(n), execution_name=f"quick-{n}")
            )
            for n in range(EXECUTIONS)
        ]
        for arn in arns:
            filling.service.wait_until_ended(arn, 600)
    print(f"{EXECUTIONS:,} executions, {file.stat().st_size / 1e6:.0f} MB")
    ready = server(SQLiteExecutionStore.create_and_initialize(file))
    say("start on them, to the first answer", timed(ready.start))
    with ready:
        for text, query in {
            "list the newest 50": "?MaxItems=50",
            "list those of a status nobody has": "?MaxItems=50&Statuses=PAUSED",
            "list the one of a name": "?MaxItems=50&DurableExecutionName=quick-17",
        }.items():
            say(text, best(lambda query=query: urlopen(ready.url + LIST + query).read()))  # type: ignore[misc]
        page.url = ready.url
        page.open()

        def shown() -> None:
            page.driver.get("about:blank")
            page.driver.get(ready.url)
            page.until(lambda: page.count(".executions tbody tr") == 50)

        say("show the page, from an empty tab to 50 rows", best(shown))


def branches(page: Page) -> None:
    with server() as wide:
        page.url = wide.url
        arn = page.start("wide", BRANCHES)
        page.open(arn)
        page.state("succeeded")
        assert wide.service is not None
        events = wide.service.events_after(arn, 0, include_execution_data=False)
        print(
            f"{BRANCHES:,} branches, {len(events):,} events, {len(json.dumps(events)) / 1e6:.1f} MB"
        )

        def shown() -> None:
            page.open(arn)
            page.until(lambda: "3,000/3,000" in page.find(".rows").text)

        say("show the timeline, from an empty tab to the whole grid", best(shown))
        elements = page.driver.execute_script("return document.querySelectorAll('*').length")
        print(f"{'elements on the page':60} {elements:8,}")
        page.look_like(1280, 400, "light")
        frames = sorted(page.driver.execute_async_script(_FRAMES))
        print(f"{'scroll through it: median frame':60} {frames[len(frames) // 2]:8.0f} ms")
        print(f"{'scroll through it: slowest frame':60} {frames[-1]:8.0f} ms")
        page.key("\ue010")
        say("choose a branch, to its details", timed(lambda: _choose(page)))


def _choose(page: Page) -> None:
    page.driver.execute_script("document.querySelectorAll('.cell')[3].click()")
    page.shows("map-item-", "#details h2")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        browser.started(Path(place) / "profile") as chromium,
    ):
        page = Page(chromium, "")
        page.look_like(1280, 900, "light")
        load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
        print(f"{os.cpu_count()} cores, load {load} at the start")
        branches(page)
        stored_executions(page, Path(place) / "store.db")


if __name__ == "__main__":
    main()
