"""`durable dev`: code that changes under executions that are under way."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from page import Page
from plain_client import Client
from serving_command import DURABLE, ServingCommand

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


class Dev(ServingCommand):
    """A `durable dev` process."""

    def __init__(self, program: Path) -> None:
        super().__init__("dev", str(program))
        self.program = program
        self.client = Client(self.url)

    def change(self, name: str, text: str) -> str:
        """Write a file beside the program; returns what it says to that."""
        (self.program.parent / name).write_text(text)
        return self.line()

    def start(self) -> str:
        return self.client.start("order", {})

    def result(self, arn: str) -> str:
        path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}"
        return str(self.client.json(path)["Result"])

    def follow(self, arn: str, kind: str) -> dict[str, Any]:
        """The first event of a kind, once there is one."""
        for message in self.client.stream(f"/ui/live/{quote(arn, safe='')}"):
            for event in message["data"].get("Events", ()):
                if event["EventType"] == kind:
                    return dict(event)
        raise AssertionError(f"no {kind}")

    def answer(self, arn: str) -> None:
        """Succeed the execution's callback, once the invocation that made it has ended."""
        callback = self.follow(arn, "CallbackStarted")["CallbackStartedDetails"]["CallbackId"]
        self.follow(arn, "InvocationCompleted")
        path = f"/2025-12-01/durable-execution-callbacks/{quote(callback, safe='')}/succeed"
        self.client.json(path, "POST", b'"yes"')


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Callable[[str], Dev]]:
    begun: list[Dev] = []

    def begin(code: str) -> Dev:
        (tmp_path / "prices.py").write_text("PRICE = 10\n")
        (tmp_path / "app.py").write_text(code)
        begun.append(Dev(tmp_path / "app.py"))
        return begun[-1]

    yield begin
    for one in begun:
        assert one.close() == 130


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
    assert running.result(arn) == '"yes now 10"'


@FORMS
def test_what_a_program_imports_counts_too(dev: Callable[[str], Dev], code: str) -> None:
    running = dev(code)
    arn = running.start()
    running.follow(arn, "InvocationCompleted")
    assert running.change("prices.py", "PRICE = 12\n").startswith("reloaded")
    running.answer(arn)
    running.follow(arn, "ExecutionSucceeded")
    assert running.result(arn) == '"yes for 12"'


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
    dev: Callable[[str], Dev], code: str, look_at: Callable[[str], Page]
) -> None:
    running = dev(code)
    arn = running.start()
    running.follow(arn, "InvocationCompleted")
    running.change("app.py", code.replace('name="ask"', 'name="inquire"'))
    page = look_at(running.url)
    page.open(arn)
    page.shows("Waits for a callback", "#details")
    page.press("Replay", ".heading")
    page.shows("The code diverges", "#details")
    line = 1 + code[: code.index('name="ask"')].count("\n")
    page.shows(f"app.py:{line}", "#details .source")
    assert page.count(".row.divergent") == 1
    assert page.keep("divergence-1280-light")
    page.press("Execution", ".tools")
    running.answer(arn)
    page.state("failed")
    page.shows("The code diverges from what is recorded", "#details")
    page.shows(f"app.py:{line}", "#details .source")


def test_the_page_says_what_is_wrong_with_the_code(
    dev: Callable[[str], Dev], look_at: Callable[[str], Page]
) -> None:
    running = dev(BLOCKING)
    arn = running.start()
    page = look_at(running.url)
    for shown in (None, arn):
        page.open(shown)
        page.shows("app.py, loaded", ".code")
        running.change("app.py", BLOCKING + "\ndef broken(:\n")
        page.shows("Not reloaded, the code before runs on: cannot import", ".code.bad")
        page.shows("line 11: invalid syntax", ".code.bad")
        running.change("app.py", BLOCKING)
        page.shows("app.py, loaded", ".code:not(.bad)")


def test_sigterm_ends_it_as_ctrl_c_does(tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text("PRICE = 10\n")
    (tmp_path / "app.py").write_text(BLOCKING)
    serving = Dev(tmp_path / "app.py")
    page = ServingCommand("ui", "--endpoint-url", serving.url)
    assert page.close(signal.SIGTERM) == 143
    assert serving.close(signal.SIGTERM) == 143


def test_a_file_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    file = tmp_path / "absent.py"
    ended = subprocess.run([DURABLE, "dev", str(file)], capture_output=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.decode() == f"Error: no such file: {file}\n"
