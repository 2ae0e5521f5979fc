"""What a run shows on a terminal while it goes on: drawn anew in place, ten times a second.

Invariants:

- However it ends, the terminal is as it was: the cursor is back, and no other text is drawn over.
- The end says all that failed, in full, before the result.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from aws_durable_execution_sdk_python_testing._cli.outline import Outline
from aws_durable_execution_sdk_python_testing._cli.outline_drawing import OutlineDrawing
from aws_durable_execution_sdk_python_testing._cli.progress_views import (
    Answering,
    Beginning,
    Event,
    failures,
)
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.fitting import Hanging
from aws_durable_execution_sdk_python_testing._results.harmless import (
    Harmless,
    harmless_console,
    one_line,
)
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult


class LiveView:
    """The operations as an outline that fills and ticks in place, for terminals.

    Parameters:
        console: where to show it.
        now: the time of the service's clock, epoch seconds.
        answering: says how to answer an open callback.
    """

    def __init__(self, console: Console, now: Callable[[], float], answering: Answering) -> None:
        self._console = harmless_console(console)
        self._now = now
        self._answering = answering
        self._outline = Outline()
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self.drawing, console=console, refresh_per_second=10)

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        with self._live:
            yield
            # At the end of the run it gives way to what `end` prints; interrupted, it stays.
            self._live.transient = True

    def begin(self, beginning: Beginning) -> None:
        name = (one_line(beginning.name), "bold")
        self._console.print(Text.assemble("execution ", name, f" {beginning.state}"))

    def event(self, event: Event) -> None:
        with self._lock:
            self._outline.feed(event)

    def end(self, result: DurableFunctionTestResult) -> None:
        for line in failures(self._outline):
            # What stands further right belongs to a failure, and is none.
            style = "" if line.startswith(" " * 3) else "red"
            self._console.print(Hanging(line, style=style))
        self._console.print(self.drawing(with_failures=False))
        heading, *rest = wording.conclusion(result)
        self._console.print(Text(heading, style=wording.STYLES[result.status]))
        for line in rest:
            self._console.print(Text(line))

    def drawing(self, *, with_failures: bool = True) -> RenderableType:
        """The execution as it is now, as high as the screen at most."""
        now = datetime.fromtimestamp(self._now(), UTC)
        drawn = OutlineDrawing(self._outline, now, self._answering, with_failures)
        # Not by the console's hook: the display that is refreshed comes after that.
        return Harmless(_Locked(drawn, self._lock))


class _Locked:
    """Drawn while nothing changes it: the refresh thread draws while events come in."""

    def __init__(self, drawing: OutlineDrawing, lock: threading.Lock) -> None:
        self._drawing = drawing
        self._lock = lock

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._lock:
            lines = list(self._drawing.lines(console, options))
        yield from lines
