"""Errors to and from the wire, so that first run and replay raise the same thing.

A failed operation raises one exception that is both the operation's error class and, where that
class can be found again by name, the user's own class: `except ValueError` and
`except StepError` both catch it. The same lookup by name decides on the first run and on replay.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TypeVar

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python._core.error_classes import (
    combine,
    find_error_class,
    new_without_code,
)
from aws_durable_execution_sdk_python._core.error_size import fitting
from aws_durable_execution_sdk_python._core.limits import KIB
from aws_durable_execution_sdk_python._core.model import ErrorObject, Operation
from aws_durable_execution_sdk_python.exceptions import (
    CallbackError,
    DurableOperationError,
)

E = TypeVar("E", bound=DurableOperationError)

# What is recorded of an operation that user code cancelled; no error of the user's has these data.
CANCELLED = ErrorObject(
    "the code around the operation cancelled it",
    f"{exceptions.__name__}.{exceptions.OperationCancelledError.__qualname__}",
    "aws-durable-cancelled",
)

# Of a message, enough for any reader.
MAX_MESSAGE_BYTES = 12 * KIB

# ErrorData of a callback error that crosses a context: this prefix, then JSON with what would
# otherwise be lost, the callback's id and the type and data its answer had.
_CALLBACK_DATA = "aws-durable-callback:"


def type_name(cls: type[BaseException]) -> str:
    """`ValueError` for builtins, else `package.module.Qualified.name`."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def text_of(error: BaseException) -> str:
    """The error's text, whatever the user's `__str__` does."""
    try:
        return str(error)
    except Exception as unprintable:
        return f"({type(error).__qualname__} has no text: {type(unprintable).__qualname__})"


def describe(error: BaseException) -> ErrorObject:
    """The wire form of an error that leaves a step, a context or the handler."""
    if isinstance(error, CallbackError):
        lost = {"id": error.callback_id, "type": error.error_type, "data": error.data}
        kind = type_name(_sdk_class(type(error)))
        data = _CALLBACK_DATA + json.dumps(lost)
        return ErrorObject(str(error), kind, data, error.stack_trace)
    if isinstance(error, DurableOperationError):
        # The original type travels through every level; the wrapper is known from where it is.
        kind = error.error_type or type_name(type(error))
        return ErrorObject(str(error), kind, error.data, error.stack_trace)
    return ErrorObject(text_of(error), type_name(type(error)))


def describe_for_record(error: BaseException) -> ErrorObject:
    """The wire form of an error that is stored with an operation: over-long texts are cut.

    The service refuses larger errors, which would end the execution instead of the operation.
    """
    described = describe(error)
    message = (described.message or "").encode(errors="replace")
    if len(message) > MAX_MESSAGE_BYTES:
        kept = message[:MAX_MESSAGE_BYTES].decode(errors="ignore")
        cut = f"{kept}... [cut: {len(message)} bytes in all]"
        described = dataclasses.replace(described, message=cut)
    return fitting(described)


def recorded_error(operation: Operation) -> ErrorObject:
    """What an operation that ended without success left; at least how it ended."""
    what = operation.operation_type.lower().replace("_", " ")
    return operation.error or ErrorObject(f"the {what} ended as {operation.status}")


def was_cancelled(operation: Operation) -> bool:
    """Whether user code cancelled it, when it ran."""
    error = operation.error
    return error is not None and (error.type, error.data) == (CANCELLED.type, CANCELLED.data)


def rebuild(operation_class: type[E], error: ErrorObject | None) -> E:
    """The exception to raise for a stored error: an `operation_class`, whatever it names.

    A stored name decides which class is used, so it may only choose among those the program has
    loaded, and none of their code runs: no `__new__`, no `__init__`, no hook of a subclass.
    """
    error = error or ErrorObject()
    original = find_error_class(error.type)
    cls: type[E] = operation_class if original is None else combine(operation_class, original)
    try:
        instance = new_without_code(cls)
    except TypeError:
        instance = new_without_code(operation_class)
    operation_class.__init__(instance, error.message, error.type, error.data, error.stack_trace)
    if isinstance(instance, CallbackError):
        _restore_callback(instance)
    return instance


def _restore_callback(error: CallbackError) -> None:
    """Give a callback's error back what `describe` put into its data."""
    data = error.data or ""
    if not data.startswith(_CALLBACK_DATA):
        return
    try:
        lost = json.loads(data[len(_CALLBACK_DATA) :])
        error.callback_id, error.error_type, error.data = lost["id"], lost["type"], lost["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return  # not ours: whoever failed the callback chose these data


def _sdk_class(cls: type[BaseException]) -> type[BaseException]:
    """The SDK's own class of an error that may be the user's as well; the most telling one."""
    own = [c for c in cls.__mro__ if c.__module__ == exceptions.__name__]
    return next((c for c in own if issubclass(c, CallbackError)), own[0])
