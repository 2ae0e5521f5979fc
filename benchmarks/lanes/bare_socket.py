"""The floor: the same checkpoints as serial calls with full batches over a bare socket, no SDK.

What is left is what no SDK can avoid: dicts, their JSON, one HTTP request after the other, and the
answers' JSON. There are no retries, no signatures, no user functions and no waiting for anything
but answers.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

Update = dict[str, Any]

MAX_UPDATES = 250
MAX_BATCH_BYTES = 750 * 1024
READ_BYTES = 1024 * 1024


class Client:
    """One connection, one request at a time, the token kept between them."""

    def __init__(self, event: dict[str, Any]) -> None:
        self._token = event["CheckpointToken"]
        self._host = os.environ["AWS_ENDPOINT_URL_LAMBDA"].rpartition("/")[2]
        arn = quote(event["DurableExecutionArn"], safe="")
        self._target = f"/2025-12-01/durable-executions/{arn}/checkpoint"
        self._calls = 0

    def checkpoint(self, updates: list[Update]) -> None:
        self._calls += 1
        body = json.dumps(
            {
                "CheckpointToken": self._token,
                "ClientToken": f"call-{self._calls}",
                "Updates": updates,
            },
            separators=(",", ":"),
        ).encode()
        head = (
            f"POST {self._target} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = _connection(self._host)
        connection.sendall(head.encode() + body)
        answer = json.loads(_read(connection))
        self._token = answer.get("CheckpointToken")

    def checkpoint_all(self, updates: Iterable[Update]) -> None:
        for batch in _full_batches(updates):
            self.checkpoint(batch)


_connections: dict[str, socket.socket] = {}


def _connection(host: str) -> socket.socket:
    """The connection, which stays open from one invocation to the next."""
    if host not in _connections:
        name, _, port = host.partition(":")
        connection = socket.create_connection((name, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _connections[host] = connection
    return _connections[host]


def _read(connection: socket.socket) -> bytes:
    """The body of one answer."""
    data = connection.recv(READ_BYTES)
    while b"\r\n\r\n" not in data:
        data += connection.recv(READ_BYTES)
    head, _, first = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head!r} {first!r}")
    missing = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]) - len(first)
    parts = [first]
    while missing > 0:
        part = connection.recv(READ_BYTES)
        missing -= len(part)
        parts.append(part)
    return b"".join(parts)


def _full_batches(updates: Iterable[Update]) -> Iterator[list[Update]]:
    batch: list[Update] = []
    size = 0
    for update in updates:
        # The payload and generously everything around it, without encoding it twice.
        cost = len(update.get("Payload", "")) + 512
        if batch and (len(batch) == MAX_UPDATES or size + cost > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(update)
        size += cost
    if batch:
        yield batch


def _id(text: str) -> str:
    return blake2b(text.encode()).hexdigest()[:64]


def _start(key: str, kind: str, sub_type: str, name: str, parent: str | None) -> Update:
    update = {"Id": key, "Type": kind, "SubType": sub_type, "Action": "START", "Name": name}
    if parent is not None:
        update["ParentId"] = parent
    return update


def _succeed(start: Update, payload: str) -> Update:
    return {**start, "Action": "SUCCEED", "Payload": payload}


def _step(prefix: str | None, number: int, payload: str) -> tuple[Update, Update]:
    key = _id(str(number) if prefix is None else f"{prefix}-{number}")
    start = _start(key, "STEP", "Step", "work", prefix)
    return start, _succeed(start, payload)


def _map(count: int) -> tuple[Update, list[Update]]:
    outer = _start(_id("1"), "CONTEXT", "Map", "map", None)
    inner = [
        _start(_id(f"{outer['Id']}-{n}"), "CONTEXT", "MapIteration", f"map-item-{n}", outer["Id"])
        for n in range(count)
    ]
    return outer, inner


def _input(event: dict[str, Any]) -> dict[str, Any]:
    execution = event["InitialExecutionState"]["Operations"][0]
    payload: dict[str, Any] = json.loads(execution["ExecutionDetails"]["InputPayload"])
    return payload


def _answer(value: Any) -> dict[str, Any]:
    return {"Status": "SUCCEEDED", "Result": json.dumps(value)}


def steps(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One call per step, or a lookup where the step is on record."""
    operations = {
        operation["Id"]: operation for operation in event["InitialExecutionState"]["Operations"]
    }
    count = _input(event)["count"]
    client = Client(event)
    total = 0
    for number in range(1, count + 1):
        known = operations.get(_id(str(number)))
        if known is None:
            client.checkpoint(list(_step(None, number, "1")))
            total += 1
        else:
            total += json.loads(known["StepDetails"]["Result"])
    return _answer(total)


def fan_out(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Everything in order, in as few batches as the limits allow."""
    count = _input(event)["count"]

    def updates() -> Iterator[Update]:
        outer, inner = _map(count)
        yield outer
        for start in inner:
            yield start
            yield from _step(start["Id"], 1, "1")
            yield _succeed(start, "1")
        yield _succeed(outer, json.dumps([1] * count))

    Client(event).checkpoint_all(updates())
    return _answer(count)


def branches(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A wave for each step of all branches, for no branch goes on before its step is stored."""
    parameters = _input(event)
    outer, inner = _map(parameters["count"])
    client = Client(event)
    opening = [outer, *inner]
    for number in range(1, parameters["steps"] + 1):
        wave = [update for start in inner for update in _step(start["Id"], number, "1")]
        client.checkpoint_all([*opening, *wave])
        opening = []
    closing = [_succeed(start, str(parameters["steps"])) for start in inner]
    client.checkpoint_all([*closing, _succeed(outer, "[]")])
    return _answer(parameters["count"] * parameters["steps"])


def large_items(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Each text once, as the result of its branch."""
    parameters = _input(event)
    text = json.dumps("x" * parameters["characters"])

    def updates() -> Iterator[Update]:
        outer, inner = _map(parameters["count"])
        yield outer
        for start in inner:
            yield start
            yield _succeed(start, text)
        yield {**_succeed(outer, ""), "ContextOptions": {"ReplayChildren": True}}

    Client(event).checkpoint_all(updates())
    return _answer(parameters["count"] * parameters["characters"])


HANDLERS = {
    "steps": steps,
    "fan_out": fan_out,
    "branches": branches,
    "large_items": large_items,
}
