"""Where a function says what it takes and returns, evaluated when it is first needed."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any, NamedTuple

import typing_extensions

from aws_durable_execution_sdk_python._core.user_functions import Bound
from aws_durable_execution_sdk_python._core.values.codecs import Codec
from aws_durable_execution_sdk_python._core.values.plans import codec_of

# Of these nothing is known beyond what the default serdes knows: most functions return one of them.
_PLAIN: frozenset[object] = frozenset({None, Any, object, str, int, float, bool, dict, list, tuple})
_PLAIN_NAMES = {getattr(cls, "__name__", "None"): cls for cls in _PLAIN if cls is not Any}
_EMPTY = inspect.Parameter.empty


class Unresolved(NamedTuple):
    """An annotation that cannot be evaluated, and why."""

    annotation: str
    reason: str


def result_codec(function: Any, *, outward: bool = False) -> Codec | Unresolved | None:
    """The codec of what a function returns; None without an annotation.

    Parameters:
        function: seen through partials, decorators and bound arguments.
        outward: whether what is written is for others.
    """
    inner = innermost(function)
    annotation = raw_annotations(inner).get("return", _EMPTY)
    if annotation is _EMPTY:
        return None
    return _codec(inner, annotation, outward=outward)


def event_codec(handler: Any) -> tuple[str, Codec | Unresolved] | None:
    """Name and codec of a function's first parameter; None without an annotation."""
    inner = innermost(handler)
    code = getattr(inner, "__code__", None)
    if code is None:
        return None
    names = code.co_varnames[: code.co_argcount]
    names = names[1:] if isinstance(_entered(handler), types.MethodType) else names
    annotation = raw_annotations(inner).get(names[0], _EMPTY) if names else _EMPTY
    if annotation is _EMPTY:
        return None
    return names[0], _codec(inner, annotation, outward=False)


if sys.version_info >= (3, 14):

    def is_unannotated(function: types.FunctionType) -> bool:
        """Whether a function says at a glance that nothing is known of its result."""
        return function.__annotate__ is None and _is_plain(function)

else:

    def is_unannotated(function: types.FunctionType) -> bool:
        """Whether a function says at a glance that nothing is known of its result."""
        return not function.__annotations__ or _is_plain(function)


def _is_plain(function: types.FunctionType) -> bool:
    annotation = function.__annotations__.get("return", _EMPTY)
    if type(annotation) is str:
        return annotation in _PLAIN_NAMES and annotation not in function.__globals__
    return (
        annotation is _EMPTY
        or annotation is None
        or (type(annotation) is type and annotation in _PLAIN)
    )


def raw_annotations(function: Any) -> Mapping[str, Any]:
    """A function's annotations as they stand; nothing that cannot be evaluated raises."""
    if sys.version_info >= (3, 14):
        import annotationlib

        try:
            return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
        except Exception:
            return {}
    annotations: object = getattr(function, "__annotations__", None)
    return annotations if isinstance(annotations, dict) else {}  # a mock has others


def _entered(function: Any) -> Any:
    """The function, past what carries arguments for it."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, Bound):
            function = function.function
        elif hasattr(function, "__code__") or isinstance(function, (type, types.MethodType)):
            return function
        else:
            call = getattr(function, "__call__", function)  # noqa: B004 - the method is meant
            return call if isinstance(call, types.MethodType) else function


def innermost(function: Any) -> Any:
    """The function whose code is annotated: seen through partials, methods and decorators."""
    while True:
        function = _entered(function)
        if isinstance(function, types.MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__") and not isinstance(function, type):
            function = function.__wrapped__
        else:
            return function


def _codec(function: Any, annotation: object, *, outward: bool) -> Codec | Unresolved:
    names = _names_around(function)
    try:
        evaluated = _evaluated(function, annotation, names)
        return codec_of(_awaited(evaluated), names, outward=outward)
    except Exception as error:  # whatever code in an annotation raises
        shown = annotation if isinstance(annotation, str) else str(annotation)
        return Unresolved(shown, f"{type(error).__qualname__}: {error}")


def _names_around(function: Any) -> dict[str, Any]:
    """What the function's own code knows of the functions around it: classes within them."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    names: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    return names


def _evaluated(function: Any, annotation: object, names: dict[str, Any]) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"return": annotation}
    # What `functools.wraps` copies are the annotations and the module they are from.
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    known = getattr(function, "__globals__", {}) if module is None else vars(module)
    hints = typing_extensions.get_type_hints(holder, known, names, include_extras=True)
    return hints["return"]


def _awaited(annotation: Any) -> Any:
    """What awaiting gives, where a function returns something to await."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(origin, type) and args and issubclass(origin, Awaitable):
        return args[-1] if issubclass(origin, Coroutine) or len(args) == 1 else annotation
    return annotation
