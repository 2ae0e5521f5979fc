"""The tasks of an invocation's code, which know the cancellations that somebody asked for.

Rule: a CancelledError was asked for if a request is still open (`cancelling`), or if one was
withdrawn while that very error passed. The latter because some withdraw more than they asked for:
where an `asyncio.TaskGroup` and a scope of AnyIO's cancel a task at once, the scope withdraws the
group's request too, and lets the error pass.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from typing import TypeVar

T = TypeVar("T")

if sys.version_info < (3, 13):
    _ON_TASK_DONE = asyncio.TaskGroup._on_task_done.__code__


class InvocationTask(asyncio.Task[T]):
    """asyncio's task; see the module."""

    # The error that was passing when a request was last withdrawn.
    _passing: weakref.ref[asyncio.CancelledError] | None = None

    if sys.version_info < (3, 13):

        def cancel(self, msg: object = None) -> bool:
            """As asyncio's, but for what a task group asks that waits for its tasks to end.

            When one of them fails, it asks its own task, answers that itself, and would never
            withdraw it: the task would count as cancelled ever after. Later versions do.
            """
            asked = super().cancel(msg)
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
