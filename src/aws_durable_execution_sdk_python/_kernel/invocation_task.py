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


class InvocationTask(asyncio.Task[T]):
    """asyncio's task; see the module."""

    # The error that was passing when a request was last withdrawn.
    _passing: weakref.ref[asyncio.CancelledError] | None = None

    def uncancel(self) -> int:
        """As asyncio's."""
        error = sys.exception()
        if isinstance(error, asyncio.CancelledError):
            self._passing = weakref.ref(error)
        return super().uncancel()

    def has_withdrawn(self, error: BaseException) -> bool:
        """Whether a request to cancel was withdrawn while this error passed."""
        return self._passing is not None and self._passing() is error
