"""A server under test, and what tests ask of it beside its HTTP API."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService

REAL_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """A raw HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str | None:
        return self.headers.get("x-amzn-errortype")


class Connection:
    """One HTTP connection, used as long as the server keeps it."""

    def __init__(self, host: str) -> None:
        self._http = http.client.HTTPConnection(host, timeout=REAL_SECONDS)

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request; a body that is not bytes goes as JSON."""
        self.request(method, path, body, headers)
        return self.answer()

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self._http.request(method, path, raw, headers or {})

    def answer(self) -> Reply:
        response = self._http.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, names, response.read())

    def close(self) -> None:
        self._http.close()


class Served:
    """A started server."""

    def __init__(self, server: DurableServer) -> None:
        self.server = server
        self.url = server.url
        self.host = server.url.removeprefix("http://")

    @property
    def service(self) -> DurableService:
        assert self.server.service is not None
        return self.server.service

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send one request on a connection of its own."""
        connection = Connection(self.host)
        try:
            return connection.send(method, path, body, headers)
        finally:
            connection.close()

    def callback(self, arn: str, name: str | None = None) -> str:
        """The id of an open callback, once it is open."""
        return self.service.wait_for_callback(arn, name, REAL_SECONDS)

    def wait(self, arn: str) -> str:
        """The status the execution ends with."""
        self.service.wait_until_ended(arn, REAL_SECONDS)
        return str(self.service.execution(arn)["Status"])
