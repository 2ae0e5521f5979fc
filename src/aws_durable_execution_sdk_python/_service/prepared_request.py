"""Requests like botocore's, learnt from one that botocore prepared.

`learn` takes apart the request that the client would have sent: its endpoint, its headers and
how it is signed. Only what is understood to the last header is used, and only if our body says
the same and our signature of that very request is botocore's. Anything else is an
`UnknownRequestError`, and the client itself makes the calls.
"""

from __future__ import annotations

import functools
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from aws_durable_execution_sdk_python._core.tracing import trace_header
from aws_durable_execution_sdk_python._service.signing import FrozenCredentials, PreparedSigner

# Set anew for each request, or when it is sent.
_CHANGING = frozenset(
    {
        "amz-sdk-invocation-id",
        "authorization",
        "content-length",
        "x-amz-date",
        "x-amz-security-token",
        "x-amzn-trace-id",
    }
)
_CONSTANT = frozenset({"amz-sdk-request", "content-type", "user-agent"})
_SIGNED_ANEW = frozenset({"host", "x-amz-date", "x-amz-security-token"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=[0-9a-f]{64}"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class UnknownRequestError(Exception):
    """botocore prepares requests in a way that is not known here. The message says how."""


class PreparedRequest:
    """What an HTTP session asks of a request, without the price of botocore's."""

    __slots__ = ("body", "headers", "method", "stream_output", "url")

    def __init__(self, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body or None
        self.stream_output = False


@dataclass(frozen=True)
class RequestTemplate:
    """How the requests of one operation look, whatever the execution.

    Attributes:
        method: the HTTP method.
        base: the endpoint, to which a path is appended.
        headers: those that stay the same.
        signed: the signed headers that stay the same, names in lower case.
        region, service: the scope to sign for.
    """

    method: str
    base: str
    headers: Mapping[str, str]
    signed: Mapping[str, str]
    region: str
    service: str

    def signer(self, credentials: FrozenCredentials) -> PreparedSigner:
        return PreparedSigner(credentials, self.service, self.region, self.signed)

    def request(self, path: str, body: bytes, signer: PreparedSigner) -> PreparedRequest:
        """A signed request.

        Parameters:
            path: from the endpoint on, encoded, with a sorted query.
            body: empty for none.
            signer: made by `signer` from the credentials of now.
        """
        url = self.base + path
        headers = {
            **self.headers,
            "amz-sdk-invocation-id": str(uuid.uuid4()),
            **signer.headers(self.method, url, body),
        }
        trace = trace_header()
        if trace is not None:
            # botocore's recursion detection.
            headers["X-Amzn-Trace-Id"] = _quoted(trace)
        return PreparedRequest(self.method, url, headers, body)


def learn(captured: Any, path: str, body: bytes, credentials: FrozenCredentials) -> RequestTemplate:
    """The template of a request that botocore prepared.

    Parameters:
        captured: botocore's prepared request.
        path: the part of its URL after the endpoint, as written here.
        body: its body as written here.
        credentials: the frozen credentials that signed it.

    Raises:
        UnknownRequestError: the request is of an unknown kind.
    """
    headers = {name.lower(): _text(value) for name, value in captured.headers.items()}
    scope = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if scope is None:
        raise UnknownRequestError("it is not signed with Signature Version 4 for one region")
    if unknown := headers.keys() - _CHANGING - _CONSTANT:
        raise UnknownRequestError(f"it has the headers {', '.join(sorted(unknown))}")
    if not captured.url.endswith(path):
        raise UnknownRequestError("it goes to another path")
    if not _says_the_same(captured.body or b"", body):
        raise UnknownRequestError("its body says something else")
    template = _template(captured, path, headers, scope)
    ours = template.signer(credentials).authorization(
        captured.method, captured.url, captured.body or b"", headers["x-amz-date"]
    )
    if ours != headers["authorization"]:
        raise UnknownRequestError("its signature is another")
    return template


def _template(
    captured: Any, path: str, headers: Mapping[str, str], scope: re.Match[str]
) -> RequestTemplate:
    host = _host(urlsplit(captured.url))
    constant = {name: value for name, value in headers.items() if name in _CONSTANT}
    signed = {name: headers.get(name) for name in scope["signed"].split(";")}
    return RequestTemplate(
        captured.method,
        captured.url.removesuffix(path),
        {"host": host, **constant},
        {"host": host}
        | {name: value for name, value in signed.items() if name not in _SIGNED_ANEW and value},
        scope["region"],
        scope["service"],
    )


def _says_the_same(theirs: bytes, ours: bytes) -> bool:
    if not theirs or not ours:
        return theirs == ours
    return bool(json.loads(theirs) == json.loads(ours))


def _host(url: SplitResult) -> str:
    """The Host header, as botocore signs it."""
    name = url.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f"{host}:{url.port}"


@functools.lru_cache(maxsize=16)
def _quoted(trace: str) -> str:
    return quote(trace, safe="-=;:+&[]{}\"',")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
