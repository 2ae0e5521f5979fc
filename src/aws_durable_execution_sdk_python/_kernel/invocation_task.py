"""The tasks of code that is not the engine's, which know the cancellations that somebody asked for.

A hook of a plugin that is called on a task's stack cannot ask: see `not_cancelling`.

Rule: a CancelledError was asked for if a request is still open (`cancelling`), or if one was
withdrawn while that very error passed. The latter because some withdraw more than they asked for:
where an `asyncio.TaskGroup` and a scope of AnyIO's cancel a task at once, the scope withdraws the
group's request too, and lets the error pass.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

# What leaves the request that it makes of a task group's own task; later versions withdraw it.
_ON_TASK_DONE = asyncio.TaskGroup._on_task_done.__code__ if sys.version_info < (3, 13) else None


class InvocationTask(asyncio.Task[T]):
    """asyncio's task; see the module."""

    # The error that was passing when a request was last withdrawn.
    _passing: weakref.ref[asyncio.CancelledError] | None = None
    _refuses = False

    def cancel(self, msg: object = None) -> bool:
        """As asyncio's, but for what a hook asks, and a task group that waits for its tasks to end.

        When one of those fails, the group asks its own task, answers that itself, and would never
        withdraw it: the task would count as cancelled ever after. Later versions do.
        """
        if self._refuses:
            return False
        asked = super().cancel(msg)
        if _ON_TASK_DONE is not None:
            caller = sys._getframe(1)
            if caller.f_code is _ON_TASK_DONE and caller.f_locals["self"]._exiting:
                super().uncancel()
        return asked

    def uncancel(self) -> int:
        """As asyncio's."""
        error = sys.exception()
        if isinstance(error, asyncio.CancelledError):
            self._passing = weakref.ref(error)
        return super().uncancel()

    def has_withdrawn(self, error: BaseException) -> bool:
        """Whether a request to cancel was withdrawn while this error passed."""
        return self._passing is not None and self._passing() is error

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """While something is called on the stack of this task that may not cancel it."""
        before, self._refuses = self._refuses, True
        try:
            yield
        finally:
            self._refuses = before


class TellingTask(InvocationTask[T]):
    """One that tells its context, as those of later versions of Python do at no price."""

    if sys.version_info < (3, 12):

        def __init__(self, coro: Any, *, context: Context | None = None, **options: Any) -> None:
            self._own = contextvars.copy_context() if context is None else context
            super().__init__(coro, context=self._own, **options)

        def get_context(self) -> Context:
            """What it runs in."""
            return self._own


@contextmanager
def not_cancelling() -> Iterator[None]:
    """While something is called that is to leave the running task, if there is one, alone."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        task = None
    if isinstance(task, InvocationTask):
        with task.refusing():
            yield
    else:
        yield


def own_context() -> Context:
    """What the running task runs in; a copy of that, where another's kind of task does not tell."""
    task = asyncio.current_task()
    get_context = getattr(task, "get_context", contextvars.copy_context)
    context: Context = get_context()
    return context
