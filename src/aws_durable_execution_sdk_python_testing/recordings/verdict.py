"""Compares what the code asked for with what is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aws_durable_execution_sdk_python.core.journal import OperationIdentity, is_recorded_as
from aws_durable_execution_sdk_python.core.model import (
    TERMINAL,
    Operation,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python_testing.recordings.report import Divergence, SourceLine

_BATCHES = (OperationSubType.MAP, OperationSubType.PARALLEL)
# How an execution ends that ran to its end.
_ENDS = (Status.SUCCEEDED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation the code asked for, and the line that does."""

    identity: OperationIdentity
    source: SourceLine | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the handler ended; the line an error was raised at is known if it left the handler."""

    status: Status
    error_type: str | None = None
    error_message: str | None = None
    source: SourceLine | None = None

    def __str__(self) -> str:
        if self.status is Status.SUCCEEDED:
            return "the handler returns"
        if self.status is Status.FAILED:
            return f"the handler raises {self.error_type}: {self.error_message}"
        return "the handler waits for something that is not recorded"


def find_divergence(
    status: Status,
    recorded: Mapping[str, Operation],
    decided: Collection[str],
    asked: Mapping[str, Asked],
    ending: Ending,
) -> Divergence | None:
    """The first difference between a recording and a replay, or None.

    Args:
        status: how the execution stood when it was recorded.
        recorded: its operations by id, in the order they were created.
        decided: the ids of batches that may not have waited for all their branches.
        asked: what the code asked for, by id.
        ending: how the handler ended.
    """
    in_order = sorted(asked.values(), key=lambda one: one.identity.order)
    for one in in_order:
        known = recorded.get(one.identity.operation_id)
        if known is not None and not is_recorded_as(one.identity, known, known.parent_id):
            return _divergence(known, one, recorded)
    missed = _missed(recorded, decided, asked)
    new = [one for one in in_order if one.identity.operation_id not in recorded]
    if missed is not None:
        instead = next((one for one in new if one.identity.parent_id == missed.parent_id), None)
        return _divergence(missed, instead, recorded, str(ending))
    if status in _ENDS:
        if new:
            return _divergence(None, new[0], recorded)
        if ending.status is not status:
            end = "the handler to return" if status is Status.SUCCEEDED else "the handler to raise"
            return Divergence.of_the_end(end, str(ending), ending.source)
    return None


def _missed(
    recorded: Mapping[str, Operation], decided: Collection[str], asked: Mapping[str, Asked]
) -> Operation | None:
    """The first recorded operation that the code would have had to ask for, but did not."""
    unseen = set(decided)
    for operation in recorded.values():
        if operation.sub_type == OperationSubType.INVOCATION_DEADLINE:
            continue  # the SDK's own, where an invocation ran out of time
        if operation.parent_id in unseen or _is_undecided_batch(operation):
            # Inside of what is not run again, or what may be decided sooner this time.
            unseen.add(operation.operation_id)
        if operation.parent_id not in unseen and operation.operation_id not in asked:
            return operation
    return None


def _is_undecided_batch(operation: Operation) -> bool:
    return operation.sub_type in _BATCHES and operation.status not in TERMINAL


def _divergence(
    expected: Operation | None,
    found: Asked | None,
    recorded: Mapping[str, Operation],
    ending: str = "",
) -> Divergence:
    if found is None:
        assert expected is not None
        return Divergence(
            _describe_recorded(expected, recorded),
            f"{ending} without asking for it",
            operation_id=expected.operation_id,
        )
    identity = found.identity
    return Divergence(
        "nothing more here" if expected is None else _describe_recorded(expected, recorded),
        _describe(
            identity.operation_type, identity.sub_type, identity.name, identity.parent_id, recorded
        ),
        found.source,
        identity.operation_id,
    )


def _describe_recorded(operation: Operation, recorded: Mapping[str, Operation]) -> str:
    return _describe(
        operation.operation_type,
        operation.sub_type,
        operation.name,
        operation.parent_id,
        recorded,
    )


def _describe(
    kind: OperationType,
    sub_type: str | None,
    name: str | None,
    parent_id: str | None,
    recorded: Mapping[str, Operation],
) -> str:
    what = f"{kind} {name!r}" if name else f"{kind} without a name"
    parent = recorded.get(parent_id or "")
    place = "" if parent is None else f" in {parent.name or parent.sub_type or parent.operation_id}"
    return f"{what} ({sub_type}){place}"
