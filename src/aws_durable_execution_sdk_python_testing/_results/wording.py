"""How executions and operations read, on terminals and in logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len, set_cell_size

from aws_durable_execution_sdk_python._core.model import ErrorObject, Status
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_json, one_line

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

STYLES = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.TIMED_OUT: "red",
    Status.STOPPED: "red",
    Status.CANCELLED: "yellow",
    Status.PENDING: "yellow",
    Status.READY: "yellow",
    Status.PAUSING: "yellow",
    Status.PAUSED: "yellow",
    Status.STARTED: "cyan",
    Status.RUNNING: "cyan",
    Status.DELETING: "dim",
}

# A terminal has room to the left of what is shown for so many levels.
DEEPEST_INDENT = 10
# Of an error where it is one of many.
_MOST_LINES = 5
_LONGEST = 1_000


class Named(Protocol):
    """An operation, in whichever form."""

    @property
    def name(self) -> str | None: ...
    @property
    def sub_type(self) -> str | None: ...
    @property
    def operation_type(self) -> str: ...


def name(operation: Named) -> str:
    """What an operation is called, in one line."""
    return one_line(operation.name or "(unnamed)")


def title(operation: Named) -> str:
    """E.g. `charge [Step]`."""
    return f"{name(operation)} [{one_line(operation.sub_type or operation.operation_type)}]"


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


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long something took; nothing as long as it has no end."""
    if start is None or end is None:
        return ""
    seconds = max(0.0, (end - start).total_seconds())
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def moment(when: datetime) -> str:
    """A point in time, to the second."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def count(number: int, what: str) -> str:
    """E.g. `1 attempt`, `2 attempts`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def brief(error: ErrorObject | None) -> str:
    """Type and message of an error, the beginning of a long one: for lists, which it would fill."""
    headline = "" if error is None else error.headline
    text = "\n".join(headline[:_LONGEST].split("\n")[:_MOST_LINES])
    return text if text == headline else f"{text} ..."


def conclusion(result: DurableFunctionTestResult) -> Iterator[str]:
    """The lines that say how an execution ended."""
    execution = result.execution
    took = execution and duration(execution.start_timestamp, execution.end_timestamp)
    took = f" in {took}" if took else ""
    if result.status is Status.SUCCEEDED:
        yield f"SUCCEEDED{took}"
        yield harmless_json(json.dumps(result.result, indent=2, ensure_ascii=False))
    else:
        error = "" if result.error is None else f": {result.error.headline}"
        # The further lines of a message stand below it: they cannot look like ours.
        yield f"{result.execution_status}{took}{error}".replace("\n", "\n    ")
        if result.error is not None and result.error.trace:
            yield result.error.trace
