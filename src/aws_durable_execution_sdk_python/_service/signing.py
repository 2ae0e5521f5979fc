"""botocore's Signature Version 4 with the canonical request prepared.

Nearly all its time goes into the canonical request, of which only the date, the session token
and the body's hash change between two checkpoints of one execution. Everything else (the date,
the key, the signature) is botocore's own code.

Importing this module imports botocore; nothing does before a client is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth

_DATE = "x-amz-date"
_TOKEN = "x-amz-security-token"


class Signable:
    """What SigV4Auth and the HTTP session ask of a request, without the price of botocore's."""

    __slots__ = ("body", "context", "headers", "method", "params", "stream_output", "url")

    def __init__(self, method: str, url: str, headers: dict[str, Any], body: bytes) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body or None
        self.params = None
        self.stream_output = False
        self.context: dict[str, Any] = {}


class PreparedSigner(SigV4Auth):  # type: ignore[misc]
    """Signs requests that have the same signed headers, date and session token apart.

    Parameters:
        credentials: frozen credentials of botocore.
        service_name, region_name: the scope to sign for.
        signed: the other signed headers and their values, names in lower case.
    """

    def __init__(
        self, credentials: Any, service_name: str, region_name: str, signed: Mapping[str, str]
    ) -> None:
        super().__init__(credentials, service_name, region_name)
        headers = {**signed, _DATE: "{date}"}
        if credentials.token:
            headers[_TOKEN] = credentials.token
        names = sorted(headers)
        self._signed_names = ";".join(names)
        values = {name: self._header_value(value) for name, value in headers.items()}
        before, _, after = "\n".join(f"{name}:{values[name]}" for name in names).partition("{date}")
        self._before_date, self._after_date = before, f"{after}\n\n{self._signed_names}\n"
        self._paths: dict[str, str] = {}

    def canonical_request(self, request: Any) -> Any:
        url, _, query = request.url.partition("?")
        path = self._paths.get(url)
        if path is None:
            # One execution at a time: there is no use for the paths of earlier ones.
            self._paths = {url: (path := self._normalize_url_path(urlsplit(url).path))}
        # The queries made here are sorted and encoded as the canonical form wants them.
        return (
            f"{request.method}\n{path}\n{query}\n"
            f"{self._before_date}{request.context['timestamp']}{self._after_date}"
            f"{sha256(request.body or b'').hexdigest()}"
        )

    def _inject_signature_to_request(self, request: Any, signature: Any) -> Any:
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.scope(request)}, "
            f"SignedHeaders={self._signed_names}, Signature={signature}"
        )
        return request

    def authorization(self, request: Any, timestamp: str) -> str:
        """The Authorization header of a request signed at another time, "%Y%m%dT%H%M%SZ"."""
        request.context["timestamp"] = timestamp
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))
        header: str = request.headers["Authorization"]
        return header
