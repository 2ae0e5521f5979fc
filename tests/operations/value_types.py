"""Types that functions are annotated with, and values of them."""

from __future__ import annotations

import dataclasses
import enum
import pathlib
import sys
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypeVar

import attrs
import msgspec
import pydantic
from hypothesis import strategies as st
from typing_extensions import TypedDict

T = TypeVar("T")
OrderId = NewType("OrderId", str)

TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
INTEGERS = st.integers(-(2**60), 2**60)
FLOATS = st.floats(allow_nan=False)


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Kind(enum.Enum):
    """Its values are no JSON."""

    POINT = (0, 0)
    LINE = (0, 1)


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Item:
    name: str
    price: float
    tags: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    order_id: OrderId
    items: list[Item]
    placed: datetime
    ttl: timedelta | None = None
    colour: Colour = Colour.RED
    note: Any = None


@dataclass
class Node:
    """Holds itself."""

    value: int
    children: list[Node] = field(default_factory=list)


@dataclass
class Page(Generic[T]):
    items: list[T]
    more: bool = False


class ItemPage(Page[Item]):
    pass


@dataclass
class Counted:
    """One field is not taken by the constructor."""

    names: list[str]
    count: int = field(init=False)

    def __post_init__(self) -> None:
        self.count = len(self.names)


@dataclass
class Cat:
    name: str


@dataclass
class Dog:
    name: str


@dataclass
class TaggedLike:
    """Its JSON looks like an envelope."""

    t: str
    v: Any


@dataclass
class Circle:
    radius: float
    kind: Literal["circle"] = "circle"


@dataclass
class Square:
    side: float
    kind: Literal["square"] = "square"


class Point(NamedTuple):
    x: int
    on: date
    label: str = ""


class Booking(TypedDict):
    at: datetime
    seats: set[int]
    note: NotRequired[str]


class Model(pydantic.BaseModel):
    order_id: str = pydantic.Field(alias="orderId")
    at: datetime
    price: Decimal
    tags: frozenset[str] = frozenset()
    item: Item | None = None


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    at: date
    ids: tuple[int, ...]


class Struct(msgspec.Struct):
    name: str
    at: datetime
    counts: dict[int, float]
    nested: Struct | None = None


@attrs.define
class Parcel:
    weight: float = attrs.field(converter=float)
    _secret: str = "s"
    sizes: tuple[int, int] = (1, 1)


ITEMS = st.builds(Item, name=TEXT, price=FLOATS, tags=st.sets(TEXT, max_size=3))
DURATIONS = st.timedeltas()
NODES: st.SearchStrategy[Node] = st.recursive(
    st.builds(Node, INTEGERS, st.just([])),
    lambda nodes: st.builds(Node, INTEGERS, st.lists(nodes, max_size=2)),
    max_leaves=4,
)
ORDERS = st.builds(
    Order,
    order_id=TEXT,
    items=st.lists(ITEMS, max_size=2),
    placed=st.datetimes(timezones=st.none() | st.just(UTC)),
    ttl=st.none() | DURATIONS,
    colour=st.sampled_from(Colour),
    note=st.none() | TEXT | st.decimals(allow_nan=False) | st.lists(st.dates(), max_size=2),
)
STRUCTS = st.builds(
    Struct,
    name=TEXT,
    at=st.datetimes(timezones=st.just(UTC)),
    counts=st.dictionaries(INTEGERS, FLOATS.filter(lambda x: abs(x) < 1e300), max_size=2),
    nested=st.none(),
)

# Annotations by a name, with their values.
ANNOTATED: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "dataclass": (Order, ORDERS),
    "list of dataclasses": (list[Item], st.lists(ITEMS, max_size=2)),
    "sequence": (Sequence[Item], st.lists(ITEMS, max_size=2)),
    "recursive": (Node, NODES),
    "generic": (Page[Item], st.builds(Page, st.lists(ITEMS, max_size=2))),
    "subclass of generic": (ItemPage, st.builds(ItemPage, st.lists(ITEMS, max_size=2))),
    "computed field": (Counted, st.builds(Counted, st.lists(TEXT, max_size=2))),
    "typed dict": (
        Booking,
        st.fixed_dictionaries(
            {"at": st.datetimes(), "seats": st.sets(INTEGERS, max_size=2)},
            optional={"note": TEXT, "more": st.just("kept")},
        ),
    ),
    "named tuple": (Point, st.builds(Point, INTEGERS, st.dates(), TEXT)),
    "str enum": (Colour, st.sampled_from(Colour)),
    "int enum": (Level, st.sampled_from(Level)),
    "enum": (Kind, st.sampled_from(Kind)),
    "flag": (Right, st.sampled_from([Right.READ, Right.WRITE, Right.READ | Right.WRITE])),
    "enum keys": (dict[Colour, int], st.dictionaries(st.sampled_from(Colour), INTEGERS)),
    "int keys": (dict[int, str], st.dictionaries(INTEGERS, TEXT, max_size=2)),
    "uuid keys": (Mapping[uuid.UUID, Item], st.dictionaries(st.uuids(), ITEMS, max_size=2)),
    "date keys": (dict[date, int], st.dictionaries(st.dates(), INTEGERS, max_size=2)),
    "ordered dict": (
        OrderedDict[str, int],
        st.dictionaries(TEXT, INTEGERS, max_size=3).map(OrderedDict),
    ),
    "set": (set[str], st.sets(TEXT, max_size=3)),
    "frozenset": (frozenset[int], st.frozensets(INTEGERS, max_size=3)),
    "set of named tuples": (
        set[Point],
        st.sets(st.builds(Point, INTEGERS, st.dates(), TEXT), max_size=2),
    ),
    "deque": (deque[int], st.lists(INTEGERS, max_size=2).map(deque)),
    "timedelta": (timedelta, DURATIONS),
    "time": (time, st.times()),
    "path": (pathlib.Path, TEXT.filter(lambda t: "\0" not in t).map(pathlib.Path)),
    "pure path": (pathlib.PurePosixPath, st.just(pathlib.PurePosixPath("/a/b"))),
    "tuple with a set": (tuple[set[int], str], st.tuples(st.sets(INTEGERS, max_size=2), TEXT)),
    "tuples": (tuple[Item, ...], st.lists(ITEMS, max_size=2).map(tuple)),
    "optional": (Item | None, st.none() | ITEMS),
    "union": (
        Item | Order | datetime | date | int | float | str | bool | None,
        ITEMS
        | ORDERS
        | st.datetimes()
        | st.dates()
        | INTEGERS
        | FLOATS
        | TEXT
        | st.booleans()
        | st.dates().map(str)
        | st.datetimes().map(str)
        | st.none(),
    ),
    "union of look-alikes": (Cat | Dog, st.builds(Cat, TEXT) | st.builds(Dog, TEXT)),
    "discriminated": (
        list[Circle | Square],
        st.lists(st.builds(Circle, FLOATS) | st.builds(Square, FLOATS), max_size=3),
    ),
    "looks like an envelope": (
        TaggedLike,
        st.builds(TaggedLike, st.sampled_from(["s", "m", "as:TaggedLike", "x"]), TEXT),
    ),
    "union with such": (
        TaggedLike | str,
        TEXT | st.builds(TaggedLike, st.sampled_from(["s", "as:str", "as:TaggedLike"]), TEXT),
    ),
    "floats": (list[float | int | timedelta], st.lists(st.floats(allow_nan=False) | INTEGERS)),
    "pydantic": (
        Model,
        st.builds(
            Model,
            orderId=TEXT,
            at=st.datetimes(),
            price=st.decimals(allow_nan=False, allow_infinity=False, places=2),
            tags=st.frozensets(TEXT, max_size=2),
            item=st.none(),
        ),
    ),
    "strict pydantic": (
        list[Strict],
        st.lists(st.builds(Strict, at=st.dates(), ids=st.just((1, 2))), max_size=2),
    ),
    "msgspec": (Struct | None, st.none() | STRUCTS),
    "attrs": (
        dict[str, Parcel],
        st.dictionaries(TEXT, st.builds(Parcel, FLOATS, TEXT, st.just((2, 3))), max_size=2),
    ),
}


def returning(annotation: Any, value: Any) -> Any:
    """A function without parameters that says what it returns."""

    def function() -> Any:
        return value

    return annotated(function, annotation)


def annotated(function: Any, annotation: Any) -> Any:
    """The function, which says from now on that it returns this."""
    if sys.version_info >= (3, 14):  # what decorators copy there
        function.__annotate__ = lambda form: {"return": annotation}
    else:
        function.__annotations__["return"] = annotation
    return function


def same(left: Any, right: Any) -> bool:
    """Equal, of equal types throughout: 1, 1.0 and True are three values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        keys = sorted(map(repr, left)) == sorted(map(repr, right))
        return keys and all(same(left[key], right[key]) for key in left)
    if dataclasses.is_dataclass(left):
        return all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left)
        )
    return bool(left == right)
