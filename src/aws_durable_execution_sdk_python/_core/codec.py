"""The codec of the wire types: frozen dataclasses whose fields carry their wire names.

`codec` builds, once per class, the table that `from_dict` and `to_dict` walk. Timestamps arrive as
epoch milliseconds (invocation event), as datetimes (boto3) or as ISO strings (recorded histories):
all three parse to aware datetimes.

An object holds the attributes it was given, and has the others from its class, which has their
defaults. So `of` makes one at a fraction of what `__init__` costs, which assigns each attribute of
a frozen class by a call of its own; every replayed operation and every update is made so.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeAlias, TypeVar, cast

# What an object of the wire says, which only the codec and those who send it look into.
Wire: TypeAlias = Mapping[str, Any]
# How a value of the wire becomes that of an attribute; None for one that is taken as it is.
Decode: TypeAlias = Callable[[Any], object] | None
# The attribute and the decoder of each wire name.
Fields: TypeAlias = Mapping[str, tuple[str, Decode]]

W = TypeVar("W", bound="WireType")


def parse_timestamp(value: datetime | str | float | None) -> datetime | None:
    """Read a timestamp in any of the forms the service's clients give it."""
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value / 1000, UTC)


def epoch_micros(value: datetime | str | float | None) -> int | None:
    """A timestamp in any of these forms as a number that can be compared with others."""
    if isinstance(value, (int, float)):
        return round(value * 1000)
    moment = parse_timestamp(value)
    return None if moment is None else round(moment.timestamp() * 1_000_000)


def timestamp_millis(value: datetime) -> int:
    return round(value.timestamp() * 1000)


def wire(key: str, decode: Decode = None, **options: Any) -> Any:
    """A dataclass field that has this name on the wire."""
    return field(metadata={"wire": key, "decode": decode}, **options)


def read_fields(data: Wire, fields: Fields) -> dict[str, Any]:
    """The attributes in a wire dict, which holds a few of the many that there are."""
    values: dict[str, Any] = {}
    for key, raw in data.items():
        field = fields.get(key)
        if field is not None and raw is not None:
            attribute, decode = field
            values[attribute] = raw if decode is None else decode(raw)
    return values


def encode_value(value: object) -> object:
    """An attribute as it stands on the wire."""
    if isinstance(value, WireType):
        return value.to_dict()
    if isinstance(value, datetime):
        return timestamp_millis(value)
    if isinstance(value, enum.Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


class WireType:
    """Base of the wire types: `from_dict` and `to_dict` driven by the fields' metadata."""

    wire_table: ClassVar[tuple[tuple[str, str, Decode], ...]]
    fields_by_key: ClassVar[Fields]
    required: ClassVar[frozenset[str]]

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """One with these attributes, which has the dict from then on; none required is missing."""
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        return made

    @classmethod
    def from_dict(cls, data: Wire) -> Self:
        """Read the wire form.

        Raises:
            TypeError: something required is not in it.
        """
        return cls.checked(read_fields(data, cls.fields_by_key))

    @classmethod
    def checked(cls, values: dict[str, Any]) -> Self:
        """As `of`, if nothing required is missing.

        Raises:
            TypeError: something is.
        """
        if cls.required and not values.keys() >= cls.required:
            missing = ", ".join(sorted(cls.required - values.keys()))
            raise TypeError(f"{cls.__name__} without {missing}")
        return cls.of(values)

    def to_dict(self) -> dict[str, object]:
        """The wire form; absent (None) fields are left out."""
        out = {}
        for attribute, key, _ in self.wire_table:
            value = getattr(self, attribute)
            if value is not None:
                out[key] = encode_value(value)
        return out


def codec(cls: type[W]) -> type[W]:
    """Build the tables of a wire type, once its dataclass is made."""
    cls.wire_table = tuple(
        (f.name, f.metadata["wire"], f.metadata["decode"])
        for f in dataclasses.fields(cast(Any, cls))
        if "wire" in f.metadata
    )
    cls.fields_by_key = {key: (attribute, decode) for attribute, key, decode in cls.wire_table}
    cls.required = frozenset(
        f.name for f in dataclasses.fields(cast(Any, cls)) if f.default is dataclasses.MISSING
    )
    return cls
