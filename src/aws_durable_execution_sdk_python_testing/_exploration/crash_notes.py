"""A witness that survives its process: what it is told stands in a file before it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing._exploration.crash_points import Place
from aws_durable_execution_sdk_python_testing._exploration.witness import Attempt, Memory


class Notes(Memory):
    """A memory that also writes down what it is told.

    Parameters:
        path: the file. What is in it already is remembered.
        target, lines: as for `Memory`.
    """

    def __init__(self, path: Path, target: Place | None, lines: dict[Place, int] | None) -> None:
        super().__init__(target, lines)
        read_notes(path, self)
        # Appending writes are whole and in order, also of several threads.
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def close(self) -> None:
        os.close(self._file)

    def number(self, execution: str, operation_id: str, action: str) -> int:
        self._write("number", execution, operation_id, action)
        return super().number(execution, operation_id, action)

    def passes(self, *names: Place) -> bool:
        self._write("passes", *names)
        return super().passes(*names)

    def begins(self, attempt: Attempt, at_most_once: bool) -> None:
        self._write("begins", attempt, at_most_once)
        super().begins(attempt, at_most_once)

    def closed(self, execution: str, operation_id: str) -> None:
        self._write("closed", execution, operation_id)
        super().closed(execution, operation_id)

    def has_lines(self, place: Place, lines: int) -> None:
        self._write("has_lines", place, lines)
        super().has_lines(place, lines)

    def _write(self, *call: Any) -> None:
        os.write(self._file, json.dumps(call).encode() + b"\n")


def read_notes(path: Path, memory: Memory) -> None:
    """Tell a memory what stands in a file, if there is one."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        kind, *values = json.loads(line)
        _TELL[kind](memory, values)


_TELL: dict[str, Callable[[Memory, list[Any]], object]] = {
    "number": lambda memory, values: Memory.number(memory, *values),
    "passes": lambda memory, values: Memory.passes(memory, *map(Place.from_list, values)),
    "begins": lambda memory, values: Memory.begins(memory, Attempt(*values[0]), values[1]),
    "closed": lambda memory, values: Memory.closed(memory, *values),
    "has_lines": lambda memory, values: Memory.has_lines(
        memory, Place.from_list(values[0]), values[1]
    ),
}
