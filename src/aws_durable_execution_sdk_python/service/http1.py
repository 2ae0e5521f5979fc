"""HTTP/1.1 as the calls need it: a request written whole, an answer read whole.

No input or output happens here: bytes come in, bytes and answers go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult

_HEAD_LIMIT = 64 * 1024
_LENGTH_DIGITS = 16
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

    def feed(self, buffer: bytearray) -> bool:
        while (end := buffer.find(b"\r\n")) >= 0:
            if self._in_trailer:
                del buffer[: end + 2]
                if end == 0:
                    return True
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
        return False

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


def _chunk_size(line: bytes) -> int:
    return _number(line.partition(b";")[0].strip(), 16)


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
        self.keep_alive = False

    @property
    def begun(self) -> bool:
        return self._body is not None or bool(self._buffer)

    def feed(self, data: bytes) -> HttpAnswer | None:
        """Take what arrived; the answer if that completes it.

        Raises:
            BadAnswerError: this is not HTTP.
        """
        self._buffer += data
        while self._body is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _HEAD_LIMIT:
                    raise BadAnswerError("the answer's head does not end")
                return None
            head = self._buffer[:end].decode("latin-1")
            del self._buffer[: end + 4]
            self._read_head(head)
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
        version, _, rest = lines[0].partition(" ")
        status = rest[:3]
        if version not in ("HTTP/1.1", "HTTP/1.0") or not (status.isascii() and status.isdigit()):
            raise BadAnswerError(f"not a status line: {lines[0][:80]!r}")
        self._status = int(status)
        if 100 <= self._status < 200:
            return
        headers = self._headers
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name[-1].isspace():
                raise BadAnswerError(f"not a header: {line[:80]!r}")
            name, value = name.lower(), value.strip(" \t")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        connection = headers.get("connection", "").lower()
        self._body = self._framing(headers)
        self.keep_alive = (
            version == "HTTP/1.1"
            and "close" not in connection
            and not isinstance(self._body, _UntilClose)
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
