"""Compression and encryption of what is stored, composed with a serdes and a store.

Example:
    >>> secret = encrypt(Fernet(key))
    >>> serdes = pipeline(ExtendedTypeSerDes(), compress(), secret, S3SerDes("bucket"))

Values are written by the first, then go through the others in this order, and back in the reverse.

What stages leave is a JSON object that names them. A text without their mark was stored before the
stages were added, and is read as it is, unless one of them demands its mark.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from aws_durable_execution_sdk_python._core.limits import MIB
from aws_durable_execution_sdk_python._core.running import drive
from aws_durable_execution_sdk_python._core.serdes_base import AroundAnother
from aws_durable_execution_sdk_python._core.user_functions import is_async
from aws_durable_execution_sdk_python._core.validation import kind_of, whole_number
from aws_durable_execution_sdk_python.exceptions import SerDesError, ValidationError
from aws_durable_execution_sdk_python.offload import call_anyhow
from aws_durable_execution_sdk_python.serdes import (
    EXTENDED_TYPES_SERDES,
    AnySerDes,
    SerDes,
    SerDesContext,
    check_serdes,
    is_async_serdes,
    text_from,
)

__all__ = ["ByteStage", "Cipher", "Composable", "compress", "encrypt", "pipeline"]

T = TypeVar("T")
S = TypeVar("S", bound="_Staged[Any]")

_MARK = "__durable_execution_stages"
_VERSION = 1

# What turns bytes into others, at once or awaited.
Primitive: TypeAlias = Callable[[bytes], bytes] | Callable[[bytes], Awaitable[bytes]]


class Composable(Protocol):
    """What may stand in a `pipeline` after its first place: stages, and serdes that offload."""

    def around(self, inner: AnySerDes[Any], /) -> AnySerDes[Any]:
        """A serdes that does its part with the texts of another one."""
        ...


class Cipher(Protocol):
    """What encrypts and decrypts, such as a `cryptography.fernet.Fernet`; it may be async."""

    @property
    def encrypt(self) -> Callable[..., Any]: ...

    @property
    def decrypt(self) -> Callable[..., Any]: ...


class ByteStage(ABC):
    """A stage of a `pipeline` that turns bytes into others and back. Subclass it for your own.

    Attributes:
        name: what is recorded of it, by which it is found again; never to be changed.
        blocking: whether its methods do input or output; see `SerDes.blocking`. They may be
            `async def` instead.
        demands_mark: whether text that has not been through the stage is refused.

    Example:
        >>> class Reversed(ByteStage):
        ...     name = "reversed"
        ...     def encode(self, data: bytes) -> bytes:
        ...         return data[::-1]
        ...     decode = encode
    """

    name: str
    blocking: bool = False
    demands_mark: bool = False

    @property
    def is_async(self) -> bool:
        """Whether one of its methods is `async def`."""
        return is_async(self.encode) or is_async(self.decode)

    @abstractmethod
    def encode(self, data: bytes, /) -> bytes | Awaitable[bytes]:
        """What to store for these bytes."""

    @abstractmethod
    def decode(self, data: bytes, /) -> bytes | Awaitable[bytes]:
        """The bytes for which that was stored."""

    def around(self, inner: AnySerDes[Any], /) -> AnySerDes[Any]:
        """A serdes that does this with the texts of another one."""
        if not isinstance(inner, StagedSerDes | AsyncStagedSerDes):
            return _staged(inner, (self,))
        staged: _Staged[Any] = inner
        if any(stage.name == self.name for stage in staged.stages):
            raise ValidationError(f"a pipeline takes the stage {self.name!r} once")
        return _staged(staged.inner, (*staged.stages, self))


def pipeline(serdes: AnySerDes[Any] | None, *stages: Composable) -> AnySerDes[Any]:
    """A serdes made of one that writes values, and of what is done with its texts.

    Parameters:
        serdes: writes and reads the value; None for the default.
        stages: `compress()`, `encrypt(...)`, an `S3SerDes` or `FileSystemSerDes`, or your own.

    Returns:
        An async serdes if one of the parts is, else one that is not.

    Raises:
        ValidationError: one of them is no stage, or cannot work with what stands before it.
    """
    composed: AnySerDes[Any] = EXTENDED_TYPES_SERDES if serdes is None else serdes
    check_serdes(composed)
    for stage in stages:
        if isinstance(stage, type) or not callable(getattr(stage, "around", None)):
            raise ValidationError(f"pipeline needs stages, got {kind_of(stage)}")
        composed = stage.around(composed)
    return composed


def compress(*, level: int = 6, max_bytes: int = 256 * MIB) -> ByteStage:
    """A stage that compresses with gzip. What it would not make smaller stays as it is.

    Parameters:
        level: 1, the fastest, to 9, the smallest.
        max_bytes: a text that would become larger when it is read is refused.

    Raises:
        ValidationError: one of them is out of range.
    """
    return _Gzip(whole_number("level", level, 1, 9), whole_number("max_bytes", max_bytes, 1))


def encrypt(
    cipher: Cipher | Primitive,
    decrypt: Primitive | None = None,
    *,
    blocking: bool = False,
    reads_plain: bool = False,
) -> ByteStage:
    """A stage that encrypts, with what you give it: the SDK has no cryptography of its own.

    Parameters:
        cipher: an object with `encrypt` and `decrypt`, each from bytes to bytes, such as a
            `Fernet`; or the function that encrypts, and `decrypt` beside it. They may be async.
            Use authenticated encryption: what is decrypted has come from outside.
        blocking: whether they call a service, such as KMS through boto3: async code then has them
            called in a worker thread.
        reads_plain: whether what was stored before encryption was switched on can be read. With
            it, who can write a record can have plain text taken for encrypted.

    Raises:
        ValidationError: one of the two functions is missing.
    """
    if decrypt is None:
        forward, back = getattr(cipher, "encrypt", None), getattr(cipher, "decrypt", None)
    else:
        forward, back = cipher, decrypt
    if not callable(forward) or not callable(back):
        raise ValidationError(
            "encrypt needs an object with encrypt and decrypt, or a function for each, got "
            f"{kind_of(cipher)}"
        )
    return _Encryption(forward, back, blocking=blocking, demands_mark=not reads_plain)


# ----------------------------------------------------------------------------------- the stages


class _Gzip(ByteStage):
    name = "gzip"

    def __init__(self, level: int, max_bytes: int) -> None:
        self._level = level
        self._max_bytes = max_bytes

    def encode(self, data: bytes, /) -> bytes:
        return gzip.compress(data, self._level, mtime=0)

    def decode(self, data: bytes, /) -> bytes:
        reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            content = reader.decompress(data, self._max_bytes + 1)
        except zlib.error as error:
            raise SerDesError("the stored value is damaged: it is no gzip") from error
        if not reader.eof or len(content) > self._max_bytes:
            raise SerDesError(
                f"the stored value is cut, or has more than {self._max_bytes} bytes uncompressed"
            )
        return content


class _Encryption(ByteStage):
    name = "encrypt"

    def __init__(
        self,
        forward: Callable[[bytes], Any],
        back: Callable[[bytes], Any],
        *,
        blocking: bool,
        demands_mark: bool,
    ) -> None:
        self._forward = forward
        self._back = back
        self.blocking = blocking
        self.demands_mark = demands_mark

    @property
    def is_async(self) -> bool:
        return is_async(self._forward) or is_async(self._back)

    def encode(self, data: bytes, /) -> Any:
        return self._forward(data)

    def decode(self, data: bytes, /) -> Any:
        return self._back(data)


# ----------------------------------------------------------------------- a serdes with its stages


class _Staged(AroundAnother, Generic[T]):
    """What both kinds do. Its coroutines await nothing if neither serdes nor stages are async."""

    stages: tuple[ByteStage, ...]
    blocking: bool

    async def _write(self, value: T, where: SerDesContext) -> str:
        text = text_from(self.inner, await self._call(self.inner, "serialize", value, where))
        data = plain = text.encode(errors="surrogatepass")
        names: list[str] = []
        for stage in self.stages:
            data = _bytes(stage, await self._call(stage, "encode", data))
            names.append(stage.name)
        content = base64.b64encode(data).decode("ascii")
        staged = json.dumps(
            {_MARK: _VERSION, "stages": names, "data": content}, separators=(",", ":")
        )
        only_smaller = all(isinstance(stage, _Gzip) for stage in self.stages)
        if only_smaller and len(staged) >= len(plain) and _marked(text) is None:
            return text
        return staged

    async def _read(self, data: str, where: SerDesContext) -> T:
        value: T = await self._call(self.inner, "deserialize", await self._text(data), where)
        return value

    async def _text(self, data: str) -> str:
        envelope = _marked(data)
        recorded: list[object] = [] if envelope is None else envelope["stages"]
        for stage in self.stages:
            if stage.demands_mark and stage.name not in recorded:
                raise SerDesError(f"the stored value has not been through the stage {stage.name!r}")
        if envelope is None:
            return data
        try:
            content = base64.b64decode(envelope["data"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise SerDesError("the stored value is damaged: it is no base64") from error
        stages = {stage.name: stage for stage in self.stages}
        for name in reversed(recorded):
            given = stages.get(str(name))
            if given is None:
                raise SerDesError(f"the stored value needs the stage {name!r}, which is not given")
            content = _bytes(given, await self._call(given, "decode", content))
        return content.decode(errors="surrogatepass")

    async def _call(self, part: Any, method: str, *args: object) -> Any:
        raise NotImplementedError


class StagedSerDes(_Staged[T], SerDes[T]):
    """A serdes whose texts go through stages."""

    blocking = False

    def serialize(self, value: T, serdes_context: SerDesContext) -> str:
        return drive(self._write(value, serdes_context))

    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        return drive(self._read(data, serdes_context))

    async def _call(self, part: Any, method: str, *args: object) -> Any:
        return getattr(part, method)(*args)


class AsyncStagedSerDes(_Staged[T]):
    """An async serdes whose texts go through stages."""

    blocking = False

    async def serialize(self, value: T, serdes_context: SerDesContext) -> str:
        return await self._write(value, serdes_context)

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        return await self._read(data, serdes_context)

    async def _call(self, part: Any, method: str, *args: object) -> Any:
        return await call_anyhow(part, getattr(part, method), *args)


def _staged(inner: AnySerDes[Any], stages: tuple[ByteStage, ...]) -> AnySerDes[Any]:
    check_serdes(inner)
    staged: StagedSerDes[Any] | AsyncStagedSerDes[Any]
    if is_async_serdes(inner) or any(stage.is_async for stage in stages):
        staged = AsyncStagedSerDes()
    else:
        staged = StagedSerDes()
        staged.blocking = any(getattr(part, "blocking", False) for part in (inner, *stages))
    staged.inner, staged.stages = inner, stages
    return staged


def _marked(text: str) -> Mapping[str, Any] | None:
    """What stages have left, if that is it."""
    if not text.startswith(f'{{"{_MARK}"'):
        return None
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if envelope.get(_MARK) != _VERSION or not isinstance(envelope.get("stages"), list):
        return None
    return cast("Mapping[str, Any]", envelope)


def _bytes(stage: ByteStage, value: object) -> bytes:
    if not isinstance(value, bytes):
        raise SerDesError(f"the stage {stage.name!r} must give bytes, got {kind_of(value)}")
    return value
