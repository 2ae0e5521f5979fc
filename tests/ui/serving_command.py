"""A `durable` command that serves a page, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

DURABLE = str(Path(sys.executable).with_name("durable"))


class ServingCommand:
    """A process that serves until it is closed.

    Attributes:
        url: of its page.
    """

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [DURABLE, *arguments, "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        self.url = self.line().rpartition(" ")[2]

    def line(self) -> str:
        """The next line it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def close(self, number: signal.Signals = signal.SIGINT) -> int:
        """Interrupt it; its exit status."""
        self._process.send_signal(number)
        status = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status
