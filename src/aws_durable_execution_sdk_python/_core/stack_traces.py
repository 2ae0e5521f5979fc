"""The lines of an error's traceback as they are stored: the user's frames first, ours folded.

Each line is one frame, or says what was left out. For people only: nothing is decided by it. Which
frames are ours is told by where their code was compiled from.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType

# Every module of this package, and of the testing SDK beside it, lies below one of these.
_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_OURS = (_PACKAGE + os.sep, f"{_PACKAGE}_testing{os.sep}")
_NAME = os.path.basename(_PACKAGE)

MAX_FRAMES = 32
# Of a longer trace, the frames kept at its beginning; the rest are those nearest to the error.
_FIRST = 8
_MAX_LINE = 400
# Bytes of UTF-8; more than 32 usual frames take.
MAX_TRACE_BYTES = 12 * 1024
_LAST_LINE = 64  # that says how many are left out
_FOLDED = "  ... {count} of {name}\n"


def is_ours(traceback_entry: TracebackType) -> bool:
    """Whether the frame is one of the SDK's."""
    return traceback_entry.tb_frame.f_code.co_filename.startswith(_OURS)


def users_part(entry: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of ours that it begins with; whole if there are no others."""
    beginning = entry
    while entry is not None and is_ours(entry):
        entry = entry.tb_next
    return beginning if entry is None else entry


def users_frames(entry: TracebackType | None) -> TracebackType | None:
    """A traceback without any frame of ours; whole if there are no others."""
    left: list[TracebackType] = []
    rest = entry
    while rest is not None:
        if not is_ours(rest):
            left.append(rest)
        rest = rest.tb_next
    for each in reversed(left):
        rest = TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return rest or entry


def stack_trace(error: BaseException, inner: list[str] | None = None) -> list[str]:
    """The frames an error came through, outermost first, without those of ours around the user's.

    Parameters:
        error: what was raised; its causes are not looked at.
        inner: the lines of what it stands for: where a step's own error was raised.
    """
    lines: list[str] = []
    frames = list(_frames(error.__traceback__))
    for ours, group in groupby(frames, key=lambda frame: frame[0]):
        run = [frame for _, frame in group]
        if not ours:
            lines += [_cut(line) for line in traceback.format_list(run)]
        elif lines:
            lines.append(_FOLDED.format(count=_counted(len(run)), name=_NAME))
    if not inner and lines and frames[-1][0]:
        lines.pop()  # what is folded here is only where ours raised it
    lines += [] if inner is None else inner
    return bounded(lines)


def bounded(lines: list[str]) -> list[str]:
    """A trace of at most MAX_FRAMES lines and MAX_TRACE_BYTES; says how many lines are left out.

    Bounded again, it stays as it is.
    """
    if len(lines) > MAX_FRAMES:
        last = MAX_FRAMES - _FIRST - 1
        left_out = f"  ... {_counted(len(lines) - _FIRST - last)} left out\n"
        lines = [*lines[:_FIRST], left_out, *lines[-last:]]
    size = 0
    for count, line in enumerate(lines):
        size += len(line.encode(errors="replace"))
        if size > MAX_TRACE_BYTES - _LAST_LINE:
            return [*lines[:count], f"  ... {_counted(len(lines) - count)} left out\n"]
    return lines


def _frames(entry: TracebackType | None) -> Iterator[tuple[bool, traceback.FrameSummary]]:
    while entry is not None:
        code = entry.tb_frame.f_code
        summary = traceback.FrameSummary(code.co_filename, entry.tb_lineno, code.co_name)
        yield is_ours(entry), summary
        entry = entry.tb_next


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_LINE else f"{line[: _MAX_LINE - 4]}...\n"


def _counted(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"
