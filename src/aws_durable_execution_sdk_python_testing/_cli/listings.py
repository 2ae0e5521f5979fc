"""Lists and facts, as wide as the terminal at most; elsewhere an entry is one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from aws_durable_execution_sdk_python_testing._results.fitting import (
    GAP,
    Flow,
    Part,
    shortened,
)
from aws_durable_execution_sdk_python_testing._results.harmless import one_line


@dataclass(frozen=True, slots=True)
class Fact:
    """A value and what it is.

    Attributes:
        label, value: as they are shown.
        is_id: whether the value is never to be broken.
        indent: blanks before it.
        room: columns for the label.
    """

    label: str
    value: str
    is_id: bool = False
    indent: int = 0
    room: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label = Text(" " * self.indent + f"{one_line(self.label)}: ".ljust(self.room))
        room = max(1, options.max_width - label.cell_len)
        value = Text(one_line(self.value))
        if not console.is_terminal or value.cell_len <= room:
            yield label + value
        elif self.is_id:
            yield label
            below = " " * (self.indent + len(GAP))
            yield Text(below + shortened(value.plain, options.max_width - len(below)))
        else:
            first, *rest = value.wrap(console, room, overflow="fold")
            yield label + first
            yield from (Text(" " * label.cell_len) + line for line in rest)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One of a list.

    Attributes:
        cells: what stands in columns, in one line each.
        below: what stands below them on a terminal.
        behind: what stands behind them elsewhere, instead.
    """

    cells: Sequence[Text]
    below: Sequence[RenderableType] = ()
    behind: str = ""


class Listing:
    """Entries in columns, or each over as many lines as it takes if the columns are too wide.

    Parameters:
        headings: of the columns.
        entries: what to list.
    """

    def __init__(self, headings: Sequence[str], entries: Iterable[ListEntry]) -> None:
        self._headings = ListEntry([Text(heading, "bold") for heading in headings])
        self._entries = list(entries)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        listed = [self._headings, *self._entries]
        columns = zip(*(entry.cells for entry in listed), strict=True)
        widths = [max(cell.cell_len for cell in column) for column in columns]
        in_columns = sum(widths) + len(GAP) * (len(widths) - 1) <= options.max_width
        if not in_columns:
            listed = self._entries
        for entry in listed:
            if in_columns:
                line = Text(GAP).join(map(_padded, entry.cells, widths))
                line.rstrip()
                yield line if console.is_terminal else line + _behind(entry)
            else:
                yield Flow([Part(cell) for cell in entry.cells])
            if console.is_terminal:
                yield from entry.below


def _behind(entry: ListEntry) -> str:
    return f"{GAP}{entry.behind}" if entry.behind else ""


def _padded(cell: Text, width: int) -> Text:
    padded = cell.copy()
    padded.pad_right(width - cell.cell_len)
    return padded
