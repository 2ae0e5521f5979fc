"""`durable dev`: code that changes under executions that are under way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from page import Page
from selenium.webdriver.remote.webdriver import WebDriver

BLOCKING = """
from aws_durable_execution_sdk_python import durable_execution
from prices import PRICE

@durable_execution
def order(event, context):
    context.step(lambda _: "asked", name="ask")
    answer = context.wait_for_callback(lambda callback_id, _: None, name="approval")
    return context.step(lambda _: f"{answer} for {PRICE}", name="send")
"""
ASYNC = """
from aws_durable_execution_sdk_python import durable_execution
from prices import PRICE

async def say(text):
    return text

async def submit(callback_id, _):
    pass

@durable_execution
async def order(event, context):
    await context.step(lambda _: say("asked"), name="ask")
    answer = await context.wait_for_callback(submit, name="approval")
    return await context.step(lambda _: say(f"{answer} for {PRICE}"), name="send")
"""
FORMS = pytest.mark.parametrize("code", [BLOCKING, ASYNC], ids=["blocking", "async"])


class Dev:
    """A `durable dev` process.

    Attributes:
        url: of its page.
    """

    def __init__(self, program: Path) -> None:
        self.program = program
        durable = Path(sys.executable).with_name("durable")
        self._process = subprocess.Popen(
            [str(durable), "dev", str(program), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.url = self.line().rpartition(" ")[2]

    def line(self) -> str:
        """The next line it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def change(self, name: str, text: str) -> str:
        """Write a file beside the program; returns what it says to that."""
        (self.program.parent / name).write_text(text)
        return self.line()

    def start(self) -> str:
        headers = {"X-Amz-Invocation-Type": "Event"}
        url = f"{self.url}/2015-03-31/functions/order/invocations"
        with urlopen(Request(url, b"{}", headers)) as answer:
            return quote(answer.headers["X-Amz-Durable-Execution-Arn"], safe="")

    def ask(self, path: str, body: bytes | None = None) -> Any:
        with urlopen(Request(f"{self.url}{path}", body)) as answer:
            return json.loads(answer.read())

    def follow(self, arn: str, kind: str) -> dict[str, Any]:
        """The first event of a kind, once there is one."""
        with urlopen(f"{self.url}/ui/live/{arn}") as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    for event in json.loads(line[6:]).get("Events", ()):
                        if event["EventType"] == kind:
                            return dict(event)
        raise AssertionError(f"no {kind}")

    def answer(self, arn: str) -> None:
        """Succeed the execution's callback, once the invocation that made it has ended."""
        callback = self.follow(arn, "CallbackStarted")["CallbackStartedDetails"]["CallbackId"]
        self.follow(arn, "InvocationCompleted")
        path = f"/2025-12-01/durable-execution-callbacks/{quote(callback, safe='')}/succeed"
        self.ask(path, b'"yes"')

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(30) == 130
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def dev(program: Path) -> Iterator[Callable[[str], Dev]]:
    begun: list[Dev] = []

    def begin(code: str) -> Dev:
        program.with_name("prices.py").write_text("PRICE = 10\n")
        program.write_text(code)
        begun.append(Dev(program))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


@FORMS
def test_a_running_execution_goes_on_with_the_new_code(
    dev: Callable[[str], Dev], code: str
) -> None:
    running = dev(code)
    arn = running.start()
    running.follow(arn, "CallbackStarted")
    running.follow(arn, "InvocationCompleted")
    assert running.change("app.py", code.replace("for {PRICE}", "now {PRICE}")).startswith("reload")
    running.answer(arn)
    running.follow(arn, "ExecutionSucceeded")
    assert running.ask(f"/2025-12-01/durable-executions/{arn}")["Result"] == '"yes now 10"'


@FORMS
def test_what_a_program_imports_counts_too(dev: Callable[[str], Dev], code: str) -> None:
    running = dev(code)
    arn = running.start()
    running.follow(arn, "InvocationCompleted")
    assert running.change("prices.py", "PRICE = 12\n").startswith("reloaded")
    running.answer(arn)
    running.follow(arn, "ExecutionSucceeded")
    assert running.ask(f"/2025-12-01/durable-executions/{arn}")["Result"] == '"yes for 12"'


def test_code_that_cannot_be_loaded_replaces_nothing(dev: Callable[[str], Dev]) -> None:
    running = dev(BLOCKING)
    said = running.change("app.py", BLOCKING + "\ndef broken(:\n")
    assert said == f"not reloaded: cannot import {running.program}: line 11: invalid syntax"
    arn = running.start()
    running.answer(arn)
    running.follow(arn, "ExecutionSucceeded")
    assert running.change("app.py", BLOCKING) == f"reloaded {running.program}: order"


@FORMS
def test_a_divergence_is_shown_with_its_line(
    dev: Callable[[str], Dev], code: str, chromium: WebDriver
) -> None:
    running = dev(code)
    arn = running.start()
    running.follow(arn, "InvocationCompleted")
    running.change("app.py", code.replace('name="ask"', 'name="inquire"'))
    page = Page(chromium, running.url)
    page.look_like(1280, 900, "light")
    page.driver.get("about:blank")
    page.driver.get(f"{running.url}/#/execution/{arn}")
    page.shows("Waits for a callback", "#details")
    page.press("Replay", ".heading")
    page.shows("The code diverges", "#details")
    line = 1 + code[: code.index('name="ask"')].count("\n")
    page.shows(f"app.py:{line}", "#details .source")
    assert page.count(".row.divergent") == 1
    page.press("Execution", ".tools")
    running.answer(arn)
    page.state("failed")
    page.shows("The code diverges from what is recorded", "#details")
    page.shows(f"app.py:{line}", "#details .source")
    assert not page.complaints()
    page.driver.get("about:blank")


def test_the_page_says_what_is_wrong_with_the_code(
    dev: Callable[[str], Dev], chromium: WebDriver
) -> None:
    running = dev(BLOCKING)
    arn = running.start()
    page = Page(chromium, running.url)
    page.look_like(1280, 900, "light")
    for place in ("", f"#/execution/{arn}"):
        page.driver.get("about:blank")
        page.driver.get(f"{running.url}/{place}")
        page.shows("app.py, loaded", ".code")
        running.change("app.py", BLOCKING + "\ndef broken(:\n")
        page.shows("Not reloaded, the code before runs on: cannot import", ".code.bad")
        page.shows("line 11: invalid syntax", ".code.bad")
        running.change("app.py", BLOCKING)
        page.shows("app.py, loaded", ".code:not(.bad)")
    page.driver.get("about:blank")


def test_a_file_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    durable = Path(sys.executable).with_name("durable")
    file = tmp_path / "absent.py"
    ended = subprocess.run([str(durable), "dev", str(file)], capture_output=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.decode() == f"Error: no such file: {file}\n"
