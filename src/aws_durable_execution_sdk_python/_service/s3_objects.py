"""The objects of an S3 bucket, put once and read whole, over aioboto3.

- There is one client for each event loop and each set of options, whoever asks, opened at the first
  request and kept as long as the loop. Its keeper is an async generator, which the loop closes at
  its end, as all of its own.
- An object is put only if nothing has its key; if something has, that must have been put before.
- botocore makes four attempts at a request. After that a failure that may pass is a
  `RetryableSerDesError`, any other a `SerDesError`; neither quotes what was sent.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python._core.offload_envelope import Fingerprint
from aws_durable_execution_sdk_python._service.classification import is_retryable
from aws_durable_execution_sdk_python.exceptions import RetryableSerDesError, SerDesError

_CONNECT_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 30
_CONNECTIONS = 50
_ATTEMPTS = 4

_TAKEN = 412
# What S3 says of a request that met another one, besides what all services say.
_LATER = frozenset({"ConditionalRequestConflict", "OperationAborted", "InternalError"})


class S3Objects:
    """The objects of one bucket.

    Parameters:
        client_options: for `Session.client`.
        put_options: for `put_object`.
    """

    def __init__(
        self, bucket: str, client_options: Mapping[str, Any], put_options: Mapping[str, Any]
    ) -> None:
        self._bucket = bucket
        self._put_options = dict(put_options)
        self._client_options = dict(client_options)

    async def put(self, key: str, content: bytes, fingerprint: Fingerprint) -> str | None:
        """Store an object for good; gives its version, if the bucket keeps versions.

        Parameters:
            key: says which content it is: what has it is taken to have that.
        """
        with self._talking(key, "stored"):
            client = await _client(self._client_options)
            try:
                answer = await client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=content,
                    IfNoneMatch="*",
                    ChecksumSHA256=_base64(fingerprint),
                    ContentType="application/json",
                    **self._put_options,
                )
            except Exception as error:
                if _answered(error)[1] != _TAKEN:
                    raise
                answer = await client.head_object(Bucket=self._bucket, Key=key)
                if answer.get("ContentLength") != fingerprint.size:
                    where = self._where(key)
                    raise SerDesError(f"{where} is there already, with other content") from error
            return _version(answer.get("VersionId"))

    async def get(self, key: str, version: str | None) -> bytes:
        """The content of an object, all of it."""
        with self._talking(key, "read"):
            client = await _client(self._client_options)
            which = {} if version is None else {"VersionId": version}
            answer = await client.get_object(Bucket=self._bucket, Key=key, **which)
            async with answer["Body"] as body:
                content: bytes = await body.read()
            return content

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    @contextlib.contextmanager
    def _talking(self, key: str, what: str) -> Generator[None, None, None]:
        try:
            yield
        except SerDesError:
            raise
        except Exception as error:
            code, status, message = _answered(error)
            text = f"{self._where(key)} could not be {what}: {code or type(error).__name__}"
            text = f"{text}: {message}" if message else text
            passing = _may_pass(error, code, status, message)
            raise (RetryableSerDesError if passing else SerDesError)(text) from error


def _base64(fingerprint: Fingerprint) -> str:
    return base64.b64encode(bytes.fromhex(fingerprint.sha256)).decode("ascii")


def _version(answered: object) -> str | None:
    """The version of an object, if there is more than one."""
    return answered if isinstance(answered, str) and answered != "null" else None


def _answered(error: Exception) -> tuple[str | None, int | None, str]:
    """Error code, HTTP status and message of what S3 has answered, if it has."""
    response: Any = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return None, None, ""
    answer: Mapping[str, Any] = response.get("Error") or {}
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    return answer.get("Code"), status, str(answer.get("Message") or "")


def _may_pass(error: Exception, code: str | None, status: int | None, message: str) -> bool:
    if status is not None:
        return code in _LATER or is_retryable(code, status, message)
    import aiohttp
    from botocore import exceptions as botocore

    return isinstance(
        error,
        OSError
        | TimeoutError
        | aiohttp.ClientError
        | botocore.HTTPClientError
        | botocore.ConnectionError
        | botocore.IncompleteReadError
        | botocore.NoCredentialsError
        | botocore.CredentialRetrievalError,
    )


# ------------------------------------------------------------------------------------ the clients


@dataclass(eq=False, slots=True)
class _Opened:
    """The client of one event loop with certain options.

    Attributes:
        keeper: closes it, with the other generators that the loop still has at its end.
    """

    options: Mapping[str, Any]
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    client: Any = None
    keeper: AsyncGenerator[Any, None] | None = None


_by_loop: dict[asyncio.AbstractEventLoop, list[_Opened]] = {}


async def _client(options: Mapping[str, Any]) -> Any:
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        for other in [each for each in list(_by_loop) if each.is_closed()]:
            _by_loop.pop(other, None)
    clients = _by_loop.setdefault(loop, [])
    opened = next((each for each in clients if each.options == options), None)
    if opened is None:
        opened = _Opened(options)
        clients.append(opened)
    if opened.client is None:
        async with opened.opening:
            if opened.client is None:
                keeper = _keep(opened)
                opened.client = await anext(keeper)
                opened.keeper = keeper
    return opened.client


async def _keep(opened: _Opened) -> AsyncGenerator[Any, None]:
    import aioboto3
    from aiobotocore.config import AioConfig

    config = AioConfig(
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    given = opened.options.get("config")
    session: Any = aioboto3.Session()
    merged = {**opened.options, "config": config if given is None else config.merge(given)}
    try:
        async with session.client("s3", **merged) as client:
            yield client
    finally:
        opened.client = opened.keeper = None
