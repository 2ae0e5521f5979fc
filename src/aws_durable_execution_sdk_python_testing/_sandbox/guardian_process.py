"""The guardian's own process, run as a script: kills what it was told of when stdin closes.

Lines on stdin are `+ID MARK` and `-ID` of process groups. It runs outside the process group of the
service, and whatever way the service ends, its end of the pipe closes. As a script it has nothing
but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROCESSES = Path("/proc")
# Killed processes may have started others meanwhile; each round leaves fewer.
_ROUNDS = 20


def main(lines: Iterable[bytes]) -> None:
    """Keep account until the lines end, then kill the groups that are left."""
    groups: dict[int, str] = {}
    for line in lines:
        number, _, mark = line[1:].decode().strip().partition(" ")
        if line.startswith(b"+"):
            groups[int(number)] = mark
        else:
            groups.pop(int(number), None)
    for group, mark in groups.items():
        kill(group, mark)


def kill(group: int, mark: str) -> None:
    """Kill a process group, and what has left it.

    Parameters:
        group: its id, and that of the process it began with.
        mark: `NAME=VALUE` of a variable that only its processes have.
    """
    left = set(_descendants(group))
    # PermissionError: on macOS, if nothing but zombies is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        left |= set(_marked(mark.encode()))
        if not left:
            return
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        left = set()


def _marked(mark: bytes) -> Iterator[int]:
    """The processes whose environment has the mark; none where the system does not tell."""
    for process in _processes():
        with contextlib.suppress(OSError):
            variables = (_PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
            if mark in variables:
                yield process


def _descendants(ancestor: int) -> list[int]:
    """The processes that a process has started, and those that these have, and so on."""
    children: dict[int, list[int]] = {}
    for process in _processes():
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the name, which may hold anything, come the state and the parent.
            after = (_PROCESSES / str(process) / "stat").read_bytes().rpartition(b")")[2]
            children.setdefault(int(after.split()[1]), []).append(process)
    found: list[int] = []
    new = children.get(ancestor, [])
    while new:
        found += new
        new = [child for process in new for child in children.get(process, [])]
    return found


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for name in os.listdir(_PROCESSES):
            if name.isdecimal():
                yield int(name)


if __name__ == "__main__":
    main(sys.stdin.buffer)
