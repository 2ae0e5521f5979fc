"""Reads requests. What is malformed raises InvalidParameterValueError, whatever it is.

What is well formed and breaks a rule of the API's model raises ShapeError.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from aiohttp import web

from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing._engine.api_model import (
    Shape,
    check_request,
    request_of,
)
from aws_durable_execution_sdk_python_testing._http.http_errors import RequestTooLargeError

_FLAGS = {"true": True, "false": False}
_WHOLE = re.compile("-?[0-9]{1,18}")


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


async def read_request(request: web.Request, operation: str) -> dict[str, Any]:
    """The members of an operation's request, wherever the API's model says they are.

    Those of a query have the types of the model; what is in a body is as it was sent. A member
    that is left out has no entry.
    """
    shape = request_of(operation)
    members = await _body_members(request, shape)
    for name, member in shape.members.items():
        kind, key = member.shape.kind, member.location_name
        if member.location == "uri" and key in request.match_info:
            members[name] = request.match_info[key]
        elif member.location == "header" and key in request.headers:
            members[name] = request.headers[key]
        elif member.location == "querystring" and key in request.query:
            texts = request.query.getall(key)
            members[name] = texts if kind == "list" else _QUERY_VALUES[kind](name, texts[0])
    return members


async def checked_request(request: web.Request, operation: str) -> dict[str, Any]:
    """The same, held against the model."""
    members = await read_request(request, operation)
    check_request(operation, members)
    return members


async def _body_members(request: web.Request, shape: Shape) -> dict[str, Any]:
    """What the body has of a request. An empty one has nothing."""
    if shape.payload is not None and shape.members[shape.payload].shape.kind == "blob":
        body = await read_body(request)
        return {shape.payload: body} if body else {}
    if shape.payload is not None:
        whole = await read_object(request)
        return {shape.payload: whole} if whole else {}
    names = [name for name, member in shape.members.items() if member.location is None]
    found = await read_object(request) if names else {}
    return {name: found[name] for name in names if name in found}


def _text(name: str, text: str) -> str:
    return text


def _flag(name: str, text: str) -> bool:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise InvalidParameterValueError(f"Invalid {name}: must be true or false.") from None


def _count(name: str, text: str) -> int:
    # int() takes underscores, blanks and digits of every script.
    if not _WHOLE.fullmatch(text):
        raise InvalidParameterValueError(f"Invalid {name}: must be a whole number.")
    return int(text)


def _time(name: str, text: str) -> float:
    """A time in epoch seconds, given in ISO 8601 or as such seconds."""
    try:
        seconds = _seconds(text)
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InvalidParameterValueError(f"Invalid {name}: must be a time in ISO 8601.")
    return seconds


_QUERY_VALUES: Mapping[str, Callable[[str, str], Any]] = {
    "string": _text,
    "boolean": _flag,
    "integer": _count,
    "timestamp": _time,
}


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
