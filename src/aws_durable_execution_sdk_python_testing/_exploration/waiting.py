"""Waits for the end of an explored execution, or notices that it will never come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


def wait_until_ended(service: LocalService, arn: str, patience: float) -> None:
    """Return when the execution has ended.

    Where time is skipped, an execution that no function runs for, and that has not ended, waits
    for an answer from outside. With a callback that nobody answers it would do so in each run.

    Parameters:
        service: runs it, and skips time.
        arn: the execution.
        patience: real seconds in which nothing happens until it is given up.

    Raises:
        DurableFunctionsTestError: it waits for something that nobody does.
    """
    seen = 0
    while not _ends(service, arn, patience):
        at_rest = _is_at_rest(service)
        # Looked at afterwards: had it ended in between, there would be events.
        events = len(service.history(arn))
        if at_rest and events == seen:
            raise DurableFunctionsTestError(_unanswered(service.operations(arn)))
        seen = events


def _ends(service: LocalService, arn: str, seconds: float) -> bool:
    try:
        service.wait_until_ended(arn, seconds)
    except TimeoutError:
        return False
    return True


def _is_at_rest(service: LocalService) -> bool:
    try:
        service.advance(0, timeout=0)
    except TimeoutError:
        return False
    return True


def _unanswered(operations: Sequence[Mapping[str, Any]]) -> str:
    names = sorted(set(_open_callbacks(operations)))
    waits_for = f"the callbacks {', '.join(map(repr, names))}" if names else "what it waits for"
    name = names[0] if names else "NAME"
    return (
        f"the execution does not end: nobody answers {waits_for}. Give an answer, with "
        f"callbacks={{{name!r}: ...}} or --callback {name}=JSON, or give the callback a timeout"
    )


def _open_callbacks(operations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The names by which open callbacks are answered: those that the handler gives."""
    by_id = {operation["Id"]: operation for operation in operations}
    for operation in operations:
        if operation["Type"] == "CALLBACK" and operation["Status"] == "STARTED":
            around = by_id.get(operation.get("ParentId"), {})
            waited_for = around.get("SubType") == "WaitForCallback"
            name = around.get("Name") if waited_for else operation.get("Name")
            if name is not None:
                yield name
