"""Decorators that turn functions into operations: call them with arguments, hand over the result.

Documented in the seeds' steps page ("Using the @durable_step decorator") and index ("Decorators").
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from aws_durable_execution_sdk_python._core.user_functions import (
    AnyFunction,
    Bound,
    Decorated,
    declares_step_context,
    own_name,
    signature_of,
)
from aws_durable_execution_sdk_python._core.validation import operation_name
from aws_durable_execution_sdk_python.config import ParallelBranch
from aws_durable_execution_sdk_python.types import StepContext, WaitForCallbackContext

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)
F = TypeVar("F", bound=AnyFunction)
F_co = TypeVar("F_co", bound=AnyFunction, covariant=True)


class BoundStep(Bound[R_co], Generic[R_co]):
    """A `@durable_step` function with its arguments, to be passed to `context.step`."""

    __slots__ = ()
    is_step = True

    def __call__(self, context: StepContext, *more: object) -> R_co:
        return super().__call__(context, *more)


class BoundChild(Bound[R_co], Generic[C, R_co]):
    """A `@durable_with_child_context` function with its arguments."""

    __slots__ = ()

    def __call__(self, context: C, *more: object) -> R_co:
        return super().__call__(context, *more)


class BoundSubmitter(Bound[R_co], Generic[R_co]):
    """A `@durable_wait_for_callback` function with its arguments."""

    __slots__ = ()


class StepFunction(Protocol[F_co]):
    """A function decorated with `@durable_step`: call it without the StepContext.

    The overloads are here, not on the decorator, because mypy gives up on an overloaded decorator
    as soon as one parameter of the function contains Any, and every plain `dict` does.
    """

    @overload
    def __call__(
        self: StepFunction[Callable[Concatenate[StepContext, P], R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> BoundStep[R]: ...
    @overload
    def __call__(
        self: StepFunction[Callable[P, R]], *args: P.args, **kwargs: P.kwargs
    ) -> BoundStep[R]: ...


def durable_step(func: F) -> StepFunction[F]:
    """Mark a function as a step function: calling it binds its arguments.

    The function may take a `StepContext` first, or not: it is passed if the first parameter is
    annotated `StepContext` or named `step_context`, `ctx`, `context`, `_` or `_ctx`, or if the
    arguments fit only with it. The function may be `async def`.

    Returns:
        A callable that takes the function's own arguments and gives what `context.step` takes.
        The step is named after the function.

    Example:
        >>> @durable_step
        ... def add_numbers(step_context: StepContext, a: int, b: int) -> int:
        ...     return a + b
        >>> add_numbers(5, 3)
        <add_numbers with its arguments>
    """
    takes_context = declares_step_context(func)
    name, signature = own_name(func), _signature(func)

    @functools.lru_cache(maxsize=16)
    def fits_only_with_context(count: int, names: tuple[str, ...]) -> bool:
        if signature is None:
            return False
        args, kwargs = (None,) * count, dict.fromkeys(names)
        return not _fits(signature, args, kwargs) and _fits(signature, (None, *args), kwargs)

    def bind(*args: object, **kwargs: object) -> BoundStep[object]:
        # Whether arguments fit is a matter of how many there are and what they are called.
        pass_context = takes_context or fits_only_with_context(len(args), tuple(kwargs))
        return BoundStep(func, args, kwargs, name=name, pass_context=pass_context)

    return cast("StepFunction[F]", Decorated(func, bind, durable_step))


def durable_with_child_context(
    func: Callable[Concatenate[C, P], R],
) -> Callable[P, BoundChild[C, R]]:
    """Mark a function that takes a child context first, for `context.run_in_child_context`.

    The function may be `async def`; it is then given an `AsyncDurableContext`. It may also be a
    branch of `context.parallel`.

    Example:
        >>> @durable_with_child_context
        ... def process(ctx: DurableContext, order_id: str) -> str:
        ...     return ctx.step(validate_order(order_id))
        >>> context.run_in_child_context(process("o-1"))
    """

    def bind(*args: P.args, **kwargs: P.kwargs) -> BoundChild[C, R]:
        return BoundChild(func, args, kwargs, name=own_name(func))

    return cast("Callable[P, BoundChild[C, R]]", Decorated(func, bind, durable_with_child_context))


def durable_wait_for_callback(
    func: Callable[Concatenate[str, WaitForCallbackContext, P], R],
) -> Callable[P, BoundSubmitter[R]]:
    """Mark a submitter for `context.wait_for_callback`: it takes the callback's id and a context.

    Example:
        >>> @durable_wait_for_callback
        ... def ask(callback_id: str, context: WaitForCallbackContext, to: str) -> None:
        ...     send_mail(to, callback_id)
        >>> context.wait_for_callback(ask("boss@example.com"), name="approval")
    """

    def bind(*args: P.args, **kwargs: P.kwargs) -> BoundSubmitter[R]:
        return BoundSubmitter(func, args, kwargs, name=own_name(func))

    return cast("Callable[P, BoundSubmitter[R]]", Decorated(func, bind, durable_wait_for_callback))


def durable_parallel_branch(
    name: str | None = None,
) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[P, ParallelBranch[R]]]:
    """Mark a function that takes a child context first as a named branch of `context.parallel`.

    Parameters:
        name: the branch's name; by default the function's.

    Raises:
        ValidationError: the name is not 1 to 256 printable ASCII characters.

    Example:
        >>> @durable_parallel_branch(name="ship")
        ... def ship(ctx: DurableContext, order_id: str) -> str:
        ...     return ctx.step(book_carrier(order_id))
        >>> context.parallel([ship("o-1"), ship("o-2")])
    """
    operation_name(name)

    def decorate(func: Callable[Concatenate[Any, P], R]) -> Callable[P, ParallelBranch[R]]:
        def bind(*args: P.args, **kwargs: P.kwargs) -> ParallelBranch[R]:
            bound: Bound[R] = Bound(func, args, kwargs, name=own_name(func))
            return ParallelBranch(bound, name or own_name(func))

        return cast("Callable[P, ParallelBranch[R]]", Decorated(func, bind, decorate))

    return decorate


def _signature(func: AnyFunction) -> inspect.Signature | None:
    try:
        return signature_of(func)
    except (TypeError, ValueError):
        return None


def _fits(
    signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
