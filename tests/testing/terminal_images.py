"""The pictures of the terminal in the documentation: `python tests/testing/terminal_images.py`.

Runs commands in real terminals and draws what is on their screens, as SVG, into docs/images or the
directory that is given.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text
from terminal import Terminal

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

# The last items of the map go on once the file `go` is there.
PROGRAM = """
import pathlib
import threading

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

ONCE_MORE = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(max_attempts=2, initial_delay_seconds=1)
    )
)
ALL = MapConfig(completion_config=CompletionConfig.all_completed())


@durable_execution
def order(event, context):
    def pack(branch, item, *_):
        def put(step):
            while item >= 62 and not pathlib.Path("go").exists():
                threading.Event().wait(0.02)
            if item in (5, 32, 59):
                raise LookupError(f"sku-{item} is out of stock")
            return item

        return branch.step(put, name="put in a box")

    def reserve(step):
        if step.attempt == 1:
            raise ConnectionError("the warehouse does not answer")
        return "reserved"

    context.step(reserve, name="reserve stock", config=ONCE_MORE)
    packed = context.map(list(range(event.get("items", 80))), pack, name="pack all", config=ALL)
    if event.get("approve"):
        context.wait_for_callback(lambda *_: None, name="approval")
    return {"packed": packed.success_count, "missing": packed.failure_count}
"""
RUN = ("run", "order.py", "--name", "order-2041", "--log-level", "critical")


def draw(terminal: Terminal, name: str, title: str, place: Path) -> None:
    """Write what is on a screen down to its last line."""
    screen = terminal.screen
    console = Console(record=True, width=screen.columns, file=io.StringIO())
    lines = len("\n".join(terminal.shown).rstrip().splitlines())
    for row in range(lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        line = Text(end="")
        for (colour, bold), alike in groupby(cells, lambda cell: (cell.fg, cell.bold)):
            text = "".join(cell.data for cell in alike)
            line.append(text, Style(color=_colour(colour), bold=bold))
        line.rstrip()
        console.print(line + "\n", end="")
    svg = console.export_svg(title=title, unique_id=name)
    # The fonts are the reader's own: nothing is fetched.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (place / f"{name}.svg").write_text(svg + "\n")


def _colour(name: str) -> Color | None:
    """A colour as `rich` calls it."""
    if name == "default":
        return None
    return Color.parse("yellow" if name == "brown" else name)


@contextmanager
def opened(directory: Path, *arguments: str, columns: int, lines: int) -> Iterator[Terminal]:
    terminal = Terminal(arguments, directory, columns=columns, lines=lines)
    try:
        yield terminal
    finally:
        terminal.close()


def a_run(directory: Path, place: Path) -> None:
    """While it goes on, and its end."""
    title = "durable run order.py --name order-2041"
    with opened(directory, *RUN, columns=84, lines=60) as run:
        run.until(lambda lines: any("62/80, 3 failed" in line for line in lines))
        run.until(lambda lines: "3 failed:" in lines)
        draw(run, "terminal-run", title, place)
        (directory / "go").touch()
        run.end()
        draw(run, "terminal-end", title, place)


def executions(directory: Path, place: Path) -> None:
    """What is looked at afterwards, on a narrow terminal."""
    function = hosted("order", f"{directory / 'order.py'}:order")
    with DurableServer([function], ServerSettings(skip_time=True)) as server:
        there = ("--endpoint-url", server.url)
        for command, items in {"tree": 7, "history": 1}.items():
            name = f"order-{items}"
            event = json.dumps({"items": items, "approve": True})
            asked = ("invoke", "order", "--name", name, "--event", event, "--wait", *there)
            with opened(directory, *asked, columns=60, lines=24) as invoke:
                invoke.until(lambda lines: any("answer it with" in line for line in lines))
            with opened(directory, command, name, *there, columns=60, lines=100) as shown:
                shown.end()
                draw(shown, f"terminal-{command}", f"durable {command} {name}", place)


def main() -> None:
    place = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "docs" / "images"
    # Of a fixed name, since it is on the pictures.
    directory = Path(tempfile.gettempdir(), "orders")
    directory.mkdir()
    try:
        (directory / "order.py").write_text(PROGRAM)
        a_run(directory, place)
        executions(directory, place)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
