"""How an operation is planned: from the arguments of a context's method to what a runtime can run.

Both contexts, blocking and async, plan with the `plan_...` function of the operation's module: what
is checked, which number the operation takes and which names it has cannot differ between them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import Decorated, Kind
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python.exceptions import ValidationError

# What to do with a decorated function there.
_CALL_IT: dict[str, str] = dict.fromkeys(
    ("step", "run_in_child_context", "parallel", "wait_for_callback"),
    "call it with its arguments, `name(...)`, or `name()` if there are none",
)

T = TypeVar("T")
C = TypeVar("C")


class Plan(NamedTuple, Generic[T]):
    """An operation that has taken its number: `make` gives its coroutine for a runtime.

    `kind` says what runs inside it; None where that makes no difference to who drives it. Then
    `identity` is the operation's, if it leaves a record.
    """

    make: Callable[[Runtime], Op[T]]
    kind: Kind | None = None
    identity: OperationIdentity | None = None


def chosen(operation: str, config: C | None, default: C) -> C:
    """The configuration given, or the default one, which cannot change and so serves them all.

    Raises:
        ValidationError: it is the configuration of something else.
    """
    if config is None:
        return default
    kind = type(default)
    if not isinstance(config, kind):
        raise ValidationError(
            f"the config of {operation} must be a {kind.__name__}, got {kind_of(config)}"
        )
    return config


def check_callable(operation: str, func: object) -> None:
    """Refuse what is no function, where the user's function should be.

    Raises:
        ValidationError: it cannot be called, or was decorated and not called.
    """
    if isinstance(func, Decorated):
        raise ValidationError(
            f"{operation} was given {kind_of(func)} itself, which is decorated and only binds its "
            f"arguments: {_CALL_IT.get(operation, 'give it the undecorated function')}"
        )
    if inspect.iscoroutine(func):
        func.close()  # it is never to be awaited
        raise ValidationError(
            f"{operation} was given the coroutine that calling {func.__qualname__}(...) gave, and "
            "it has to call the function itself, again on each attempt: pass the function, or "
            "a lambda that calls it"
        )
    if not callable(func):
        raise ValidationError(
            f"{operation} needs a function to run, got {kind_of(func)}: pass the function, or a "
            "decorated function called with its arguments"
        )
