"""Threads that are there for as long as a test needs them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def parked(
    target: Callable[[threading.Event], object], count: int = 1
) -> Iterator[list[threading.Thread]]:
    """Threads that stay, each in this function, until the end of the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=target, args=(stop,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stop.set()
        for thread in threads:
            thread.join()
