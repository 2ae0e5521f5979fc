"""Requests like botocore's, learned from one that botocore prepared.

`learn` takes apart the request that the client would have sent: its endpoint, its headers and
how it is signed. Only what is understood to the last header is used, and only if our signature
of that very request is botocore's; for anything else there is no template, and the client itself
makes the calls.
"""

from __future__ import annotations

import functools
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from aws_durable_execution_sdk_python._service.http1 import host_header
from aws_durable_execution_sdk_python._service.signing import PreparedSigner, Signable

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


@dataclass(frozen=True)
class Template:
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

    def signer(self, credentials: Any) -> PreparedSigner:
        return PreparedSigner(credentials, self.service, self.region, self.signed)

    def request(self, path: str, body: bytes, signer: PreparedSigner) -> Signable:
        """A signed request.

        Parameters:
            path: from the endpoint on, encoded, with a sorted query.
            body: empty for none.
            signer: made by `signer` from the credentials of now.
        """
        request = Signable(self.method, self.base + path, {**self.headers}, body)
        request.headers["amz-sdk-invocation-id"] = str(uuid.uuid4())
        trace = _trace_header()
        if trace is not None:
            request.headers["X-Amzn-Trace-Id"] = trace
        signer.add_auth(request)
        return request


def learn(captured: Any, path: str, credentials: Any) -> Template | None:
    """The template of a request that botocore prepared, or None if it is of an unknown kind.

    Parameters:
        captured: botocore's prepared request.
        path: the part of its URL after the endpoint.
        credentials: the frozen credentials that signed it.
    """
    headers = {name.lower(): _text(value) for name, value in captured.headers.items()}
    scope = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if scope is None or headers.keys() - _CHANGING - _CONSTANT or not captured.url.endswith(path):
        return None
    constant = {name: value for name, value in headers.items() if name in _CONSTANT}
    signed = {name: headers.get(name) for name in scope["signed"].split(";")}
    template = Template(
        captured.method,
        captured.url.removesuffix(path),
        constant,
        {"host": host_header(urlsplit(captured.url))}
        | {name: value for name, value in signed.items() if name not in _SIGNED_ANEW and value},
        scope["region"],
        scope["service"],
    )
    again = Signable(captured.method, captured.url, {}, captured.body or b"")
    ours = template.signer(credentials).authorization(again, headers["x-amz-date"])
    return template if ours == headers["authorization"] else None


def _trace_header() -> str | None:
    """botocore's recursion detection: in Lambda, the trace of the invocation goes along."""
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    if not trace or "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return None
    return _quoted(trace)


@functools.lru_cache(maxsize=16)
def _quoted(trace: str) -> str:
    return quote(trace, safe="-=;:+&[]{}\"',")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
