"""Calls that threads hand to the event loop: it is woken once for however many wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Callable


class Inbox:
    """A queue of calls to be made on the event loop's thread, in the order they were put."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = contextvars.copy_context()
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._woken = False

    def put(self, function: Callable[..., object], *args: object) -> None:
        """Have the event loop call a function soon. Called on any thread."""
        self._calls.append((function, args))
        # Put first, looked at second, and the other way round in `_run`: no call is left behind.
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to call
                self._loop.call_soon_threadsafe(self._run, context=self._context)

    def _run(self) -> None:
        self._woken = False
        try:
            for _ in range(len(self._calls)):
                function, args = self._calls.popleft()
                function(*args)
        except BaseException:
            self._loop.call_soon(self._run)
            raise
