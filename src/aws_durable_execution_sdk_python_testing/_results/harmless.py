"""Keeps what others wrote from being obeyed by a terminal.

Errors, results and log lines come from whoever runs a function or answers a callback. In them
control characters could move the cursor, change the title or fill the clipboard. What is shown
instead is their picture.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.segment import Segment

_KEPT = "\n\t"
# C0 has pictures of its own in Unicode, C1 has none.
_PICTURES: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in _KEPT},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    # Halves of characters, which no output can encode.
    **{code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)},
    # They turn the direction of writing around, and so what a line seems to say.
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
    **dict.fromkeys([0x061C, 0x200E, 0x200F], 0xFFFD),
    # Other line breaks: not every program takes them for such.
    **dict.fromkeys([0x2028, 0x2029], 0xFFFD),
}
_LINE_PICTURES = {**_PICTURES, **{ord(kept): 0x2400 + ord(kept) for kept in _KEPT}}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _PICTURES}


def harmless(text: str) -> str:
    """The text with pictures for control characters; line breaks and tabs stay.

    Example:
        >>> harmless("a\\x1b[2Jb")
        'a␛[2Jb'
    """
    return text.translate(_PICTURES)


def one_line(text: str) -> str:
    """The text in one line, with pictures for line breaks and tabs too.

    For names, and for what stands in a list: nothing in it can look like the next entry.
    """
    return text.translate(_LINE_PICTURES)


def harmless_json(document: str) -> str:
    """A JSON document that says the same, with escapes for what a terminal could obey.

    Example:
        >>> harmless_json('"\x9b2J"')
        '"\\\\u009b2J"'
    """
    return document.translate(_JSON_ESCAPES)


def harmless_console(console: Console) -> Console:
    """Let a console show only what is harmless, besides its own styles."""
    console.push_render_hook(_Hook())
    return console


class HarmlessFormatter(logging.Formatter):
    """Log records as text that a terminal only shows."""

    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))


def harmless_logs(level: int | str | None = None) -> None:
    """Let records that this process logs be shown harmlessly, where no handler is the user's own.

    Parameters:
        level: what is shown from there on, with its logger; None leaves that to the program.
    """
    if level is None:
        if logging.lastResort is not None:
            logging.lastResort.setFormatter(HarmlessFormatter())
        return
    handler = _StandardError()
    handler.setFormatter(HarmlessFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


class _StandardError(logging.Handler):
    """Writes to what is standard error then: where something is drawn, records go above it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


class _Hook(RenderHook):
    """Takes hold of whatever is printed."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Harmless(renderable) for renderable in renderables]


class Harmless:
    """Something to show, without control characters in its text."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _cleaned(console.render(self._renderable, options))


def _cleaned(segments: Iterable[Segment]) -> Iterable[Segment]:
    for segment in segments:
        if segment.control:
            yield segment
        else:
            yield Segment(harmless(segment.text), segment.style)
