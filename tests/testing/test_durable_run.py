"""`durable run` as a user meets it: processes, files, signals and exit statuses."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aws_durable_execution_sdk_python_testing._engine import Engine, Returned, StartExecution
from aws_durable_execution_sdk_python_testing.stores.sqlite import SQLiteExecutionStore

# Steps note that they ran in log.txt; `work` goes on once the file `go` is there.
PROGRAM = """
import pathlib, time
from aws_durable_execution_sdk_python import durable_execution, durable_step

def note(what):
    with open("log.txt", "a") as log:
        log.write(what + "\\n")

@durable_step
def prepare(order):
    note("prepare")
    print("the program prints")
    return {"order": order}

@durable_step
def work():
    note("work")
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "worked"

@durable_execution
def handler(event, context):
    prepared = context.step(prepare(event.get("order")))
    worked = context.step(work())
    context.wait(seconds=event.get("wait", 1), name="pause")
    return [prepared, worked]
"""


class Running:
    """A `durable run --json` under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def until(self, name: str, status: str) -> None:
        """Read progress until the operation has the status."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            if (line.get("name"), line.get("status")) == (name, status):
                return
        raise AssertionError(f"the run ended before {name} was {status}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait()


class Directory:
    """A directory with a program, in which `durable` is run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.write("order.py", PROGRAM)

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    @property
    def log(self) -> list[str]:
        return (self.path / "log.txt").read_text().split()

    def let_work_go_on(self) -> None:
        self.write("go", "")

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            cwd=self.path,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Run with --json; the lines it printed."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str) -> Running:
        with (self.path / "stderr.txt").open("w") as stderr:
            process = subprocess.Popen(
                self._command(*arguments, "--json"),
                cwd=self.path,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._started.append(process)
        return Running(process)

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _command(self, *arguments: str) -> list[str]:
        main = "from aws_durable_execution_sdk_python_testing.cli import main; main()"
        return [sys.executable, "-c", main, "run", *arguments]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path)
    yield made
    made.close()


def statuses(lines: list[dict[str, Any]], *, before: bool) -> list[tuple[str, str]]:
    operations = [line for line in lines if line["type"] == "operation"]
    return [(o["name"], o["status"]) for o in operations if o["before"] is before]


RESULT = [{"order": "A"}, "worked"]


def test_a_run_shows_progress_and_the_result(directory: Directory) -> None:
    directory.let_work_go_on()
    done = directory.run("order.py", "--event", '{"order": "A"}', "--name", "x")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "execution x started" in lines
    assert any(line.strip().startswith("prepare [Step]  SUCCEEDED") for line in lines)
    assert any(line.strip().startswith("pause [Wait]  STARTED  until") for line in lines)
    end = next(i for i, line in enumerate(lines) if line.startswith("SUCCEEDED in"))
    assert json.loads("\n".join(lines[end + 1 :])) == RESULT


def test_json_lines_are_all_that_is_on_standard_output(directory: Directory) -> None:
    directory.let_work_go_on()
    first, *between, last = directory.lines("order.py", "--skip-time", "--name", "x")
    assert (first["type"], first["name"], first["state"]) == ("execution", "x", "started")
    assert {line["type"] for line in between} == {"operation"}
    assert (last["type"], last["status"]) == ("result", "SUCCEEDED")
    assert last["result"] == [{"order": None}, "worked"]


def test_a_name_is_made_up_and_printed(directory: Directory) -> None:
    directory.let_work_go_on()
    name = directory.lines("order.py", "--skip-time")[0]["name"]
    assert directory.lines("order.py", "--name", name)[0]["state"] == "finished before"


def test_an_hour_is_skipped_when_asked(directory: Directory) -> None:
    directory.let_work_go_on()
    lines = directory.lines("order.py", "--event", '{"wait": 3600}', "--skip-time")
    assert lines[-1]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_the_event_is_read_from_a_file_or_from_standard_input(
    directory: Directory, how: str
) -> None:
    directory.let_work_go_on()
    event = '{"order": "A"}'
    directory.write("event.json", event)
    source = "@event.json" if how == "file" else "-"
    done = directory.run("order.py", "--event", source, "--skip-time", "--json", stdin=event)
    assert json.loads(done.stdout.splitlines()[-1])["result"] == RESULT


def test_a_failed_execution_exits_with_1_and_names_the_error(directory: Directory) -> None:
    directory.write(
        "fails.py",
        "from aws_durable_execution_sdk_python import durable_execution\n"
        "@durable_execution\n"
        "def handler(event, context):\n"
        "    raise LookupError('not there')\n",
    )
    done = directory.run("fails.py")
    assert done.returncode == 1
    *_, outcome, frame, source = done.stdout.splitlines()
    assert outcome.endswith("LookupError: not there")
    assert frame.endswith('fails.py", line 4, in handler')
    assert source.strip() == "raise LookupError('not there')"
    assert "Traceback" in done.stderr  # logged, too


# ------------------------------------------------------------------------- killed and resumed

ORDER = ("order.py", "--event", '{"order": "A"}', "--name", "x")


def test_a_run_killed_in_a_step_resumes_with_that_step(directory: Directory) -> None:
    run = directory.start(*ORDER)
    run.until("work", "STARTED")
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    directory.let_work_go_on()
    lines = directory.lines(*ORDER, "--skip-time")
    assert lines[0]["state"] == "resumed"
    assert lines[-1]["result"] == RESULT
    assert statuses(lines, before=True)[:2] == [("prepare", "STARTED"), ("prepare", "SUCCEEDED")]
    assert directory.log == ["prepare", "work", "work"]


def test_a_run_killed_while_it_waits_goes_on_waiting(directory: Directory) -> None:
    directory.let_work_go_on()
    waiting = ("order.py", "--event", '{"order": "A", "wait": 3600}', "--name", "x")
    run = directory.start(*waiting)
    run.until("pause", "STARTED")
    run.end(signal.SIGKILL)
    lines = directory.lines(*waiting, "--skip-time")
    assert statuses(lines, before=False) == [("pause", "SUCCEEDED")]
    assert lines[-1]["result"] == RESULT
    assert directory.log == ["prepare", "work"]


def test_a_run_may_be_killed_again_and_again(directory: Directory) -> None:
    for _ in range(3):
        run = directory.start(*ORDER)
        run.until("work", "STARTED")
        run.end(signal.SIGKILL)
    directory.let_work_go_on()
    assert directory.lines(*ORDER, "--skip-time")[-1]["result"] == RESULT
    assert directory.log.count("prepare") == 1


def test_a_finished_name_shows_its_result_and_runs_nothing(directory: Directory) -> None:
    directory.let_work_go_on()
    first = directory.lines(*ORDER, "--skip-time")
    again = directory.lines("order.py", "--event", '{ "order" : "A" }', "--name", "x")
    assert again[0]["state"] == "finished before"
    assert again[-1] == first[-1]
    assert directory.log == ["prepare", "work"]


def test_a_finished_name_shows_its_result_long_after_its_retention(directory: Directory) -> None:
    path = directory.path / "durable-executions.db"
    with closing(SQLiteExecutionStore.create_and_initialize(path)) as store:
        engine, long_ago = Engine(store), 1_000.0
        request = StartExecution(function_name="order-handler", execution_name="x", input="{}")
        arn = engine.start_execution(request, long_ago).arn
        invocation = engine.begin_invocation(arn, long_ago)
        done = Returned({"Status": "SUCCEEDED", "Result": '"kept"'})
        engine.end_invocation(arn, invocation.request_id, done, long_ago)
    for _ in range(2):
        lines = directory.lines("order.py", "--name", "x")
        assert lines[0]["state"] == "finished before"
        assert lines[-1]["result"] == "kept"


def test_time_that_was_skipped_is_not_waited_for_when_resumed(directory: Directory) -> None:
    """A run that skipped an hour is ahead of the system's clock; its next second is one second."""
    directory.write(
        "ahead.py",
        PROGRAM.replace('context.wait(seconds=event.get("wait", 1), name="pause")', "")
        .replace("prepared =", "context.wait(seconds=3600)\n    prepared =")
        .replace("return [prepared", 'context.wait(seconds=1, name="last")\n    return [prepared'),
    )
    run = directory.start("ahead.py", "--name", "x", "--skip-time")
    run.until("work", "STARTED")
    run.end(signal.SIGKILL)
    directory.let_work_go_on()
    assert directory.lines("ahead.py", "--name", "x")[-1]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("inherited", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_exits_with_130_and_says_how_to_resume(directory: Directory, inherited: Any) -> None:
    """Also where a script's shell starts the command with the signal ignored."""
    before = signal.signal(signal.SIGINT, inherited)
    run = directory.start(*ORDER)
    signal.signal(signal.SIGINT, before)
    run.until("work", "STARTED")
    assert run.end(signal.SIGINT) == 130
    assert "run it again with --name x to resume" in (directory.path / "stderr.txt").read_text()
    directory.let_work_go_on()
    assert directory.lines(*ORDER, "--skip-time")[-1]["result"] == RESULT


def test_other_executions_of_the_store_are_left_alone(directory: Directory) -> None:
    """Neither run by a program that is not theirs, nor moved on by time that is skipped."""
    directory.let_work_go_on()
    other = ("order.py", "--event", '{"wait": 3600}', "--name", "other")
    run = directory.start(*other)
    run.until("pause", "STARTED")
    run.end(signal.SIGKILL)
    directory.write("again.py", PROGRAM)
    directory.lines("again.py", "--name", "other", "--event", '{"wait": 90000}', "--skip-time")
    directory.lines("order.py", "--name", "mine", "--event", '{"wait": 90000}', "--skip-time")
    lines = directory.lines(*other, "--skip-time")
    assert lines[0]["state"] == "resumed"
    assert statuses(lines, before=False) == [("pause", "SUCCEEDED")]


# --------------------------------------------------------------------- callbacks and invokes

APPROVAL = """
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration

@durable_execution
def handler(event, context):
    config = CallbackConfig(timeout=Duration.from_hours(1))
    return context.create_callback(name="approval", config=config).result()
"""


@pytest.mark.parametrize("options", [(), ("--skip-time",)])
def test_a_callback_is_answered_from_the_command_line(
    directory: Directory, options: tuple[str, ...]
) -> None:
    directory.write("approve.py", APPROVAL)
    lines = directory.lines("approve.py", "--callback", 'approval={"ok": true}', *options)
    assert lines[-1]["result"] == {"ok": True}


def test_a_callback_that_waits_is_answered_by_a_later_run(directory: Directory) -> None:
    directory.write("approve.py", APPROVAL)
    run = directory.start("approve.py", "--name", "x")
    run.until("approval", "STARTED")
    run.end(signal.SIGKILL)
    done = directory.lines("approve.py", "--name", "x", "--callback", "approval=1", "--skip-time")
    assert done[-1]["result"] == 1


INVOKING = """
from aws_durable_execution_sdk_python import durable_execution

def double(event, context):
    return event * 2

@durable_execution
def child(event, context):
    context.wait(seconds=1)
    return context.step(lambda _: event + 1)

@durable_execution
def parent(event, context):
    return context.invoke("double", context.invoke("child", 20))
"""


def test_functions_of_the_file_can_be_invoked(directory: Directory) -> None:
    directory.write("invoking.py", INVOKING)
    assert directory.lines("invoking.py:parent", "--skip-time")[-1]["result"] == 42


def test_neighbouring_modules_can_be_imported(directory: Directory) -> None:
    directory.write("shared.py", "VALUE = 7\n")
    directory.write(
        "uses.py",
        "from aws_durable_execution_sdk_python import durable_execution\n"
        "from shared import VALUE\n"
        "@durable_execution\n"
        "def handler(event, context):\n    return VALUE\n",
    )
    assert directory.lines("uses.py")[-1]["result"] == 7


# -------------------------------------------------------------------------------- bad input


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command prints."""
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.py",), "no such file: nowhere.py"),
        (("nowhere.py:handler",), "no such file: nowhere.py"),
        (("empty.py",), "empty.py has no durable handler"),
        (("invoking.py",), "several durable handlers (child, parent)"),
        (("invoking.py:double",), "no durable handler 'double'; it has: child, parent"),
        (("broken.py",), "cannot import broken.py: line 2: NameError"),
        (("syntax.py",), "cannot import syntax.py: line 1:"),
        (("order.py", "--event", "{not json"), "--event is not valid JSON"),
        (("order.py", "--event", '{"amount": NaN}'), "--event is not valid JSON: NaN"),
        (("order.py", "--event", r'"\ud800"'), "--event is not valid JSON: half of a surrogate"),
        (("order.py", "--event", "[" * 60_000), "--event is nested too deeply"),
        (("order.py", "--event", "@absent.json"), "cannot read --event"),
        (("order.py", "--event", "@latin1.json"), "cannot read --event"),
        (("order.py", "--callback", "approval"), "--callback needs NAME=JSON"),
        (("order.py", "--callback", "approval=yes"), "--callback approval is not valid JSON"),
        (("order.py", "--store", "order.py"), "order.py is not a store"),
        (("order.py", "--store", "foreign.db"), "foreign.db is not a store"),
        (("order.py", "--store", "no/such/dir.db"), "no/such/dir.db"),
        (("order.py", "--store", "."), "."),
        (("order.py", "--name", "not a name"), "at 'durableExecutionName' failed"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    directory: Directory, arguments: tuple[str, ...], says: str
) -> None:
    directory.write("empty.py", "")
    directory.write("invoking.py", INVOKING)
    directory.write("broken.py", "x = 1\ny = undefined\n")
    directory.write("syntax.py", "def broken(:\n")
    (directory.path / "latin1.json").write_bytes('"ü"'.encode("latin-1"))
    foreign = sqlite3.connect(directory.path / "foreign.db")
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    assert says in refused(directory.run(*arguments))


def test_a_bad_time_scale_is_refused_in_one_line(directory: Directory) -> None:
    directory.environment["DURABLE_EXECUTION_TIME_SCALE"] = "fast"
    assert "DURABLE_EXECUTION_TIME_SCALE" in refused(directory.run("order.py"))


def test_a_name_with_another_event_is_refused(directory: Directory) -> None:
    directory.let_work_go_on()
    directory.lines(*ORDER, "--skip-time")
    line = refused(directory.run("order.py", "--event", '{"order": "B"}', "--name", "x"))
    assert "x has run with another event" in line
    assert directory.log == ["prepare", "work"]


ECHO = """
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def handler(event, context):
    return chr(0xD800) if event == "surrogate" else event
"""


def test_true_is_another_event_than_1(directory: Directory) -> None:
    """They are equal in Python only."""
    directory.write("echo.py", ECHO)
    assert directory.run("echo.py", "--event", "1", "--name", "x").returncode == 0
    refusal = refused(directory.run("echo.py", "--event", "true", "--name", "x"))
    assert "x has run with another event: 1" in refusal


@pytest.mark.parametrize(
    ("encoding", "event", "shown"),
    [("ascii", '"\u00fc"', '"\\xfc"'), ("utf-8", '"surrogate"', '"\\ud800"')],
)
def test_a_result_the_output_cannot_express_is_shown_escaped(
    directory: Directory, encoding: str, event: str, shown: str
) -> None:
    directory.write("echo.py", ECHO)
    directory.environment["PYTHONIOENCODING"] = encoding
    done = directory.run("echo.py", "--event", event)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, shown)


def test_a_store_of_a_live_run_is_refused(directory: Directory) -> None:
    run = directory.start(*ORDER)
    run.until("work", "STARTED")
    assert "durable-executions.db is in use" in refused(directory.run("order.py", "--name", "y"))


# ------------------------------------------------------------------------------- on a terminal


def test_a_terminal_shows_a_live_table(directory: Directory) -> None:
    directory.let_work_go_on()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        directory._command(*ORDER, "--skip-time"),
        cwd=directory.path,
        env={**directory.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # how Linux says that the other side has closed
    os.close(ours)
    assert process.wait() == 0
    text = shown.decode()
    assert "prepare [Step]" in text
    assert "SUCCEEDED in" in text
    assert "\x1b[" in text
