"""Opaque strings the service hands out. Clients see base64; only this module looks inside."""

from __future__ import annotations

import base64
import binascii

_LONGEST = 1_024  # of a callback id
_SEPARATOR = "\n"  # in no ARN, operation id or request id


def checkpoint_token(arn: str, sequence: int, request_id: str) -> str:
    """The token of one moment of one invocation; valid as long as it equals the current one."""
    return _pack(str(sequence), request_id, arn)


def callback_id(arn: str, operation_id: str) -> str:
    """The id a callback is answered by. It says whose it is, so no index of ids is needed."""
    return _pack(arn, operation_id)


def is_well_formed(text: str) -> bool:
    """Whether a client may take it for something the service has handed out."""
    if len(text) > _LONGEST:
        return False
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def read_callback_id(text: str) -> tuple[str, str] | None:
    """The execution's ARN and the operation's id; None if it never was a callback id."""
    parts = _unpack(text)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _pack(*parts: str) -> str:
    return base64.b64encode(_SEPARATOR.join(parts).encode()).decode()


def _unpack(text: str) -> list[str]:
    try:
        return base64.b64decode(text, validate=True).decode().split(_SEPARATOR)
    except (binascii.Error, ValueError):
        return []
