"""The wire codec: what is read is what was written, in any of the service's spellings."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core import codec, model
from aws_durable_execution_sdk_python._core.model import (
    Operation,
    OperationUpdate,
    Status,
    StepDetails,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=UTC)
)


def of_type(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a wire type, every optional field present or absent."""
    text = st.text(max_size=5)
    by_annotation: dict[str, st.SearchStrategy[Any]] = {
        "str": text,
        "bool": st.booleans(),
        "int": st.integers(0, 10**9),
        "datetime": moments,
        "list[str]": st.lists(text, max_size=2),
        "OperationType": st.sampled_from(model.OperationType),
        "OperationAction": st.sampled_from(model.OperationAction),
        "Status": st.sampled_from(model.Status),
    }
    fields = {}
    for each in dataclasses.fields(cls):
        if "wire" not in each.metadata:
            continue
        optional = each.type.endswith(" | None")
        name = each.type.removesuffix(" | None")
        values = by_annotation[name] if name in by_annotation else of_type(getattr(model, name))
        fields[each.name] = st.none() | values if optional else values
    return st.builds(cls, **fields)


@pytest.mark.parametrize("cls", [Operation, OperationUpdate])
def test_round_trip_through_json(cls: Any) -> None:
    @settings(deadline=None, max_examples=60)
    @given(of_type(cls))
    def check(value: Any) -> None:
        assert cls.from_dict(json.loads(json.dumps(value.to_dict()))) == value

    check()


@settings(deadline=None, max_examples=60)
@given(of_type(OperationUpdate))
def test_an_updates_json_is_its_wire_form(update: OperationUpdate) -> None:
    assert json.loads(update.to_json()) == update.to_dict()


@pytest.mark.parametrize(
    ("payload", "encoded"),
    [("é\n", b'"\xc3\xa9\\n"'), ("\ud800é", b'"\\ud800\\u00e9"')],
)
def test_an_updates_json_is_utf8_and_escapes_only_what_it_must(
    payload: str, encoded: bytes
) -> None:
    update = OperationUpdate(
        operation_id="a",
        operation_type=model.OperationType.STEP,
        action=model.OperationAction.SUCCEED,
        payload=payload,
    )
    assert update.to_json() == b'{"Id":"a","Type":"STEP","Action":"SUCCEED","Payload":%b}' % encoded


@pytest.mark.parametrize(
    "spelling",
    [round(MOMENT.timestamp() * 1000), MOMENT, MOMENT.isoformat(), "2026-01-02T03:04:05.678Z"],
)
def test_timestamps_are_read_in_every_spelling(spelling: Any) -> None:
    """Milliseconds in the invocation event, datetimes from boto3, ISO text in recordings."""
    assert codec.parse_timestamp(spelling) == MOMENT


def test_absent_fields_are_left_out() -> None:
    update = OperationUpdate(
        operation_id="a",
        operation_type=model.OperationType.STEP,
        action=model.OperationAction.START,
    )
    assert update.to_dict() == {"Id": "a", "Type": "STEP", "Action": "START"}


def test_an_empty_payload_is_not_an_absent_one() -> None:
    details = StepDetails.from_dict({"Result": ""})
    assert details.result == ""
    assert details.to_dict() == {"Attempt": 0, "Result": ""}


def test_statuses_are_one_enumeration_of_strings() -> None:
    assert model.InvocationStatus.SUCCEEDED is model.OperationStatus.SUCCEEDED
    assert Status.SUCCEEDED == "SUCCEEDED"


def test_an_errors_text_names_its_type() -> None:
    assert str(model.ErrorObject("no stock", "ValueError")) == "ValueError: no stock"
    assert str(model.ErrorObject("no stock")) == "no stock"
