"""What this invocation knows of its execution: what is confirmed, and what it has asked for since.

Rules that replay, re-runs in place and nested batches rely on:

- Of each operation there is what the service *confirmed* and what this invocation *asked* for: an
  update is asked from the moment it is queued. Whoever reads sees whichever ranks further. An
  operation's rank is (attempts that ended, state); an outcome ranks above every attempt. So what
  anyone reads never goes back, whenever an answer comes in and in whatever order.
- The same is not asked twice: `ask` says so, and the second one waits for the first.
- An answer ranking lower than what is confirmed is ignored; what has caught up with an update ends
  its being asked. Only after a whole answer is merged may anyone who waits for it go on.
- When an operation began and ended is the service's word alone: nothing is known before it is
  confirmed. What an earlier invocation left is told apart from what this one has lived to see.
- Nothing new begins below a context that has ended, whether that is confirmed or asked.
- What an earlier invocation left is *left out* until the code asks for it, by its number alone: so
  what is left below a context when its function has ended is known by identity, wherever the
  numbers of contexts without a record have put it. The marker of a patch is left out like the
  rest, but says nothing of how far the record goes.

Operations are kept in wire form and parsed when somebody looks: most of a long history is looked
at once, and some of it never. Nothing parsed is kept, and each entry is replaced as a whole, so
that a thread that looks while the event loop merges an answer sees the one or the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aws_durable_execution_sdk_python._core.codec import Wire, epoch_micros
from aws_durable_execution_sdk_python._core.identity import (
    OperationIdentity,
    divergence,
    is_recorded_as,
    new_in_completed_context,
)
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    ErrorObject,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    Status,
)
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    OrphanedChildException,
)

# What can be recorded as failed by user code; the others end by themselves.
_HOLD_CANCELLATION = frozenset({OperationType.STEP, OperationType.CONTEXT})


# Told what the code asks for and what is recorded of it; gives what is to be taken as recorded.
Recall = Callable[[OperationIdentity, Operation | None], Operation | None]


class _Asked(NamedTuple):
    """An update that is queued or under way.

    Attributes:
        rank: how far it takes its operation.
        attempts: how many attempts will have ended.
        before: what was confirmed of it.
    """

    update: OperationUpdate
    rank: _Rank
    attempts: int
    before: Wire | None


class Journal:
    """The operations of an execution, as the service and this invocation have it.

    Parameters:
        execution_id: the id of the EXECUTION operation.
        recall: asked about every operation the code asks for, if given.

    Attributes:
        repeats: whether an earlier invocation has recorded anything.
    """

    def __init__(self, execution_id: str, recall: Recall | None = None) -> None:
        self.execution_id = execution_id
        self._recall = recall
        self._confirmed: dict[str, Wire] = {}
        self._asked: dict[str, _Asked] = {}
        self._parents: dict[str, str | None] = {}
        self._closed: set[str] = set()
        self._given_up: set[str] = set()
        self._news: set[str] | None = None
        # By the operation that encloses them, in the order of the record.
        self._left_out: dict[str | None, dict[str, None]] = {}
        self.repeats = False

    def ask(self, update: OperationUpdate) -> bool:
        """Take an update as queued; False if it, or more, was asked for or confirmed before."""
        operation_id = update.operation_id
        asked, before = self._asked.get(operation_id), self._confirmed.get(operation_id)
        if asked is not None:
            known = asked.rank
        else:
            known = _UNKNOWN if before is None else _rank_of(before)
        attempts = known >> 2 if known > 0 else 0
        if update.action is OperationAction.START:
            rank = (attempts << 2) + _STARTED
        elif update.action is OperationAction.RETRY:
            attempts += 1
            rank = (attempts << 2) + _STATES[Status.PENDING]
        else:
            attempts += 1
            rank = _ENDED
        if rank <= known or known == _ENDED:
            return False
        self._asked[operation_id] = _Asked(update, rank, attempts, before)
        return True

    def merge(self, operations: Iterable[Wire]) -> list[str]:
        """Take over what the service says; returns the ids it spoke of."""
        ids = []
        for operation in operations:
            operation_id = operation["Id"]
            ids.append(operation_id)
            confirmed, asked = self._confirmed.get(operation_id), self._asked.get(operation_id)
            if confirmed is not None or asked is not None:
                rank = _rank_of(operation)
                if rank != _ENDED and confirmed is not None and rank < _rank_of(confirmed):
                    continue
                if asked is not None and asked.rank <= rank:
                    del self._asked[operation_id]
            self._confirmed[operation_id] = operation
        if self._news is not None:
            self._news.update(ids)
        return ids

    def begin(self) -> None:
        """What is confirmed from here on happens in this invocation."""
        self._news = set()
        self.repeats = self.has_history
        for operation_id, operation in self._confirmed.items():
            # A wake-up is the engine's: no code asks for it.
            is_ours = operation.get("SubType") == OperationSubType.INVOCATION_DEADLINE
            if operation_id != self.execution_id and not is_ours:
                parent_id = operation.get("ParentId")
                if parent_id == self.execution_id:
                    parent_id = None
                self._left_out.setdefault(parent_id, {})[operation_id] = None

    def asked_for(self, operation_id: str, parent_id: str | None) -> None:
        """The code asks for an operation, on record or not."""
        left_out = self._left_out.get(parent_id)
        if left_out is not None:
            left_out.pop(operation_id, None)

    def left_out(self, parent_id: str | None) -> Operation | None:
        """The first operation right below this one that an earlier invocation asked for only."""
        for operation_id in self._left_out.get(parent_id, ()):
            return self.get(operation_id)
        return None

    def lies_ahead(self, parent_id: str | None) -> set[str]:
        """What is right below this one on record that the code has not asked for; no markers."""
        return {
            operation_id
            for operation_id in list(self._left_out.get(parent_id, ()))
            if self._confirmed[operation_id].get("SubType") != OperationSubType.PATCH
        }

    def is_history(self, operation_id: str) -> bool:
        """Whether nothing was heard of an operation since this invocation began."""
        return self._news is None or operation_id not in self._news

    def began(self, operation_id: str) -> int | None:
        """When an operation began, in microseconds since the epoch, if the service has told."""
        return self._moment(operation_id, "StartTimestamp")

    def ended(self, operation_id: str) -> int | None:
        """When it ended, likewise."""
        return self._moment(operation_id, "EndTimestamp")

    def span(self, operation_id: str) -> tuple[int, int] | None:
        """From when to when an invocation surely ran, because a step of a single attempt did."""
        confirmed = self._confirmed.get(operation_id)
        details = (confirmed and confirmed.get("StepDetails")) or {}
        if details.get("Attempt") != 1:
            return None
        began, ended = self.began(operation_id), self.ended(operation_id)
        return None if began is None or ended is None else (began, ended)

    def holds_cancellation(self, operation_id: str) -> bool:
        """Whether the record would show that user code had cancelled an operation."""
        confirmed = self._confirmed.get(operation_id)
        return confirmed is not None and confirmed["Type"] in _HOLD_CANCELLATION

    def _moment(self, operation_id: str, key: str) -> int | None:
        confirmed = self._confirmed.get(operation_id)
        return None if confirmed is None else epoch_micros(confirmed.get(key))

    def get(self, operation_id: str) -> Operation | None:
        """An operation as far as it is known."""
        # What is asked is looked at first: caught up with in between, it is in what comes next.
        asked = self._asked.get(operation_id)
        if asked is not None:
            return Operation.for_replay(_as_asked(asked))
        confirmed = self._confirmed.get(operation_id)
        return None if confirmed is None else Operation.for_replay(confirmed)

    def confirmed(self, operation_id: str) -> Operation | None:
        """An operation as the service last told it, with all that it tells."""
        confirmed = self._confirmed.get(operation_id)
        return None if confirmed is None else Operation.from_dict(confirmed)

    def whole(self, operation_id: str) -> Operation | None:
        """The same with all that the service tells, when it began and ended too."""
        asked = self._asked.get(operation_id)
        known = self._confirmed.get(operation_id) if asked is None else _as_asked(asked)
        return None if known is None else Operation.from_dict(known)

    def execution_input(self) -> str | None:
        """The text of the execution's event; None if the execution itself is not on record."""
        execution = self.get(self.execution_id)
        if execution is None or execution.operation_type is not OperationType.EXECUTION:
            return None
        details = execution.execution_details
        return (details and details.input_payload) or ""

    def operation_ids(self) -> list[str]:
        """The ids of all that is known, in the order in which it was heard of."""
        return list({**self._confirmed, **self._asked})

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._confirmed or operation_id in self._asked

    @property
    def operation_count(self) -> int:
        """How many operations are recorded, the execution itself not counted."""
        return len(self._confirmed) - (self.execution_id in self._confirmed)

    @property
    def has_history(self) -> bool:
        """Whether anything but the execution itself is recorded."""
        return self.operation_count > 0

    def find(self, identity: OperationIdentity) -> Operation | None:
        """The recorded operation for what the code asks, or None when it is new.

        Raises:
            NonDeterministicExecutionError: something else is recorded at this position.
            OrphanedChildException: it is new, and the context around it has completed.
        """
        operation = self.get(identity.operation_id)
        if self._recall is not None:
            operation = self._recall(identity, operation)
        if operation is None:
            self._check_open(identity)
            return None
        parent_id = None if operation.parent_id == self.execution_id else operation.parent_id
        if not is_recorded_as(identity, operation, parent_id):
            raise NonDeterministicExecutionError(divergence(identity, operation, parent_id))
        return operation

    def _check_open(self, identity: OperationIdentity) -> None:
        """Nothing new may begin below a completed context."""
        if self.is_orphan(identity.parent_id):
            raise OrphanedChildException("the enclosing operation has completed")
        if self.is_closed(identity.parent_id):
            raise NonDeterministicExecutionError(new_in_completed_context(identity))

    # -- orphans ----------------------------------------------------------------------------

    def open_context(self, context_id: str, parent_id: str | None) -> None:
        """Remember where a context hangs, so that its ancestors can be walked."""
        self._parents[context_id] = parent_id

    def close_context(self, context_id: str) -> None:
        """From here on, work below this context is orphaned."""
        self._closed.add(context_id)

    def give_up(self, context_id: str) -> None:
        """From here on, nothing of this context is wanted any more, its own end included."""
        self._closed.add(context_id)
        self._given_up.add(context_id)

    def is_given_up(self, context_id: str | None) -> bool:
        return context_id in self._given_up

    @property
    def has_given_up(self) -> bool:
        """Whether any context was given up."""
        return bool(self._given_up)

    def is_orphan(self, parent_id: str | None) -> bool:
        """Whether a context that encloses `parent_id`, itself included, is already closed."""
        if not self._closed:
            return False
        while parent_id is not None:
            if parent_id in self._closed:
                return True
            parent_id = self._parents.get(parent_id)
        return False

    def is_closed(self, context_id: str | None) -> bool:
        """Whether this context or one around it has completed, now or in an earlier invocation."""
        while context_id is not None:
            if context_id in self._closed:
                return True
            confirmed = self._confirmed.get(context_id)
            if confirmed is not None and confirmed["Status"] in TERMINAL:
                return True
            context_id = self._parents.get(context_id)
        return False

    def is_terminal(self, operation_id: str) -> bool:
        """Whether an operation has an outcome, confirmed or asked."""
        asked = self._asked.get(operation_id)
        if asked is not None:
            return asked.rank == _ENDED
        confirmed = self._confirmed.get(operation_id)
        return confirmed is not None and confirmed["Status"] in TERMINAL


# ----------------------------------------------------------------------------------- ranks

# How many attempts have ended, times four, and the state of the one after those.
_Rank = int

_UNKNOWN: _Rank = -1
_ENDED: _Rank = sys.maxsize
_STARTED = 3
_STATES: dict[str, int] = {
    Status.PENDING: 1,
    Status.READY: 2,
    Status.STARTED: _STARTED,
    **dict.fromkeys(TERMINAL, _ENDED),
}


def _rank_of(operation: Wire) -> _Rank:
    state = _STATES.get(operation["Status"], _STARTED)
    if state == _ENDED:
        return _ENDED
    details = operation.get("StepDetails")
    return (((details and details.get("Attempt")) or 0) << 2) + state


_STATUS_AFTER: dict[OperationAction, Status] = {
    OperationAction.START: Status.STARTED,
    OperationAction.RETRY: Status.PENDING,
    OperationAction.SUCCEED: Status.SUCCEEDED,
    OperationAction.FAIL: Status.FAILED,
    OperationAction.CANCEL: Status.CANCELLED,
}


def _as_asked(asked: _Asked) -> Wire:
    """The operation in wire form as it will be once the update is saved, as far as one can tell.

    What only the service knows (a callback's id, when a timer is due) is not in it.
    """
    update = asked.update
    operation = dict(asked.before or ())
    operation.update(
        Id=update.operation_id,
        Type=update.operation_type.value,
        Status=_STATUS_AFTER[update.action].value,
        ParentId=update.parent_id,
        Name=update.name,
        SubType=update.sub_type,
    )
    if update.operation_type is OperationType.STEP:
        operation["StepDetails"] = {
            **(operation.get("StepDetails") or {}),
            **({} if update.action is OperationAction.START else _outcome_of(update)),
            "Attempt": asked.attempts,
            "NextAttemptTimestamp": None,
        }
    elif update.operation_type is OperationType.CONTEXT:
        options = update.context_options
        operation["ContextDetails"] = {
            **_outcome_of(update),
            "ReplayChildren": options is not None and options.replay_children,
        }
    return operation


def _outcome_of(update: OperationUpdate) -> dict[str, object]:
    error: ErrorObject | None = update.error
    return {"Result": update.payload, "Error": None if error is None else error.to_dict()}
