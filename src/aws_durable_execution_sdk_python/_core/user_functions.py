"""What kind of function the user handed over: async or not, and which context it takes.

Decided from the function itself, never from what happens at run time, so that a replay decides
the same.

- Which context a function takes is its declaration's: that of the function inside, whatever wraps
  it. Annotations are resolved: aliases, texts, modules. A context's class says which one it is by
  its `durable_role`; only of an annotation that cannot be resolved does the written name count.
- How a function is called is the outermost one's: a `def` around an `async def` is a `def`.
"""

from __future__ import annotations

import enum
import functools
import inspect
import re
import sys
import types
import typing
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
# What a context's class says of itself, and what is written where it cannot be looked at.
STEP_ROLE = "step"
_ROLES = {"StepContext": STEP_ROLE, "DurableContext": "blocking", "AsyncDurableContext": "async"}

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

# A function of the user's, blocking or async; what it takes has been looked at.
UserFunction: TypeAlias = Callable[..., Awaitable[T] | T]
AnyFunction: TypeAlias = Callable[..., object]


class Bound(Generic[R_co]):
    """A decorated function with its arguments, waiting for the context it runs with.

    Attributes:
        function: the user's function.
        context_at: which argument the context is; None for a function that takes none.
    """

    __slots__ = ("_original_name", "args", "context_at", "function", "kwargs")
    is_step = False

    def __init__(
        self,
        function: Callable[..., R_co],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        *,
        name: str | None,
        context_at: int | None = 0,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.context_at = context_at
        self._original_name = name

    def __call__(self, context: Any, *more: object) -> R_co:
        if self.context_at is None:
            return self.function(*self.args, **self.kwargs)
        before, after = self.args[: self.context_at], self.args[self.context_at :]
        return self.function(*before, context, *more, *after, **self.kwargs)

    def __repr__(self) -> str:
        return f"<{self._original_name or self.function!r} with its arguments>"


def is_awaitable(value: Awaitable[T] | T) -> TypeIs[Awaitable[T]]:
    """Whether what a function gave is still to be awaited."""
    return inspect.isawaitable(value)


class Decorated:
    """A decorated function: called, it binds its arguments.

    Also as a method, in either order with `classmethod` and `staticmethod`: found on an instance or
    a class, it is the decorated method of that.
    """

    def __init__(
        self,
        function: Any,
        make: Callable[[AnyFunction], Callable[..., object]],
    ) -> None:
        functools.update_wrapper(self, function)
        # It would make this look async, or like a function of other parameters.
        del self.__dict__["__wrapped__"]
        self._original_name = own_name(function)
        self._function: Any = function
        self._make = make
        self._bind = make(function) if callable(function) else None

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self._bind is None:
            raise TypeError(f"{self!r} is for a class: call it on that or on an instance")
        return self._bind(*args, **kwargs)

    def __get__(self, instance: object, owner: type[object] | None = None) -> object:
        bind: Any = getattr(self._function.__class__, "__get__", None)
        method = self._function if bind is None else bind(self._function, instance, owner)
        return self if method is self._function else Decorated(method, self._make)

    def __repr__(self) -> str:
        return f"<durable {self._function!r}>"


def own_name(function: AnyFunction) -> str | None:
    """The name that a function was defined with; lambdas have none."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


class Kind(enum.Enum):
    """How a function that takes a durable context runs, and so which context it gets."""

    BLOCKING = "blocking"
    ASYNC = "async"


def is_async(function: UserFunction[T]) -> TypeGuard[Callable[..., Awaitable[T]]]:
    """Whether calling it gives a coroutine: seen through partials and objects."""
    called: Any = function
    while isinstance(called, functools.partial | Bound):
        called = called.func if isinstance(called, functools.partial) else called.function
    return _gives_coroutine(called)


def _gives_coroutine(function: Any) -> bool:
    if type(function) is types.FunctionType:
        # The usual case, at a fraction of what follows.
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE) or _is_async_def(function)
    if _is_async_def(function):
        return True
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the method itself is meant
    return not inspect.isroutine(function) and _is_async_def(call)


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
    innermost = _innermost(function)
    if _gives_coroutine(innermost):
        return Kind.ASYNC
    return parent if getattr(innermost, "__name__", "") == "<lambda>" else Kind.BLOCKING


def takes_positional(function: AnyFunction) -> bool:
    """Whether a bare callable accepts one positional argument (the StepContext)."""
    if isinstance(function, Bound):
        return True
    if type(function) is types.FunctionType and not hasattr(function, "__wrapped__"):
        code = function.__code__  # the usual case, at a fraction of signature()'s cost
        return code.co_argcount > 0 or bool(code.co_flags & inspect.CO_VARARGS)
    # A builtin may have no signature, time.time for instance.
    return any(p.kind in _POSITIONAL for p in parameters_of(function))


def accepts(function: AnyFunction, count: int) -> bool:
    """Whether a callable can be called with that many positional arguments."""
    if isinstance(function, Bound):
        return True
    signature = signature_of(function)
    return signature is None or fits(signature, (None,) * count, {})


def fits(
    signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> bool:
    """Whether a function of that signature can be called so."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def is_bound_step(function: AnyFunction) -> bool:
    """Whether it is a `@durable_step` function with its arguments, or a wrapper around one."""
    innermost: Any = function
    while not isinstance(innermost, Bound) and hasattr(innermost, "__wrapped__"):
        innermost = innermost.__wrapped__
    return isinstance(innermost, Bound) and innermost.is_step


def name_of(function: AnyFunction) -> str | None:
    """The name a decorated function gives its operation, also below other decorators.

    Bare functions and lambdas have none.
    """
    inner: Any = function
    while inner is not None:
        name = getattr(inner, "_original_name", None)
        if isinstance(name, str) and name:  # a mock has any attribute
            return name
        inner = getattr(inner, "__wrapped__", None)
    return None


# ---------------------------------------------------------------------------------- declarations


def signature_of(function: AnyFunction) -> inspect.Signature | None:
    """What the function declares, without asking that its annotations can be resolved."""
    try:
        return _signature(function)
    except (TypeError, ValueError):
        return None


def _signature(function: AnyFunction) -> inspect.Signature:
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        try:
            return inspect.signature(function, annotation_format=Format.FORWARDREF)
        except (TypeError, ValueError):
            raise
        except Exception:  # of code in an annotation
            return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def parameters_of(function: AnyFunction) -> list[inspect.Parameter]:
    """The parameters that the function declares; none for one without a signature."""
    signature = signature_of(function)
    return [] if signature is None else list(signature.parameters.values())


class Declared(enum.Enum):
    """What a step function declares of a StepContext."""

    FIRST = 0
    SECOND = 1
    NONE = "none"
    OPEN = "open"


def declared_step_context(function: AnyFunction) -> Declared:
    """Where a step function takes the StepContext, as far as it says.

    First by annotation or by name; second, after what a method is called on, by annotation only.
    A first parameter of any other type says that there is none; without a type it leaves it open.
    """
    parameters = [p for p in parameters_of(function) if p.kind in _POSITIONAL]
    if not parameters:
        return Declared.NONE
    first = parameters[0]
    if first.name in _STEP_CONTEXT_NAMES or _role(function, first) == STEP_ROLE:
        return Declared.FIRST
    if len(parameters) > 1 and _role(function, parameters[1]) == STEP_ROLE:
        return Declared.SECOND
    return Declared.OPEN if first.annotation in _ANYTHING else Declared.NONE


# Annotations that a StepContext fits as well as anything else.
_ANYTHING = (inspect.Parameter.empty, Any, object, "Any", "object", "typing.Any")


def _declared_kind(function: AnyFunction) -> Kind | None:
    for parameter in parameters_of(function):
        role = _role(function, parameter)
        if role is not None and role != STEP_ROLE:
            return Kind(role)
    return None


def _role(function: AnyFunction, parameter: inspect.Parameter) -> str | None:
    """Which context a parameter is annotated as, if it is."""
    annotation: Any = parameter.annotation
    while isinstance(annotation, str) or hasattr(annotation, "__forward_arg__"):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        resolved = _resolved(function, text)
        if resolved is None:
            return _ROLES.get(text.strip("\"' ").rpartition(".")[2])
        annotation = resolved
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    role = getattr(annotation, "durable_role", None)
    return role if isinstance(role, str) else None


# A name, perhaps in quotes or in a module.
_NAME = re.compile(r"[\"']?[\w.]+[\"']?")


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> types.CodeType:
    return compile(text, "<annotation>", "eval")


def _resolved(function: AnyFunction, text: str) -> object:
    """What an annotation means where the function was written; None if that cannot be told."""
    names = getattr(_innermost(function), "__globals__", {})
    if not _NAME.fullmatch(text) or type(names) is not dict:
        return None  # what is written runs when it is needed, which is not here
    try:
        found: object = eval(_compiled(text), names)
    except Exception:  # whatever it is that was written
        return None
    return found


def _innermost(function: Any) -> Any:
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, Bound):
            function = function.function
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif _is_async_def(function):
            return function
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function
