"""The guardian's own process, run as a script: kills what it was told of when stdin closes.

Lines on stdin are `+ID` and `-ID` of process groups. It runs outside the process group of the
service, and whatever way the service ends, its end of the pipe closes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def main(lines: Iterable[bytes]) -> None:
    """Keep account until the lines end, then kill the groups that are left."""
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line.startswith(b"+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.stdin.buffer)
