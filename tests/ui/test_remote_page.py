"""`durable ui`: the page in front of a service that is another process's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import programs
import pytest
from page import Page
from selenium.webdriver.remote.webdriver import WebDriver

from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer

Look = Callable[..., str]


@pytest.fixture
def look() -> Iterator[Look]:
    """Run `durable ui` with arguments; gives the URL of its page."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> str:
        durable = Path(sys.executable).with_name("durable")
        process = subprocess.Popen(
            [str(durable), "ui", "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        return process.stdout.readline().rstrip("\n").rpartition(" ")[2]

    yield begin
    for process in processes:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout is not None
        process.stdout.close()


def _ask(url: str, path: str, method: str = "GET") -> Any:
    with urlopen(Request(f"{url}{path}", method=method)) as answer:
        return json.loads(answer.read())


def test_it_only_shows_unless_it_may_write(
    serve: Callable[..., DurableServer], look: Look, chromium: WebDriver
) -> None:
    server = serve(programs.order)
    arn = Page(chromium, server.url).start("order", {"amount": 4}, "order-9")
    page = Page(chromium, look("--endpoint-url", server.url))
    page.look_like(1280, 900, "light")
    page.open()
    page.shows("order-9", ".executions")
    assert not page.driver.find_element("id", "start").is_displayed()
    page.open(arn)
    page.shows("Waits for a callback: approval", "#details")
    assert "Recording" in page.find(".heading .buttons").text
    assert page.count(".heading .danger, .callback button") == 0
    page.choose("add up")
    page.shows("8", "#details pre")
    assert not page.complaints()
    page.driver.get("about:blank")
    with pytest.raises(HTTPError) as refused:
        _ask(page.url, f"/2025-12-01/durable-executions/{quote(arn, safe='')}/stop", "POST")
    assert refused.value.code == 404
    refused.value.close()


def test_with_write_it_does_what_the_services_own_page_does(
    serve: Callable[..., DurableServer], look: Look, chromium: WebDriver
) -> None:
    server = serve(programs.order, programs.resting)
    url = look("--endpoint-url", server.url, "--write", "--function", "order")
    page = Page(chromium, url)
    page.look_like(1280, 900, "light")
    page.open()
    page.press("Start an execution")
    page.write("dialog textarea", '{"amount": 4}')
    page.press("Start", "dialog form")
    page.shows("Waits for a callback: approval", "#details")
    page.press("Succeed", "#details")
    page.write("dialog textarea", '"yes"')
    page.press("Succeed", "dialog form")
    page.state("succeeded")
    page.open(page.start("resting", {}))
    page.press("Pause", ".heading")
    page.state("paused")
    page.press("Resume", ".heading")
    page.state("running")
    page.press("Stop", ".heading")
    page.press("Stop", "dialog form")
    page.state("stopped")
    assert not page.complaints()
    page.driver.get("about:blank")


def test_it_answers_as_the_service_does(serve: Callable[..., DurableServer], look: Look) -> None:
    """The same members, times as seconds."""
    server = serve(programs.quick)
    with urlopen(
        Request(f"{server.url}/2015-03-31/functions/quick/invocations?Qualifier=$LATEST", b"1")
    ):
        pass
    url = look("--endpoint-url", server.url)
    path = "/2025-12-01/durable-executions"
    listed = _ask(url, path)
    assert listed == _ask(server.url, path)
    arn = quote(listed["DurableExecutions"][0]["DurableExecutionArn"], safe="")
    for rest in ("", "/logs"):
        assert _ask(url, f"{path}/{arn}{rest}") == _ask(server.url, f"{path}/{arn}{rest}")
    for rest in ("/cost", "/recording"):
        given, wanted = (_ask(one, f"/ui/executions/{arn}{rest}") for one in (url, server.url))
        assert given == wanted
    with urlopen(f"{url}/ui/live/{arn}") as told:
        text = told.read()
    assert b"event: ended" in text
    assert b"ResponseMetadata" not in text


def test_on_aws_a_function_is_needed(look: Look) -> None:
    durable = Path(sys.executable).with_name("durable")
    ended = subprocess.run(
        [str(durable), "ui", "--aws"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "give --function NAME" in ended.stderr


def test_a_service_that_does_not_answer_is_said_not_to(look: Look) -> None:
    url = look("--endpoint-url", "http://127.0.0.1:1")
    with pytest.raises(HTTPError) as refused:
        _ask(url, "/2025-12-01/durable-executions")
    with refused.value as answer:
        assert answer.code == 502
        assert b"Could not connect" in answer.read()
