"""HTTP/1.1 without a socket: what is written, and what is read from bytes in any portions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._service.http1 import (
    AnswerParser,
    BadAnswerError,
    HttpAnswer,
    encode_head,
)

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;note=x\r\nhel\r\n002\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n"
)
AFTER_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + SIZED
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


def parse(*portions: bytes) -> tuple[HttpAnswer | None, AnswerParser]:
    parser = AnswerParser()
    answer = None
    for portion in portions:
        assert answer is None
        answer = parser.feed(portion)
    return answer, parser


@pytest.mark.parametrize(
    ("raw", "body"),
    [(SIZED, b"hello"), (CHUNKED, b"hello"), (AFTER_INTERIM, b"hello"), (EMPTY, b"")],
    ids=["sized", "chunked", "after interim answers", "no content"],
)
def test_answers(raw: bytes, body: bytes) -> None:
    """An answer is complete with its last byte, and the connection can be kept."""
    assert parse(raw[:-1])[0] is None
    answer, parser = parse(raw)
    assert answer is not None
    assert answer.body == body
    assert parser.keep_alive


@given(raw=st.sampled_from([SIZED, CHUNKED, AFTER_INTERIM]), data=st.data())
@settings(deadline=None)
def test_any_portions(raw: bytes, data: st.DataObject) -> None:
    """However the bytes are cut, the answer is the same."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1))))
    portions = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert parse(*portions)[0] == parse(raw)[0]


@given(junk=st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes(junk: bytes) -> None:
    """Whatever arrives, the parser waits for more, answers, or says that it is not HTTP."""
    for prefix in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        try:
            parse(prefix + junk)
        except BadAnswerError:
            continue


def test_headers() -> None:
    """Names are in lower case, values are trimmed, repeated headers joined."""
    answer, _ = parse(SIZED)
    assert answer is not None
    assert answer.status_code == 200
    assert answer.headers == {"content-length": "5", "x-a": "1, 2"}


def test_begun_by_an_interim_answer() -> None:
    """A server that has said anything at all has had the request."""
    assert not AnswerParser().begun
    answer, parser = parse(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert answer is None
    assert parser.begun


def test_body_until_the_end() -> None:
    """Without a length the end of the connection is the end of the body."""
    answer, parser = parse(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert answer is None
    ended = parser.eof()
    assert ended is not None
    assert ended.body == b"hello"
    assert not parser.keep_alive


@pytest.mark.parametrize("raw", [b"", SIZED[:-1], CHUNKED[:-2], b"HTTP/1.1 200 OK\r\nA: "])
def test_early_end(raw: bytes) -> None:
    """A connection that ends within an answer gives none."""
    _, parser = parse(raw)
    assert parser.begun is bool(raw)
    assert parser.eof() is None


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        SIZED + b"HTTP/1.1 400",
        CHUNKED.replace(b"chunked\r\n", b"chunked\r\nContent-Length: 5\r\n"),
    ],
    ids=["close", "old version", "bytes nobody asked for", "two lengths"],
)
def test_not_kept_alive(raw: bytes) -> None:
    """The connection is not used again where the server says so, or is out of step."""
    answer, parser = parse(raw)
    assert answer is not None
    assert not parser.keep_alive


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000,
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n Content-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n\tfolded: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 3\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\nb\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 20_000,
    ],
)
def test_not_http(raw: bytes) -> None:
    """What is not HTTP/1.1 is refused instead of guessed at."""
    with pytest.raises(BadAnswerError):
        parse(raw)


def test_head() -> None:
    """A request's head has host, length and encoding; other headers are as given."""
    headers = {"X-A": "1", "X-B": b"2", "Host": "elsewhere", "content-length": "9"}
    assert encode_head("POST", "/a?b", "h:1", headers, 3) == (
        b"POST /a?b HTTP/1.1\r\nHost: h:1\r\nAccept-Encoding: identity\r\n"
        b"Content-Length: 3\r\nX-A: 1\r\nX-B: 2\r\n\r\n"
    )


def test_head_without_body() -> None:
    """A GET has no length, an empty POST has one."""
    assert b"Content-Length" not in encode_head("GET", "/", "h", {}, 0)
    assert b"Content-Length: 0" in encode_head("POST", "/", "h", {}, 0)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_line_break_in_a_header(value: str) -> None:
    """No header can smuggle in another."""
    with pytest.raises(ValueError, match="line break"):
        encode_head("GET", "/", "h", {"X-A": value}, 0)
