"""Decorators that turn functions into operations: call them with arguments, hand over the result.

Documented on the product's pages on steps ("Using the @durable_step decorator") and its index.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    overload,
)

from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.user_functions import (
    AnyFunction,
    Bound,
    Declared,
    Decorated,
    declared_step_context,
    fits,
    own_name,
    signature_of,
)
from aws_durable_execution_sdk_python._core.validation import operation_name
from aws_durable_execution_sdk_python._operation_contexts import StepContext, WaitForCallbackContext
from aws_durable_execution_sdk_python.config import ParallelBranch
from aws_durable_execution_sdk_python.exceptions import ValidationError

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")
B = TypeVar("B", bound=Bound[Any])
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

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(
        self: StepFunction[Callable[Concatenate[S, StepContext, P], R]],
        instance: S,
        owner: type[S] | None = None,
    ) -> Callable[P, BoundStep[R]]: ...
    @overload
    def __get__(
        self: StepFunction[Callable[Concatenate[S, P], R]],
        instance: S,
        owner: type[S] | None = None,
    ) -> Callable[P, BoundStep[R]]: ...


def durable_step(func: F) -> StepFunction[F]:
    """Mark a function as a step function: calling it binds its arguments.

    The function may take a `StepContext` first, or not: it is passed if the first parameter is
    annotated `StepContext` or named `step_context`, `ctx`, `context`, `_` or `_ctx`, or if the
    arguments fit only with it. A call that fits both ways is refused, unless the first parameter
    is annotated as something else; with `compat="aws"` the StepContext then comes first. The
    function may be `async def`, and it may be a method: the StepContext comes after `self`.

    Returns:
        A callable that takes the function's own arguments and gives what `context.step` takes.
        The step is named after the function.

    Example:
        >>> @durable_step
        ... def add_numbers(step_context: StepContext, a: int, b: int) -> int:
        ...     return a + b
        >>> add_numbers(5, 3)
        <'add_numbers' with its arguments>
    """
    function: Any = Decorated(func, _step_binder)
    bound: StepFunction[F] = function
    return bound


def _step_binder(func: AnyFunction) -> Callable[..., BoundStep[object]]:
    declared, signature, name = declared_step_context(func), signature_of(func), own_name(func)

    def bind(*args: object, **kwargs: object) -> BoundStep[object]:
        at = None
        if declared is Declared.FIRST or declared is Declared.SECOND:
            at = declared.value
        elif signature is not None and fits(signature, (None, *args), kwargs):
            # What is declared to be something else is the context only if nothing else fits.
            plain = fits(signature, args, kwargs)
            if not plain or (declared is Declared.OPEN and _context_comes_first(name)):
                at = 0
        return BoundStep(func, args, kwargs, name=name, context_at=at)

    return bind


def _context_comes_first(name: str | None) -> bool:
    """Of a step whose arguments fit with and without a StepContext, which it does not declare.

    Raises:
        ValidationError: nothing says so. It would be a guess.
    """
    if is_compat_aws():
        return True
    raise ValidationError(
        f"the step {name or 'function'} can be called with these arguments with and without a "
        "StepContext: annotate its first parameter, as StepContext or as what it is (or name it "
        "step_context). A decorator below @durable_step shows the function's own parameters if it "
        "uses functools.wraps"
    )


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

    function: Any = Decorated(func, lambda f: partial(_bound, BoundChild, f))
    bound: Callable[P, BoundChild[C, R]] = function
    return bound


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

    function: Any = Decorated(func, lambda f: partial(_bound, BoundSubmitter, f))
    bound: Callable[P, BoundSubmitter[R]] = function
    return bound


def durable_parallel_branch(
    name: str | None = None,
) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[P, ParallelBranch[R]]]:
    """Mark a function that takes a child context first as a branch of `context.parallel`.

    Parameters:
        name: the branch's name; by default `parallel-branch-{i}`, as for other branches.

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
        def branch(f: AnyFunction, *args: object, **kwargs: object) -> ParallelBranch[object]:
            bound: Bound[object] = Bound(f, args, kwargs, name=own_name(f))
            return ParallelBranch(bound, name)

        function: Any = Decorated(func, lambda f: partial(branch, f))
        bound: Callable[P, ParallelBranch[R]] = function
        return bound

    return decorate


def _bound(cls: type[B], function: AnyFunction, *args: object, **kwargs: object) -> B:
    return cls(function, args, kwargs, name=own_name(function))
