"""A terminal that a command runs in, and what is to be seen on it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

_MAIN = "from aws_durable_execution_sdk_python_testing.cli import main; main()"


class Terminal:
    """A command in a terminal of its own.

    Parameters:
        arguments: of `durable`.
        cwd: where it runs.
        columns, lines: of the terminal.
        code: what runs instead of the command.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        *,
        columns: int = 80,
        lines: int = 24,
        code: str = _MAIN,
    ) -> None:
        self.raw = b""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "COLUMNS"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=cwd,
            env={**inherited, "TERM": "xterm-256color", "NO_PROXY": "127.0.0.1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    @property
    def shown(self) -> list[str]:
        """The lines on the screen."""
        return [line.rstrip() for line in self.screen.display]

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """Go on until this is on the screen; returns what is."""
        while not seen(self.shown):
            assert self._read(), "\n".join(self.shown)
        return self.shown

    def end(self) -> int:
        """Go on to the end of the command; returns its status."""
        while self._read():
            pass
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._ours, 65_536)
        except OSError:
            return False  # how Linux says that the other side has closed
        self.raw += chunk
        self._stream.feed(chunk)
        return bool(chunk)
