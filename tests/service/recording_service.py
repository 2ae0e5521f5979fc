"""A small HTTP server that records requests and answers what a test told it to."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ARN = (
    "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST"
    "/durable-execution/order-1/7f0c2d4e-0000-4000-8000-000000000001"
)


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def user_agent(self) -> str:
        return self.headers["user-agent"]


@dataclass
class Answer:
    """One answer. Status 0 closes the connection instead; `held` keeps it back until set.

    With `keep_alive` the connection stays open for more requests. By default it is an empty page
    of state, and an answer to a checkpoint that withdraws the token.
    """

    body: Any = field(
        default_factory=lambda: {"Operations": [], "NewExecutionState": {"Operations": []}}
    )
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    held: threading.Event | None = None
    keep_alive: bool = False


def failure(code: str, status: int, message: str = "no luck") -> Answer:
    return Answer({"message": message}, status, {"x-amzn-errortype": code})


class RecordingService:
    """Serves on an ephemeral port of 127.0.0.1 until `close`.

    Answers are used up in order; the last one stays. `connections` counts those accepted.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.received = threading.Event()
        self._answers: deque[Answer] = deque([Answer()])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._scheme, self._host = "http", "127.0.0.1"
        if tls is not None:
            # The handshake is the handler's, so that a failed one is no matter of the listener.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme, self._host = "https", "localhost"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self._host}:{self._server.server_address[1]}"

    def answer(self, *answers: Answer) -> None:
        self._answers = deque(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _next(self, request: Request) -> Answer:
        self.requests.append(request)
        self.received.set()
        return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]

    def _handler(service) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                service.connections += 1
                # A client that refuses the certificate, or that is gone: nothing to serve.
                with contextlib.suppress(OSError):
                    super().handle()

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                self._send(service._next(request))

            do_GET = do_POST = do_DELETE = handle_any

            def _send(self, answer: Answer) -> None:
                if answer.held is not None:
                    answer.held.wait()
                self.close_connection = not answer.keep_alive
                if answer.status == 0:
                    self.close_connection = True
                    return
                body = answer.body
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                if not answer.keep_alive:
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: Any) -> None:
                """Keep the test output clean."""

        return Handler
