"""The clock in-process timers run by, so that tests can give the SDK another one."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the SDK reads the time and waits for it. Seconds since the epoch.

    Only durable time runs by it: waits, and the delays of retries. The bodies of steps take real
    time, also while a test runner skips the rest, and so do their timeouts. A clock may replace
    that too, with an `async def sleep(seconds)` of its own, so that a test need not wait.
    """

    def now(self) -> float: ...

    async def sleep_until(self, deadline: float) -> None: ...


class SystemClock:
    """Wall-clock time."""

    def now(self) -> float:
        return time.time()

    async def sleep_until(self, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - time.time()))
