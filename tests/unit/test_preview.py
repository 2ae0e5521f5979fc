"""What of a value is shown beside the reference to it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import ValidationError
from aws_durable_execution_sdk_python.preview import (
    FieldMatchMode,
    PreviewConfig,
    PreviewField,
    PreviewMode,
    build_preview,
)

ALL, NONE = PreviewMode.INCLUDE_ALL, PreviewMode.EXCLUDE_ALL


def anywhere(*names: str) -> list[PreviewField]:
    return [PreviewField(name) for name in names]


def path(*names: str) -> list[PreviewField]:
    return [PreviewField(name, FieldMatchMode.PATH) for name in names]


ORDER = {
    "id": 7,
    "card": {"number": "4111", "name": "Ada"},
    "customer": {"name": "Ada", "address": {"city": "Rome", "zip": "1"}},
    "items": [{"name": "pen", "price": 1.5}, {"name": "ink", "colour": "blue"}],
}


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (
            PreviewConfig(ALL),
            {**ORDER, "items": {"name": "ink", "price": 1.5, "colour": "blue"}},
        ),
        (PreviewConfig(NONE), None),
        (
            PreviewConfig(NONE, include=anywhere("id", "city")),
            {"id": 7, "customer": {"address": {"city": "Rome"}}},
        ),
        (
            PreviewConfig(NONE, include=anywhere("name")),
            {"card": {"name": "Ada"}, "customer": {"name": "Ada"}, "items": {"name": "ink"}},
        ),
        (PreviewConfig(NONE, include=path("customer.name", "name")), {"customer": {"name": "Ada"}}),
        (
            PreviewConfig(NONE, include=anywhere("address")),
            {"customer": {"address": {"city": "Rome", "zip": "1"}}},
        ),
        (
            PreviewConfig(ALL, exclude=anywhere("items", "customer", "number")),
            {"id": 7, "card": {"name": "Ada"}},
        ),
        (
            PreviewConfig(ALL, exclude=path("items", "customer"), mask=anywhere("card")),
            {"id": 7, "card": "***"},
        ),
        (
            PreviewConfig(NONE, mask=path("card.number"), mask_string="(hidden)"),
            {"card": {"number": "(hidden)"}},
        ),
        (
            PreviewConfig(NONE, include=anywhere("id"), mask=anywhere("id")),
            {"id": "***"},
        ),
        (
            PreviewConfig(ALL, mask=anywhere("id"), exclude=anywhere(*ORDER)),
            None,
        ),
    ],
)
def test_exclusion_comes_before_masks_and_masks_before_inclusion(
    config: PreviewConfig, shown: Any
) -> None:
    assert build_preview(ORDER, config) == shown


@pytest.mark.parametrize("value", [None, 1, "text", [{"a": 1}], ({"a": 1},), {}], ids=repr)
def test_only_dicts_have_previews(value: Any) -> None:
    assert build_preview(value, PreviewConfig(ALL)) is None


def test_keys_with_dots_and_keys_that_are_no_text_are_not_shown() -> None:
    assert build_preview({"a.b": 1, 2: 3, "c": {"d.e": 1, "f": 2}}, PreviewConfig(ALL)) == {
        "c": {"f": 2}
    }


def test_what_json_does_not_have_is_text_or_left_out() -> None:
    one = uuid.UUID(int=1)
    value = {
        "when": dt.datetime(2026, 1, 2, 3, 4),
        "day": dt.date(2026, 1, 2),
        "price": Decimal("1.10"),
        "id": one,
        "nan": float("nan"),
        "bytes": b"b",
        "none": None,
        "yes": True,
    }
    assert build_preview(value, PreviewConfig(ALL)) == {
        "when": "2026-01-02T03:04:00",
        "day": "2026-01-02",
        "price": "1.10",
        "id": str(one),
        "nan": "nan",
        "none": None,
        "yes": True,
    }


def test_fields_are_taken_as_long_as_they_fit() -> None:
    value = {"a": "x" * 10, "b": "y" * 10, "c": 1}
    one = 2 + len('"a":"xxxxxxxxxx",')
    assert build_preview(value, PreviewConfig(ALL, max_preview_bytes=one)) == {"a": "x" * 10}
    assert build_preview(value, PreviewConfig(ALL, max_preview_bytes=one - 1)) is None


@pytest.mark.parametrize("limit", [-1, 1.5, "4096"])
def test_the_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(ValidationError, match="max_preview_bytes"):
        PreviewConfig(ALL, max_preview_bytes=limit)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.dictionaries(
    st.text(max_size=3) | st.integers(),
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=10,
    ),
)


@given(VALUES, st.integers(0, 200))
def test_a_preview_is_json_within_its_limit(value: Any, limit: int) -> None:
    preview = build_preview(value, PreviewConfig(ALL, max_preview_bytes=limit))
    if preview is not None:
        text = json.dumps(preview, allow_nan=False)
        assert json.loads(text) == preview
