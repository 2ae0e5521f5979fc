"""One connection: when it may carry another request, and when it must not."""

from __future__ import annotations

import asyncio

import pytest

from aws_durable_execution_sdk_python._service.connection import (
    ConnectionLostError,
    HttpConnection,
)
from aws_durable_execution_sdk_python._service.http1 import BadAnswerError

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """The other end of the connection, in the hands of a test."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def connected() -> tuple[HttpConnection, Wire]:
    connection, wire = HttpConnection(50), Wire()
    connection.connection_made(wire)
    return connection, wire


async def asked(connection: HttpConnection) -> asyncio.Task[object]:
    task: asyncio.Task[object] = asyncio.create_task(connection.exchange(b"GET"))
    await asyncio.sleep(0)
    return task


async def test_answered() -> None:
    """After a whole answer the connection carries another request, and answers that."""
    connection, wire = connected()
    for _ in range(2):
        task = await asked(connection)
        connection.data_received(ANSWER[:20])
        connection.data_received(ANSWER[20:])
        await task
        assert connection.rested_at_most(60)
    assert wire.written == b"GETGET"
    connection.close()


@pytest.mark.parametrize("arrived", [b"", ANSWER[:-1], ANSWER], ids=["none", "half", "all"])
async def test_cancelled(arrived: bytes) -> None:
    """Whoever stops waiting leaves a connection that is closed, however much had arrived."""
    connection, wire = connected()
    task = await asked(connection)
    if arrived:
        connection.data_received(arrived)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert wire.aborted
    assert not connection.reusable


async def test_answer_before_the_request_is_written() -> None:
    """A request refused early is not followed by another, which would be read as its rest."""
    connection, wire = connected()
    task = await asked(connection)
    wire.unsent = 1
    connection.data_received(ANSWER)
    await task
    assert wire.aborted
    assert not connection.reusable


async def test_more_than_the_answer() -> None:
    """Bytes after the answer are nobody's: neither the next request's, nor lost in silence."""
    connection, wire = connected()
    task = await asked(connection)
    connection.data_received(ANSWER)
    connection.data_received(ANSWER)
    await task
    assert not connection.reusable
    assert wire.aborted


async def test_bytes_while_resting() -> None:
    """A late answer ends a connection at rest."""
    connection, wire = connected()
    connection.rest()
    connection.data_received(ANSWER)
    assert wire.aborted
    assert not connection.rested_at_most(60)


async def test_not_http() -> None:
    """What cannot be read is an error at once, and the end of the connection."""
    connection, wire = connected()
    task = await asked(connection)
    connection.data_received(b"SSH-2.0\r\n\r\n")
    with pytest.raises(BadAnswerError):
        await task
    assert wire.aborted


@pytest.mark.parametrize(
    ("arrived", "begun"), [(b"", False), (b"HTTP", True), (b"HTTP/1.1 100 C\r\n\r\n", True)]
)
@pytest.mark.parametrize("error", [None, ConnectionResetError("reset")])
async def test_lost(arrived: bytes, begun: bool, error: Exception | None) -> None:
    """A connection that ends too soon says whether the server had begun to answer."""
    connection, _ = connected()
    task = await asked(connection)
    if arrived:
        connection.data_received(arrived)
    connection.connection_lost(error)
    with pytest.raises(ConnectionLostError) as caught:
        await task
    assert caught.value.answer_begun is begun


async def test_reset_within_a_body_until_the_end() -> None:
    """A body that ends with the connection is whole only if that ended in order."""
    connection, _ = connected()
    task = await asked(connection)
    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}")
    connection.connection_lost(ConnectionResetError("reset"))
    with pytest.raises(ConnectionLostError):
        await task
