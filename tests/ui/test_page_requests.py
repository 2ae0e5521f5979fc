"""What the page is made of, and what its requests answer."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import programs
import pytest
from plain_client import Client

from aws_durable_execution_sdk_python_testing import Recording, assert_replays
from aws_durable_execution_sdk_python_testing._engine import StartExecution
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._ui import static_files

Serve = Callable[..., DurableServer]
STATIC = Path(static_files.__file__).parent / "static"


def _ended(server: DurableServer, name: str, event: Any) -> str:
    service = server.service
    assert service is not None
    arn = service.start(StartExecution(function_name=name, input=json.dumps(event)))
    service.wait_until_ended(arn, 60)
    return quote(arn, safe="")


def test_nothing_but_the_files_runs(serve: Serve) -> None:
    """No inline code or style, no assignment of HTML, no frame, nothing from elsewhere."""
    client = Client(serve(programs.quick).url)
    for path in ("/", "/ui/files/main.js", "/ui/files/app.css"):
        status, headers, _ = client.ask(path)
        assert status == 200
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_file_parses_html_or_asks_anybody_else() -> None:
    for file in STATIC.iterdir():
        text = file.read_text()
        for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert name not in text, file.name
        places = set(re.findall(r"(?:https?:)?//[a-z][^\s\"']*", text)) - {
            "http://www.w3.org/2000/svg"
        }
        assert not [one for one in places if one.startswith("http")], file.name
        if file.suffix == ".html":
            assert not re.search(r"<script(?! type=\"module\" src=)|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("path", ["/", "/ui/files/main.js", "/ui/functions", "/ui/live"])
def test_pages_of_others_are_kept_out(serve: Serve, path: str) -> None:
    client = Client(serve(programs.quick).url)
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert client.ask(path, headers=headers)[0] == 403


@pytest.mark.parametrize("name", ["..%2fstatic_files.py", "static_files.py", "%2e%2e", "x.js"])
def test_only_the_pages_own_files_are_served(serve: Serve, name: str) -> None:
    assert Client(serve(programs.quick).url).ask(f"/ui/files/{name}")[0] == 404


def test_without_the_page_there_is_nothing_of_it() -> None:
    with DurableServer() as server:
        assert Client(server.url).ask("/")[0] == 404
        assert Client(server.url).ask("/ui/live")[0] == 404


def test_a_stream_brings_each_event_once_and_no_payloads(serve: Serve) -> None:
    server = serve(programs.quick)
    arn = _ended(server, "quick", "a secret")
    messages = list(Client(server.url).stream(f"/ui/live/{arn}"))
    events = [event for one in messages for event in one["data"].get("Events", ())]
    assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["EventType"] == "ExecutionSucceeded"
    assert messages[-1]["event"] == "ended"
    assert "a secret" not in json.dumps(messages)


def test_a_stream_goes_on_after_the_last_event_that_was_seen(serve: Serve) -> None:
    server = serve(programs.quick)
    arn = _ended(server, "quick", 1)
    whole = [e["id"] for e in Client(server.url).stream(f"/ui/live/{arn}") if "id" in e]
    later = Client(server.url).stream(f"/ui/live/{arn}", {"Last-Event-ID": str(whole[-1] - 1)})
    events = [event for one in later for event in one["data"].get("Events", ())]
    assert [event["EventId"] for event in events] == [whole[-1]]


def test_a_stream_follows_what_happens(serve: Serve) -> None:
    server = serve(programs.resting)
    service = server.service
    assert service is not None
    arn = service.start(StartExecution(function_name="resting", input="{}"))
    types: list[str] = []
    for message in Client(server.url).stream(f"/ui/live/{quote(arn, safe='')}"):
        types += [event["EventType"] for event in message["data"].get("Events", ())]
        if types[-1:] == ["InvocationCompleted"]:
            service.stop(arn)
    assert types[-1] == "ExecutionStopped"


def test_the_list_hears_of_every_change(serve: Serve) -> None:
    server = serve(programs.quick)
    changes = Client(server.url).stream("/ui/live")
    assert [next(changes)["event"] for _ in range(2)] == ["code", "changed"]
    _ended(server, "quick", 1)
    assert next(changes)["event"] == "changed"
    changes.close()  # type: ignore[attr-defined]


def test_streams_end_with_the_server(serve: Serve) -> None:
    server = serve(programs.resting)
    service = server.service
    assert service is not None
    arn = service.start(StartExecution(function_name="resting", input="{}"))
    streams = [
        Client(server.url).stream(path) for path in ("/ui/live", f"/ui/live/{quote(arn, safe='')}")
    ]
    for stream in streams:
        next(stream)
    server.stop()
    for stream in streams:
        list(stream)


def test_a_page_that_goes_away_leaves_the_service_in_peace(serve: Serve) -> None:
    server = serve(programs.quick)
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(b"GET /ui/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(10)
    _ended(server, "quick", 1)
    assert Client(server.url).json("/health") == {"status": "healthy"}


def test_the_recording_is_what_replay_takes(serve: Serve, tmp_path: Path) -> None:
    server = serve(programs.quick)
    arn = _ended(server, "quick", {"a": 1})
    _, headers, body = Client(server.url).ask(f"/ui/executions/{arn}/recording")
    assert headers["Content-Disposition"].startswith("attachment")
    file = tmp_path / "recording.json"
    file.write_bytes(body)
    recording = Recording.load(file)
    assert recording.status == "SUCCEEDED"
    assert isinstance(recording.events[0]["EventTimestamp"], str)
    assert_replays(programs.quick, file)


def test_an_operations_events_come_with_their_data(serve: Serve) -> None:
    server = serve(programs.quick)
    arn = _ended(server, "quick", "shown")
    client = Client(server.url)
    history = client.json(f"/2025-12-01/durable-executions/{arn}/history")["Events"]
    step = next(event["Id"] for event in history if event["EventType"] == "StepStarted")
    events = client.json(f"/ui/executions/{arn}/operations/{step}")["Events"]
    assert [event["EventType"] for event in events] == ["StepStarted", "StepSucceeded"]
    assert events[1]["StepSucceededDetails"]["Result"]["Payload"] == '"shown"'


def test_a_cost_is_made_of_operations_bytes_and_time(serve: Serve) -> None:
    server = serve(programs.quick)
    cost = Client(server.url).json(f"/ui/executions/{_ended(server, 'quick', 'x')}/cost")
    assert cost["Operations"] == 2
    assert cost["Invocations"] == 1
    assert cost["MemoryMegabytes"] == 128
    dollars = cost["Dollars"]
    assert dollars["Operations"] == pytest.approx(16e-6)
    assert dollars["Requests"] == pytest.approx(0.2e-6)
    assert dollars["Total"] == pytest.approx(sum(dollars.values()) - dollars["Total"])


@pytest.mark.parametrize("path", ["/operations/x", "/cost", "/recording"])
def test_what_does_not_exist_is_said_not_to(serve: Serve, path: str) -> None:
    server = serve(programs.quick)
    arn = _ended(server, "quick", 1).replace("quick", "gone")
    assert Client(server.url).ask(f"/ui/executions/{arn}{path}")[0] == 404
    assert Client(server.url).ask("/ui/live/nothing")[0] == 404
