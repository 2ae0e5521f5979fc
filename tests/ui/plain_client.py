"""What tests ask a service for over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit


class Client:
    """Each request has a connection of its own.

    Parameters:
        url: of the service.
    """

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection(self._place, timeout=60)
        with closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, path: str, method: str = "GET", body: bytes | None = None) -> Any:
        status, _, answer = self.ask(path, method, body=body)
        assert status == 200, answer
        return json.loads(answer)

    def start(self, function: str, event: Any, name: str | None = None) -> str:
        """Start an execution; returns its ARN."""
        headers = {"X-Amz-Invocation-Type": "Event"}
        if name is not None:
            headers["X-Amz-Durable-Execution-Name"] = name
        path = f"/2015-03-31/functions/{function}/invocations?Qualifier=$LATEST"
        status, answered, answer = self.ask(path, "POST", headers, json.dumps(event).encode())
        assert status == 202, answer
        return answered["X-Amz-Durable-Execution-Arn"]

    def stream(self, path: str, headers: Mapping[str, str] = {}) -> Iterator[dict[str, Any]]:
        """The messages of a stream, as long as it goes on."""
        connection = HTTPConnection(self._place, timeout=60)
        with closing(connection):
            connection.request("GET", path, headers=dict(headers))
            yield from _messages(connection.getresponse())


def _messages(answer: HTTPResponse) -> Iterator[dict[str, Any]]:
    assert answer.headers["Content-Type"] == "text/event-stream"
    message: dict[str, Any] = {}
    for line in answer:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        if key in ("id", "event", "data"):
            message[key] = json.loads(value) if key != "event" else value
        elif message:
            yield message
            message = {}
