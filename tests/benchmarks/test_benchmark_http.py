"""The fake's HTTP: requests are read whole however they arrive, and answered in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from benchmarks.fake.http import Answer, Connection, Request

REQUEST = b"POST /a HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nhello"
OTHER = b"GET /b?c=d HTTP/1.1\r\nHost: x\r\n\r\n"


class Recorder:
    """A service that answers 200 with the method, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        return Answer(200, request.method.encode())


@pytest.fixture
async def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def port(recorder: Recorder) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(recorder.answer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchange(port: int, chunks: list[bytes], answers: int) -> bytes:
    """Send the chunks, each on its own, and read so many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            # A round trip on another connection: what was written before has been read.
            other, closing = await asyncio.open_connection("127.0.0.1", port)
            closing.close()
            await other.read()
        text = b""
        for _ in range(answers):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            text += await reader.readexactly(length)
        return text
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("cut", [3, REQUEST.index(b"\r\n\r\n") + 2, len(REQUEST) - 2])
async def test_a_request_may_come_in_pieces(recorder: Recorder, port: int, cut: int) -> None:
    assert await exchange(port, [REQUEST[:cut], REQUEST[cut:]], 1) == b"POST"
    assert recorder.requests == [Request("POST", "/a", b"hello")]


async def test_requests_may_come_together(recorder: Recorder, port: int) -> None:
    assert await exchange(port, [REQUEST + OTHER], 2) == b"POSTGET"
    assert recorder.requests[1] == Request("GET", "/b?c=d", b"")
