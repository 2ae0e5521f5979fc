"""What a run from the command line shows while it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from aws_durable_execution_sdk_python._core.model import TERMINAL, Operation, OperationType, Status
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.folding import OperationFold
from aws_durable_execution_sdk_python_testing._results.harmless import (
    Harmless,
    harmless,
    harmless_console,
)
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

Event = Mapping[str, Any]
_UNSUCCESSFUL = TERMINAL - {Status.SUCCEEDED, Status.CANCELLED}
_MOST_FAILURES = 10
# Says how to answer an open callback, by what it is called or its `wait_for_callback` is.
Answering = Callable[[str | None], str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run begins with.

    Attributes:
        name, arn: the execution.
        state: "started", "resumed" or "finished before".
        events: how many events the execution has had before this run.
    """

    name: str
    arn: str
    state: str
    events: int


class View(Protocol):
    """Shows one execution: `begin`, `event` for each event, `end`."""

    def live(self) -> AbstractContextManager[object]:
        """Entered while events come."""
        ...

    def begin(self, beginning: Beginning) -> None: ...

    def event(self, event: Event) -> None: ...

    def end(self, result: DurableFunctionTestResult) -> None: ...


class JsonView:
    """One JSON object a line: the execution, each change of an operation, the result."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._fold = OperationFold()
        self._execution: dict[str, str] = {}
        self._before = 0

    def live(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, beginning: Beginning) -> None:
        self._execution = {"name": beginning.name, "arn": beginning.arn}
        self._before = beginning.events
        self._write({"type": "execution", **self._execution, "state": beginning.state})

    def event(self, event: Event) -> None:
        operation = self._fold.feed(event)
        if operation is not None and operation.operation_type is not OperationType.EXECUTION:
            before = event["EventId"] <= self._before
            self._write({"type": "operation", **_summary(operation), "before": before})

    def end(self, result: DurableFunctionTestResult) -> None:
        self._write(
            {
                "type": "result",
                **self._execution,
                "status": result.execution_status,
                "result": result.result,
                "error": None if result.error is None else result.error.to_dict(),
            }
        )

    def _write(self, line: dict[str, Any]) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()


def _summary(operation: Operation) -> dict[str, Any]:
    callback = operation.callback_details
    fields = {
        "id": operation.operation_id,
        "parent_id": operation.parent_id,
        "name": operation.name,
        "operation_type": operation.operation_type,
        "sub_type": operation.sub_type,
        "status": operation.status,
        "start": _iso(operation.start_timestamp),
        "end": _iso(operation.end_timestamp),
        "attempt": operation.step_details and operation.step_details.attempt,
        "callback_id": callback and callback.callback_id,
        "error": operation.error and operation.error.to_dict(),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


class LineView:
    """A line for each change of an operation, for logs and pipes.

    Parameters:
        out: where to write.
        answering: says how to answer an open callback.
    """

    def __init__(self, out: TextIO, answering: Answering) -> None:
        self._out = out
        self._answering = answering
        self._fold = OperationFold()
        self._before = 0

    def live(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, beginning: Beginning) -> None:
        self._before = beginning.events
        self._print(f"execution {beginning.name} {beginning.state}")

    def event(self, event: Event) -> None:
        operation = self._fold.feed(event)
        if operation is None or operation.operation_type is OperationType.EXECUTION:
            return
        indent = "  " * (1 + _depth(operation, self._fold))
        before = "(before)" if event["EventId"] <= self._before else ""
        took = wording.duration(operation.start_timestamp, operation.end_timestamp)
        remark = _remark(operation, self._fold, self._answering)
        parts = (wording.title(operation), operation.status, took, remark, before)
        self._print(indent + "  ".join(part for part in parts if part))

    def end(self, result: DurableFunctionTestResult) -> None:
        for line in (*wording.conclusion(result), *_failures(self._fold)):
            self._print(line)

    def _print(self, line: str) -> None:
        self._out.write(harmless(line) + "\n")
        self._out.flush()


class LiveView:
    """A table of the operations that fills and ticks in place, for terminals.

    Parameters:
        console: where to show it.
        now: the time of the service's clock, epoch seconds.
        answering: says how to answer an open callback.
    """

    def __init__(self, console: Console, now: Callable[[], float], answering: Answering) -> None:
        self._console = harmless_console(console)
        self._now = now
        self._answering = answering
        self._fold = OperationFold()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=10)

    def live(self) -> AbstractContextManager[object]:
        return self._live

    def begin(self, beginning: Beginning) -> None:
        line = Text.assemble("execution ", (beginning.name, "bold"), f" {beginning.state}")
        self._console.print(line)

    def event(self, event: Event) -> None:
        self._fold.feed(event)

    def end(self, result: DurableFunctionTestResult) -> None:
        heading, *rest = wording.conclusion(result)
        self._console.print(Text(heading, style=wording.STYLES[result.status]))
        for line in (*rest, *_failures(self._fold)):
            self._console.print(Text(line))

    def _table(self) -> RenderableType:
        table = wording.columns("operation", "status", "time", "", whole=("status", "time"))
        now = datetime.fromtimestamp(self._now(), UTC)
        # A copy: the refresh thread reads while events come in.
        operations = [
            operation
            for operation in list(self._fold.operations.values())
            if operation.operation_type is not OperationType.EXECUTION
        ]
        for operation in operations[-self._console.height :]:
            # Names and messages are `Text`, since a str would be read as markup; a long one is
            # wrapped under its own beginning.
            indent = 2 * _depth(operation, self._fold)
            table.add_row(
                Padding(Text(wording.title(operation)), (0, 0, 0, indent)),
                Text(operation.status, style=wording.STYLES[operation.status]),
                wording.duration(operation.start_timestamp, operation.end_timestamp or now),
                Text(_remark(operation, self._fold, self._answering)),
            )
        # Not by the console's hook: the display that is refreshed comes after that.
        return Harmless(_Newest(table))


class _Newest:
    """A table cut from above to what fits on the screen, below its heading."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        heading, *lines = console.render_lines(self._table, options, pad=False)
        # Besides the heading: a line printed before, and the one the cursor is in.
        room = max(2, console.height - 3)
        if len(lines) > room:
            lines = [[Segment("...")], *lines[1 - room :]]
        for line in (heading, *lines):
            yield from line
            yield Segment.line()


def _failures(fold: OperationFold) -> Iterator[str]:
    """What went wrong on the way, innermost first: on a screen it has scrolled off by the end."""
    operations = [
        operation
        for operation in fold.operations.values()
        if operation.operation_type is not OperationType.EXECUTION
    ]
    failed = [operation for operation in operations if operation.status in _UNSUCCESSFUL]
    if not failed:
        return
    yield f"{len(failed)} of {wording.count(len(operations), 'operation')} failed:"
    around = {operation.parent_id for operation in failed}
    innermost = [one for one in failed if one.operation_id not in around]
    for operation in innermost[:_MOST_FAILURES]:
        path = " / ".join([*_around(operation, fold), wording.title(operation)])
        error = "" if operation.error is None else f": {wording.brief(operation.error)}"
        yield f"  {path}  {operation.status}{error}"
        if operation.error is not None and operation.error.trace:
            yield operation.error.trace
    if len(innermost) > _MOST_FAILURES:
        yield f"  and {len(innermost) - _MOST_FAILURES} more"


def _around(operation: Operation, fold: OperationFold) -> list[str]:
    """The names of the contexts an operation is in, outermost first."""
    names: list[str] = []
    parent = fold.operations.get(operation.parent_id or "")
    while parent is not None:
        names.insert(0, parent.name or "(unnamed)")
        parent = fold.operations.get(parent.parent_id or "")
    return names


def _depth(operation: Operation, fold: OperationFold) -> int:
    depth = 0
    parent = fold.operations.get(operation.parent_id or "")
    while parent is not None:
        depth += 1
        parent = fold.operations.get(parent.parent_id or "")
    return depth


def _remark(operation: Operation, fold: OperationFold, answering: Answering) -> str:
    """What there is to know beyond the status."""
    if operation.error is not None:
        return wording.brief(operation.error)
    if operation.status is not Status.STARTED:
        return ""
    wait = operation.wait_details
    if wait is not None and wait.scheduled_end_timestamp is not None:
        return f"until {wording.moment(wait.scheduled_end_timestamp)}"
    return answering(_called(operation, fold)) if operation.callback_details is not None else ""


def _called(callback: Operation, fold: OperationFold) -> str | None:
    """The name in the program: that of a `wait_for_callback` is its context's."""
    context = fold.operations.get(callback.parent_id or "")
    if context is not None and context.sub_type == "WaitForCallback":
        return context.name
    return callback.name
