"""What kind of function the user handed over: async or not, and which context it takes.

Decided from the function itself, never from what happens at run time, so that a replay decides
the same.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeGuard, TypeVar

from typing_extensions import TypeIs

from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python.exceptions import ValidationError

_STEP_CONTEXT_NAMES = frozenset({"step_context", "ctx", "context", "_", "_ctx"})
_POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_CONTEXT_CLASSES = {"DurableContext": "blocking", "AsyncDurableContext": "async"}

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

# A function of the user's, blocking or async; what it takes has been looked at.
UserFunction: TypeAlias = Callable[..., Awaitable[T] | T]
AnyFunction: TypeAlias = Callable[..., object]


class Bound(Generic[R_co]):
    """A decorated function with its arguments, waiting for the context it runs with.

    Attributes:
        function: the user's function.
        pass_context: whether it takes the context as its first argument.
    """

    __slots__ = ("_original_name", "args", "function", "kwargs", "pass_context")
    is_step = False

    def __init__(
        self,
        function: Callable[..., R_co],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        name: str | None,
        pass_context: bool = True,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.pass_context = pass_context
        self._original_name = name

    def __call__(self, context: Any, *more: object) -> R_co:
        if self.pass_context:
            return self.function(context, *more, *self.args, **self.kwargs)
        return self.function(*self.args, **self.kwargs)

    def __repr__(self) -> str:
        return f"<{self._original_name or self.function!r} with its arguments>"


def signature_of(function: AnyFunction) -> inspect.Signature:
    """A function's signature, whatever its annotations: what is not defined yet stays unevaluated.

    Raises:
        TypeError, ValueError: it has none.
    """
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        try:
            return inspect.signature(function, annotation_format=Format.FORWARDREF)
        except (TypeError, ValueError):
            raise
        except Exception:  # of code in an annotation
            return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def is_awaitable(value: Awaitable[T] | T) -> TypeIs[Awaitable[T]]:
    """Whether what a function gave is still to be awaited."""
    return inspect.isawaitable(value)


class Decorated:
    """A function that a decorator has marked: calling it binds its arguments.

    In a class body it is a method as any function is: the instance goes before all arguments, and
    the context that the operation gives is what it is without one.
    """

    def __init__(
        self,
        function: AnyFunction,
        bind: Callable[..., object],
        decorate: Callable[[Any], object],
    ) -> None:
        functools.update_wrapper(self, function)
        # Else it would look async, or like a function of other parameters.
        del self.__wrapped__  # type: ignore[attr-defined]
        self._original_name = own_name(function)
        self._function = function
        self._bind = bind
        self._decorate = decorate

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._bind(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:
            return self
        function: Any = self._function
        return self._decorate(function.__get__(instance, owner))


def own_name(function: AnyFunction) -> str | None:
    """The name that a function was defined with; lambdas have none."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


class Kind(enum.Enum):
    """How a function that takes a durable context runs, and so which context it gets."""

    BLOCKING = "blocking"
    ASYNC = "async"


def is_async(function: UserFunction[T]) -> TypeGuard[Callable[..., Awaitable[T]]]:
    """Whether calling it gives a coroutine: seen through partials, decorators and objects."""
    plain = function.function if isinstance(function, Bound) else function
    if isinstance(plain, types.FunctionType) and plain.__code__.co_flags & inspect.CO_COROUTINE:
        return True  # the usual case, at a fraction of what follows
    innermost = _innermost(function)
    if _is_async_def(innermost):
        return True
    call = getattr(type(innermost), "__call__", None)  # noqa: B004 - the method itself is meant
    return not inspect.isroutine(innermost) and _is_async_def(call)


def _is_async_def(function: object) -> bool:
    try:
        return inspect.iscoroutinefunction(function)
    except TypeError:  # a mock that says it is a function
        return False


def context_kind(function: AnyFunction, parent: Kind) -> Kind:
    """Which context the function gets: by annotation, else async def, else lambda, else def.

    Raises:
        ValidationError: it is `async def`, and annotated with the blocking one.
    """
    if isinstance(function, Bound):
        function = function.function
    declared = _declared_kind(function)
    if declared is Kind.BLOCKING and is_async(function):
        raise ValidationError(
            f"{kind_of(function)} is `async def`, but annotates its context as DurableContext, "
            "the blocking one: annotate it as AsyncDurableContext, or declare the function `def`"
        )
    if declared is not None:
        return declared
    if is_async(function):
        return Kind.ASYNC
    return parent if getattr(_innermost(function), "__name__", "") == "<lambda>" else Kind.BLOCKING


def takes_positional(function: AnyFunction) -> bool:
    """Whether a bare callable accepts one positional argument (the StepContext)."""
    if isinstance(function, Bound):
        return True
    if type(function) is types.FunctionType and not hasattr(function, "__wrapped__"):
        code = function.__code__  # the usual case, at a fraction of signature()'s cost
        return code.co_argcount > 0 or bool(code.co_flags & inspect.CO_VARARGS)
    try:
        parameters = signature_of(function).parameters.values()
    except (TypeError, ValueError):
        return False  # a builtin without a signature, time.time for instance
    return any(p.kind in _POSITIONAL for p in parameters)


def accepts(function: AnyFunction, count: int) -> bool:
    """Whether a callable can be called with that many positional arguments."""
    if isinstance(function, Bound):
        return True
    try:
        signature_of(function).bind(*(None,) * count)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def declares_step_context(function: AnyFunction) -> bool | None:
    """Whether the first parameter is a StepContext by annotation or name; None if unknowable."""
    try:
        parameters = list(signature_of(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if not parameters or parameters[0].kind not in _POSITIONAL:
        return False
    first = parameters[0]
    return first.name in _STEP_CONTEXT_NAMES or _annotation_name(first) == "StepContext"


def name_of(function: AnyFunction) -> str | None:
    """The name a decorated function gives its operation; bare functions and lambdas have none."""
    name = getattr(function, "_original_name", None)
    return name if isinstance(name, str) and name else None  # a mock has any attribute


def _innermost(function: Any) -> Any:
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, Bound):
            function = function.function
        elif _is_async_def(function):
            return function
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function


def _declared_kind(function: AnyFunction) -> Kind | None:
    try:
        parameters = signature_of(function).parameters.values()
    except (TypeError, ValueError):
        return None
    for parameter in parameters:
        kind = _CONTEXT_CLASSES.get(_annotation_name(parameter))
        if kind is not None:
            return Kind(kind)
    return None


def _annotation_name(parameter: inspect.Parameter) -> str:
    """The annotation's class name, whether it is a class or (from __future__) a string."""
    annotation = parameter.annotation
    annotation = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(annotation, str):
        return annotation.strip("\"' ").rpartition(".")[2]
    return getattr(annotation, "__name__", "")
