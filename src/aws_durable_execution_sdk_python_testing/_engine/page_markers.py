"""Places to continue a list at, as clients are given them.

A marker is opaque: it has a position, a time and a code over these and what it is valid for, made
with a key that only this process knows. So it continues the list it came from and no other, and
one that nobody was given is none, like one from before the service was started anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
)

_CODE_BYTES = 16
_BODY = struct.Struct(">Qd")  # position, seconds since the epoch


class PageMarkers:
    """Makes markers, and reads those it has made.

    Parameters:
        lifetime: seconds a marker is good for.
    """

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._key = secrets.token_bytes(32)

    def make(self, scope: str, position: int, now: float) -> str:
        """The marker of a position, valid in its `scope` only."""
        body = _BODY.pack(position, now)
        return base64.b64encode(body + self._code(scope, body)).decode()

    def read(self, marker: str | None, scope: str, default: int, now: float) -> int:
        """The position a marker stands for; `default` without one.

        Raises:
            InvalidParameterValueError: it is none, has another scope, or is too old.
        """
        if not marker:
            return default
        try:
            data = base64.b64decode(marker, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        body, code = data[: _BODY.size], data[_BODY.size :]
        if not hmac.compare_digest(code, self._code(scope, body)):
            raise InvalidParameterValueError("Invalid marker")
        position, made = _BODY.unpack(body)
        if now - made > self._lifetime:
            raise InvalidParameterValueError("Invalid marker: it has expired")
        return int(position)

    def _code(self, scope: str, body: bytes) -> bytes:
        data = body + scope.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, data, hashlib.sha256)[:_CODE_BYTES]
