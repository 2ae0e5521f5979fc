"""A deployed durable function as its API shows it: one execution, scripted by the test."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ARN = (
    "arn:aws:lambda:us-west-2:123456789012:function:Mine:$LATEST/durable-execution/run/"
    "00000000-0000-0000-0000-000000000001"
)
_FIXED = {
    "DurableExecutionArn": ARN,
    "DurableExecutionName": "run",
    "FunctionArn": ARN.partition("/")[0],
    "StartTimestamp": 100.0,
}


class FakeLambda:
    """Answers Invoke, the queries and the callback calls.

    Attributes:
        events: the execution's history.
        executions: GetDurableExecution answers, one a call; the last one stays. None answers
            ResourceNotFoundException.
        invoked: `(function name, invocation type, payload)` of each Invoke.
        callbacks: `(callback id, call, body)` of each callback call.
        lines: what functions wrote, as a local service tells.
        running: the ARNs that a list of executions shows.
        page: events in one page of history, or executions in one of a list.
        later: what `events` are after each look at the history.
        throttled: so many looks are answered with TooManyRequestsException.
        durable: whether Invoke answers with an execution's ARN.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.executions: list[dict[str, Any] | None] = [{"Status": "RUNNING"}]
        self.invoked: list[tuple[str, str | None, Any]] = []
        self.callbacks: list[tuple[str, str, bytes]] = []
        self.lines: list[dict[str, Any]] = []
        self.running: list[str] = []
        self.page = 1000
        self.later: list[list[dict[str, Any]]] = []
        self.throttled = 0
        self.durable = True
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._reply(*fake.post(self._parts(), dict(self.headers), body))

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                self._reply(*fake.get(self._parts(), query))

            def _parts(self) -> list[str]:
                return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

            def _reply(self, status: int, body: Any, headers: dict[str, str]) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(raw)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def post(
        self, parts: list[str], headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if parts[-1] == "invocations":
            kind = headers.get("X-Amz-Invocation-Type")
            self.invoked.append((parts[2], kind, json.loads(body)))
            arn = {"X-Amz-Durable-Execution-Arn": ARN} if self.durable else {}
            return (202 if kind == "Event" else 200), None, arn
        self.callbacks.append((parts[-2], parts[-1], body))
        return 200, {}, {}

    def get(self, parts: list[str], query: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if self.throttled:
            self.throttled -= 1
            return 429, {"message": "slower"}, {"X-Amzn-ErrorType": "TooManyRequestsException"}
        if parts[-1] == "history":
            start = int(query.get("Marker", ["0"])[0])
            answer: dict[str, Any] = {"Events": self.events[start : start + self.page]}
            if self.later:
                self.events = self.later.pop(0)
            if start + self.page < len(self.events):
                answer["NextMarker"] = str(start + self.page)
            return 200, answer, {}
        if parts[1] == "functions":
            start = int(query.get("Marker", ["0"])[0])
            listed = [
                {**_FIXED, "Status": "RUNNING", "DurableExecutionArn": arn} for arn in self.running
            ]
            answer = {"DurableExecutions": listed[start : start + self.page]}
            if start + self.page < len(listed):
                answer["NextMarker"] = str(start + self.page)
            return 200, answer, {}
        if parts[-1] == "logs":
            return 200, {"Lines": self.lines}, {}
        execution = self.executions.pop(0) if len(self.executions) > 1 else self.executions[0]
        if execution is None:
            return 404, {"Message": "no"}, {"X-Amzn-ErrorType": "ResourceNotFoundException"}
        return 200, {**_FIXED, **execution}, {}


def event(number: int, event_type: str, operation_id: str | None, **more: Any) -> dict[str, Any]:
    """An event of a history; `details` are what its type calls them."""
    details = {event_type + "Details": more.pop("details", {})}
    identity = {} if operation_id is None else {"Id": operation_id}
    stamp = {"EventType": event_type, "EventId": number, "EventTimestamp": 100.0 + number}
    return {**stamp, **identity, **details, **more}
