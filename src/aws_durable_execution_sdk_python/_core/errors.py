"""Errors to and from the wire, so that first run and replay raise the same thing.

A failed operation raises one exception that is both the operation's error class and, where that
class can be found again by name, the user's own class: `except ValueError` and
`except StepError` both catch it. It is made from what is stored, on the first run as on a replay:
what was not stored is not there on either. What it is made of are its type, text and trace, and
its details (`error_details`).
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, cast

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.error_classes import (
    OPERATION_NAMES,
    combine,
    find_error_class,
    new_without_code,
    stand_in,
)
from aws_durable_execution_sdk_python._core.error_details import Details, details_of, read_details
from aws_durable_execution_sdk_python._core.error_size import fitting, kept_message
from aws_durable_execution_sdk_python._core.error_state import (
    RESTORED,
    Restored,
    instance_dict,
    is_heap_type,
    set_args,
    set_variable,
)
from aws_durable_execution_sdk_python._core.error_texts import (
    message_of,
    text_of,
    type_name,
    type_of,
)
from aws_durable_execution_sdk_python._core.error_traces import trace_of
from aws_durable_execution_sdk_python._core.error_values import Tree, from_tree
from aws_durable_execution_sdk_python._core.model import ErrorObject, Operation
from aws_durable_execution_sdk_python.exceptions import (
    CallbackError,
    DurableOperationError,
    SerDesError,
)

__all__ = [
    "CANCELLED",
    "describe",
    "describe_for_record",
    "rebuild",
    "recorded_error",
    "text_of",
    "type_name",
    "was_cancelled",
]

E = TypeVar("E", bound=DurableOperationError)

# What is recorded of an operation that user code cancelled; no error of the user's has these data.
CANCELLED = ErrorObject(
    "the code around the operation cancelled it",
    f"{exceptions.__name__}.{exceptions.OperationCancelledError.__qualname__}",
    "aws-durable-cancelled",
)

_set_cause = BaseException.__dict__["__cause__"].__set__
_set_context = BaseException.__dict__["__context__"].__set__
_set_suppressed = BaseException.__dict__["__suppress_context__"].__set__


def describe(error: BaseException) -> ErrorObject:
    """The wire form of an error that leaves a step, a context or the handler.

    The original type travels through every level; the operation's own is known from where it is.
    """
    message = message_of(error)
    try:
        data = details_of(error, message)
    except Exception:  # of what the user's classes do when they are looked at
        data = None
    return ErrorObject(message, type_of(error), data, trace_of(error) or None)


def describe_for_record(error: BaseException) -> ErrorObject:
    """The wire form of an error that is stored with an operation: over-long texts are cut.

    The service refuses larger errors, which would end the execution instead of the operation.
    """
    described = describe(error)
    return fitting(dataclasses.replace(described, message=kept_message(described.message or "")))


def recorded_error(operation: Operation) -> ErrorObject:
    """What an operation that ended without success left; at least how it ended."""
    what = operation.operation_type.lower().replace("_", " ")
    return operation.error or ErrorObject(f"the {what} ended as {operation.status}")


def was_cancelled(operation: Operation) -> bool:
    """Whether user code cancelled it, when it ran."""
    error = operation.error
    return error is not None and (error.type, error.data) == (CANCELLED.type, CANCELLED.data)


# ------------------------------------------------------------------------------------ rebuilding


def rebuild(operation_class: type[E], error: ErrorObject | None, *, is_ours: bool = True) -> E:
    """The exception to raise for a stored error: an `operation_class`, whatever it names.

    A stored name decides which class is used, so it may only choose among those the program has
    loaded, and none of their code runs: no `__new__`, no `__init__`, no hook of a subclass or a
    metaclass.

    Parameters:
        operation_class: of the operation that failed.
        error: what is stored.
        is_ours: whether this program raised it, so that the type it names may be one of here.
    """
    error = error or ErrorObject()
    details = read_details(error.data)
    if details is not None:
        own = details.get("data")
        plain = dataclasses.replace(error, data=own if isinstance(own, str) else None)
        try:
            return _made(operation_class, plain, details, is_ours=is_ours)
        except Exception:
            # Of the right form, but not ours: whoever stored it chose these data.
            pass
    return _made(operation_class, error, {}, is_ours=is_ours)


def _made(
    operation_class: type[E], error: ErrorObject, details: Details, *, is_ours: bool = True
) -> E:
    original = find_error_class(error.type) if is_ours else None
    # The operation's own class, one that says more of how it failed, or what its value met.
    if is_compat_aws() and not issubclass(original or object, (operation_class, SerDesError)):
        original = None
    cls: type[E] = operation_class if original is None else combine(operation_class, original)
    made = _instance(cls, operation_class, details)
    _set_operation(made, error, details)
    _fill(made, error, details)
    return cast(E, made)


def _nested(tree: Tree) -> BaseException:
    """An error below the one that is stored: a cause, one of a group, an attribute's value."""
    details: Details = dict(tree)
    error = ErrorObject(str(details["message"]), str(details["type"]))
    original = find_error_class(error.type)
    operation = details.get("operation")
    if isinstance(operation, str):
        named = find_error_class(f"{exceptions.__name__}.{operation}")
        if named is None or not issubclass(named, DurableOperationError):
            raise ValueError(operation)
        return _made(named, error, details)
    if original is None:
        return _made(DurableOperationError, error, details)
    if not is_heap_type(original) and "lost" not in details:
        made = _instance(original, None, details)
        _fill(made, error, details)
        if str(made) == error.message:
            del instance_dict(made)[RESTORED]
            return made
    cls = stand_in(original)
    made = _instance(cls, None, details)
    if isinstance(made, DurableOperationError):
        _set_operation(made, error, details)
    _fill(made, error, details)
    return made


def _instance(
    cls: type[BaseException], fallback: type[BaseException] | None, details: Details
) -> BaseException:
    """An empty instance; that of a group has its errors from the beginning."""
    parts: tuple[object, ...] = ()
    if issubclass(cls, BaseExceptionGroup) and "errors" in details:
        parts = (details["group"], [_nested(member) for member in details["errors"]])
    try:
        return new_without_code(cls, *parts)
    except (TypeError, ValueError):
        return new_without_code(fallback or DurableOperationError)


def _set_operation(made: BaseException, error: ErrorObject, details: Details) -> None:
    """What every error of an operation has."""
    attributes: dict[str, object] = {
        "message": error.message,
        "error_type": error.type,
        "data": error.data,
        "stack_trace": error.stack_trace,
    }
    callback = details.get("callback")
    if isinstance(made, CallbackError) and callback is not None:
        attributes["callback_id"] = callback["id"]
        attributes["error_type"] = callback["type"]
        attributes["data"] = callback["data"]
    instance_dict(made).update(attributes)


def _fill(made: BaseException, error: ErrorObject, details: Details) -> None:
    """Put what is stored of an error into an empty instance."""
    lost = {str(name): str(why) for name, why in details.get("lost", {}).items()}
    state: dict[str, Any] = from_tree(details.get("state", {}), _nested)
    if "args" in details:
        args = from_tree(details["args"], _nested)
        if not isinstance(args, tuple):
            raise ValueError("args")
        set_args(made, cast("tuple[object, ...]", args))
    elif not isinstance(made, BaseExceptionGroup):
        set_args(made, (error.message,))
    if _is_only_operations(made):
        # There these names are the operation's.
        for name in OPERATION_NAMES:
            state.pop(name, None)
    for name, value in state.items():
        if not set_variable(made, name, value):
            lost[name] = "of a type that the class does not take any more"
    own = frozenset(OPERATION_NAMES).intersection(state)
    stored = error
    if isinstance(made, CallbackError):
        stored = dataclasses.replace(error, data=instance_dict(made).get("data"))
    instance_dict(made)[RESTORED] = Restored(stored, lost, own)
    _link(made, details)


def _is_only_operations(made: BaseException) -> bool:
    module = type.__dict__["__module__"].__get__(type(made))
    return isinstance(made, DurableOperationError) and module == exceptions.__name__


def _link(made: BaseException, details: Details) -> None:
    """Notes, and the chain of causes."""
    notes = details.get("notes")
    if notes is not None:
        instance_dict(made)["__notes__"] = [str(note) for note in notes]
    cause, context = details.get("cause"), details.get("context")
    before = None if cause is None else _nested(cause)
    if before is not None:
        _set_cause(made, before)
    if context is not None:
        _set_context(made, before if context is True else _nested(context))
    _set_suppressed(made, bool(details.get("suppress")))
