"""The HTTP session of the default client: aiohttp's, for its attempts and those made past it.

aiobotocore makes it for its client, with everything botocore resolved: time-outs, certificates,
proxies. Rules that hold here:

- Every attempt goes through `aiohttp.ClientSession.request`, so what instruments aiohttp sees it.
- The attempts of the client and those made past it share one session, and so its connections.
  With a proxy in the way that is aiobotocore's own.
- An attempt fails with botocore's exceptions, which botocore knows how to retry.
- A kept connection that the service has dropped is no failed attempt: a fresh one takes its place.

Importing this module imports aiobotocore; nothing does before a client is opened.
"""

from __future__ import annotations

import asyncio
import functools
import io
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, Self
from weakref import WeakSet

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path
from yarl import URL

from aws_durable_execution_sdk_python._service.prepared_request import PreparedRequest

# aiohttp would ask for compressed answers, as botocore does not.
_ENCODING: Mapping[str, str] = {"Accept-Encoding": "identity"}
# The first that fits: a time-out is an OSError as well, and most of aiohttp's are related.
_ERRORS: tuple[tuple[tuple[type[Exception], ...], Any], ...] = (
    ((aiohttp.ClientSSLError,), SSLError),
    (
        (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError),
        ConnectionClosedError,
    ),
    ((aiohttp.ConnectionTimeoutError,), ConnectTimeoutError),
    ((TimeoutError,), ReadTimeoutError),
    ((aiohttp.ClientConnectionError, OSError), EndpointConnectionError),
)
# What ends a connection that was kept too long, if no answer has begun.
_GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError)
# As many bytes in one piece aiohttp warns of, since they would be copied at once.
_LARGE_BODY = 1 << 20


class ClientRequest(Protocol):
    """One attempt as botocore has prepared it."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str | bytes]: ...
    @property
    def body(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    def for_client(self, url: str) -> AioAWSResponse:
        """The answer as the client's own session would give it."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return AioAWSResponse(url, self.status_code, headers, _Read(self.body))


class _Read:
    """What aiobotocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


# Whether the task's last attempt went over a connection that was kept from an earlier one.
_kept: ContextVar[bool] = ContextVar("kept", default=False)


class _Connector(aiohttp.TCPConnector):
    """Tells, in `_kept`, which attempts go over kept connections.

    aiohttp's tracing would tell as well, for a tenth of a call's CPU time.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used: WeakSet[asyncio.Transport] = WeakSet()

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        _kept.set(False)
        connection = await super().connect(*args, **kwargs)
        transport = connection.transport
        if transport in self._used:
            _kept.set(True)
        elif transport is not None:
            self._used.add(transport)
        return connection


class Transport:
    """An HTTP session for an aiobotocore client.

    Parameters:
        settings: what aiobotocore makes its own `AIOHTTPSession` with.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._proxied: Any = AIOHTTPSession(**settings) if settings.get("proxies") else None
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if self._proxied is not None:
            await self._proxied.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()
        if self._proxied is not None:
            await self._proxied.close()

    async def send(self, request: ClientRequest) -> object:
        """One attempt of the client's.

        Raises:
            botocore.exceptions.HTTPClientError: there is no answer.
        """
        if self._proxied is not None:
            return await self._proxied.send(request)
        headers = {name: _text(value) for name, value in request.headers.items()}
        answer = await self._exchange(request, headers)
        return answer.for_client(request.url)

    async def attempt(self, request: PreparedRequest) -> HttpAnswer:
        """One attempt made past the client.

        Parameters:
            request: like one that botocore prepares, its headers all text.

        Raises:
            botocore.exceptions.HTTPClientError: there is no answer.
        """
        if self._proxied is None:
            return await self._exchange(request, request.headers)
        response = await self._proxied.send(request)
        return HttpAnswer(response.status_code, response.headers, await response.content)

    async def connect_ahead(self, url: str) -> None:
        """Have a connection ready for an attempt that is soon to come."""
        if self._proxied is not None:
            return
        session = self._session()
        connector = session.connector
        assert connector is not None
        request = aiohttp.ClientRequest(
            "GET",
            URL(url, encoded=True),
            loop=asyncio.get_running_loop(),
            session=session,
            ssl=self._tls(url),
        )
        connection = await connector.connect(request, traces=[], timeout=session.timeout)
        connection.release()

    async def _exchange(self, request: ClientRequest, headers: Mapping[str, str]) -> HttpAnswer:
        try:
            return await self._over_a_living_connection(request, headers)
        except (aiohttp.ClientError, OSError) as error:
            raise _as_botocores(error, request.url) from error

    async def _over_a_living_connection(
        self, request: ClientRequest, headers: Mapping[str, str]
    ) -> HttpAnswer:
        while True:
            try:
                return await self._request(request, headers)
            except _GONE:
                # Only a fresh connection tells whether there is a fault. Repeating is safe, as
                # with every retry: the client token is the same. It ends, as each time a kept
                # connection is gone.
                if not _kept.get():
                    raise

    async def _request(self, request: ClientRequest, headers: Mapping[str, str]) -> HttpAnswer:
        body = request.body or None
        response = await self._session().request(
            request.method,
            URL(request.url, encoded=True),
            headers={**headers, **_ENCODING},
            data=io.BytesIO(body) if body and len(body) > _LARGE_BODY else body,
            ssl=self._tls(request.url),
            allow_redirects=False,
        )
        return HttpAnswer(response.status, response.headers, await response.read())

    def _session(self) -> aiohttp.ClientSession:
        """Made at first use, which what instruments aiohttp has had time to prepare for."""
        if self._opened is None:
            timeout = self._settings["timeout"]
            connect, read = timeout if isinstance(timeout, (list, tuple)) else (timeout, timeout)
            self._opened = aiohttp.ClientSession(
                connector=_Connector(
                    limit=self._settings["max_pool_connections"],
                    **self._settings["connector_args"],
                ),
                timeout=aiohttp.ClientTimeout(sock_connect=connect, sock_read=read),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=["Content-Type"],
                auto_decompress=False,
            )
        return self._opened

    def _tls(self, url: str) -> ssl.SSLContext | bool:
        return self._tls_context if url.startswith("https:") else True

    @functools.cached_property
    def _tls_context(self) -> ssl.SSLContext:
        """What botocore's own session sets up, with the host name checked by the context."""
        verify = self._settings["verify"]
        context: ssl.SSLContext = create_urllib3_context()
        context.check_hostname = bool(verify)
        if verify:
            context.load_verify_locations(get_cert_path(verify))
        else:
            context.verify_mode = ssl.CERT_NONE
        certificate = self._settings["client_cert"]
        if certificate:
            files = (certificate,) if isinstance(certificate, str) else certificate
            context.load_cert_chain(*files)
        return context


def _as_botocores(error: Exception, url: str) -> Exception:
    for kinds, error_class in _ERRORS:
        if isinstance(error, kinds):
            return error_class(endpoint_url=url, error=error)  # type: ignore[no-any-return]
    return HTTPClientError(error=error)  # type: ignore[no-any-return]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
