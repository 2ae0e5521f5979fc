"""Reads requests. What is malformed raises InvalidParameterValueError, whatever it is."""

from __future__ import annotations

import json
import math
import zlib
from datetime import UTC, datetime
from typing import Any, NoReturn

from aiohttp import web

from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing._http.http_errors import RequestTooLargeError

_FLAGS = {"true": True, "false": False}


async def read_body(request: web.Request) -> bytes:
    """The body as it was before it was compressed, if it was.

    Raises:
        InvalidParameterValueError: it is not what its `Content-Encoding` says.
        RequestTooLargeError: it is larger than the application takes.
    """
    body = await request.read()
    encoding = request.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding == "identity" or not body:
        return body
    if encoding != "gzip":
        raise InvalidParameterValueError(f"Unknown Content-Encoding: {encoding!r}")
    return _unzipped(body, request.client_max_size)


def _unzipped(body: bytes, limit: int) -> bytes:
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        # What is larger is not even unpacked.
        text = decompressor.decompress(body, limit + 1)
    except zlib.error:
        text = b""
    if len(text) > limit:
        raise RequestTooLargeError("The request body is too large.")
    if not decompressor.eof:
        raise InvalidParameterValueError("The request body is malformed.")
    return text


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object; an empty body counts as an empty one."""
    body = await read_body(request)
    value = parse_json(body) if body else {}
    if not isinstance(value, dict):
        raise InvalidParameterValueError("The request body must be a JSON object.")
    return value


def parse_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidParameterValueError("The request body is not valid JSON.") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)  # it could not be sent on
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and the infinities are Python's own, not JSON's


def member(body: dict[str, Any], key: str, kind: type[Any]) -> Any:
    """A member of a body; None if it is left out or null."""
    value = body.get(key)
    # A bool is an int to Python, not to the API.
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if value is not None and not fits:
        raise InvalidParameterValueError(f"Invalid {key}: must be of type {kind.__name__}.")
    return value


class Query:
    """The query string of a request."""

    def __init__(self, request: web.Request) -> None:
        self._query = request.query

    def text(self, key: str) -> str | None:
        return self._query.get(key) or None

    def texts(self, key: str) -> list[str]:
        return self._query.getall(key, [])

    def flag(self, key: str, default: bool) -> bool:
        text = self._query.get(key)
        if text is None:
            return default
        try:
            return _FLAGS[text.lower()]
        except KeyError:
            raise InvalidParameterValueError(f"Invalid {key}: must be true or false.") from None

    def count(self, key: str) -> int:
        """A whole number, 0 if it is left out."""
        text = self._query.get(key, "0")
        # int() takes underscores, blanks and digits of every script.
        if not (text.isascii() and text.isdecimal()) or len(text) > 9:
            raise InvalidParameterValueError(f"Invalid {key}: must be a whole number.")
        return int(text)

    def time(self, key: str) -> float | None:
        """A time in epoch seconds, given in ISO 8601 or as such seconds."""
        text = self._query.get(key)
        if text is None:
            return None
        try:
            seconds = _seconds(text)
        except (ValueError, OverflowError):
            seconds = math.nan
        if not math.isfinite(seconds):
            raise InvalidParameterValueError(f"Invalid {key}: must be a time in ISO 8601.")
        return seconds


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
