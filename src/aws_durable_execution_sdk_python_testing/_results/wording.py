"""How executions and operations read, on terminals and in logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from aws_durable_execution_sdk_python._core.model import TERMINAL, ErrorObject, Status
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

# What has ended, and neither well nor because somebody wanted it to.
UNSUCCESSFUL = TERMINAL - {Status.SUCCEEDED, Status.CANCELLED}
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


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long something took; nothing as long as it has no end."""
    if start is None or end is None:
        return ""
    seconds = max(0.0, (end - start).total_seconds())
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def progress(ended: int, begun: int, failed: int) -> str:
    """E.g. `62/80, 3 failed`: how far the branches of a batch are."""
    counted = f"{ended:,}/{begun:,}"
    return f"{counted}, {failed:,} failed" if failed else counted


def moment(when: datetime) -> str:
    """A point in time, to the second."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(when: datetime) -> str:
    """When on its day, in UTC, to the millisecond."""
    return f"{when.astimezone(UTC):%H:%M:%S.%f}"[:-3]


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
