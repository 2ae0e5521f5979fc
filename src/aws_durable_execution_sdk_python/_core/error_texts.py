"""How an error reads: the name of its type, and its text, in which nothing that matters drowns."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import cast

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.error_state import restored
from aws_durable_execution_sdk_python.exceptions import (
    CallbackError,
    DurableExecutionsError,
    DurableOperationError,
)

# Of a group's errors, how many are named in its text, and with how much of theirs.
_NAMED = 8
_LONGEST = 600

_mro_of = type.__dict__["__mro__"].__get__
_module_of = type.__dict__["__module__"].__get__


def type_name(cls: type[BaseException]) -> str:
    """`ValueError` for builtins, else `package.module.Qualified.name`."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def kind_name(cls: type) -> str:
    """A class in a message: by its own name, but `numpy.bool` where a builtin has the same."""
    name = cls.__qualname__
    is_clear = getattr(builtins, name, cls) is cls
    return name if is_clear else f"{cls.__module__}.{name}"


def text_of(error: BaseException) -> str:
    """The error's text, whatever the user's `__str__` does."""
    try:
        return str(error)
    except Exception as unprintable:
        return f"({type(error).__qualname__} has no text: {type(unprintable).__qualname__})"


def type_of(error: BaseException) -> str:
    """The type that is stored of an error: that of the original for an operation's.

    The operation's own with `compat="aws"`.
    """
    if isinstance(error, CallbackError) or (
        isinstance(error, DurableOperationError) and is_compat_aws()
    ):
        return type_name(operation_class(error))
    if isinstance(error, DurableOperationError):
        return original_type(error)
    return type_name(type(error))


def original_type(error: DurableOperationError) -> str:
    """The type that is stored of what an operation failed with."""
    known = restored(error)
    stored = error.error_type if known is None else known.stored.type
    return stored or type_name(type(error))


def operation_class(error: DurableOperationError) -> type[DurableOperationError]:
    """The SDK's own class of an error that may be the user's as well; the most telling one."""
    mro: tuple[type[DurableOperationError], ...] = _mro_of(type(error))
    own = [cls for cls in mro if _module_of(cls) == exceptions.__name__]
    return next((cls for cls in own if issubclass(cls, CallbackError)), own[0])


def message_of(error: BaseException) -> str:
    """The text that is stored of an error; that of a group names the errors in it.

    Those of the SDK come first, since what they advise must not drown.
    """
    text = text_of(error)
    if not isinstance(error, BaseExceptionGroup) or restored(error) is not None:
        return text
    group = cast("BaseExceptionGroup[BaseException]", error)
    leaves = sorted(_leaves(group), key=_is_advice, reverse=True)
    parts = [f"{type_of(leaf)}: {text_of(leaf)}"[:_LONGEST] for leaf in leaves[:_NAMED]]
    if len(leaves) > _NAMED:
        parts.append(f"and {len(leaves) - _NAMED} more")
    return f"{text}: {'; '.join(parts)}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _is_advice(error: BaseException) -> bool:
    """Whether the SDK says with it what is to be done otherwise."""
    return isinstance(error, DurableExecutionsError) and not isinstance(
        error, DurableOperationError
    )
