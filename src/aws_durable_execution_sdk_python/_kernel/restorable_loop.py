"""An event loop whose settings user code may change for as long as its invocation lasts.

- What `save` found, `restore` brings back: task factory, exception handler, debug mode and the
  duration from which callbacks count as slow.
- A signal handler added in between goes again, and what answered the signal before answers it.
- A default executor set in between is the loop's no more, since who set it may have shut it down;
  it is not shut down here, since who set it may go on using it. One that the loop was asked to shut
  down is replaced likewise: asyncio's loop would never have another.
- Descriptors stay registered, with their readers and writers: as the connections of a transport do,
  they belong to whoever opened them, often a client kept in a module.
"""

from __future__ import annotations

import asyncio
import selectors
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")


class _Settings(NamedTuple):
    task_factory: Any
    exception_handler: Any
    debug: bool
    slow_callback_duration: float


class RestorableLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, with `save` and `restore`."""

    _settings: _Settings | None = None
    _executor: ThreadPoolExecutor
    _executor_replaced = False
    # What answered a signal before a handler was added.
    _answered: dict[int, Any] | None = None

    def __init__(self, selector: selectors.BaseSelector) -> None:
        super().__init__(selector)
        self._renew_executor()

    def save(self) -> None:
        """Remember the settings as they are."""
        self._settings = self._read()
        self._executor_replaced = False
        self._answered = None

    def restore(self) -> None:
        """Bring back the settings as they were."""
        if self._settings is not None and self._read() != self._settings:
            self.set_task_factory(self._settings.task_factory)
            self.set_exception_handler(self._settings.exception_handler)
            self.set_debug(self._settings.debug)
            self.slow_callback_duration = self._settings.slow_callback_duration
        if self._executor_replaced:
            self._renew_executor()
        for number, before in (self._answered or {}).items():
            if self.remove_signal_handler(number) and before is not None:
                signal.signal(number, before)
        self._answered = None

    def _read(self) -> _Settings:
        return _Settings(
            self.get_task_factory(),
            self.get_exception_handler(),
            self.get_debug(),
            self.slow_callback_duration,
        )

    def set_default_executor(self, executor: ThreadPoolExecutor) -> None:  # type: ignore[override]
        """As asyncio's."""
        super().set_default_executor(executor)
        self._executor = executor
        self._executor_replaced = True

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """As asyncio's, for as long as the settings are not restored."""
        self._executor_replaced = True
        executor, waiting = self._executor, ThreadPoolExecutor(1)
        try:
            async with asyncio.timeout(timeout):
                await self.run_in_executor(waiting, executor.shutdown)
        except TimeoutError:
            executor.shutdown(wait=False)
        finally:
            waiting.shutdown(wait=False)

    def _renew_executor(self) -> None:
        self.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        self._executor_replaced = False

    def add_signal_handler(
        self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> None:
        """As asyncio's."""
        before = signal.getsignal(sig)
        super().add_signal_handler(sig, callback, *args)
        self._answered = {sig: before, **(self._answered or {})}
