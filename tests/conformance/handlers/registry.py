"""Where handlers are found by the requirement they fulfil."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from conformance_run import Outside

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.logger import Logger, LogInfo
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler

Flavour = Literal["blocking", "async"]
FLAVOURS: tuple[Flavour, ...] = ("blocking", "async")
Compat = Literal["aws"] | None

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Entry:
    function: Callable[..., Any]
    compat: Compat
    with_outside: bool


class Handlers:
    """The handlers of one group of requirements, two for each.

    Example:
        >>> HANDLERS = Handlers()
        >>> @HANDLERS.blocking("1-1")
        ... def greeting(event: str, context: DurableContext) -> str: ...
        >>> @HANDLERS.asynchronous("1-1")
        ... async def greeting_async(event: str, context: AsyncDurableContext) -> str: ...
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, Flavour], _Entry] = {}

    def blocking(
        self, number: str, *, compat: Compat = None, with_outside: bool = False
    ) -> Callable[[F], F]:
        """Mark a function as the blocking handler of a requirement.

        Parameters:
            number: of the requirement.
            compat: "aws" where the requirement depends on a default of the official SDK.
            with_outside: whether the function takes an `Outside` as third argument.
        """
        return self._add((number, "blocking"), compat, with_outside)

    def asynchronous(
        self, number: str, *, compat: Compat = None, with_outside: bool = False
    ) -> Callable[[F], F]:
        """Mark a function as the async handler of a requirement; see `blocking`."""
        return self._add((number, "async"), compat, with_outside)

    def make(self, number: str, flavour: Flavour, outside: Outside) -> Handler:
        """The handler, ready for Lambda."""
        entry = self._entries[number, flavour]
        extra = (outside,) if entry.with_outside else ()
        if flavour == "blocking":

            def handler(event: Any, context: DurableContext) -> Any:
                return entry.function(event, context, *extra)

            return durable_execution(compat=entry.compat)(handler)

        async def async_handler(event: Any, context: AsyncDurableContext) -> Any:
            return await entry.function(event, context, *extra)

        return durable_execution(compat=entry.compat)(async_handler)

    def _add(
        self, key: tuple[str, Flavour], compat: Compat, with_outside: bool
    ) -> Callable[[F], F]:
        def add(function: F) -> F:
            assert key not in self._entries, f"two handlers for {key}"
            self._entries[key] = _Entry(function, compat, with_outside)
            return function

        return add


def on_loop(step: Callable[[StepContext], T]) -> Callable[[StepContext], Awaitable[T]]:
    """A step function as a coroutine function: it runs on the event loop, in no worker thread."""

    async def run(step_context: StepContext) -> T:
        return step(step_context)

    return run


def replay_logger(context: DurableContext | AsyncDurableContext) -> Logger:
    """The context's logger, but not silent while finished work is replayed."""
    info = LogInfo(context.execution_context.durable_execution_arn)
    return Logger(context.logger.underlying, info)
