"""A selector that says when the event loop is about to sleep, and when it is not."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._kernel.origin import ENGINE, origin

IdleHook = Callable[[], bool]
BusyHook = Callable[[], object]

# From one time that the loop is not let sleep on, descriptors are looked at once in so many passes.
_PASSES_A_LOOK = 16


class IdleSelector(selectors.DefaultSelector):
    """Says when the loop is about to sleep (`on_idle`) and when it is not (`on_busy`).

    Attributes:
        returned: when `select` last returned, by the loop's clock.
    """

    on_idle: IdleHook | None = None
    on_busy: BusyHook | None = None
    returned: float = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._engines: set[int] = set()
        self._passes_left = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        if origin.get() is ENGINE:
            self._engines.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._engines.discard(key.fd)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            if self.on_idle is not None and self.on_idle():
                timeout = 0
                self._passes_left = self._passes_left or _PASSES_A_LOOK
            else:
                self._passes_left = 0
        elif self.on_busy is not None:
            self.on_busy()
        if self._passes_left > 1:
            self._passes_left -= 1
            events = []
        else:
            self._passes_left = 0
            events = super().select(timeout)
        self.returned = time.monotonic()
        return events

    def has_events(self, within: float = 0) -> bool:
        """Whether a descriptor is ready, a thread's wake-up call included; nothing is consumed.

        Parameters:
            within: seconds to wait for one, with the interpreter free for other threads.
        """
        return bool(super().select(within))

    def registered(self) -> list[selectors.SelectorKey]:
        """The descriptors that are not the engine's."""
        return [key for fd, key in self.get_map().items() if fd not in self._engines]
