"""Deep nesting on a flat stack: where contexts enclose one another, Python's stack starts afresh.

Rules:

- Every so many contexts (`LEVELS`) what is inside is not awaited on the stack of what is around:
  its coroutine goes to the nearest `_run` of its task, which drives the innermost coroutine itself
  and passes on what that yields. So a stack never holds more than so many contexts, while the task,
  its context variables, its cancellation and the cancel scopes around it stay the same.
- Each task has its own: a task that begins in here has a stack of its own anyway.
- In between there may be whatever hands on what is yielded, as `await`, async generators and
  cancel scopes do.

Blocking code has no such way: there the stack that starts afresh is another thread's, see
`ThreadRuntime.on_fresh_stack`.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

# How many contexts share a stack: of some ten calls each, and what the user's code adds.
LEVELS = 16

# The task that a `_run` around this code drives, which others that begin here inherit.
_driven: ContextVar[asyncio.Task[Any] | None] = ContextVar("durable_driven", default=None)


@dataclass(frozen=True, slots=True)
class _Call:
    """Yielded to the nearest `_run`: what to drive until its end, in place of who yields this."""

    coroutine: Coroutine[Any, Any, Any]


async def on_fresh_stack(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine on a stack that holds nothing of what is around it."""
    task = asyncio.current_task()
    if _driven.get() is task:
        return await _call(coroutine)
    token = _driven.set(task)
    try:
        return await _run(coroutine)
    finally:
        _driven.reset(token)


@types.coroutine
def _call(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    result: T = yield _Call(coroutine)
    return result


@types.coroutine
def _run(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Drive a coroutine, and in its place the one that it calls, until each has ended."""
    callers: list[Coroutine[Any, Any, Any]] = []
    running: Coroutine[Any, Any, Any] = coroutine
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            yielded = running.send(value) if error is None else running.throw(error)
        except StopIteration as end:
            value, error = end.value, None
        except BaseException as raised:
            value, error = None, raised
        else:
            value = error = None
            if isinstance(yielded, _Call):
                callers.append(running)
                running = yielded.coroutine
                continue
            try:
                value = yield yielded
            except BaseException as thrown:
                error = thrown
            continue
        if callers:
            running = callers.pop()
        elif error is None:
            result: T = value
            return result
        else:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
