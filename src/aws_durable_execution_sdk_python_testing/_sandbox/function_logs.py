"""What functions write to stdout and stderr, kept per function and request."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.limits import MIB

# What a line costs besides its text, so that empty lines are bounded too. Bytes, roughly.
_LINE_OVERHEAD = 300


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a function's output.

    Attributes:
        number: increases from line to line over all functions, from 1.
        timestamp: when it was read, epoch seconds.
        function_name: the function, as it was registered.
        request_id: the invocation it belongs to. Initialisation belongs to the invocation that
            made it necessary.
        execution_arn: the execution that was invoked, or that called the plain function.
        text: without its line end. Multi-line errors of the runtime are one line with breaks.
    """

    number: int
    timestamp: float
    function_name: str
    request_id: str
    execution_arn: str
    text: str


class FunctionLogs:
    """The newest output of each function. Safe to use from any thread.

    Parameters:
        limit: how much of each function's output to keep, in bytes; the oldest goes first.

    Example:
        for line in invoker.logs.read(execution_arn=arn):
            print(line.text)
    """

    def __init__(self, limit: int = 8 * MIB) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._functions: dict[str, _Tail] = {}

    def append(
        self, timestamp: float, function_name: str, request_id: str, execution_arn: str, text: str
    ) -> None:
        """Add a line."""
        with self._lock:
            number = next(self._numbers)
            line = LogLine(number, timestamp, function_name, request_id, execution_arn, text)
            self._functions.setdefault(function_name, _Tail(self._limit)).append(line)

    def read(
        self,
        *,
        function_name: str | None = None,
        request_id: str | None = None,
        execution_arn: str | None = None,
        after: int = 0,
    ) -> list[LogLine]:
        """The lines that match everything given, oldest first.

        Parameters:
            function_name, request_id, execution_arn: None matches all.
            after: only lines with a higher number; the last one seen, to follow a log.
        """
        with self._lock:
            if function_name is None:
                tails = [tail.lines for tail in self._functions.values()]
            else:
                tails = [self._functions.get(function_name, _Tail(0)).lines]
            lines = list(heapq.merge(*tails, key=lambda line: line.number))
        return [
            line
            for line in lines
            if line.number > after
            and request_id in (None, line.request_id)
            and execution_arn in (None, line.execution_arn)
        ]


class _Tail:
    """The newest lines of one function."""

    def __init__(self, limit: int) -> None:
        self.lines: deque[LogLine] = deque()
        self._limit = limit
        self._size = 0

    def append(self, line: LogLine) -> None:
        self.lines.append(line)
        self._size += _cost(line)
        while self._size > self._limit and len(self.lines) > 1:
            self._size -= _cost(self.lines.popleft())


def _cost(line: LogLine) -> int:
    return _LINE_OVERHEAD + len(line.text)
