"""One handler, run both ways.

Tests write handlers as `async def` functions. The async flavour runs them as they are. The
blocking flavour runs them as blocking handlers: each operation is done when its method returns,
so awaiting it yields nothing, and the whole function runs without an event loop.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python import (
    DurableContext,
    ParallelBranch,
    durable_execution,
    with_retry,
)


class Flavour:
    """How a test's functions are run."""

    name = "async"

    def durable(self, function: Callable[..., Any], **options: Any) -> Any:
        """The Lambda handler of an `async def` function of (event, context)."""
        return durable_execution(function, **options)

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """An `async def` function that takes a durable context first, as this flavour has it."""
        return function

    def __repr__(self) -> str:
        return self.name


class BlockingFlavour(Flavour):
    name = "blocking"

    def durable(self, function: Callable[..., Any], **options: Any) -> Any:
        def handler(event: Any, context: DurableContext) -> Any:
            return _drive(function(event, _Blocking(context)))

        return durable_execution(handler, **options)

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _blocking(function)


FLAVOURS = [BlockingFlavour(), Flavour()]


async def retrying(context: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`with_retry` in a test's handler."""
    if isinstance(context, _Blocking):
        return with_retry(context.context, _blocking(function), *args, **kwargs)
    return await with_retry(context, function, *args, **kwargs)


def _blocking(function: Any) -> Any:
    if isinstance(function, ParallelBranch):
        return ParallelBranch(_blocking(function.func), function.name)
    if not inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    def run(context: DurableContext, *args: Any) -> Any:
        return _drive(function(_Blocking(context), *args))

    del run.__wrapped__  # it is not the coroutine function
    return run


def _drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError("a blocking handler awaited something that was not ready")


@dataclass
class _Ready:
    """What a blocking operation returned, for `await`."""

    value: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.value
        yield  # makes this a generator; it is never reached


class _Blocking:
    """A `DurableContext` whose results can be awaited."""

    def __init__(self, context: DurableContext) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def step(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.step(*args, **kwargs))

    def wait(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.wait(*args, **kwargs))

    def create_callback(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(_BlockingCallback(self.context.create_callback(*args, **kwargs)))

    def wait_for_callback(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.wait_for_callback(*args, **kwargs))

    def invoke(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.invoke(*args, **kwargs))

    def wait_for_condition(self, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.wait_for_condition(*args, **kwargs))

    def run_in_child_context(self, func: Any, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.run_in_child_context(_blocking(func), *args, **kwargs))

    def map(self, inputs: Any, func: Any, *args: Any, **kwargs: Any) -> _Ready:
        return _Ready(self.context.map(inputs, _blocking(func), *args, **kwargs))

    def parallel(self, *functions: Any, **kwargs: Any) -> _Ready:
        if functions and isinstance(functions[0], list):
            functions = ([_blocking(f) for f in functions[0]], *functions[1:])
        else:
            functions = tuple(_blocking(f) for f in functions)
        return _Ready(self.context.parallel(*functions, **kwargs))

    def create_child_context(self, *args: Any, **kwargs: Any) -> _Blocking:
        return _Blocking(self.context.create_child_context(*args, **kwargs))


class _BlockingCallback:
    """A `Callback` whose result can be awaited."""

    def __init__(self, callback: Any) -> None:
        self.callback = callback

    @property
    def callback_id(self) -> str:
        callback_id: str = self.callback.callback_id
        return callback_id

    def result(self) -> _Ready:
        return _Ready(self.callback.result())
