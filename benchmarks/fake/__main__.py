"""Serve on 127.0.0.1 until standard input closes; the port is the one line printed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import selectors
import sys

from benchmarks.fake.http import Connection
from benchmarks.fake.service import Service

PR_SET_TIMERSLACK = 29


async def serve() -> None:
    service = Service()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service.answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Collections would be counted as latency; nothing here makes cycles that matter.
    gc.disable()
    # The driver holds the other end of standard input: its end is ours, however it comes.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def precise_timers() -> None:
    """Let the kernel wake this process on time: by default it may be 50 us late."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)


def main() -> None:
    precise_timers()

    def loop() -> asyncio.SelectorEventLoop:
        # epoll waits whole milliseconds, rounded up; select waits microseconds.
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
