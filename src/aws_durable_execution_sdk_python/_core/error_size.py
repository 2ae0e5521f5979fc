"""Error objects that are no larger than the service takes.

What tells most is kept longest: the type always, then the beginning of the message, then the data,
which may only be whole, then the lines of the stack trace, then the rest of the message.
"""

from __future__ import annotations

import dataclasses
import json

from aws_durable_execution_sdk_python._core.limits import KIB, MAX_ERROR_BYTES
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python._core.validation import utf8_size

# With its trace and details, each bounded too, an error stays far below what the service takes.
MAX_MESSAGE_BYTES = 12 * KIB
_SAYING_SO = 64

# An escape takes six characters for one byte.
_LONGEST_ESCAPE = 6
# And a character four bytes of UTF-8.
_LONGEST_CHARACTER = 4
_KEPT_OF_A_TEXT = 12 * KIB

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def kept_message(message: str) -> str:
    """What is kept of a message; says how long it was. Cut again, it stays as it is."""
    if len(message) <= MAX_MESSAGE_BYTES // _LONGEST_CHARACTER:
        return message
    encoded = message.encode(errors="replace")
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return message
    kept = encoded[: MAX_MESSAGE_BYTES - _SAYING_SO].decode(errors="ignore")
    return f"{kept}... [cut: {len(encoded)} bytes in all]"


def error_size(error: ErrorObject) -> int:
    """The bytes of an error object as the service counts them, those of its JSON."""
    return utf8_size(_to_json(error.to_dict()))


def fitting(error: ErrorObject) -> ErrorObject:
    """The error as it can be stored: itself, or what there is room for, which the message says."""
    if _is_surely_small(error) or error_size(error) <= MAX_ERROR_BYTES:
        return error
    shorter = dataclasses.replace(error, message=kept_message(error.message or ""))
    if error_size(shorter) <= MAX_ERROR_BYTES:
        return shorter
    size = error_size(error)
    error = dataclasses.replace(error, stack_trace=None, type=_cut(error.type))
    if error_size(_saying(error, size)) > MAX_ERROR_BYTES:
        error = dataclasses.replace(error, data=None)
    if error_size(_saying(error, size)) > MAX_ERROR_BYTES:
        error = dataclasses.replace(error, message=_cut(error.message))
    return _saying(error, size)


def _is_surely_small(error: ErrorObject) -> bool:
    texts = (error.message, error.type, error.data, *(error.stack_trace or ()))
    return sum(len(text or "") + 1 for text in texts) * _LONGEST_ESCAPE < MAX_ERROR_BYTES - KIB


def _saying(error: ErrorObject, size: int) -> ErrorObject:
    note = f" [cut: the error object has {size} bytes in all]"
    return dataclasses.replace(error, message=f"{error.message or ''}{note}")


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _KEPT_OF_A_TEXT:
        return text
    return f"{text[:_KEPT_OF_A_TEXT]}..."
