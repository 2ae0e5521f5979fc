"""`durable ui`: the page in front of a service that is another process's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import quote

import programs
import pytest
from page import Page
from plain_client import Client
from serving_command import DURABLE, ServingCommand

from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer

Serve = Callable[..., DurableServer]
Look = Callable[..., str]
LookAt = Callable[[str], Page]


@pytest.fixture
def look() -> Iterator[Look]:
    """Run `durable ui` with arguments; gives the URL of its page."""
    begun: list[ServingCommand] = []

    def begin(*arguments: str) -> str:
        begun.append(ServingCommand("ui", *arguments))
        return begun[-1].url

    yield begin
    for one in begun:
        assert one.close() == 130


def test_it_only_shows_unless_it_may_write(serve: Serve, look: Look, look_at: LookAt) -> None:
    server = serve(programs.order)
    arn = Client(server.url).start("order", {"amount": 4}, "order-9")
    page = look_at(look("--endpoint-url", server.url))
    page.open()
    page.shows("order-9", ".executions")
    assert not page.driver.find_element("id", "start").is_displayed()
    page.open(arn)
    page.shows("Waits for a callback: approval", "#details")
    assert "Recording" in page.find(".heading .buttons").text
    assert page.count(".heading .danger, .callback button") == 0
    page.choose("add up")
    page.shows("8", "#details pre")
    stop = f"/2025-12-01/durable-executions/{quote(arn, safe='')}/stop"
    assert Client(page.url).ask(stop, "POST")[0] == 404


def test_with_write_it_does_what_the_services_own_page_does(
    serve: Serve, look: Look, look_at: LookAt
) -> None:
    server = serve(programs.order, programs.resting)
    page = look_at(look("--endpoint-url", server.url, "--write", "--function", "order"))
    page.open()
    page.begin('{"amount": 4}')
    page.shows("Waits for a callback: approval", "#details")
    page.succeed('"yes"')
    page.state("succeeded")
    page.open(page.start("resting", {}))
    page.pause_resume_and_stop()


def test_it_answers_as_the_service_does(serve: Serve, look: Look) -> None:
    """The same members, times as seconds."""
    server = serve(programs.quick)
    theirs, ours = Client(server.url), Client(look("--endpoint-url", server.url))
    theirs.json("/2015-03-31/functions/quick/invocations?Qualifier=$LATEST", "POST", b"1")
    path = "/2025-12-01/durable-executions"
    listed = ours.json(path)
    assert listed == theirs.json(path)
    arn = quote(listed["DurableExecutions"][0]["DurableExecutionArn"], safe="")
    for rest in ("", "/logs"):
        assert ours.json(f"{path}/{arn}{rest}") == theirs.json(f"{path}/{arn}{rest}")
    for rest in ("/cost", "/recording"):
        asked = f"/ui/executions/{arn}{rest}"
        assert ours.json(asked) == theirs.json(asked)
    told = [message["event"] for message in ours.stream(f"/ui/live/{arn}")]
    assert told[-1] == "ended"
    assert b"ResponseMetadata" not in ours.ask(f"/ui/live/{arn}")[2]


def test_on_aws_a_function_is_needed() -> None:
    ended = subprocess.run([DURABLE, "ui", "--aws"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "give --function NAME" in ended.stderr


def test_a_service_that_does_not_answer_is_said_not_to(look: Look) -> None:
    url = look("--endpoint-url", "http://127.0.0.1:1")
    status, _, answer = Client(url).ask("/2025-12-01/durable-executions")
    assert status == 502
    assert b"Could not connect" in answer
