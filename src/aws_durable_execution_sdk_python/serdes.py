"""How results, states and payloads become text and back.

By default a value is plain JSON whenever JSON can hold it. `datetime`, `date`, `Decimal`, `UUID`,
`bytes`, tuples and `BatchResult` also work, alone or inside dicts and lists: such a value is
stored as a tagged envelope (`{"t": tag, "v": value}`), the official SDK's format. Both forms are
read, so results stored by the official SDK replay here.

What a function is annotated to return is stored as plain JSON and comes back as that: dataclasses,
enumerations, sets and so on, and the models of pydantic, msgspec and attrs. See docs/values.md.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core import envelope
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.error_texts import kind_name, text_of
from aws_durable_execution_sdk_python._core.plain_json import plain_json
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.serdes_base import SerDes, SerDesContext
from aws_durable_execution_sdk_python._core.user_functions import is_async
from aws_durable_execution_sdk_python._core.validation import shown
from aws_durable_execution_sdk_python._core.values.typed_serdes import TypedSerDes
from aws_durable_execution_sdk_python.exceptions import (
    NestedOperationError,
    RetryableSerDesError,
    SerDesError,
    ValidationError,
)

__all__ = [
    "DEFAULT_JSON_SERDES",
    "DEFAULT_SERDES",
    "EXTENDED_TYPES_SERDES",
    "AnySerDes",
    "AsyncSerDes",
    "CallbackSerDes",
    "ExtendedTypeSerDes",
    "JsonSerDes",
    "PassThroughSerDes",
    "SerDes",
    "SerDesContext",
    "SerDesDefaults",
    "TypedSerDes",
    "deserialize",
    "serialize",
]

T = TypeVar("T", default=Any)


class AsyncSerDes(Protocol[T]):
    """A `SerDes` whose methods are `async def`, for async and for blocking code.

    It may be given wherever a `SerDes` may. Its methods run on the invocation's event loop, so a
    client of an async library is made and used in one loop; blocking code waits meanwhile.

    Example:
        >>> class Kept(AsyncSerDes[str]):
        ...     async def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        ...         return await store.put(value)
        ...     async def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        ...         return await store.get(data)
    """

    async def serialize(self, value: T, serdes_context: SerDesContext, /) -> str | None:
        """The text to store for `value`; None, which stores nothing, only for None."""
        ...

    async def deserialize(self, data: str, serdes_context: SerDesContext, /) -> T:
        """The value stored as `data`."""
        ...


AnySerDes: TypeAlias = SerDes[T] | AsyncSerDes[T]
"""What every `serdes` parameter takes."""


@dataclass(frozen=True, slots=True)
class SerDesDefaults:
    """What operations use that are given no serdes of their own.

    Given to `@durable_execution(serdes=...)` or `context.configure_serdes(...)`. A serdes given
    there as it is stands for `values`.

    Attributes:
        values: stores what this program writes and reads itself: results of steps, child contexts,
            maps and parallels and of their branches, states of conditions.
        invoke_payload: writes the payloads of invokes, which the invoked function reads.
        invoke_result: reads their results, which the invoked function has written.
        callback: reads what callbacks are answered with, which the external system has written.

    Raises:
        ValidationError: one of them has no `serialize` and `deserialize`, or is a class.
    """

    values: AnySerDes[Any] | None = None
    invoke_payload: AnySerDes[Any] | None = None
    invoke_result: AnySerDes[Any] | None = None
    callback: AnySerDes[Any] | None = None

    def __post_init__(self) -> None:
        for name in ("values", "invoke_payload", "invoke_result", "callback"):
            check_serdes(getattr(self, name), name)

    @classmethod
    def of(cls, given: AnySerDes[Any] | SerDesDefaults | None) -> SerDesDefaults:
        """Defaults as they are, or those in which a serdes stores the values."""
        return given if isinstance(given, SerDesDefaults) else cls(given)


def is_async_serdes(serdes: AnySerDes[Any]) -> bool:
    """Whether its methods are `async def`."""
    return _has_async_methods(type(serdes))


@functools.lru_cache(maxsize=256)
def _has_async_methods(cls: type[AnySerDes[Any]]) -> bool:
    return is_async(cls.serialize) or is_async(cls.deserialize)


def check_serdes(serdes: object, name: str = "serdes") -> None:
    """Refuse what is no serdes.

    Parameters:
        name: of the parameter that it was given for.

    Raises:
        ValidationError: it is neither None nor an object with `serialize` and `deserialize`.
    """
    if serdes is None:
        return
    methods = (getattr(serdes, "serialize", None), getattr(serdes, "deserialize", None))
    if isinstance(serdes, type) or not all(map(callable, methods)):
        way_out = (
            "make one of the class, or give TypedSerDes(...) of the type of the values"
            if isinstance(serdes, type)
            else "for values of a type give TypedSerDes(...) of it"
        )
        raise ValidationError(
            f"{name} must be an object with the methods serialize and deserialize, "
            f"got {shown(serdes)}: {way_out}"
        )


class JsonSerDes(SerDes[Any]):
    """Plain JSON, with its limits: tuples come back as lists, dates as text. For `invoke`."""

    def serialize(self, value: object, serdes_context: SerDesContext | None = None) -> str:
        return plain_json(value, "value")

    def deserialize(self, data: str, serdes_context: SerDesContext | None = None) -> Any:
        return json.loads(data)


class PassThroughSerDes(SerDes[str]):
    """Strings, as they are."""

    def serialize(self, value: str, serdes_context: SerDesContext | None = None) -> str:
        return _text(value, "PassThroughSerDes takes strings only")

    def deserialize(self, data: str, serdes_context: SerDesContext | None = None) -> str:
        return data


class CallbackSerDes(SerDes[Any]):
    """Results that external systems send: decoded when they are valid JSON, else the raw text."""

    def serialize(self, value: object, serdes_context: SerDesContext | None = None) -> str:
        return plain_json(value, "value")

    def deserialize(self, data: str, serdes_context: SerDesContext | None = None) -> Any:
        try:
            return json.loads(data, parse_constant=_not_json)
        except (ValueError, RecursionError):
            return data


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class ExtendedTypeSerDes(SerDes[Any]):
    """The default: plain JSON where JSON can hold the value, else a tagged envelope.

    Keys of dicts become strings, as in JSON. Dicts, lists and strings of a subclass (an
    `OrderedDict`, a `StrEnum`) come back as the plain type.
    """

    def serialize(self, value: object, serdes_context: SerDesContext | None = None) -> str:
        try:
            return envelope.encode(value, tagged_dicts=is_compat_aws())
        except RecursionError:
            raise SerDesError("the value is nested too deeply, or contains itself") from None
        except envelope.UnsupportedValueError as error:
            raise SerDesError(str(error)) from error
        except ValueError as error:
            raise SerDesError(f"the value cannot be written as JSON: {error}") from error

    def deserialize(self, data: str, serdes_context: SerDesContext | None = None) -> Any:
        try:
            return envelope.decode(data)
        # A damaged envelope can break the constructor of any of the types in it.
        # What they say quotes the data, so it is neither repeated nor shown as the cause.
        except json.JSONDecodeError as error:
            raise SerDesError(f"stored data cannot be read: {error}") from None
        except Exception as error:
            problem = type(error).__qualname__
            raise SerDesError(f"stored data cannot be read: {problem} in an envelope") from None


DEFAULT_SERDES = ExtendedTypeSerDes()
"""What operations use that are given no serdes."""

EXTENDED_TYPES_SERDES = DEFAULT_SERDES
"""The same, by the official SDK's name."""

DEFAULT_JSON_SERDES = JsonSerDes()
"""What invokes use that are given no serdes."""

# What was written as nothing reads as None: the type of such a value has None in it.
NOTHING: Any = None
# The default serdes does not ask where a value belongs.
_ANYWHERE = SerDesContext()


def serialize(
    serdes: SerDes[T] | None,
    value: T,
    operation_id: str,
    durable_execution_arn: str,
    *,
    name: str | None = None,
    attempt: int = 1,
) -> str | None:
    """Serialise a value of an operation, with `ExtendedTypeSerDes` if `serdes` is None.

    A serdes may give None for None, of which nothing is stored.

    Raises:
        SerDesError: it failed; the message names the value's type and the operation.
        RetryableSerDesError: as raised by `serdes`.
    """
    chosen: SerDes[T] = DEFAULT_SERDES if serdes is None else serdes
    try:
        if serdes is None:
            return chosen.serialize(value, _ANYWHERE)
        where = SerDesContext(operation_id, durable_execution_arn, attempt)
        return text_of_value(
            serdes, Leaf(name, "serdes").call(serdes.serialize, value, where), value
        )
    except (RetryableSerDesError, NestedOperationError):
        raise
    except Exception as error:
        raise not_written(value, operation_id, name, error) from error


def deserialize(
    serdes: SerDes[T] | None,
    data: str | None,
    operation_id: str,
    durable_execution_arn: str,
    *,
    name: str | None = None,
) -> T:
    """Read a stored value of an operation, with `ExtendedTypeSerDes` if `serdes` is None.

    Nothing stored (`data` is None) reads as None.

    Raises:
        SerDesError: it failed; the message names the operation and the `serdes`.
        RetryableSerDesError: as raised by `serdes`.
    """
    if data is None:
        nothing: T = NOTHING
        return nothing
    chosen: SerDes[T] = DEFAULT_SERDES if serdes is None else serdes
    try:
        if serdes is None:
            value: T = chosen.deserialize(data, _ANYWHERE)
            return value
        where = SerDesContext(operation_id, durable_execution_arn)
        return Leaf(name, "serdes").call(serdes.deserialize, data, where)
    except (RetryableSerDesError, NestedOperationError):
        raise
    except Exception as error:
        raise not_read(chosen, operation_id, name, error) from error


def text_from(serdes: object, value: object) -> str:
    """What a serdes gave for a value, which must be text.

    Raises:
        SerDesError: it is something else.
    """
    return _text(value, f"{_type_of(serdes)} must return a str")


def text_of_value(serdes: object, text: object, value: object) -> str | None:
    """What a serdes gave for a value: text, or None for None.

    Raises:
        SerDesError: it is something else.
    """
    return None if text is None and value is None else text_from(serdes, text)


def not_written(
    value: object, operation_id: str, name: str | None, error: Exception
) -> SerDesError:
    """What is raised where a value of an operation has no text."""
    return SerDesError(
        f"cannot serialise the value of {_named(operation_id, name)} "
        f"({_type_of(value)}): {text_of(error)}"
    )


def not_read(serdes: object, operation_id: str, name: str | None, error: Exception) -> SerDesError:
    """What is raised where the text of an operation gives no value."""
    return SerDesError(
        f"cannot read the stored value of {_named(operation_id, name)} "
        f"with {_type_of(serdes)}: {text_of(error)}"
    )


def _named(operation_id: str, name: str | None) -> str:
    return f"operation {operation_id}" if name is None else f"operation {name!r} ({operation_id})"


def _text(value: object, rule: str) -> str:
    if not isinstance(value, str):
        raise SerDesError(f"{rule}, got {_type_of(value)}")
    return value


def _type_of(value: object) -> str:
    return kind_name(type(value))
