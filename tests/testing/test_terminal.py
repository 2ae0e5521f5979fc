"""Commands in a real terminal: what is on the screen while they run, and what they leave."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import StartExecution
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

# A map whose last 18 items go on once the file `go` is there.
BLOCKING = """
import pathlib, time
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig

@durable_execution
def handler(event, context):
    size, failing = event["size"], event["failing"]

    def put(one, item, *_):
        def body(step):
            while item >= size - 18 and not pathlib.Path("go").exists():
                time.sleep(0.01)
            if item in failing:
                raise KeyError(f"sku-{item}")
        one.step(body, name="put in a box")

    context.step(lambda _: context.logger.info("packing begins"), name="prepare")
    config = MapConfig(completion_config=CompletionConfig.all_completed())
    return context.map(list(range(size)), put, name="pack all", config=config).failure_count
"""
ASYNC = """
import asyncio, pathlib
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig

@durable_execution
async def handler(event, context):
    size, failing = event["size"], event["failing"]

    async def put(one, item, *_):
        async def body(step):
            while item >= size - 18 and not pathlib.Path("go").exists():
                await asyncio.sleep(0.01)
            if item in failing:
                raise KeyError(f"sku-{item}")
        await one.step(body, name="put in a box")

    async def prepare(_):
        context.logger.info("packing begins")

    await context.step(prepare, name="prepare")
    config = MapConfig(completion_config=CompletionConfig.all_completed())
    return (await context.map(list(range(size)), put, name="pack all", config=config)).failure_count
"""
FORMS = pytest.mark.parametrize("code", [BLOCKING, ASYNC], ids=["blocking", "async"])
EVENT = '{"size": %d, "failing": [5, 32, 59]}'
FAILURES = [f"pack all / map-item-{n} / put in a box [Step]" for n in (5, 32, 59)]


class Terminals:
    """Terminals with commands in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.opened: list[Terminal] = []

    def open(self, *arguments: str, **form: Any) -> Terminal:
        self.opened.append(Terminal(arguments, self._path, **form))
        return self.opened[-1]

    def pack(self, code: str, size: int, *options: str, **form: Any) -> Terminal:
        """Run the map."""
        (self._path / "pack.py").write_text(code)
        return self.open("run", "pack.py", "--name", "x", "--event", EVENT % size, *options, **form)


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    made = Terminals(tmp_path)
    yield made
    for terminal in made.opened:
        terminal.close()


@pytest.mark.parametrize(
    ("code", "size", "columns"),
    [(BLOCKING, 80, 60), (ASYNC, 80, 60), (BLOCKING, 1_000, 100)],
    ids=["blocking", "async", "1,000 branches"],
)
def test_failures_stay_on_the_screen_and_are_said_first_at_the_end(
    terminals: Terminals, tmp_path: Path, code: str, size: int, columns: int
) -> None:
    run = terminals.pack(code, size, columns=columns, lines=50)
    counted = f"{size - 18:,}/{size:,}, 3 failed"
    shown = run.until(lambda lines: any(counted in line for line in lines) and "3 failed:" in lines)
    failures = shown[shown.index("3 failed:") + 1 :]
    for line, n in zip(failures, (5, 32, 59), strict=False):
        assert line.endswith(f"map-item-{n} / put in a box [Step]  KeyError: 'sku-{n}'")
    assert any(line.startswith("  and 13 more under way") for line in shown)
    assert run.screen.cursor.hidden
    (tmp_path / "go").touch()
    assert run.end() == 0
    assert not run.screen.cursor.hidden
    text = "\n".join(run.shown)
    ends = [
        text.rindex(what) for what in ("3 failures in ", "sku-59", "pack all [Map]", "SUCCEEDED in")
    ]
    assert ends == sorted(ends)
    assert run.shown[run.shown.index("3") - 1].startswith("SUCCEEDED in ")


@FORMS
def test_sigterm_ends_a_run_as_ctrl_c_does(terminals: Terminals, tmp_path: Path, code: str) -> None:
    run = terminals.pack(code, 80)
    run.until(lambda lines: any("62/80, 3 failed" in line for line in lines))
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 143
    assert not run.screen.cursor.hidden
    assert any("run it again with --name x to resume" in line for line in run.shown)
    assert {one.name for one in tmp_path.iterdir()} == {"pack.py", "durable-executions.db"}
    with closing(sqlite3.connect(tmp_path / "durable-executions.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (tmp_path / "go").touch()
    again = terminals.pack(code, 80)
    assert again.end() == 0
    assert "execution x resumed" in again.shown


@FORMS
def test_what_is_logged_stands_above_what_is_drawn(
    terminals: Terminals, tmp_path: Path, code: str
) -> None:
    (tmp_path / "go").touch()
    run = terminals.pack(code, 20, "--log-level", "info", columns=100, lines=50)
    assert run.end() == 0
    (logged,) = [n for n, line in enumerate(run.shown) if "packing begins" in line]
    assert logged < run.shown.index("1 failure in 42 operations:")
    assert sum(line.startswith("operation ") for line in run.shown) == 1


def test_on_a_pipe_an_event_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "pack.py").write_text(BLOCKING)
    (tmp_path / "go").touch()
    main = "from aws_durable_execution_sdk_python_testing.cli import main; main()"
    command = [sys.executable, "-c", main, "run", "pack.py", "--event", EVENT % 20]
    for options in ([], ["--verbose"]):
        ran = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, check=True)
        assert b"\x1b" not in ran.stdout
        lines = ran.stdout.decode().splitlines()
        begun, *events, failed, failure, _, _, end, result = lines
        assert begun.startswith("execution run-")
        assert (failed, result) == ("1 failure in 42 operations:", "1")
        assert failure == f"  {FAILURES[0]}  FAILED: KeyError: 'sku-5'"
        assert end.startswith("SUCCEEDED in")
        if options:
            assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  \d+  [A-Z]\w+", line) for line in events)
            assert re.search(r"  StepSucceeded  prepare  [0-9a-f]{64}  {", "\n".join(events))
        else:
            assert len(events) == 2 * 42


# ------------------------------------------------------------------------ looking at executions

# A link, markup, a title, a turned text, and lines that look like others.
HOSTILE = (
    "\x1b]8;;http://x\x07go\x1b]8;;\x07 [bold]b[/bold] \x1b]0;t\x07 \u202eevil\n"
    "  ok [Step]  SUCCEEDED"
)
EVENT_OF_ORDER = '"' + "x " * 90 + '"'
NAME = "order-" + "0123456789" * 5


@durable_execution
def order(event: Any, context: DurableContext) -> Any:
    def fail(_: Any) -> None:
        raise ValueError(HOSTILE)

    context.logger.warning(HOSTILE)
    try:
        context.step(fail, name="[red]charge[/red]")
    except ValueError:
        return context.wait_for_callback(lambda *_: None, name="approval")


@pytest.fixture(scope="module")
def waiting() -> Iterator[tuple[str, str, str]]:
    """A service with an execution that waits; its URL, the ARN, and the callback's id."""
    with DurableServer([hosted("order", order)], ServerSettings()) as server:
        assert server.service is not None
        request = StartExecution(function_name="order", execution_name=NAME, input=EVENT_OF_ORDER)
        arn = server.service.start(request)
        yield server.url, arn, server.service.wait_for_callback(arn, "approval", 60)


def test_sigterm_ends_what_follows_an_execution_and_not_the_execution(
    waiting: tuple[str, str, str], terminals: Terminals
) -> None:
    url, _, _ = waiting
    follows = terminals.open(
        *("invoke", "order", "--name", NAME, "--event", EVENT_OF_ORDER, "--wait"),
        *("--endpoint-url", url),
        columns=60,
    )
    hint = f"--execution {NAME}"
    follows.until(lambda lines: hint in " ".join(line.strip() for line in lines))
    follows.process.send_signal(signal.SIGTERM)
    assert follows.end() == 143
    assert not follows.screen.cursor.hidden
    assert any("interrupted; it goes on" in line for line in follows.shown)


COMMANDS = [["ls"], *([command, NAME] for command in ("show", "tree", "history", "logs"))]
EACH = f"""
import sys
from aws_durable_execution_sdk_python_testing.cli import main
for arguments in {COMMANDS!r}:
    print("----", *arguments[:1], flush=True)
    main([*arguments, "--endpoint-url", sys.argv[1]], standalone_mode=False)
"""


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_on_a_terminal_nothing_is_wider_and_no_id_is_broken(
    waiting: tuple[str, str, str], terminals: Terminals, columns: int
) -> None:
    url, arn, callback = waiting
    shown = terminals.open(url, columns=columns, code=EACH)
    assert shown.end() == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.raw.decode())
    assert "\x1b" not in plain
    assert not set("\x07\u202e") & set(plain)
    lines = plain.splitlines()
    assert max(map(len, lines)) <= columns
    assert "[bold]b[/bold]" in plain
    assert "[red]charge[/red] [Step]" in plain
    for value in (arn, callback, NAME):
        pieces = [line for line in lines if value[-12:] in line]
        assert pieces
        assert all(value in line or "…" in line for line in pieces), (value, pieces)


def test_on_a_pipe_everything_is_whole(waiting: tuple[str, str, str]) -> None:
    url, arn, callback = waiting
    ran = subprocess.run([sys.executable, "-c", EACH, url], capture_output=True, check=True)
    plain = ran.stdout.decode()
    assert not set("\x1b\x07\u202e") & set(plain)
    assert "…" not in plain
    for value in (arn, callback, NAME):
        assert value in plain
