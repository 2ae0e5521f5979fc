"""Which threads the system would run if it had a processor for them: Linux tells, of each thread.

A thread that was woken is runnable from then on, however long others keep the processors busy, or a
quota keeps this process from them, as in a small Lambda function. One that waits for a lock, a
socket or the interpreter is not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection

_TASKS = "/proc/self/task"
_RUNNABLE = b"R"


def runnable_threads(but: Collection[int | None] = ()) -> dict[int, float]:
    """The runnable threads of this process besides the calling one, by their native identifiers.

    Parameters:
        but: threads not to look at.

    Returns:
        How many seconds of processor time each has had; nothing where the system does not tell.
    """
    found: dict[int, float] = {}
    for thread in _threads().difference(but, (threading.get_native_id(),)):
        try:
            if _read(thread, "stat").rpartition(b") ")[2].startswith(_RUNNABLE):
                found[thread] = int(_read(thread, "schedstat").split()[0]) / 1e9
        except OSError:
            continue  # it has ended, or nothing is told
    return found


def _threads() -> set[int]:
    try:
        return {int(name) for name in os.listdir(_TASKS)}
    except OSError:
        return set()


def _read(thread: int, what: str) -> bytes:
    with open(f"{_TASKS}/{thread}/{what}", "rb", buffering=0) as file:
        return file.read(4096)
