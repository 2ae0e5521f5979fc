"""The async generators that an invocation began: their clean-ups are part of it.

- A generator belongs to the invocation during which it was first iterated, by the loop's own rule
  for tasks.
- One that is dropped is closed by a task of the invocation, one that is left over at the end
  likewise: what its `finally` does, it does in its own invocation. Such tasks are *clean-ups*.
- One that outlives the invocation, because a task that resists holds it, is closed by a stranger.

asyncio's own hooks would close a dropped generator in a task of nobody's, whenever it comes, and
know a forgotten one until the loop is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import weakref
from collections.abc import AsyncGenerator
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.origin import context_of

AnyGenerator = AsyncGenerator[Any, Any]


class Generators:
    """The async generators of one invocation.

    Made inside the running loop; until that stops, the hooks for generators in its thread are
    these.

    Attributes:
        clean_ups: the tasks that close generators.
    """

    def __init__(self, loop: EventLoop, token: object) -> None:
        self._loop = loop
        self._token = token
        self._open: weakref.WeakSet[AnyGenerator] = weakref.WeakSet()
        self._asyncios = sys.get_asyncgen_hooks()
        self.clean_ups: set[asyncio.Task[None]] = set()
        sys.set_asyncgen_hooks(firstiter=self._begun, finalizer=self._dropped)

    @property
    def are_open(self) -> bool:
        """Whether generators are left over."""
        return bool(self._open)

    def close_open(self) -> bool:
        """Begin to close those that are left over; whether there are any."""
        left = [each for each in self._open if not getattr(each, "ag_running", False)]
        self._open.clear()
        for generator in left:
            self._close(generator)
        return bool(left)

    def _begun(self, generator: AnyGenerator) -> None:
        if not self._loop.is_strange():
            self._open.add(generator)
        elif self._asyncios.firstiter is not None:
            self._asyncios.firstiter(generator)

    def _dropped(self, generator: AnyGenerator) -> None:
        """The last reference is gone; called on whichever thread had it."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._close, generator)

    def _close(self, generator: AnyGenerator) -> None:
        task = self._loop.create_task(_close(generator), context=context_of(self._token))
        self.clean_ups.add(task)
        task.add_done_callback(self.clean_ups.discard)


async def _close(generator: AnyGenerator) -> None:
    await generator.aclose()
