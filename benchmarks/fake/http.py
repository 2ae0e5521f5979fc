"""Just enough HTTP/1.1: requests with a Content-Length, answers after exactly the latency."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import NamedTuple

HEAD_END = b"\r\n\r\n"


class Request(NamedTuple):
    method: str
    target: str
    body: bytes


class Answer(NamedTuple):
    """A status code, the body, and the seconds after the request at which it is due."""

    status: int
    body: bytes
    delay: float = 0.0


class Connection(asyncio.Protocol):
    """One client's connection. Requests are answered in the order they came."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._make_answer = answer
        self._buffer = bytearray()
        # Where the body of the request in the buffer begins and ends, once that is known.
        self._bounds: tuple[int, int] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._acknowledge()
        while (request := self._next()) is not None:
            # The clock of the latency starts now: making the answer is part of it.
            complete = self._loop.time()
            answer = self._make_answer(request)
            text = _encode(answer)
            if answer.delay:
                self._loop.call_at(complete + answer.delay, self._write, text)
            else:
                self._write(text)

    def _acknowledge(self) -> None:
        # A client that sends head and body apart, without TCP_NODELAY, otherwise waits 40 ms for
        # an acknowledgement that the kernel would like to send with the answer.
        if self._transport is not None and hasattr(socket, "TCP_QUICKACK"):
            self._transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1
            )

    def _write(self, text: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(text)

    def _next(self) -> Request | None:
        if self._bounds is None:
            end = self._buffer.find(HEAD_END)
            if end < 0:
                return None
            start = end + len(HEAD_END)
            self._bounds = (start, start + _content_length(bytes(self._buffer[:end])))
        start, end = self._bounds
        if len(self._buffer) < end:
            return None
        method, target, _ = self._buffer[: self._buffer.find(b"\r\n")].decode("latin-1").split(" ")
        request = Request(method, target, bytes(self._buffer[start:end]))
        del self._buffer[:end]
        self._bounds = None
        return request


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(lowered[at + 17 :].split(b"\r\n", 1)[0])


def _encode(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {'OK' if answer.status < 400 else 'Refused'}\r\n"
        "Content-Type: application/json\r\n"
        "x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n"
    )
    if answer.status >= 400:
        head += "x-amzn-ErrorType: InvalidParameterValueException\r\n"
    return f"{head}Content-Length: {len(answer.body)}\r\n\r\n".encode("latin-1") + answer.body


def encode_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
