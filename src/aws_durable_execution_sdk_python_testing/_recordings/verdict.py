"""Compares what the code asked for with what is recorded."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.errors import type_name
from aws_durable_execution_sdk_python._core.identity import OperationIdentity, is_recorded_as
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    Operation,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python.exceptions import NonDeterministicExecutionError
from aws_durable_execution_sdk_python_testing._functions.source_lines import SourceLine
from aws_durable_execution_sdk_python_testing._recordings.replay_report import (
    Divergence,
)
from aws_durable_execution_sdk_python_testing._results.branch_order import BATCHES

_REFUSED = type_name(NonDeterministicExecutionError)
_PATCH_CAUSES = (
    "the code changed: deprecate_patch was taken out before the executions that recorded the patch "
    "had ended, or the patch was renamed",
)


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
    end: Status | None,
    recorded: Mapping[str, Operation],
    decided: Collection[str],
    asked: Mapping[str, Asked],
    ending: Ending,
) -> Divergence | None:
    """The first difference between a recording and a replay, or None.

    Parameters:
        end: how the code ended, or None where the recording was cut off before it did.
        recorded: its operations by id, in the order they were created.
        decided: the ids of batches that may not have waited for all their branches.
        asked: what the code asked for, by id.
        ending: how the handler ended.
    """
    in_order = sorted(asked.values(), key=lambda one: one.identity.order)
    missed, unmentioned = _first(list(_missed(recorded, decided, asked)))
    limit = None if missed is None else _end_around(missed, asked)
    for one in in_order:
        if limit is not None and one.identity.order > limit:
            break
        known = recorded.get(one.identity.operation_id)
        if known is not None and not is_recorded_as(one.identity, known, known.parent_id):
            return _divergence(known, one, recorded)
        if known is None and (end is not None or _is_in_ended_context(one, recorded)):
            beside = missed is not None and missed.parent_id == one.identity.parent_id
            return _divergence(missed if beside else None, one, recorded)
    if missed is not None:
        new = (one for one in in_order if one.identity.operation_id not in recorded)
        instead = next((one for one in new if one.identity.parent_id == missed.parent_id), None)
        if instead is not None:
            return _divergence(missed, instead, recorded)
        return _missing(missed, asked.get(missed.parent_id or ""), recorded, ending)
    if unmentioned is not None:
        return _unmentioned(unmentioned, asked.get(unmentioned.parent_id or ""), recorded)
    if end is not None and ending.status is not end:
        wanted = "the handler to return" if end is Status.SUCCEEDED else "the handler to raise"
        return Divergence.of_the_end(wanted, str(ending), ending.source)
    return None


def _end_around(missed: Operation, asked: Mapping[str, Asked]) -> tuple[float, ...]:
    """Where an operation is missed: at its context's end, as operations are known by number."""
    around = asked.get(missed.parent_id or "")
    return (*(around.identity.order if around else ()), math.inf)


def _is_in_ended_context(one: Asked, recorded: Mapping[str, Operation]) -> bool:
    """Whether nothing can be added where an operation is, although the execution goes on."""
    around = recorded.get(one.identity.parent_id or "")
    return around is not None and around.status in TERMINAL


def _missed(
    recorded: Mapping[str, Operation], decided: Collection[str], asked: Mapping[str, Asked]
) -> Iterator[Operation]:
    """The recorded operations that the code would have had to ask for, but did not."""
    unseen = set(decided)
    for operation in recorded.values():
        if operation.sub_type == OperationSubType.INVOCATION_DEADLINE:
            continue  # the SDK's own, where an invocation ran out of time
        if operation.parent_id in unseen or _is_undecided_batch(operation):
            # Inside of what is not run again, or what may be decided sooner this time.
            unseen.add(operation.operation_id)
        if operation.parent_id not in unseen and operation.operation_id not in asked:
            unseen.add(operation.operation_id)
            yield operation


def _first(missed: Sequence[Operation]) -> tuple[Operation | None, Operation | None]:
    """The operation, or else the marker of a patch, that is missed first.

    Where operations beside the marker are missed as well, they say more: it is not only the patch
    that is gone.
    """
    if not missed or not _is_marker(missed[0]):
        return (missed[0] if missed else None), None
    beside = (one for one in missed if one.parent_id == missed[0].parent_id)
    instead = next((one for one in beside if not _is_marker(one)), None)
    return (instead, None) if instead else (None, missed[0])


def _is_marker(operation: Operation) -> bool:
    return operation.sub_type == OperationSubType.PATCH


def _is_undecided_batch(operation: Operation) -> bool:
    return operation.sub_type in BATCHES and operation.status not in TERMINAL


def _divergence(
    expected: Operation | None, found: Asked, recorded: Mapping[str, Operation]
) -> Divergence:
    """Something else is asked for than what is recorded, or something beyond it."""
    identity = found.identity
    return Divergence(
        f"nothing more{_place(identity.parent_id, recorded) or ' here'}"
        if expected is None
        else _describe_recorded(expected, recorded),
        _describe(
            identity.operation_type, identity.sub_type, identity.name, identity.parent_id, recorded
        ),
        found.source,
        identity.operation_id,
    )


def _missing(
    expected: Operation, around: Asked | None, recorded: Mapping[str, Operation], ending: Ending
) -> Divergence:
    """What is recorded is not asked for; `around` is the context it should be in, if in one."""
    described = _describe_recorded(expected, recorded)
    if around is None:
        # The SDK itself refuses a handler that returns and leaves something out.
        ended = "the handler returns" if ending.error_type == _REFUSED else str(ending)
        found, source = f"{ended} without asking for it", ending.source
    else:
        place = _place(expected.parent_id, recorded)
        found, source = f"the code{place} does not ask for it", around.source
    return Divergence(described, found, source, expected.operation_id)


def _unmentioned(
    marker: Operation, around: Asked | None, recorded: Mapping[str, Operation]
) -> Divergence:
    """A patch is on record, and the code does not mention it any more."""
    place = _place(marker.parent_id, recorded)
    return Divergence(
        f"the patch {marker.name!r}{place}",
        f"the code{place} does not mention it: keep context.deprecate_patch({marker.name!r})",
        None if around is None else around.source,
        marker.operation_id,
        _PATCH_CAUSES,
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
    return f"{what} ({sub_type}){_place(parent_id, recorded)}"


def _place(parent_id: str | None, recorded: Mapping[str, Operation]) -> str:
    """The context an operation is in, if it is in one."""
    parent = recorded.get(parent_id or "")
    return "" if parent is None else f" in {parent.name or parent.sub_type or parent.operation_id}"
