"""Argument checks made before anything is checkpointed.

Every check returns the value it accepts and raises `ValidationError` with the value given, the
limit and what to do instead. The limits are the service's. Of what may be data - arguments in the
wrong place are - a message says the type only: messages are logged, and data must not be.
"""

from __future__ import annotations

import re
from datetime import timedelta

from aws_durable_execution_sdk_python._core.error_texts import kind_name
from aws_durable_execution_sdk_python._core.limits import (
    FUNCTION_NAME,
    MAX_CALLBACK_TIMEOUT_SECONDS,
    MAX_DELAY_SECONDS,
    OPERATION_NAME,
    SUB_TYPE,
    TENANT_ID,
)
from aws_durable_execution_sdk_python.exceptions import ValidationError

# ----------------------------------------------------------------------------------------- text


def operation_name(name: object) -> str | None:
    """Check an operation's name: None, or 1 to 256 printable ASCII characters."""
    rule = "1 to 256 printable ASCII characters (space to ~)"
    return None if name is None else _text("name", name, OPERATION_NAME, rule)


def patch_name(name: object) -> str:
    """Check a patch's name: 1 to 256 printable ASCII characters."""
    return _text("name", name, OPERATION_NAME, "1 to 256 printable ASCII characters (space to ~)")


def sub_type(value: object) -> str | None:
    """Check an operation's sub-type: None, or 1 to 32 letters, digits, '-' and '_'."""
    rule = "1 to 32 letters, digits, '-' or '_'"
    return None if value is None else _text("sub_type", value, SUB_TYPE, rule)


def function_name(value: object) -> str:
    """Check the target of an invoke: a function name, a qualified name or an ARN."""
    rule = "a Lambda function name, name:alias or ARN of at most 256 characters"
    return _text("function_name", value, FUNCTION_NAME, rule)


def tenant_id(value: object) -> str | None:
    """Check an invoke's tenant id: None, or 1 to 256 of the characters Lambda allows."""
    rule = "1 to 256 letters, digits, spaces or any of . _ : / = + - @"
    return None if value is None else _text("tenant_id", value, TENANT_ID, rule)


def _text(what: str, value: object, pattern: re.Pattern[str], rule: str) -> str:
    if not isinstance(value, str):
        raise ValidationError(f"{what} must be a string, {rule}; got {shown(value)}")
    if not pattern.fullmatch(value):
        raise ValidationError(f"{what} must be {rule}; got {_cut(value)} ({len(value)} characters)")
    return value


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:297]}..."


def kind_of(value: object) -> str:
    """What a message says of a value that may be data: its type, or the name of a function."""
    if value is None:
        return "None"
    name = getattr(value, "__qualname__", None) if callable(value) else None
    return name if isinstance(name, str) else f"a value of type {kind_name(type(value))}"


def shown(value: object) -> str:
    """What a message says of a value given as a setting: the value, or the type of a larger one."""
    if value is None or isinstance(value, str | int | float | timedelta):
        return f"{_cut(value)} ({type(value).__name__})"
    return kind_of(value)


# -------------------------------------------------------------------------------------- numbers


def whole_number(what: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """Check an int (not a bool) of at least `minimum` and at most `maximum`."""
    limits = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValidationError(f"{what} must be a whole number {limits}; got {shown(value)}")
    if value < minimum or (maximum is not None and value > maximum):
        raise ValidationError(f"{what} must be {limits}; got {value}")
    return value


def number(what: str, value: object, minimum: float, maximum: float) -> float:
    """Check an int or float (not a bool, not NaN) from `minimum` to `maximum`."""
    is_bool = isinstance(value, bool)
    if isinstance(value, int | float) and not is_bool and minimum <= value <= maximum:
        return value
    raise ValidationError(
        f"{what} must be a number from {minimum:g} to {maximum:g}; got {shown(value)}"
    )


def backoff_rate(value: object) -> float:
    """Check the factor between one delay and the next: above 0, at most 1000."""
    rate = number("backoff_rate", value, 0, 1000)
    if rate == 0:
        raise ValidationError("backoff_rate must be above 0; 1 keeps the delay constant")
    return rate


def max_concurrency(value: object) -> int | None:
    """Check how many branches may be in flight: None for all of them, or at least 1."""
    return None if value is None else whole_number("max_concurrency", value, 1)


def wait_seconds(seconds: int, what: str = "duration") -> int:
    """Check a wait or delay, in seconds: 1 to 31,622,400 (366 days)."""
    if seconds < 1:
        raise ValidationError(
            f"{what} must be at least 1 second; got {seconds} s. The service counts in whole "
            "seconds, and Duration.from_seconds drops fractions: round up, or leave the wait out"
        )
    return whole_number(f"{what} in seconds", seconds, 1, MAX_DELAY_SECONDS)


def callback_timeout_seconds(seconds: int, what: str = "timeout") -> int:
    """Check a callback time-out, in seconds: 0 (off) to 99,999,999."""
    return whole_number(f"{what} in seconds", seconds, 0, MAX_CALLBACK_TIMEOUT_SECONDS)


# ----------------------------------------------------------------------------------------- size


def utf8_size(text: str) -> int:
    """How many bytes `text` takes on the wire."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


_OFFLOAD = (
    "give it a serdes that offloads large values (S3SerDes, FileSystemSerDes), or keep them in a "
    "store such as Amazon S3 and pass a reference"
)


def payload_size(
    what: str, payload: str | None, maximum: int, *, way_out: str = _OFFLOAD
) -> str | None:
    """Check a serialised value against a limit of the service's, in UTF-8 bytes.

    Parameters:
        what: which value of which operation.
        way_out: what to do instead.
    """
    if payload is None:  # nothing to store
        return None
    size = utf8_size(payload)
    if size > maximum:
        raise ValidationError(
            f"{what} is {size} bytes when serialised, and the service takes at most {maximum}: "
            f"{way_out}"
        )
    return payload
