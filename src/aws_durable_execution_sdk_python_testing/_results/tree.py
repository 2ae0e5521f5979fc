"""The tree of an execution's operations, drawn for a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from aws_durable_execution_sdk_python._core.model import TERMINAL, Status
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.branch_order import BATCHES
from aws_durable_execution_sdk_python_testing._results.fitting import Flow, Part
from aws_durable_execution_sdk_python_testing._results.harmless import (
    harmless_console,
    harmless_json,
    one_line,
)
from aws_durable_execution_sdk_python_testing._results.operations import (
    CallbackOperation,
    ContextOperation,
    InvokeOperation,
    Operation,
    StepOperation,
    WaitOperation,
)

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

_WITH_ERROR = (StepOperation, ContextOperation, CallbackOperation, InvokeOperation)
# Columns; no line is longer than a payload can be.
_ENDLESS = 1_000_000_000
_FAILED = TERMINAL - {Status.SUCCEEDED}


def result_tree(result: DurableFunctionTestResult, now: datetime | None = None) -> Tree:
    """An execution with its operations: status, duration, attempts and errors of each.

    Parameters:
        result: the execution, which may still run.
        now: until when durations of open operations are counted; None leaves them out. Those
            of an execution that has ended, as one that was stopped, are counted to its end.
    """
    execution = result.execution
    if now is not None and execution is not None and execution.end_timestamp is not None:
        now = execution.end_timestamp
    title = one_line(f"execution {(execution and execution.name) or ''}".rstrip())
    parts = [Part(Text(title, "bold")), _status(result.execution_status)]
    if execution is not None:
        took = wording.duration(execution.start_timestamp, execution.end_timestamp or now)
        parts.append(Part(Text(took)))
    if result.events:
        parts.append(Part(Text(wording.count(len(result.invocations), "invocation"))))
    tree = Tree(Flow(parts))
    _grow(tree, result.operations, now)
    _add_outcome(tree, result)
    return tree


def stdout_console() -> Console:
    """Standard output. Lines are wrapped on terminals only: a pipe has no width."""
    console = Console()
    return harmless_console(console if console.is_terminal else Console(width=_ENDLESS))


def _add_outcome(tree: Tree, result: DurableFunctionTestResult) -> None:
    if result.status is Status.SUCCEEDED:
        tree.add(Text(f"result: {harmless_json(json.dumps(result.result, ensure_ascii=False))}"))
    elif result.error is not None:
        outcome = Text(f"error: {result.error.headline}", style="red")
        if result.error.trace:
            outcome.append(f"\n{result.error.trace}", style="dim")
        tree.add(outcome)


def _grow(tree: Tree, operations: Sequence[Operation], now: datetime | None) -> None:
    """Add operations and those inside them; the deep ones no further to the right than others."""
    rest = [(tree, operation, 1) for operation in reversed(operations)]
    while rest:
        above, operation, depth = rest.pop()
        node = above.add(_label(operation, now, depth))
        inside = node if depth < wording.DEEPEST_INDENT else above
        rest += [(inside, child, depth + 1) for child in reversed(operation.child_operations)]


def _label(operation: Operation, now: datetime | None, depth: int) -> Flow:
    parts = [Part(Text(wording.title(operation))), _status(operation.status)]
    took = wording.duration(operation.start_timestamp, operation.end_timestamp or now)
    parts.append(Part(Text(took)))
    if isinstance(operation, StepOperation) and operation.attempt > 1:
        parts.append(Part(Text(wording.count(operation.attempt, "attempt"), "yellow")))
    parts.append(_counted(operation))
    parts.append(Part(Text(one_line(_remark(operation)), "dim"), is_whole=False))
    is_open = operation.status is Status.STARTED
    if is_open and isinstance(operation, CallbackOperation) and operation.callback_id:
        parts.append(Part(Text(one_line(f"callback id {operation.callback_id}"), "dim")))
    if depth > wording.DEEPEST_INDENT:
        parts.append(Part(Text(f"{depth} deep", "dim")))
    return Flow(parts)


def _counted(operation: Operation) -> Part:
    """How far the branches of a batch are; nothing for others."""
    if operation.sub_type not in BATCHES:
        return Part(Text())
    statuses = [child.status for child in operation.child_operations]
    ended = sum(status in TERMINAL for status in statuses)
    failed = sum(status in wording.UNSUCCESSFUL for status in statuses)
    progress = wording.progress(ended, len(statuses), failed)
    return Part(Text(progress, "red" if failed else ""))


def _remark(operation: Operation) -> str:
    """What there is to know beyond status and times."""
    if operation.status in _FAILED and isinstance(operation, _WITH_ERROR):
        return wording.brief(operation.error)
    if isinstance(operation, StepOperation) and operation.next_attempt_timestamp is not None:
        return f"again at {wording.moment(operation.next_attempt_timestamp)}"
    if operation.status is not Status.STARTED:
        return ""
    if isinstance(operation, WaitOperation) and operation.scheduled_end_timestamp is not None:
        return f"until {wording.moment(operation.scheduled_end_timestamp)}"
    return ""


def _status(status: Status) -> Part:
    return Part(Text(status, wording.STYLES[status]))
