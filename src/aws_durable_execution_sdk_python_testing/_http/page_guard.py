"""Keeps web pages out: the service runs code, and a browser can reach it on this machine.

A page can send requests to 127.0.0.1 from its own origin, which the browser says in `Origin` or
`Sec-Fetch-Site`. Or it can let its own host name point to 127.0.0.1 (DNS rebinding), and then
`Host` shows the name. That trick needs a name in the public DNS: an address, a name without a
dot and the names container engines give the host cannot be such a one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aws_durable_execution_sdk_python_testing._http.http_errors import AccessDeniedError

_PRIVATE_SUFFIXES = (".localhost", ".docker.internal", ".containers.internal")
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})


def keep_web_pages_out(allowed_hosts: Collection[str] = ()) -> Middleware:
    """A middleware that answers 403 to what a web page of another origin may have sent.

    Parameters:
        allowed_hosts: public names this service is reached by, without port.
    """
    names = frozenset(name.lower() for name in allowed_hosts)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not _is_own(_name(host), names):
            raise AccessDeniedError(f"Requests by the host name {host!r} are not served.")
        origin = request.headers.get("Origin")
        if origin is not None and _place(origin) != host.lower():
            raise AccessDeniedError(f"Requests of the origin {origin!r} are not served.")
        if request.headers.get("Sec-Fetch-Site", "").lower() in _FOREIGN_SITES:
            raise AccessDeniedError("Requests of other sites are not served.")
        return await handler(request)

    return guard


def _is_own(name: str, names: Collection[str]) -> bool:
    if not name:
        return False
    return "." not in name or name in names or name.endswith(_PRIVATE_SUFFIXES) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """The host without its port, in lower case; empty if it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
