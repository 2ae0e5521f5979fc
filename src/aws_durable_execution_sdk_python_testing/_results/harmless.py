"""Keeps what others wrote from being obeyed by a terminal.

Errors, results and log lines come from whoever runs a function or answers a callback. In them
control characters could move the cursor, change the title or fill the clipboard. What is shown
instead is their picture.
"""

from __future__ import annotations

import logging
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
}


def harmless(text: str) -> str:
    """The text with pictures for control characters; line breaks and tabs stay.

    Example:
        >>> harmless("a\\x1b[2Jb")
        'a␛[2Jb'
    """
    return text.translate(_PICTURES)


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
    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


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
