"""Serdes that keep values elsewhere, and what one of your own has to do.

`S3SerDes` and `FileSystemSerDes` are such. One of your own derives from `OffloadingSerDes`, or from
`AsyncOffloadingSerDes` if its methods are `async def`. The engine has the inner serdes write the
value and hands over the text: a value is encoded once, is not fetched by the invocation that has
just stored it, and is not stored at all where nothing is recorded, in virtual contexts.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, Self

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core.offload_envelope import OffloadMode, PathEncoding
from aws_durable_execution_sdk_python._core.serdes_base import AroundAnother
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.serdes import (
    EXTENDED_TYPES_SERDES,
    AnySerDes,
    SerDes,
    SerDesContext,
    check_serdes,
    is_async_serdes,
    text_from,
)

__all__ = [
    "AsyncOffloadingSerDes",
    "GeneratePreview",
    "OffloadMode",
    "OffloadingSerDes",
    "PathEncoding",
]

T = TypeVar("T", default=Any)


class GeneratePreview(Protocol):
    """Makes of a value what is recorded beside the reference to it; None for nothing."""

    def __call__(self, value: Any, /) -> dict[str, Any] | None: ...


class OffloadingSerDes(AroundAnother, SerDes[T]):
    """A serdes that keeps the texts of another one elsewhere.

    Attributes:
        inner: writes and reads the value itself; a `SerDes`, none with async methods.
    """

    inner: SerDes[T] = EXTENDED_TYPES_SERDES

    @abstractmethod
    def offload(self, text: str, value: T, serdes_context: SerDesContext) -> str:
        """Keep the text of a value; gives what is to be recorded instead."""

    @abstractmethod
    def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        """The text for which that was recorded."""

    def serialize(self, value: T, serdes_context: SerDesContext) -> str:
        text = text_from(self.inner, self.inner.serialize(value, serdes_context))
        return self.offload(text, value, serdes_context)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        return self.inner.deserialize(self.fetch(data, serdes_context), serdes_context)

    def around(self, inner: AnySerDes[Any]) -> Self:
        """The same, keeping the texts of another serdes: its place in a `pipeline`.

        Raises:
            ValidationError: that is async.
        """
        if is_async_serdes(inner):
            raise ValidationError(
                f"{type(self).__qualname__} is not async, and keeps no texts of a serdes that is "
                f"({type(inner).__qualname__})"
            )
        return _with_inner(self, inner)


class AsyncOffloadingSerDes(AroundAnother, ABC, Generic[T]):
    """An `AsyncSerDes` that keeps the texts of another one elsewhere.

    Attributes:
        inner: writes and reads the value itself, async or not.
    """

    inner: AnySerDes[T] = EXTENDED_TYPES_SERDES

    @abstractmethod
    async def offload(self, text: str, value: T, serdes_context: SerDesContext) -> str:
        """Keep the text of a value; gives what is to be recorded instead."""

    @abstractmethod
    async def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        """The text for which that was recorded."""

    async def serialize(self, value: T, serdes_context: SerDesContext) -> str:
        text = await call_anyhow(self.inner, self.inner.serialize, value, serdes_context)
        return await self.offload(text_from(self.inner, text), value, serdes_context)

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        text = await self.fetch(data, serdes_context)
        value: T = await call_anyhow(self.inner, self.inner.deserialize, text, serdes_context)
        return value

    def around(self, inner: AnySerDes[Any]) -> Self:
        """The same, keeping the texts of another serdes: its place in a `pipeline`."""
        return _with_inner(self, inner)


async def call_anyhow(serdes: Any, method: Callable[..., Any], *args: object) -> Any:
    """Call what may be async, and what blocks in a thread."""
    if getattr(serdes, "blocking", False) is True:
        return await asyncio.to_thread(method, *args)
    result = method(*args)
    return await result if inspect.isawaitable(result) else result


# Whatever keeps values elsewhere.
AnyOffloading = OffloadingSerDes[Any] | AsyncOffloadingSerDes[Any]

S = TypeVar("S", bound=AnyOffloading)


def _with_inner(serdes: S, inner: Any) -> S:
    check_serdes(inner)
    other = copy.copy(serdes)
    other.inner = inner
    return other
