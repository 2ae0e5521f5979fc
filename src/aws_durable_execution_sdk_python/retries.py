"""Retry strategies: whether, and after how long, a failed step is tried again.

A strategy is any callable that takes the error and the number of attempts made so far (1 after
the first failure) and returns a `RetryDecision`. It must decide from these two alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, overload

from aws_durable_execution_sdk_python._core.delays import JitterStrategy
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import AnyFunction
from aws_durable_execution_sdk_python._retry_strategies import (
    ErrorPattern,
    LinearRetryStrategyConfig,
    RetryDecision,
    RetryPresets,
    RetryStrategy,
    RetryStrategyConfig,
    create_linear_retry_strategy,
    create_retry_strategy,
    fixed,
    linear,
)
from aws_durable_execution_sdk_python.config import WithRetryConfig

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._async_context import AsyncDurableContext
    from aws_durable_execution_sdk_python._blocking_context import DurableContext

__all__ = [
    "ErrorPattern",
    "JitterStrategy",
    "LinearRetryStrategyConfig",
    "RetryDecision",
    "RetryPresets",
    "RetryStrategy",
    "RetryStrategyConfig",
    "WithRetryConfig",
    "create_linear_retry_strategy",
    "create_retry_strategy",
    "fixed",
    "linear",
    "with_retry",
]

T = TypeVar("T")


@overload
def with_retry(
    context: DurableContext,
    func: Callable[[DurableContext, int], T],
    config: WithRetryConfig | None = None,
    name: str | None = None,
) -> T: ...
@overload
def with_retry(
    context: AsyncDurableContext,
    func: Callable[[AsyncDurableContext, int], Awaitable[T]],
    config: WithRetryConfig | None = None,
    name: str | None = None,
) -> Op[T]: ...
def with_retry(
    context: DurableContext | AsyncDurableContext,
    func: AnyFunction,
    config: WithRetryConfig | None = None,
    name: str | None = None,
) -> object:
    """Try a whole piece of durable code again until it succeeds, waiting durably in between.

    The attempts run in one child context, the second continuing where the first stopped
    numbering its operations; each back-off is a wait named `{name}-backoff-{attempt}`.

    Parameters:
        context: the context to run in; with an async one, await what is returned.
        func: takes the context of the attempts and the attempt's number, from 1.
        config: the retry strategy, and whether to use a child context at all.
        name: the child context's name.

    Returns:
        What `func` returned.

    Raises:
        ChildContextError: the strategy gave up; also an instance of the last error's class.
            Without a child context, the last error itself.

    Example:
        >>> with_retry(context, lambda ctx, attempt: ctx.step(book_and_pay(attempt)), name="book")
    """
    return context._with_retry(func, config, name)  # pyright: ignore[reportPrivateUsage]
