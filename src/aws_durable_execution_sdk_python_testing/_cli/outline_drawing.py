"""An outline drawn for a terminal of a given size.

Invariants:

- It fits the screen, whatever comes; what does not fit is counted. Above what is newest stand the
  contexts that it is in.
- Failures have lines of their own at the bottom: neither folding nor scrolling hides them.
- Nothing is cut from what must be typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from aws_durable_execution_sdk_python_testing._cli.outline import Outline, Row
from aws_durable_execution_sdk_python_testing._cli.progress_views import Answering, remark
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.fitting import GAP, ending
from aws_durable_execution_sdk_python_testing._results.harmless import one_line

_STATUS, _TIME = len("SUCCEEDED"), len("3600.0 s")
# Columns for a name, however narrow the terminal, and for the beginning of an error.
_LEAST_NAME = 12
_LEAST_ERROR = 16
# The part of the screen that failures have, and how many lines of it at most.
_FAILURES_SHARE = 3
_MOST_FAILURES = 6


@dataclass(frozen=True, slots=True)
class OutlineDrawing:
    """How an outline looks.

    Attributes:
        outline: what to draw.
        now: until when durations are counted of what is under way.
        answering: says how to answer an open callback.
        with_failures: whether the newest failures are listed below.
    """

    outline: Outline
    now: datetime
    answering: Answering
    with_failures: bool

    def lines(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """For a console, no wider than the options say."""
        width, height = options.max_width, console.height
        bottom = list(self._failures(width, height)) if self.with_failures else []
        # Besides the heading: a line printed before, and the one the cursor is in.
        room = max(1, height - 3 - len(bottom))
        rows = list(self.outline.rows())
        columns = _Columns.of(rows[-room:], width, console)
        yield columns.line(Text("operation"), Text("status"), "time")
        yield from _fitting(rows, lambda row: self._row(row, columns), room)
        yield from bottom

    def _row(self, row: Row, columns: _Columns) -> list[Text]:
        operation = row.operation
        if operation is None:
            more = Text(f"{_indent(row.depth)}and {row.more:,} more under way", "dim")
            return [columns.cut(more)]
        line = columns.line(
            Text(_indent(row.depth) + wording.title(operation)),
            Text(operation.status, wording.STYLES[operation.status]),
            wording.duration(operation.start_timestamp, operation.end_timestamp or self.now),
        )
        inside = self.outline.inside(operation)
        if inside is not None:
            return columns.beside(line, Text(str(inside), "red" if inside.failed else ""), row)
        text = Text(one_line(remark(operation, self.outline, self.answering)))
        if operation.error is None:
            return columns.beside(line, text, row)
        # It is one of the failures, or is about to be tried again: the beginning will do.
        room = columns.width - line.cell_len - len(GAP)
        return [columns.cut(line + GAP + text)] if room >= _LEAST_ERROR else [line]

    def _failures(self, width: int, height: int) -> Iterator[Text]:
        """The newest of them, a line each."""
        failures = self.outline.failures
        shown = failures[-max(1, min(_MOST_FAILURES, height // _FAILURES_SHARE - 1)) :]
        if not shown:
            return
        newest = f", the newest {len(shown)}" if len(shown) < len(failures) else ""
        yield _cut(Text(f"{len(failures):,} failed{newest}:", "bold red"), width)
        for operation in shown:
            error = one_line("" if operation.error is None else wording.brief(operation.error))
            room = width - 2 * len(GAP) - min(len(error), width // 2)
            path = ending(self.outline.path(operation), max(_LEAST_NAME, room))
            yield _cut(Text(f"{GAP}{path}{GAP}{error}", "red"), width)


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide what is of some rows: a name, a status, a time, and the rest for remarks."""

    console: Console
    width: int
    name: int
    has_time: bool

    @classmethod
    def of(cls, rows: Sequence[Row], width: int, console: Console) -> _Columns:
        has_time = width >= _LEAST_NAME + _STATUS + _TIME + 2 * len(GAP)
        room = width - _STATUS - len(GAP) - (_TIME + len(GAP) if has_time else 0)
        widest = max((_wanted(row) for row in rows), default=0)
        return cls(console, width, max(_LEAST_NAME, min(widest, room)), has_time)

    def line(self, name: Text, status: Text, time: str) -> Text:
        name.truncate(self.name, overflow="ellipsis", pad=True)
        status.truncate(_STATUS, overflow="ellipsis", pad=True)
        line = name + GAP + status
        return self.cut(line + f"{GAP}{time:<{_TIME}}" if self.has_time else line)

    def beside(self, line: Text, note: Text, row: Row) -> list[Text]:
        """A line with what is to be said of it, on lines below where there is no room beside it."""
        if not note:
            return [line]
        if line.cell_len + len(GAP) + note.cell_len <= self.width:
            return [line + GAP + note]
        indent = _indent(row.depth + 1)
        below = note.wrap(self.console, max(1, self.width - len(indent)), overflow="fold")
        return [line, *(Text(indent) + part for part in below)]

    def cut(self, line: Text) -> Text:
        return _cut(line, self.width)


def _fitting(rows: Sequence[Row], draw: Callable[[Row], list[Text]], room: int) -> Iterator[Text]:
    """The newest rows that there are lines for, below the contexts that they are in."""
    shown: list[list[Text]] = []
    above: list[int] = []
    height = 0
    for first in reversed(range(len(rows))):
        lines, around = draw(rows[first]), _around(rows, first)
        needed = height + len(lines) + len(around) + (first > len(around))
        if needed > room and shown:
            break
        shown.append(lines)
        height += len(lines)
        above = around[: max(0, room - height - 1)]
    for index in above:
        yield draw(rows[index])[0]
    hidden = len(rows) - len(shown) - len(above)
    if hidden:
        yield Text(f"... {hidden:,} more", "dim")
    for lines in reversed(shown):
        yield from lines


def _around(rows: Sequence[Row], index: int) -> list[int]:
    """Where the rows of the contexts around a row are, outermost first."""
    found: list[int] = []
    depth = rows[index].depth
    while depth > 0:
        index -= 1
        if rows[index].depth < depth:
            depth = rows[index].depth
            found.append(index)
    return found[::-1]


def _wanted(row: Row) -> int:
    """The columns that the name of a row would take."""
    if row.operation is None:
        return 0
    return len(_indent(row.depth)) + cell_len(wording.title(row.operation))


def _indent(depth: int) -> str:
    return GAP * min(depth, wording.DEEPEST_INDENT)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line
