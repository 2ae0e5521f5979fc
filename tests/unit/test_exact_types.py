"""Subclasses of the types that are stored: kept as their base only where nothing is lost by it."""

from __future__ import annotations

import dataclasses
import enum
import json
import uuid
from collections import Counter, OrderedDict, defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas
import pytest

from aws_durable_execution_sdk_python.exceptions import SerDesError
from aws_durable_execution_sdk_python.serdes import (
    ExtendedTypeSerDes,
    JsonSerDes,
    SerDesContext,
    TypedSerDes,
)

HERE = SerDesContext()
SERDES = ExtendedTypeSerDes()


class Headers(dict[str, Any]):
    """A dict that says where it is from."""

    source = "nowhere"


class Slotted(list[int]):
    __slots__ = ("page",)


class Money(Decimal):
    def __new__(cls, value: str, currency: str) -> Money:
        money = super().__new__(cls, value)
        money.currency = currency  # type: ignore[attr-defined]
        return money


class Day(date):
    """Nothing but a name."""


class Reference(uuid.UUID):
    pass


class Shouted(str):
    __slots__ = ()


class Level(enum.IntEnum):
    HIGH = 2


class Status(str, enum.Enum):  # noqa: UP042 - the form of before StrEnum
    PAID = "paid"


def from_web(headers: Headers) -> Headers:
    headers.source = "web"
    return headers


def on_page(items: Slotted, page: int) -> Slotted:
    items.page = page
    return items


MORE: list[Any] = [
    pandas.NaT,
    pandas.Timestamp("2025-01-01T00:00:00.123456789"),
    from_web(Headers(a=1)),
    on_page(Slotted([1]), 2),
    Money("1.50", "EUR"),
    defaultdict(list, a=[1]),
]


@pytest.mark.parametrize("value", MORE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("place", [lambda v: v, lambda v: [v], lambda v: {"a": (v,)}])
def test_what_is_more_than_its_base_is_refused_by_name(value: Any, place: Any) -> None:
    with pytest.raises(SerDesError, match=f"{type(value).__name__} cannot be stored: it is more"):
        SERDES.serialize(place(value), HERE)


@pytest.mark.parametrize("value", MORE, ids=lambda value: type(value).__name__)
def test_it_is_refused_where_its_base_is_annotated(value: Any) -> None:
    base = next(cls for cls in (datetime, dict, list, Decimal) if isinstance(value, cls))

    @dataclasses.dataclass
    class Holder:
        part: Any

    Holder.__annotations__["part"] = base
    with pytest.raises(SerDesError, match=f"holder.part: expected .*, got {type(value).__name__}"):
        TypedSerDes(Holder).serialize(Holder(value), HERE)


@pytest.mark.parametrize("value", MORE[:2], ids=lambda value: type(value).__name__)
def test_it_is_refused_in_payloads(value: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        JsonSerDes().serialize([value], HERE)


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (pandas.Timestamp("2025-01-01T10:00"), datetime(2025, 1, 1, 10)),
        (Headers(a=1), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(None, a=1), {"a": 1}),
        (Slotted([1]), [1]),
        (Day(2025, 1, 2), date(2025, 1, 2)),
        (Reference(int=1), uuid.UUID(int=1)),
        (Shouted("x"), "x"),
        (Level.HIGH, 2),
        (Status.PAID, "paid"),
        (pandas.Series([1.5]).iloc[0], 1.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_its_base_but_for_the_class_is_stored_as_that(value: Any, base: Any) -> None:
    for stored, expected in ((value, base), ([value], [base]), ((value,), (base,))):
        back = SERDES.deserialize(SERDES.serialize(stored, HERE), HERE)
        assert back == expected
        inner = back if stored is value else back[0]
        assert type(inner) is type(base)


def test_a_datetime_is_no_date_and_true_no_number() -> None:
    for kept, value in ((date, datetime(2020, 1, 2)), (float, True)):
        with pytest.raises(SerDesError, match="expected"):
            TypedSerDes(list[kept]).serialize([value], HERE)  # type: ignore[valid-type]
    assert json.loads(TypedSerDes(list[int]).serialize([True], HERE)) == [True]
