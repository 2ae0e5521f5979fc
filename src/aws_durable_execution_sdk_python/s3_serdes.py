"""Large values in an S3 bucket, without a file system to mount.

Example:
    >>> @durable_execution(serdes=S3SerDes("my-bucket"))
    ... async def handler(event: dict, context: AsyncDurableContext) -> dict:
    ...     report = await context.step(make_report(event["id"]))  # of any size
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core.offload_envelope import (
    Fingerprint,
    OffloadMode,
    PathEncoding,
    StoreRules,
    read_envelope,
    reference_envelope,
)
from aws_durable_execution_sdk_python._kernel.origin import ENGINE, origin
from aws_durable_execution_sdk_python._service.s3_objects import S3Objects
from aws_durable_execution_sdk_python.exceptions import SerDesError, ValidationError
from aws_durable_execution_sdk_python.offload import AsyncOffloadingSerDes, GeneratePreview
from aws_durable_execution_sdk_python.serdes import (
    EXTENDED_TYPES_SERDES,
    AnySerDes,
    SerDesContext,
    check_serdes,
)

__all__ = ["S3PathEncoding", "S3SerDes", "S3SerDesMode"]

T = TypeVar("T", default=Any)

S3SerDesMode = OffloadMode
"""`OffloadMode`, named after the store."""

S3PathEncoding = PathEncoding
"""`PathEncoding`, named after the store."""

_S3 = "s3"
_DIGITS_IN_KEY = 32


class S3SerDes(AsyncOffloadingSerDes[T], Generic[T]):
    """Keeps values in S3 and records where.

    A value is stored before the checkpoint that refers to it, under a key of the execution, the
    operation, the attempt and its content, and only if it is not there: what is repeated after a
    crash is not stored twice, and an object never changes. What is read has to be what was stored,
    below `prefix` in `bucket`. Nobody deletes objects: give the prefix a lifecycle rule that does
    so some days after the executions' retention.

    The requests are aioboto3's, on the invocation's event loop, also for blocking code. botocore
    retries them; after that, throttling, time-outs and the like end the invocation, which is
    tried again. The function's role needs s3:PutObject and s3:GetObject for the prefix.

    Parameters:
        bucket: its name.
        prefix: what all keys begin with.
        storage_mode: OVERFLOW stores values of more than 255 KiB, ALWAYS all of them.
        path_encoding: URI makes keys `function/execution/invocation/operation-...`, HASH keys of
            SHA-256.
        generate_preview: makes of a value what is recorded beside the reference; see `preview`.
        serdes: writes and reads the value itself.
        client_options: for `Session.client("s3", ...)`: `region_name`, `endpoint_url`, `config`.
        put_options: for `put_object`: `ServerSideEncryption`, `StorageClass`, `Tagging`.

    Raises:
        ValidationError: `bucket` or `prefix` is no text, `bucket` is empty, or `serdes` is none.
        SerDesError: from its methods, for what stays: no access, an object that is gone or was
            changed.
        RetryableSerDesError: for what may pass.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "durable/",
        *,
        storage_mode: S3SerDesMode = S3SerDesMode.OVERFLOW,
        path_encoding: S3PathEncoding = S3PathEncoding.URI,
        generate_preview: GeneratePreview | None = None,
        serdes: AnySerDes[T] = EXTENDED_TYPES_SERDES,
        client_options: Mapping[str, Any] | None = None,
        put_options: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(bucket, str) or not bucket or not isinstance(prefix, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError("S3SerDes needs the name of a bucket and a prefix for its keys")
        check_serdes(serdes)
        self._bucket = bucket
        self._prefix = prefix
        self._rules = StoreRules(storage_mode, path_encoding, generate_preview)
        self._objects = S3Objects(bucket, client_options or {}, put_options or {})
        self.inner = serdes

    async def offload(self, text: str, value: T, serdes_context: SerDesContext) -> str:
        envelope = self._rules.inline(text)
        if envelope is not None:
            return envelope
        content = text.encode(errors="surrogatepass")
        fingerprint = Fingerprint.of(content)
        preview = self._rules.preview(value)
        key = self._key(serdes_context, fingerprint)
        reference: dict[str, object] = {"bucket": self._bucket, "key": key}
        with _as_engine():
            version = await self._objects.put(key, content, fingerprint)
        if version is not None:
            reference["versionId"] = version
        reference |= fingerprint.members()
        return reference_envelope({_S3: reference}, preview)

    async def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        kept = read_envelope(data, _S3)
        if kept.text is not None:
            return kept.text
        reference = self._checked(kept.reference[_S3])
        with _as_engine():
            content = await self._objects.get(reference.key, reference.version)
        reference.fingerprint.check(reference.where, content)
        return content.decode(errors="surrogatepass")

    # -- keys and references --------------------------------------------------------------------

    def _key(self, context: SerDesContext, fingerprint: Fingerprint) -> str:
        directory = self._rules.directory(context.durable_execution_arn)
        stem = self._rules.stem(context.operation_id)
        digest = fingerprint.sha256[:_DIGITS_IN_KEY]
        return f"{self._prefix}{'/'.join(directory)}/{stem}-{context.attempt}-{digest}.json"

    def _checked(self, reference: Any) -> _Reference:
        """A reference from the record, which others may have written.

        Raises:
            SerDesError: it is none, or not to this bucket and prefix.
        """
        found = _Reference.read(reference)
        if found is None:
            raise SerDesError("the stored reference to S3 is damaged")
        if found.bucket != self._bucket or not found.key.startswith(self._prefix):
            raise SerDesError(
                f"{found.where} is not below s3://{self._bucket}/{self._prefix}, and is left alone"
            )
        return found


@contextlib.contextmanager
def _as_engine() -> Generator[None, None, None]:
    """Connections that the store keeps do not keep an invocation awake."""
    token = origin.set(ENGINE)
    try:
        yield
    finally:
        origin.reset(token)


@dataclass(frozen=True, slots=True)
class _Reference:
    """An object of S3, and what it has to hold."""

    bucket: str
    key: str
    version: str | None
    fingerprint: Fingerprint

    @classmethod
    def read(cls, members: Any) -> _Reference | None:
        if not isinstance(members, dict):
            return None
        members = cast("dict[str, Any]", members)
        bucket, key = members.get("bucket"), members.get("key")
        version, fingerprint = members.get("versionId"), Fingerprint.read(members)
        if not isinstance(bucket, str) or not isinstance(key, str) or fingerprint is None:
            return None
        return cls(bucket, key, version if isinstance(version, str) else None, fingerprint)

    @property
    def where(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
