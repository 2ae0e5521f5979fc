"""Watches the lines of a step's function, to crash in the middle of them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import aws_durable_execution_sdk_python

_OWN = (
    str(Path(aws_durable_execution_sdk_python.__file__).parent),
    str(Path(__file__).parents[1]),
)


class LineWatch:
    """Calls `on_line` before each line of the first function of the user's that is entered.

    A context manager: between entering and leaving, what runs on this thread is watched. What
    `on_line` raises is raised in the user's function, at that line. A debugger or a tool that
    measures coverage does not see that function meanwhile.
    """

    def __init__(self, on_line: Callable[[], None]) -> None:
        self._on_line = on_line
        self._code: CodeType | None = None
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = sys.gettrace()
        sys.settrace(self._entered)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _entered(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self._code is None and _is_of_the_user(frame.f_code):
            self._code = frame.f_code
        return self._line if frame.f_code is self._code else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self._on_line()
        return self._line

    async def watch(self, awaitable: Awaitable[Any]) -> Any:
        """Await it, watched while it runs itself."""
        return await _Watched(self, awaitable)


def _is_of_the_user(code: CodeType) -> bool:
    """Neither ours, nor called by the collector, which may run before anything else does."""
    if code.co_filename.startswith(_OWN):
        return False
    return all(code is not getattr(callback, "__code__", None) for callback in gc.callbacks)


class _Watched:
    """Drives an awaitable by hand: between its turns others run, whom nobody watches."""

    def __init__(self, watch: LineWatch, awaitable: Awaitable[Any]) -> None:
        self._watch = watch
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._awaitable.__await__()
        resume: Callable[[], Any] = inner.__next__
        while True:
            try:
                with self._watch:
                    awaited = resume()
            except StopIteration as stop:
                return stop.value
            try:
                yield awaited
            except BaseException as error:
                resume = _thrower(inner, error)
            else:
                resume = inner.__next__


def _thrower(inner: Any, error: BaseException) -> Callable[[], Any]:
    return lambda: inner.throw(error)
