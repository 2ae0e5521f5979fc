"""Texts that fit the terminal they are shown on.

Invariants:

- On a terminal nothing is wider than it, and no id is broken over lines: what of one does not fit
  is left out of its middle.
- Elsewhere nothing is cut and nothing wrapped: a pipe has no width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = "  "


def shortened(text: str, width: int) -> str:
    """An id with its middle left out if it is wider than so many columns.

    Example:
        >>> shortened("arn:aws:lambda:us-west-2:0/run-1", 12)
        'arn:aw…run-1'
    """
    if cell_len(text) <= width:
        return text
    tail = max(0, (width - 1) // 2)
    return set_cell_size(text, max(0, width - 1 - tail)) + ending(text, tail + 1)


def ending(text: str, width: int) -> str:
    """The end of a path that is wider than so many columns: what is innermost tells most.

    Example:
        >>> ending("pack all / item-5 / put", 12)
        '…tem-5 / put'
    """
    if cell_len(text) <= width:
        return text
    start = len(text)
    while start and cell_len(text[start - 1 :]) < width:
        start -= 1
    return f"…{text[start:]}"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line.

    Attributes:
        text: without line breaks.
        is_whole: whether it is never broken; else it is wrapped where it is wider than a line.
    """

    text: Text
    is_whole: bool = True


class Flow:
    """Parts one after the other, on as many lines as it takes; those after the first are indented.

    Parameters:
        parts: what to show; empty ones are left out.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = [part for part in parts if part.text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text(end="")
        for part in self._parts:
            gap = GAP if line else ""
            if line and cell_len(line.plain + gap) + part.text.cell_len > options.max_width:
                yield line + "\n"
                line, gap = Text(GAP, end=""), ""
            room = max(1, options.max_width - cell_len(line.plain + gap))
            if part.text.cell_len <= room:
                line = line + gap + part.text
            elif part.is_whole:
                line = line + gap + Text(shortened(part.text.plain, room), part.text.style)
            else:
                *lines, last = part.text.wrap(console, room, overflow="fold")
                for wrapped in lines:
                    yield line + gap + wrapped + "\n"
                    line, gap = Text(" " * (options.max_width - room), end=""), ""
                line = line + gap + last
        yield line + "\n"


class Hanging:
    """A line that goes on below its own beginning, or further right.

    Parameters:
        line: with blanks before it.
        further: by how many columns.
        style: of the text.
    """

    def __init__(self, line: str, *, further: int = 0, style: str = "") -> None:
        self._text = Text(line.lstrip(" "), style)
        self._indent = len(line) - len(self._text)
        self._further = further

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = " " * self._indent
        room = max(1, options.max_width - self._indent - self._further)
        lines: Iterator[Text] = iter([self._text])
        if console.is_terminal and self._text.cell_len > room:
            lines = iter(self._text.wrap(console, room, overflow="fold"))
        yield Text(indent) + next(lines, Text())
        yield from (Text(indent + " " * self._further) + line for line in lines)
