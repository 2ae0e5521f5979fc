"""What an execution that has not ended waits for, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.model import TERMINAL, OperationType, Status
from aws_durable_execution_sdk_python_testing._engine.callbacks import WAIT_FOR_CALLBACK

_MOST_SHOWN = 5
_WORDS: Mapping[str, str] = {
    OperationType.STEP: "step",
    OperationType.WAIT: "wait",
    OperationType.CALLBACK: "callback",
    OperationType.CHAINED_INVOKE: "invoke",
}


def waits_for(operations: Iterable[Mapping[str, Any]], *, running: bool = False) -> str:
    """What keeps an execution, e.g. `callback 'approval', wait 'a day'`.

    Parameters:
        operations: its operations in API form.
        running: whether its function runs.
    """
    known = {operation["Id"]: operation for operation in operations}
    open_ones = [
        _word(operation, known)
        for operation in known.values()
        if operation["Type"] in _WORDS and operation["Status"] not in TERMINAL
    ]
    shown = open_ones[:_MOST_SHOWN]
    if len(open_ones) > len(shown):
        shown.append(f"and {len(open_ones) - len(shown)} more")
    if running:
        shown.insert(0, "its function, which runs")
    return ", ".join(shown) or "its next invocation"


def _word(operation: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    name = _asked_name(operation, known) or operation.get("Name")
    word = _WORDS[operation["Type"]] + (f" {name!r}" if name else "")
    if operation["Status"] == Status.PENDING:
        return f"{word} (to be tried again)"
    return word


def _asked_name(operation: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The name of the `wait_for_callback` that an operation is a part of."""
    parent = known.get(operation.get("ParentId") or "", {})
    name = parent.get("Name") if parent.get("SubType") == WAIT_FOR_CALLBACK else None
    return None if name is None else str(name)
