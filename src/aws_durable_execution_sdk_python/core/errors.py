"""Errors to and from the wire, so that first run and replay raise the same thing.

A failed operation raises one exception that is both the operation's error class and, where that
class can be found again by name, the user's own class: `except ValueError` and
`except StepError` both catch it. The same lookup by name decides on the first run and on replay.
"""

from __future__ import annotations

import functools
import sys
from typing import Any, TypeVar

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python.core.model import ErrorObject
from aws_durable_execution_sdk_python.exceptions import CallbackError, DurableOperationError

E = TypeVar("E", bound=DurableOperationError)

# ErrorData of a callback error that crosses a context: this prefix, then the callback's id.
_CALLBACK_DATA = "aws-durable-callback-id:"


def type_name(cls: type[BaseException]) -> str:
    """`ValueError` for builtins, else `package.module.Qualified.name`."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def describe(error: BaseException) -> ErrorObject:
    """The wire form of an error that leaves a step, a context or the handler."""
    if isinstance(error, DurableOperationError):
        # The original type travels through every level; the wrapper is known from where it is.
        data = error.data
        if isinstance(error, CallbackError) and error.callback_id and data is None:
            data = _CALLBACK_DATA + error.callback_id
        kind = error.error_type
        if isinstance(error, CallbackError) or kind is None:
            kind = type_name(_sdk_class(type(error)))
        return ErrorObject(str(error), kind, data, error.stack_trace)
    return ErrorObject(str(error), type_name(type(error)))


def rebuild(operation_class: type[E], error: ErrorObject | None) -> E:
    """The exception to raise for a stored error: an `operation_class`, whatever it names."""
    error = error or ErrorObject()
    original = _find_class(error.type)
    cls = operation_class if original is None else _both(operation_class, original)
    try:
        instance = cls.__new__(cls)
        operation_class.__init__(
            instance, error.message, error.type, error.data, error.stack_trace
        )
    except Exception:  # noqa: BLE001 - whatever a user's class does, the failure is reported
        instance = operation_class(error.message, error.type, error.data, error.stack_trace)
    if isinstance(instance, CallbackError) and (error.data or "").startswith(_CALLBACK_DATA):
        instance.callback_id = (error.data or "")[len(_CALLBACK_DATA) :]
    return instance


def _sdk_class(cls: type[BaseException]) -> type[BaseException]:
    return next(c for c in cls.__mro__ if c.__module__ == exceptions.__name__)


def _find_class(name: str | None) -> type[Exception] | None:
    """The exception class of that name if the program has it loaded. Nothing is imported."""
    if not name:
        return None
    if name.startswith(exceptions.__name__ + "."):
        module, path = exceptions.__name__, [name.rpartition(".")[2]]
    else:
        module, path = _split(name)
    found: Any = sys.modules.get(module)
    for part in path:
        found = getattr(found, part, None)
    ok = isinstance(found, type) and issubclass(found, Exception)
    return found if ok and type_name(found) == name else None


def _split(name: str) -> tuple[str, list[str]]:
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if module in sys.modules:
            return module, parts[cut:]
    return ("builtins", parts) if len(parts) == 1 else ("", parts)


@functools.cache
def _both(operation_class: type[E], original: type[Exception]) -> type[E]:
    """`class ValueError(StepError, ValueError)`; the operation's class where layouts clash."""
    if issubclass(operation_class, original):
        return operation_class
    if issubclass(original, operation_class):
        return original
    namespace = {"__str__": operation_class.__str__, "__module__": original.__module__}
    try:
        cls = type(original.__name__, (operation_class, original), namespace)
    except TypeError:
        return operation_class
    cls.__qualname__ = original.__qualname__
    return cls
