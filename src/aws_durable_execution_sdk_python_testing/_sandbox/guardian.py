"""No process of a function outlives the service, however that ends.

An idle runtime ends by itself when its Runtime API is gone, but a handler that never returns
would not, nor would what it has started. So a small process outside watches over the process
groups. A parent-death signal would do for the handler alone, and on Linux alone.
"""

from __future__ import annotations

import subprocess
import sys

from aws_durable_execution_sdk_python_testing._sandbox import guardian_process


class Guardian:
    """Sees to it that process groups are killed when this process is gone."""

    def __init__(self) -> None:
        # Without site packages: it needs none, and starts in a few milliseconds.
        command = [sys.executable, "-I", "-S", guardian_process.__file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True
        )

    def watch(self, group: int, mark: str) -> None:
        """Kill this process group in the end, unless told to forget it.

        Parameters:
            group: its id.
            mark: `NAME=VALUE` of a variable that only its processes have.

        Raises:
            OSError: the guardian is gone itself.
        """
        self._tell(f"+{group} {mark}\n")

    def forget(self, group: int) -> None:
        """The group is gone; its id may soon be another's. Raises as `watch`."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Kill what is still watched. Idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
