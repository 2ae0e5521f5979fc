"""The journal knows what was asked: reads see their own writes, and never go back."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    ContextOptions,
    ErrorObject,
    OperationAction,
    OperationType,
    OperationUpdate,
    Status,
)


def update(
    action: OperationAction, kind: OperationType = OperationType.STEP, **fields: Any
) -> OperationUpdate:
    return OperationUpdate(operation_id="op", operation_type=kind, action=action, **fields)


def confirmed(status: Status, attempt: int = 0, **details: Any) -> dict[str, Any]:
    return {
        "Id": "op",
        "Type": "STEP",
        "Status": status.value,
        "StepDetails": {"Attempt": attempt, **details},
    }


def test_what_is_asked_is_read_at_once() -> None:
    journal = Journal("execution")
    assert journal.ask(update(OperationAction.START))
    operation = journal.get("op")
    assert operation is not None
    assert operation.status is Status.STARTED
    assert "op" in journal


def test_an_outcome_that_is_asked_is_read_with_its_result() -> None:
    journal = Journal("execution")
    journal.ask(update(OperationAction.START, OperationType.CONTEXT))
    options = ContextOptions(replay_children=True)
    end = OperationAction.SUCCEED
    journal.ask(update(end, OperationType.CONTEXT, payload="7", context_options=options))
    operation = journal.get("op")
    assert operation is not None
    assert (operation.status, operation.result) == (Status.SUCCEEDED, "7")
    assert operation.context_details is not None
    assert operation.context_details.replay_children
    assert journal.is_terminal("op")


def test_an_error_that_is_asked_is_read_as_it_will_be_recorded() -> None:
    journal = Journal("execution")
    journal.ask(update(OperationAction.FAIL, error=ErrorObject("no money", "ValueError")))
    operation = journal.get("op")
    assert operation is not None
    assert operation.error == ErrorObject("no money", "ValueError")


def test_the_same_is_not_asked_twice() -> None:
    journal = Journal("execution")
    assert journal.ask(update(OperationAction.START))
    assert not journal.ask(update(OperationAction.START))
    assert journal.ask(update(OperationAction.SUCCEED))
    assert not journal.ask(update(OperationAction.FAIL))


def test_what_is_confirmed_is_not_asked_again() -> None:
    journal = Journal("execution")
    journal.merge([confirmed(Status.SUCCEEDED, 1)])
    assert not journal.ask(update(OperationAction.START))
    assert not journal.ask(update(OperationAction.SUCCEED))


def test_each_attempt_of_a_step_is_started() -> None:
    journal = Journal("execution")
    assert journal.ask(update(OperationAction.START))
    assert journal.ask(update(OperationAction.RETRY))
    journal.merge([confirmed(Status.READY, 1)])
    assert journal.ask(update(OperationAction.START))
    operation = journal.get("op")
    assert operation is not None
    assert operation.step_details is not None
    assert (operation.status, operation.step_details.attempt) == (Status.STARTED, 1)


def test_a_retry_that_is_asked_counts_its_attempt() -> None:
    journal = Journal("execution")
    journal.merge([confirmed(Status.STARTED, 1)])
    journal.ask(update(OperationAction.RETRY, payload="3"))
    operation = journal.get("op")
    assert operation is not None
    assert operation.step_details is not None
    assert (operation.status, operation.step_details.attempt) == (Status.PENDING, 2)
    assert operation.result == "3"


def test_an_answer_that_lags_does_not_take_back_what_was_asked() -> None:
    """The answer to a START comes in after the outcome was queued."""
    journal = Journal("execution")
    journal.ask(update(OperationAction.START))
    journal.ask(update(OperationAction.SUCCEED, payload="1"))
    journal.merge([confirmed(Status.STARTED)])
    assert journal.is_terminal("op")
    journal.merge([confirmed(Status.SUCCEEDED, 1, Result="1")])
    operation = journal.get("op")
    assert operation is not None
    assert operation.result == "1"


def test_an_answer_older_than_what_is_confirmed_is_ignored() -> None:
    journal = Journal("execution")
    journal.merge([confirmed(Status.SUCCEEDED, 1, Result="1")])
    assert journal.merge([confirmed(Status.STARTED)]) == ["op"]
    assert journal.is_terminal("op")


_STATUS_RANKS = {Status.PENDING: 1, Status.READY: 2, Status.STARTED: 3}
_STATUSES = [Status.PENDING, Status.READY, Status.STARTED, Status.SUCCEEDED, Status.FAILED]
_ACTIONS = [
    OperationAction.START,
    OperationAction.RETRY,
    OperationAction.SUCCEED,
    OperationAction.FAIL,
]
_EVENTS = st.one_of(
    st.sampled_from(_ACTIONS),
    st.tuples(st.sampled_from(_STATUSES), st.integers(0, 3)),
)


def rank(journal: Journal) -> tuple[float, int]:
    operation = journal.get("op")
    if operation is None:
        return (-1, 0)
    if operation.status not in _STATUS_RANKS:
        return (math.inf, 0)
    attempt = operation.step_details.attempt if operation.step_details else 0
    return (attempt, _STATUS_RANKS[operation.status])


@given(st.lists(_EVENTS, max_size=12))
def test_whatever_comes_in_whatever_order_nothing_goes_back(events: list[Any]) -> None:
    journal = Journal("execution")
    known = rank(journal)
    for event in events:
        if isinstance(event, OperationAction):
            asked = journal.ask(update(event))
            # What was refused changed nothing; what was not went further.
            assert (rank(journal) > known) is asked
        else:
            journal.merge([confirmed(*event)])
            assert rank(journal) >= known
        known = rank(journal)
