"""What a run from the command line shows while it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec, Protocol, TextIO, TypeVar

import click

from aws_durable_execution_sdk_python._core.model import Operation, Status
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.outline import Outline
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.folding import event_time
from aws_durable_execution_sdk_python_testing._results.harmless import (
    harmless,
    harmless_json,
    one_line,
)
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

Event = Mapping[str, Any]
# Of what failed on the way: every failure has a line, the first have their stack traces too.
_MOST_TRACES = 10
# Says how to answer an open callback, by what it is called or its `wait_for_callback` is.
Answering = Callable[[str | None], str]

P = ParamSpec("P")
R = TypeVar("R")


def verbose_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--verbose`, for `LineView`."""
    return click.option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Print every event in a line of its own, with its time, id and payload.",
    )(command)


def check_verbosity(*, verbose: bool, as_json: bool) -> None:
    """Refuse two ways of printing at once."""
    if verbose and as_json:
        raise CommandError("give --verbose, for people, or --json, for programs: not both")


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
        self._outline = Outline()
        self._execution: dict[str, str] = {}
        self._before = 0

    def live(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, beginning: Beginning) -> None:
        self._execution = {"name": beginning.name, "arn": beginning.arn}
        self._before = beginning.events
        self._write({"type": "execution", **self._execution, "state": beginning.state})

    def event(self, event: Event) -> None:
        operation = self._outline.feed(event)
        if operation is not None:
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
        self._out.write(harmless_json(json.dumps(line)) + "\n")
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
        verbose: tell of every event, with its time, the operation's id and what is in it.
    """

    def __init__(self, out: TextIO, answering: Answering, *, verbose: bool = False) -> None:
        self._out = out
        self._answering = answering
        self._verbose = verbose
        self._outline = Outline()
        self._before = 0

    def live(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, beginning: Beginning) -> None:
        self._before = beginning.events
        arn = f"  {beginning.arn}" if self._verbose else ""
        self._print(one_line(f"execution {beginning.name} {beginning.state}{arn}"))

    def event(self, event: Event) -> None:
        operation = self._outline.feed(event)
        before = "(before)" if event["EventId"] <= self._before else ""
        if self._verbose:
            self._print(one_line("  ".join(part for part in (*_told(event), before) if part)))
        elif operation is not None:
            depth = min(1 + len(self._outline.around(operation)), wording.DEEPEST_INDENT)
            took = wording.duration(operation.start_timestamp, operation.end_timestamp)
            what = remark(operation, self._outline, self._answering)
            parts = (wording.title(operation), operation.status, took, what, before)
            self._print("  " * depth + one_line("  ".join(part for part in parts if part)))

    def end(self, result: DurableFunctionTestResult) -> None:
        for line in (*failures(self._outline), *wording.conclusion(result)):
            self._print(line)

    def _print(self, line: str) -> None:
        self._out.write(harmless(line) + "\n")
        self._out.flush()


def _told(event: Event) -> Iterator[str]:
    """All that an event says."""
    kind = event["EventType"]
    yield wording.time_of_day(event_time(event["EventTimestamp"]))
    yield f"{event['EventId']}"
    yield kind
    yield event.get("Name") or ""
    yield event.get("Id") or ""
    details = event.get(f"{kind}Details")
    if details:
        yield harmless_json(json.dumps(details, ensure_ascii=False, default=str))


def failures(outline: Outline) -> Iterator[str]:
    """What went wrong on the way: on a screen it has scrolled off, or is folded, by the end."""
    if not outline.failures:
        return
    counted = wording.count(len(outline.failures), "failure")
    yield f"{counted} in {wording.count(len(outline), 'operation')}:"
    for number, operation in enumerate(outline.failures):
        attempt = operation.step_details.attempt if operation.step_details is not None else 0
        attempts = f" at attempt {attempt}" if attempt > 1 else ""
        error = "" if operation.error is None else f": {wording.brief(operation.error)}"
        # What follows the first line stands below it: it cannot look like a line of ours.
        first, *rest = f"{outline.path(operation)}  {operation.status}{attempts}{error}".split("\n")
        yield f"  {first}"
        if operation.error is not None and number < _MOST_TRACES:
            rest += operation.error.trace.splitlines()
        yield from (f"    {line}" for line in rest)


def remark(operation: Operation, outline: Outline, answering: Answering) -> str:
    """What there is to know beyond the status."""
    step = operation.step_details
    if step is not None and step.next_attempt_timestamp is not None:
        again = wording.moment(step.next_attempt_timestamp)
        return f"attempt {step.attempt}: {wording.brief(operation.error)}, again at {again}"
    if operation.error is not None:
        return wording.brief(operation.error)
    if operation.status is not Status.STARTED:
        return ""
    wait = operation.wait_details
    if wait is not None and wait.scheduled_end_timestamp is not None:
        return f"until {wording.moment(wait.scheduled_end_timestamp)}"
    return answering(outline.called(operation)) if operation.callback_details is not None else ""
