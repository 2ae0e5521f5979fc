"""What constructors and keys would make another value of is refused when it is written.

Reading calls the constructors of a program's classes on what they have made before. A value that
would come back changed, now and again by each operation that it passes through, is refused with the
place; one whose constructors leave alone what they have made is kept.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from decimal import Decimal
from typing import Any, NamedTuple, Self

import attrs
import msgspec
import pydantic
import pytest
from answers import failure, succeeded
from fake_service import FakeService
from flavours import Flavour
from value_types import returning

from aws_durable_execution_sdk_python.exceptions import SerDesError
from aws_durable_execution_sdk_python.serdes import SerDesContext, TypedSerDes

CHANGED = "would come back as something else"


@dataclasses.dataclass
class Taxed:
    """Adds the tax each time it is made."""

    price: Decimal
    name: str = ""

    def __post_init__(self) -> None:
        self.price *= 2


@dataclasses.dataclass
class Appending:
    tags: dict[str, Any]

    def __post_init__(self) -> None:
        self.tags.setdefault("seen", []).append(1)


@dataclasses.dataclass
class OneOf:
    """Compares equal to anything."""

    size: int

    def __post_init__(self) -> None:
        self.size += 1

    def __eq__(self, other: object) -> bool:
        return True


@dataclasses.dataclass
class Truthy:
    flag: int

    def __post_init__(self) -> None:
        self.flag = bool(self.flag)


@dataclasses.dataclass
class OnceOnly:
    name: str

    def __post_init__(self) -> None:
        if self.name.startswith("order-"):
            raise ValueError("has its prefix already")
        self.name = f"order-{self.name}"


@attrs.define
class Prefixed:
    name: str = attrs.field(converter=lambda name: f"order-{name}")


@attrs.define
class Registered:
    names: list[str]

    def __attrs_post_init__(self) -> None:
        self.names = [*self.names, "again"]


class Counting(pydantic.BaseModel):
    size: int

    @pydantic.field_validator("size")
    @classmethod
    def _more(cls, size: int) -> int:
        return size + 1


class Growing(msgspec.Struct):
    size: int

    def __post_init__(self) -> None:
        self.size += 1


class Point(NamedTuple):
    x: int
    y: int


class Shifted(Point):
    """A named tuple with a constructor of its own."""

    def __new__(cls, x: int, y: int) -> Self:
        return super().__new__(cls, x + 1, y)


class Named(Point):
    """One with methods, and instances that take attributes."""

    def length(self) -> float:
        return float(self.x + self.y)


class Route(NamedTuple):
    stops: list[Taxed]


@dataclasses.dataclass
class Node:
    price: Decimal
    children: list[Node]

    def __post_init__(self) -> None:
        if self.children:
            self.price += 1


def labelled() -> Named:
    named = Named(1, 2)
    named.colour = "red"  # type: ignore[attr-defined]
    return named


def step_failure(flavour: Flavour, function: Any) -> str:
    async def handler(event: Any, ctx: Any) -> None:
        await ctx.step(function)

    service = FakeService()
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert (kind or "").endswith("SerDesError")
    assert not [update for update in service.updates if update["Action"] == "SUCCEED"]
    return message or ""


TWO = Decimal(2)


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (Taxed, Taxed(TWO), f"taxed.price: {CHANGED}"),
        (list[Taxed], [Taxed(TWO)], f"value[0].price: {CHANGED}"),
        (dict[str, Taxed], {"a": Taxed(TWO)}, f"value.a.price: {CHANGED}"),
        (tuple[int, Taxed | None], (1, Taxed(TWO)), f"value[1].price: {CHANGED}"),
        (Taxed | None, Taxed(TWO), f"taxed.price: {CHANGED}"),
        (Route, Route([Taxed(TWO)]), f"route[0][0].price: {CHANGED}"),
        (Node, Node(TWO, [Node(TWO, [Node(TWO, [])])]), f"node.price: {CHANGED}"),
        (Appending, Appending({}), f"appending.tags.seen: {CHANGED}"),
        (OneOf, OneOf(1), f"one_of.size: {CHANGED}"),
        (OnceOnly, OnceOnly("a"), "OnceOnly does not accept its fields (ValueError: has its"),
        (Prefixed, Prefixed("a"), f"prefixed.name: {CHANGED}"),
        (Registered, Registered([]), f"registered.names: {CHANGED}"),
        (Counting, Counting(size=1), "Counting would not be read back as it was"),
        (Growing, Growing(1), "Growing would not be read back as it was"),
        (Shifted, Shifted(1, 2), f"shifted[0]: {CHANGED}"),
        (Point, Named(1, 2), "expected Point, got Named, a class below it: annotate that"),
        (Point | None, Named(1, 2), "expected Point, got Named, a class below it"),
        (list[Point], [Named(1, 2)], "value[0]: expected Point, got Named, a class below it"),
        (Named, labelled(), "has an attribute colour that is no field of Named"),
        (OrderedDict[str, int], type("Own", (OrderedDict,), {})(a=1), "got Own, a class below it"),
        (dict[int | str, int], {1: 2}, "a key would come back as str instead of int: annotate"),
        (dict[int | str, int], {"a": 1, 2: 3}, "a key would come back as str instead of int"),
        (list[dict[bool | str, int]], [{True: 3}], "value[0]: a key would come back as str"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_would_come_back_changed_is_refused(
    flavour: Flavour, annotation: Any, value: Any, problem: str
) -> None:
    assert problem in step_failure(flavour, returning(annotation, value))


@dataclasses.dataclass
class Stripped:
    name: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = self.name.strip()
        self.options = OrderedDict({"retries": 0} | self.options)


@attrs.define
class Weighed:
    weight: float = attrs.field(converter=float)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Stripped, Stripped(" a ", {"b": [1]})),
        (Weighed, Weighed(1)),
        (list[Stripped | Point], [Stripped("a"), Point(1, 2)]),
        (Named, Named(1, 2)),
        (Node, Node(TWO, [])),
        (Truthy, Truthy(1)),
        (dict[float, int], {1: 2, 1.5: 3}),
        (dict[int | str, int], {"a": 1, "2": 3}),
        (dict[int | None, int], {1: 2, None: 3}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_constructors_leave_alone_is_kept(
    flavour: Flavour, annotation: Any, value: Any
) -> None:
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await ctx.step(returning(annotation, value)))

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)
    assert (type(seen[0]), seen) == (type(value), [value])


def test_the_value_itself_is_not_touched_by_the_check(flavour: Flavour) -> None:
    """A constructor may change what it is given in place."""
    value = Appending({})
    step_failure(flavour, returning(Appending, value))
    assert value.tags == {"seen": [1]}


@pytest.mark.parametrize(
    ("value_type", "value"),
    [(Taxed, Taxed(TWO)), (Shifted, Shifted(1, 2)), (dict[int | str, int], {1: 2})],
)
def test_a_serdes_by_type_refuses_the_same(value_type: Any, value: Any) -> None:
    with pytest.raises(SerDesError, match="would come back"):
        TypedSerDes(value_type).serialize(value, SerDesContext())
