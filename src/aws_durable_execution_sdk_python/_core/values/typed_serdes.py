"""Serdes for the values of a type: one that is given, or that of a function's annotation."""

from __future__ import annotations

import json
import typing
from typing import Any, NewType, Optional, overload

import typing_extensions
from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core import envelope
from aws_durable_execution_sdk_python._core.errors import text_of
from aws_durable_execution_sdk_python._core.serdes_base import SerDes, SerDesContext
from aws_durable_execution_sdk_python._core.validation import shown
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit
from aws_durable_execution_sdk_python._core.values.documents import Document
from aws_durable_execution_sdk_python._core.values.plans import codec_of
from aws_durable_execution_sdk_python.exceptions import SerDesError, ValidationError

T = TypeVar("T", default=Any)


class TypedSerDes(SerDes[T]):
    """Values of one type as plain JSON, as functions that are annotated with it store them.

    For values that no annotation speaks of: the result of a lambda, or of a function that is
    annotated otherwise.

    Parameters:
        value_type: a class, or `list[...]`, `A | B` and so on; see docs/values.md.

    Raises:
        ValidationError: it is no type, but a string, None or a value say.

    Example:
        >>> from datetime import timedelta
        >>> TypedSerDes(list[timedelta]).serialize([timedelta(hours=1)], SerDesContext())
        '["P0DT3600S"]'
    """

    @overload
    def __init__(self, value_type: type[T]) -> None: ...
    @overload
    def __init__(self: TypedSerDes[Any], value_type: object) -> None: ...
    def __init__(self, value_type: object) -> None:
        self._type = checked_type(value_type)
        self._made: Document | None = None

    def __repr__(self) -> str:
        return f"TypedSerDes({self._type!r})"

    def or_none(self) -> TypedSerDes[Any]:
        """The same for values that may be None."""
        return TypedSerDes(optional(self._type))

    @property
    def document(self) -> Document:
        """What writes and reads the values, as trees of JSON."""
        if self._made is None:
            self._made = _document(self._type)
        return self._made

    def serialize(self, value: T, serdes_context: SerDesContext) -> str:
        return _write(self.document, value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        value: T = _read(self.document, data)
        return value


# What is a type without being written as `list[...]` or `A | B`.
_TYPES = (type, NewType, typing_extensions.TypeAliasType, typing_extensions.TypeVar, typing.TypeVar)


def optional(value_type: object) -> object:
    """The type of such values, or None."""
    return Optional[value_type]  # noqa: UP045 - what is no class has no `|`


def checked_type(value_type: object) -> object:
    """A type given as an argument.

    Raises:
        ValidationError: it cannot be one.
    """
    if isinstance(value_type, _TYPES) or typing_extensions.get_origin(value_type) is not None:
        return value_type
    raise ValidationError(
        f"a type must be a class, or list[...] and so on, got {shown(value_type)}: give the type "
        "itself, no value of it and not its name"
    )


def _document(value_type: object) -> Document:
    try:
        return Document(codec_of(value_type, {}), is_strict=True)
    except Exception as error:
        raise SerDesError(
            f"{value_type!r} has an annotation that cannot be evaluated: {text_of(error)}"
        ) from error


def write_tree(document: Document, value: object) -> Any:
    """The JSON of a value.

    Raises:
        SerDesError: it does not fit the document's type; the message names the place.
    """
    try:
        return document.to_tree(value)
    except Misfit as misfit:
        raise SerDesError(document.described(misfit)) from misfit.__cause__
    except RecursionError:
        raise SerDesError("the value is nested too deeply, or contains itself") from None
    except ValueError as error:
        raise _no_json(error) from error


def _write(document: Document, value: object) -> str:
    tree = write_tree(document, value)
    try:
        return envelope.to_json(tree)
    except ValueError as error:
        raise _no_json(error) from error


def _no_json(error: ValueError) -> SerDesError:
    return SerDesError(f"the value cannot be written as JSON: {error}")


def _read(document: Document, data: str) -> Any:
    try:
        tree = envelope.from_json(data)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SerDesError(f"stored data cannot be read: {error}") from None
    return read_tree(document, tree)


def read_tree(document: Document, tree: object) -> Any:
    """The value of JSON that has been read.

    Raises:
        SerDesError: it does not fit the document's type; the message names the place.
    """
    try:
        return document.from_tree(tree)
    except Misfit as misfit:
        raise SerDesError(document.described(misfit)) from misfit.__cause__
    except RecursionError:
        raise SerDesError("the value is nested too deeply") from None


class ForeignSerDes(TypedSerDes[T]):
    """Results that others wrote, who know nothing of envelopes, read as a type."""

    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        try:
            value: T = self.document.read_foreign(json.loads(data))
        except Misfit as misfit:
            raise SerDesError(self.document.described(misfit)) from misfit.__cause__
        return value


class CallbackResultSerDes(ForeignSerDes[T]):
    """Results that external systems send, read as a type: from JSON, else from the raw text."""

    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        try:
            return super().deserialize(data, serdes_context)
        except SerDesError as error:
            refused: SerDesError | None = error
        except ValueError:
            refused = None
        try:
            raw: T = self.document.read_foreign(data)
        except Misfit as misfit:
            raise refused or SerDesError(self.document.described(misfit)) from None
        return raw


class AnnotatedSerDes(SerDes[Any]):
    """The results of a function by its annotation; what does not fit, as without one."""

    def __init__(self, codec: Codec) -> None:
        self.document = Document(codec, is_strict=False)

    def serialize(self, value: object, serdes_context: SerDesContext) -> str:
        return _write(self.document, value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        return _read(self.document, data)
