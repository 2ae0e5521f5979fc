"""Watches the lines of a step's function, to crash in the middle of them.

Which code that is follows from the function. It is not what is entered first: in between the
interpreter may run anything, a callback of a weak reference or of the garbage collector, a
`__del__`, a signal's handler.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

import aws_durable_execution_sdk_python
from aws_durable_execution_sdk_python._core.user_functions import Bound

_OWN = (
    str(Path(aws_durable_execution_sdk_python.__file__).parent),
    str(Path(__file__).parents[1]),
)


class LineWatch:
    """Calls `on_line` before each line of a function of the user's.

    A context manager: between entering and leaving, what runs on this thread is watched. What
    `on_line` raises is raised in the user's function, at that line. A debugger or a tool that
    measures coverage does not see that function meanwhile.

    Parameters:
        function: what is called; of one that is not written in Python no line is seen.
    """

    def __init__(self, function: Callable[..., Any], on_line: Callable[[], None]) -> None:
        self._on_line = on_line
        self._code = _code_of(function)
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = sys.gettrace()
        sys.settrace(self._entered)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _entered(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code is self._code else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self._on_line()
        return self._line

    async def watch(self, awaitable: Awaitable[Any]) -> Any:
        """Await it, watched while it runs itself."""
        return await _Watched(self, awaitable)


def _code_of(function: Any) -> CodeType | None:
    """The code of the user's that a call enters; None if it enters none that is known."""
    if isinstance(function, functools.partial):
        return _code_of(function.func)
    if isinstance(function, Bound):
        return _code_of(function.function)
    if isinstance(function, MethodType):
        return _code_of(function.__func__)
    if isinstance(function, FunctionType):
        code = function.__code__
        return _wrapped_code(function) if code.co_filename.startswith(_OWN) else code
    of_class = isinstance(function, type)
    call = inspect.getattr_static(
        function if of_class else type(function), "__init__" if of_class else "__call__", None
    )
    return _code_of(call) if isinstance(call, FunctionType) else _wrapped_code(function)


def _wrapped_code(function: Any) -> CodeType | None:
    wrapped = getattr(function, "__wrapped__", None)
    return None if wrapped is None else _code_of(wrapped)


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
