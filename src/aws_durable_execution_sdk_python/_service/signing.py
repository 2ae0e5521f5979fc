"""Signature Version 4 with the canonical request prepared.

Nearly all of botocore's time for it goes into the canonical request and the key. Of the one, only
the date, the target and the body's hash change between two checkpoints; of the other, the day.

It is used only if it gives the request that botocore prepared the very signature it has (see
`prepared_request.learn`), and the tests compare the two over requests of all kinds.

Importing this module imports botocore; nothing does before a client is opened.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote, urlsplit

from botocore.utils import normalize_url_path

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_DATE = "x-amz-date"
_TOKEN = "x-amz-security-token"


class FrozenCredentials(Protocol):
    """The credentials of a moment, as botocore gives them."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class PreparedSigner:
    """Signs requests that have the same signed headers, date and session token apart.

    Parameters:
        credentials: frozen credentials of botocore.
        service_name, region_name: the scope to sign for.
        signed: the other signed headers and their values, names in lower case.
    """

    def __init__(
        self,
        credentials: FrozenCredentials,
        service_name: str,
        region_name: str,
        signed: Mapping[str, str],
    ) -> None:
        self._credentials = credentials
        self._scope = (region_name, service_name, _TERMINATOR)
        headers = {**signed, _DATE: "{date}"}
        if credentials.token:
            headers[_TOKEN] = credentials.token
        names = sorted(headers)
        self._names = ";".join(names)
        values = {name: " ".join(value.split()) for name, value in headers.items()}
        before, _, after = "\n".join(f"{name}:{values[name]}" for name in names).partition("{date}")
        self._before_date, self._after_date = before, f"{after}\n\n{self._names}\n"
        # One execution and one day at a time: there is no use for earlier ones.
        self._path = ("", "")
        self._key = ("", b"")

    def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The headers that sign a request now.

        Parameters:
            method, body: of the request, the body empty for none.
            url: encoded, with a sorted query, which is what the canonical form wants.
        """
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "X-Amz-Date": now,
            "Authorization": self.authorization(method, url, body, now),
        }
        if self._credentials.token:
            headers["X-Amz-Security-Token"] = self._credentials.token
        return headers

    def authorization(self, method: str, url: str, body: bytes, now: str) -> str:
        """The Authorization header of a request signed at a given time, `%Y%m%dT%H%M%SZ`."""
        endpoint, _, query = url.partition("?")
        canonical = (
            f"{method}\n{self._canonical_path(endpoint)}\n{query}\n"
            f"{self._before_date}{now}{self._after_date}{sha256(body).hexdigest()}"
        )
        day = now[:8]
        scope = "/".join((day, *self._scope))
        text = f"{_ALGORITHM}\n{now}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(day), text.encode(), "sha256").hex()
        return (
            f"{_ALGORITHM} Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={self._names}, Signature={signature}"
        )

    def _canonical_path(self, url: str) -> str:
        """The URL's path, encoded once more."""
        if self._path[0] != url:
            path = quote(normalize_url_path(urlsplit(url).path), safe="/~")
            self._path = (url, path)
        return self._path[1]

    def _key_of(self, day: str) -> bytes:
        if self._key[0] != day:
            key = f"AWS4{self._credentials.secret_key}".encode()
            for part in (day, *self._scope):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (day, key)
        return self._key[1]
