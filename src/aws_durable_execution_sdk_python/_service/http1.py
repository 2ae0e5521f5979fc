"""HTTP/1.1 as the calls need it: a request written whole, an answer read whole.

No input or output happens here: bytes come in, bytes and answers go out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult

# Bytes of a head, and of a line between chunks or of a trailer.
_HEAD_LIMIT = 64 * 1024
_LENGTH_DIGITS = 16
_STATUS_LINE = re.compile(r"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SWITCHING_PROTOCOLS = 101
_NO_BODY = frozenset({204, 304})


class BadAnswerError(Exception):
    """What arrived is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. Header names are in lower case; repeated ones are joined by commas."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


class _Body(Protocol):
    """Collects a body from the stream; `feed` takes what is its own and says when it is done."""

    def feed(self, buffer: bytearray) -> bool: ...

    def eof(self) -> bool: ...

    def content(self) -> bytes: ...


class _Sized:
    def __init__(self, length: int) -> None:
        self._length = length
        self._content = b""

    def feed(self, buffer: bytearray) -> bool:
        if len(buffer) < self._length:
            return False
        self._content = bytes(buffer[: self._length])
        del buffer[: self._length]
        return True

    def eof(self) -> bool:
        return False

    def content(self) -> bytes:
        return self._content


class _Chunked:
    def __init__(self) -> None:
        self._parts = bytearray()
        self._in_trailer = False
        self._trailer_size = 0

    def feed(self, buffer: bytearray) -> bool:
        while (end := buffer.find(b"\r\n")) >= 0:
            if self._in_trailer:
                del buffer[: end + 2]
                if end == 0:
                    return True
                self._trailer_size += end
                self._limit(self._trailer_size)
                continue
            size = _chunk_size(bytes(buffer[:end]))
            if size == 0:
                self._in_trailer = True
                del buffer[: end + 2]
                continue
            start, stop = end + 2, end + 2 + size
            if len(buffer) < stop + 2:
                return False
            if buffer[stop : stop + 2] != b"\r\n":
                raise BadAnswerError("a chunk is longer than it says")
            self._parts += buffer[start:stop]
            del buffer[: stop + 2]
        self._limit(len(buffer))
        return False

    def _limit(self, size: int) -> None:
        if size > _HEAD_LIMIT:
            raise BadAnswerError("a line between chunks does not end")

    def eof(self) -> bool:
        return False

    def content(self) -> bytes:
        return bytes(self._parts)


class _UntilClose:
    def __init__(self) -> None:
        self._parts = bytearray()

    def feed(self, buffer: bytearray) -> bool:
        self._parts += buffer
        buffer.clear()
        return False

    def eof(self) -> bool:
        return True

    def content(self) -> bytes:
        return bytes(self._parts)


def _is_ambiguous(text: bytes | bytearray) -> bool:
    """Whether there is in it what some readers take for the end of a line, and others do not."""
    breaks = text.count(b"\r\n")
    returns = text.count(b"\r") - text.endswith(b"\r")
    return text.count(b"\n") != breaks or returns != breaks or 0 in text


def _chunk_size(line: bytes) -> int:
    if _is_ambiguous(line):
        raise BadAnswerError(f"not a line between chunks: {line[:80]!r}")
    return _number(line.partition(b";")[0].rstrip(b" \t"), 16)


def _number(text: bytes, base: int) -> int:
    # int() would take signs, underscores and surrounding white space as well.
    digits = b"0123456789abcdefABCDEF"[: 10 if base == 10 else None]
    if not 0 < len(text) <= _LENGTH_DIGITS or text.strip(digits):
        raise BadAnswerError(f"not a length: {text[:80]!r}")
    return int(text, base)


class AnswerParser:
    """Reads one answer from bytes as they arrive; it does no input or output itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body: _Body | None = None
        self.begun = False
        self.keep_alive = False

    def feed(self, data: bytes) -> HttpAnswer | None:
        """Take what arrived; the answer if that completes it.

        Raises:
            BadAnswerError: this is not HTTP.
        """
        self.begun = self.begun or bool(data)
        self._buffer += data
        while self._body is None:
            end = self._buffer.find(b"\r\n\r\n")
            head = self._buffer if end < 0 else self._buffer[: end + 2]
            if len(head) > _HEAD_LIMIT or _is_ambiguous(head):
                raise BadAnswerError("the answer's head does not end, or not as it should")
            if end < 0:
                return None
            del self._buffer[: end + 4]
            self._read_head(head[:-2].decode("latin-1"))
        return self._answer() if self._body.feed(self._buffer) else None

    def eof(self) -> HttpAnswer | None:
        """The connection has ended: the answer, if that is how it ends."""
        self.keep_alive = False
        return self._answer() if self._body is not None and self._body.eof() else None

    def _answer(self) -> HttpAnswer:
        assert self._body is not None
        if self._buffer:
            # Nothing was asked for: the connection is out of step.
            self.keep_alive = False
        return HttpAnswer(self._status, self._headers, self._body.content())

    def _read_head(self, head: str) -> None:
        lines = head.split("\r\n")
        status_line = _STATUS_LINE.fullmatch(lines[0])
        if status_line is None:
            raise BadAnswerError(f"not a status line: {lines[0][:80]!r}")
        version, self._status = status_line[1], int(status_line[2])
        if self._status == _SWITCHING_PROTOCOLS:
            raise BadAnswerError("the server changed to a protocol nobody asked for")
        if self._status < 200:
            return
        headers = self._headers
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not _NAME.fullmatch(name):
                raise BadAnswerError(f"not a header: {line[:80]!r}")
            name, value = name.lower(), value.strip(" \t")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self._body = self._framing(headers)
        self.keep_alive = (
            version == "HTTP/1.1"
            and "close" not in headers.get("connection", "").lower()
            and not isinstance(self._body, _UntilClose)
            # Of two lengths one is wrong: what follows may not be the next answer.
            and not ("transfer-encoding" in headers and "content-length" in headers)
        )

    def _framing(self, headers: Mapping[str, str]) -> _Body:
        if self._status in _NO_BODY:
            return _Sized(0)
        encoding = headers.get("transfer-encoding")
        if encoding is not None:
            if encoding.lower() != "chunked":
                raise BadAnswerError(f"unknown transfer encoding {encoding!r}")
            return _Chunked()
        length = headers.get("content-length")
        if length is None:
            return _UntilClose()
        return _Sized(_number(length.encode("latin-1"), 10))


_DEFAULT_PORTS = {"http": 80, "https": 443}


def default_port(url: SplitResult) -> int:
    return _DEFAULT_PORTS[url.scheme]


def host_header(url: SplitResult) -> str:
    """The Host header, as botocore signs it."""
    name = url.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if url.port in (None, default_port(url)) else f"{host}:{url.port}"


_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "accept-encoding"})


def encode_head(
    method: str, target: str, host: str, headers: Mapping[str, str | bytes], length: int
) -> bytes:
    """The head of a request. Host, length and encodings are set here, whatever `headers` say.

    Raises:
        ValueError: a header holds a line break.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    if length or method != "GET":
        lines.append(f"Content-Length: {length}")
    for name, value in headers.items():
        if name.lower() not in _OWN_HEADERS:
            text = value.decode("utf-8") if isinstance(value, bytes) else value
            lines.append(f"{name}: {text}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header holds a line break")
    return f"{head}\r\n\r\n".encode()
