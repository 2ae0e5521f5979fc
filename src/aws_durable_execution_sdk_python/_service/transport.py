"""The HTTP session of the default client: botocore's own, with lean connections where it can.

aiobotocore makes it for its client, with everything botocore resolved: time-outs, certificates,
proxies. The hot calls, which go past the client, use the same connections, and what they cannot
finish the client takes up: `replaying` hands it the attempt already made.

Importing this module imports aiobotocore; nothing does before a client is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path

from aws_durable_execution_sdk_python._service.connection import (
    ConnectionLostError,
    HttpConnection,
)
from aws_durable_execution_sdk_python._service.http1 import (
    BadAnswerError,
    HttpAnswer,
    default_port,
    encode_head,
    host_header,
)


class RequestCaptured(BaseException):
    """Carries the request botocore would have sent out of the client, past its retries."""

    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


class _Attempt:
    """An attempt already made, to be met once."""

    def __init__(self, outcome: HttpAnswer | Exception) -> None:
        self._outcome: HttpAnswer | Exception | None = outcome

    def take(self) -> HttpAnswer | Exception | None:
        outcome, self._outcome = self._outcome, None
        return outcome


_capturing: ContextVar[bool] = ContextVar("capturing", default=False)
_replayed: ContextVar[_Attempt | None] = ContextVar("replayed", default=None)


@contextlib.contextmanager
def capturing() -> Iterator[None]:
    """Within it a call of the client sends nothing: it raises `RequestCaptured`."""
    token = _capturing.set(True)
    try:
        yield
    finally:
        _capturing.reset(token)


@contextlib.contextmanager
def replaying(outcome: HttpAnswer | Exception) -> Iterator[None]:
    """Within it the first attempt of a call of the client ends as given, and nothing is sent.

    What follows is botocore's business: whether and when to try again, or which error to raise.
    """
    token = _replayed.set(_Attempt(outcome))
    try:
        yield
    finally:
        _replayed.reset(token)


class Transport(AIOHTTPSession):  # type: ignore[misc]
    """aiobotocore's HTTP session, over lean connections when no proxy is in the way."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        timeout = settings["timeout"]
        self._connect_timeout, self._read_timeout = (
            timeout if isinstance(timeout, (list, tuple)) else (timeout, timeout)
        )
        self._proxied = bool(settings.get("proxies"))
        self._settings = settings
        self._tls: ssl.SSLContext | None = None
        self._keep_alive = float(settings["connector_args"]["keepalive_timeout"])
        self._idle: list[tuple[tuple[str, str], HttpConnection]] = []

    async def send(self, request: Any) -> Any:
        """One attempt of the client's."""
        if _capturing.get():
            raise RequestCaptured(request)
        made = _replayed.get()
        outcome = None if made is None else made.take()
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            if self._proxied:
                return await super().send(request)
            outcome = await self._exchange(request)
        response = AioAWSResponse(request.url, outcome.status_code, dict(outcome.headers), None)
        response._content = outcome.body
        return response

    async def attempt(self, request: Any) -> HttpAnswer:
        """One attempt made past the client.

        Raises:
            botocore.exceptions.HTTPClientError: as the client's own session does.
        """
        if not self._proxied:
            return await self._exchange(request)
        response = await super().send(request)
        return HttpAnswer(response.status_code, response.headers, await response.content)

    async def connect_ahead(self, url: str) -> None:
        """Have a connection ready for an attempt that is soon to come."""
        if self._proxied or self._idle:
            return
        parts = urlsplit(url)
        connection = await self._connect(parts)
        connection.rest()
        self._idle.append(((parts.scheme, parts.netloc), connection))

    async def __aexit__(self, *exc_info: Any) -> None:
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()
        await super().__aexit__(*exc_info)

    async def _exchange(self, request: Any) -> HttpAnswer:
        url = request.url
        try:
            return await self._over_a_connection(urlsplit(url), request)
        except ConnectTimeoutError:
            raise  # It is an OSError, too.
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except (ConnectionLostError, BadAnswerError) as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error

    async def _over_a_connection(self, url: SplitResult, request: Any) -> HttpAnswer:
        message = _message(url, request)
        connection = self._rested(url)
        if connection is not None:
            try:
                return await self._use(connection, url, message)
            except (ConnectionLostError, ConnectionError) as error:
                # The server closed it while it rested: only a fresh one tells whether there is
                # a fault. Repeating is safe, as with every retry: the client token is the same.
                if isinstance(error, ConnectionLostError) and error.answer_begun:
                    raise
                self._drop_rested()
        return await self._use(await self._connect(url), url, message)

    async def _use(
        self, connection: HttpConnection, url: SplitResult, message: bytes
    ) -> HttpAnswer:
        answer = await connection.exchange(message)
        if connection.reusable:
            self._idle.append(((url.scheme, url.netloc), connection))
        return answer

    def _rested(self, url: SplitResult) -> HttpConnection | None:
        """A connection kept alive, the one used last."""
        origin = (url.scheme, url.netloc)
        while self._idle:
            its_origin, connection = self._idle.pop()
            if its_origin == origin and connection.rested_at_most(self._keep_alive):
                return connection
            connection.close()
        return None

    def _drop_rested(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    async def _connect(self, url: SplitResult) -> HttpConnection:
        loop = asyncio.get_running_loop()
        secure = url.scheme == "https"
        try:
            async with asyncio.timeout(self._connect_timeout):
                transport, connection = await loop.create_connection(
                    lambda: HttpConnection(self._read_timeout),
                    url.hostname or "",
                    url.port or default_port(url),
                    ssl=self._tls_context() if secure else None,
                    happy_eyeballs_delay=0.25,
                )
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url.geturl(), error=error) from error
        raw = transport.get_extra_info("socket")
        for option in self._settings.get("socket_options") or ():
            raw.setsockopt(*option)
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        """What botocore's own session sets up, with the host name checked by the context."""
        if self._tls is None:
            verify = self._settings.get("verify", True)
            context: ssl.SSLContext = create_urllib3_context()
            context.check_hostname = bool(verify)
            if verify:
                context.load_verify_locations(get_cert_path(verify))
            else:
                context.verify_mode = ssl.CERT_NONE
            certificate = self._settings.get("client_cert")
            if certificate:
                files = (certificate,) if isinstance(certificate, str) else certificate
                context.load_cert_chain(*files)
            self._tls = context
        return self._tls


def _message(url: SplitResult, request: Any) -> bytes:
    body: bytes = request.body or b""
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    return encode_head(request.method, target, host_header(url), request.headers, len(body)) + body
