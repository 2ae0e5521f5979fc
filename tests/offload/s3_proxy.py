"""A proxy before an S3 that has the faults of a network, each as often as it is asked for."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKET = "large-values"

Fault = Callable[["Request"], None]

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


class Request(BaseHTTPRequestHandler):
    """One request; a fault answers it, or it is passed on."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path.partition('?')[0]}")
        faults = self.server.faults
        if faults and (faults[0][0] in ("*", self.command)):
            faults.popleft()[1](self)
        else:
            self.pass_on()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    def pass_on(self, *, cut: bool = False, body: bytes | None = None) -> None:
        """The answer of S3; cut, or with another body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "expect"}
        connection.request(self.command, self.path, self.body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else (body or content))
        if cut:
            self.close_connection = True
        connection.close()

    def refuse(self, status: int, code: str) -> None:
        """An error of S3's."""
        text = f"<Error><Code>{code}</Code><Message>not now</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass


def throttles(request: Request) -> None:
    request.refuse(503, "SlowDown")


def fails(request: Request) -> None:
    request.refuse(500, "InternalError")


def denies(request: Request) -> None:
    request.refuse(403, "AccessDenied")


def expired(request: Request) -> None:
    request.refuse(400, "ExpiredToken")


def conflicts(request: Request) -> None:
    request.refuse(409, "ConditionalRequestConflict")


def hangs_up(request: Request) -> None:
    request.close_connection = True


def cuts(request: Request) -> None:
    request.pass_on(cut=True)


def says_nothing(request: Request) -> None:
    """Until the proxy ends: the client's time-out comes first."""
    request.server.ended.wait()
    request.close_connection = True


def loses_the_answer(request: Request) -> None:
    """S3 has done what was asked, and nobody hears of it."""
    connection = http.client.HTTPConnection("127.0.0.1", request.server.target)
    connection.request(request.command, request.path, request.body, dict(request.headers.items()))
    connection.getresponse().read()
    connection.close()
    request.close_connection = True


class Proxy(ThreadingHTTPServer):
    """Attributes:
    faults: what happens to the next requests with that method; "*" for any.
    seen: the requests that came.
    """

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.target = target
        self.faults: deque[tuple[str, Fault]] = deque()
        self.seen: list[str] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def will(self, method: str, fault: Fault, times: int = 1) -> None:
        self.faults.extend([(method, fault)] * times)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="s3-proxy")
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            self.shutdown()
            self.server_close()
            thread.join()
