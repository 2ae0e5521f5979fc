"""The journal: identity of operations, orphans, and what was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import OperationType
from aws_durable_execution_sdk_python.exceptions import (
    NonDeterministicExecutionError,
    OrphanedChildException,
)


def recorded(**fields: Any) -> dict[str, Any]:
    wire = {"Id": "op", "Type": "STEP", "SubType": "Step", "Status": "SUCCEEDED", "Name": "pay"}
    return {**wire, **fields}


def journal(*operations: dict[str, Any]) -> Journal:
    found = Journal("execution")
    found.merge(operations)
    return found


def asked(**fields: Any) -> OperationIdentity:
    code = journal.__code__
    values: dict[str, Any] = {
        "operation_id": "op",
        "operation_type": OperationType.STEP,
        "sub_type": "Step",
        "name": "pay",
        "parent_id": None,
        "site": (code, 77),
    }
    return OperationIdentity(**{**values, **fields})


def test_the_same_operation_is_found() -> None:
    operation = journal(recorded()).find(asked())
    assert operation is not None
    assert operation.name == "pay"


def test_no_name_and_an_empty_name_are_the_same() -> None:
    assert journal(recorded(Name="")).find(asked(name=None)) is not None


def test_the_execution_counts_as_no_parent() -> None:
    assert journal(recorded(ParentId="execution")).find(asked()) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"Type": "WAIT"},
        {"SubType": "WaitForCondition"},
        {"Name": "refund"},
        {"Name": None},
        {"ParentId": "context"},
    ],
)
def test_any_other_identity_is_refused(other: dict[str, Any]) -> None:
    """The message says what was expected, what was found, where the code asks, and why."""
    with pytest.raises(NonDeterministicExecutionError) as error:
        journal(recorded(**other)).find(asked())
    text = str(error.value)
    assert "STEP (Step) named 'pay' at the top level" in text
    assert "test_journal.py" in text
    assert "line 77" in text
    assert "Likely causes" in text


def test_callbacks_of_the_1_4_releases_are_recognised() -> None:
    """They recorded wait_for_callback as RunInChildContext."""
    old = recorded(Type="CONTEXT", SubType="RunInChildContext")
    identity = asked(operation_type=OperationType.CONTEXT, sub_type="WaitForCallback")
    assert journal(old).find(identity) is not None


def test_a_later_answer_replaces_an_earlier_one() -> None:
    found = journal(recorded(Status="STARTED"))
    assert found.get("op") is not None
    found.merge([recorded(Status="FAILED")])
    operation = found.get("op")
    assert operation is not None
    assert operation.status == "FAILED"


def test_work_below_a_closed_context_is_orphaned_at_any_depth() -> None:
    found = journal()
    found.open_context("outer", None)
    found.open_context("inner", "outer")
    assert not found.is_orphan("inner")
    found.close_context("outer")
    assert found.is_orphan("inner")
    assert not found.is_orphan(None)
    with pytest.raises(OrphanedChildException):
        found.find(asked(parent_id="inner"))


def test_a_new_operation_in_a_context_that_had_completed_is_nondeterminism() -> None:
    context = recorded(Id="context", Type="CONTEXT", SubType="RunInChildContext")
    with pytest.raises(NonDeterministicExecutionError, match="completed without it"):
        journal(context).find(asked(parent_id="context"))


def test_history_is_anything_but_the_execution_itself() -> None:
    assert not journal(recorded(Id="execution", Type="EXECUTION")).has_history
    assert journal(recorded()).has_history
