"""What stores values by the annotations of a program, where no serdes is given for them."""

from __future__ import annotations

from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from aws_durable_execution_sdk_python._core.user_functions import Bound
from aws_durable_execution_sdk_python._core.values.annotations import (
    Unresolved,
    innermost,
    is_unannotated,
    result_codec,
)
from aws_durable_execution_sdk_python._core.values.boundary import payload_text
from aws_durable_execution_sdk_python._core.values.codecs import Codec
from aws_durable_execution_sdk_python._core.values.typed_serdes import AnnotatedSerDes
from aws_durable_execution_sdk_python.exceptions import SerDesError
from aws_durable_execution_sdk_python.serdes import (
    ExtendedTypeSerDes,
    JsonSerDes,
    SerDes,
    SerDesContext,
)


class PayloadSerDes(JsonSerDes):
    """The payload of an invoke: as `JsonSerDes`, and objects by the annotations of their class."""

    def serialize(self, value: object, serdes_context: SerDesContext | None = None) -> str:
        return payload_text(value)


class _UnresolvedSerDes(ExtendedTypeSerDes):
    """The results of a function whose annotation cannot be evaluated: as without one."""

    def __init__(self, unresolved: Unresolved) -> None:
        self._unresolved = unresolved

    def serialize(self, value: object, serdes_context: SerDesContext | None = None) -> str:
        try:
            return super().serialize(value, serdes_context)
        except SerDesError as error:
            annotation, reason = self._unresolved
            raise SerDesError(
                f"{error}. The annotation {annotation!r} cannot be evaluated ({reason}): import "
                "what it names where the function is defined, at run time as well"
            ) from error


_BY_ANNOTATION: WeakKeyDictionary[Any, SerDes[Any] | None] = WeakKeyDictionary()


def result_serdes(function: Any) -> SerDes[Any] | None:
    """What stores the results of a function by its annotation; None for the default serdes.

    The annotation is evaluated when this is first called for the function, and never again.
    """
    if type(function) is not FunctionType:
        function = function.function if isinstance(function, Bound) else innermost(function)
    if type(function) is FunctionType and is_unannotated(function):
        return None
    try:
        return _BY_ANNOTATION[function]
    except KeyError:
        found = _BY_ANNOTATION[function] = _serdes_of(result_codec(function))
        return found
    except TypeError:  # nothing that can be remembered
        return _serdes_of(result_codec(function))


def _serdes_of(codec: Codec | Unresolved | None) -> SerDes[Any] | None:
    if isinstance(codec, Unresolved):
        return _UnresolvedSerDes(codec)
    return None if codec is None or codec.is_native else AnnotatedSerDes(codec)
