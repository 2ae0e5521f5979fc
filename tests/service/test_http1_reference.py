"""The parser of answers reads what the standard library's reads, or refuses it."""

from __future__ import annotations

import http.client
import io
import socket
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._service.http1 import (
    AnswerParser,
    BadAnswerError,
    HttpAnswer,
)

NO_BODY = (204, 304)


class _Bytes(socket.socket):
    """What http.client asks of a connection: a file of the bytes that arrive until its end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *args: object, **kwargs: object) -> io.BytesIO:  # type: ignore[override]
        return io.BytesIO(self._raw)


def reference(raw: bytes) -> tuple[int, bytes]:
    """Status and body as http.client reads them, with the connection ended after `raw`."""
    response = http.client.HTTPResponse(_Bytes(raw), method="POST")
    response.begin()
    return response.status, response.read()


def read(portions: list[bytes]) -> tuple[HttpAnswer | None, AnswerParser]:
    """As the connection reads it: portion by portion, then the end."""
    parser = AnswerParser()
    for portion in portions:
        answer = parser.feed(portion)
        if answer is not None:
            return answer, parser
    return parser.eof(), parser


@dataclass(frozen=True)
class Wire:
    raw: bytes
    status: int
    body: bytes


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    out = b""
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from([b"", b";a", b';a="b;c"', b" ;x=1"]))
        zeros = b"0" * draw(st.integers(0, 3))
        spelling = draw(st.sampled_from([b"%x", b"%X"]))
        out += zeros + spelling % size + extension + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    trailers = draw(st.sampled_from([b"", b"X-Checksum: 1\r\n", b"A: b\r\nC: d\r\n"]))
    return out + b"0\r\n" + trailers + b"\r\n"


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    status = draw(st.sampled_from([200, 201, 204, 304, 307, 400, 413, 429, 500, 503]))
    body = b"" if status in NO_BODY else draw(st.binary(max_size=300))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0"]))
    reason = draw(st.sampled_from([b"", b" ", b" OK", b" Not \xe9t"]))
    headers = draw(
        st.lists(
            st.sampled_from(
                [b"X-A: 1", b"x-a:2", b"Date:", b"Connection: keep-alive", b"X-B: \xff : \t "]
            )
        )
    )
    framing = draw(st.sampled_from(["sized", "chunked", "close"]))
    payload = body
    if status in NO_BODY:
        pass
    elif framing == "sized":
        headers.append(
            b"%s: %d" % (draw(st.sampled_from([b"Content-Length", b"content-length"])), len(body))
        )
    elif framing == "chunked":
        headers.append(b"Transfer-Encoding: chunked")
        payload = draw(chunked(body))
    headers = draw(st.permutations(headers))
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 2))
    head = b"%s %d%s\r\n" % (version, status, reason) + b"".join(
        header + b"\r\n" for header in headers
    )
    return Wire(interim + head + b"\r\n" + payload, status, body)


@st.composite
def cuts(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(1, max(1, len(raw) - 1)), max_size=20)))
    return [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]


@given(wire=wires(), data=st.data())
@settings(deadline=None)
def test_well_formed(wire: Wire, data: st.DataObject) -> None:
    """Whatever the framing and however cut: status and body are those that were sent."""
    answer, _ = read(data.draw(cuts(wire.raw)))
    assert answer is not None
    assert (answer.status_code, answer.body) == (wire.status, wire.body) == reference(wire.raw)


@given(wire=wires(), data=st.data())
@settings(deadline=None)
def test_truncated(wire: Wire, data: st.DataObject) -> None:
    """An answer that ends early is none, unless its end is the connection's; it is never kept."""
    raw = wire.raw[: data.draw(st.integers(0, len(wire.raw) - 1))]
    answer, parser = read([raw])
    if answer is not None:
        assert not parser.keep_alive
        assert (answer.status_code, answer.body) == reference(raw)


@given(wire=wires(), data=st.data())
@example(wire=Wire(b"HTTP/1.1 2000 OK\r\n\r\n", 200, b""), data=None)
@settings(deadline=None)
def test_damaged(wire: Wire, data: st.DataObject | None) -> None:
    """With bytes changed, put in or left out, it is read as http.client does, or refused."""
    raw = wire.raw
    for _ in range(0 if data is None else data.draw(st.integers(1, 3))):
        assert data is not None
        at = data.draw(st.integers(0, len(raw)))
        piece = data.draw(
            st.sampled_from(
                [b"", b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"0", b"9", b"\0", b"-"]
            )
            | st.binary(max_size=2)
        )
        raw = raw[:at] + piece + raw[at + data.draw(st.integers(0, 2)) :]
    try:
        answer, _ = read([raw])
    except BadAnswerError:
        return
    if answer is not None:
        assert (answer.status_code, answer.body) == reference(raw)


@given(first=wires(), second=wires())
@settings(deadline=None)
def test_kept_only_in_step(first: Wire, second: Wire) -> None:
    """A connection is kept only with nothing left over: no answer is taken for another's."""
    answer, parser = read([first.raw + second.raw])
    assert answer is not None
    assert not parser.keep_alive
