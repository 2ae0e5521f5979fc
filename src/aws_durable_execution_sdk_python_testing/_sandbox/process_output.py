"""The pipe a process writes its stdout and stderr to, read line by line.

One pipe for both, as in Lambda: what was written first comes first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from aws_durable_execution_sdk_python._core.limits import KIB

# Longer lines are cut: CloudWatch's limit for one event. Bytes.
_LONGEST_LINE = 256 * KIB
_CHUNK = 64 * KIB
# More than any pipe holds. Whoever keeps writing must not keep `flush` reading.
_FLUSH_CHUNKS = 16


class Output:
    """The reading end. Used on the event loop that made it.

    Parameters:
        emit: called with every line, without its line end.

    Attributes:
        writer: the file descriptor processes write to; closed by `close_writer`.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._rest = b""
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reader, self._read)

    def close_writer(self) -> None:
        """Close this process's copy of the writing end, once another one has it."""
        os.close(self.writer)

    def flush(self) -> None:
        """Emit everything written so far, an unfinished line too."""
        chunks = 0
        while chunks < _FLUSH_CHUNKS and self._read():
            chunks += 1
        if self._rest:
            self._emit_line(self._rest)
            self._rest = b""

    def close(self) -> None:
        """Stop reading."""
        self._loop.remove_reader(self._reader)
        os.close(self._reader)

    def _read(self) -> bool:
        """Read once; returns whether there may be more."""
        try:
            data = os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            # All writers are gone, and the loop would find the pipe readable ever after.
            self._loop.remove_reader(self._reader)
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit_line(line)
        while len(self._rest) > _LONGEST_LINE:
            self._emit_line(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        return True

    def _emit_line(self, line: bytes) -> None:
        for start in range(0, len(line) or 1, _LONGEST_LINE):
            text = line[start : start + _LONGEST_LINE].decode(errors="replace")
            # The runtime breaks lines within one message by carriage returns.
            self._emit(text.rstrip("\r").replace("\r", "\n"))
