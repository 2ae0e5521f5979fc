"""Values without parts: JSON's own, those that have a text, and enumerations."""

from __future__ import annotations

import base64
import enum
import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._core.exactness import stands_for
from aws_durable_execution_sdk_python._core.plain_json import not_finite
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit, Tree, kind_of, unfit


class NoneCodec(Codec):
    """None is null."""

    name = "None"
    is_native = is_json = True
    rank = 0

    def write(self, value: Any) -> Tree:
        if value is not None:
            raise unfit("None", value)
        return None

    def read(self, tree: Tree) -> Any:
        return self.write(tree)


class JsonCodec(Codec):
    """Strings, booleans and integers, which JSON holds as they are; True is an int as well."""

    is_native = is_json = True

    def __init__(self, cls: type[str | int], rank: int) -> None:
        self.name = cls.__name__
        self.rank = rank
        self._cls = cls

    def write(self, value: Any) -> Tree:
        if type(value) is self._cls:
            return value
        if type(value) is bool and self._cls is int:
            return value
        if stands_for(value, self._cls):
            # The text of a member of an enumeration may be another than that it prints.
            return _plain(value)
        raise unfit(self.name, value)

    def read(self, tree: Tree) -> Any:
        if type(tree) is self._cls or (type(tree) is bool and self._cls is int):
            return tree
        raise unfit(self.name, tree)


def _plain(value: object) -> str | int:
    return str.__str__(value) if isinstance(value, str) else int.__int__(value)  # type: ignore[arg-type]


class FloatCodec(Codec):
    """Floats. A whole number counts as one; what JSON cannot hold is a text, such as "nan".

    Parameters:
        outward: whether the tree is for others, who do not take a text for a number.
    """

    name = "float"
    is_native = is_json = True
    rank = 6

    def __init__(self, *, outward: bool = False) -> None:
        self._outward = outward

    def write(self, value: Any) -> Tree:
        if type(value) is int:
            return self._of_int(value)
        if type(value) is not float and not stands_for(value, float):
            raise unfit("float", value)
        number = float(value)
        if math.isfinite(number):
            return number
        if self._outward:
            raise Misfit(not_finite(number))
        return str(number)

    def read(self, tree: Tree) -> Any:
        if type(tree) is float:
            return tree
        if type(tree) is int:
            return self._of_int(tree)
        if tree in ("nan", "inf", "-inf", "NaN", "Infinity", "-Infinity"):
            return float(tree)
        raise unfit("float", tree)

    def _of_int(self, number: int) -> float:
        try:
            if (same := float(number)) == number:
                return same
        except OverflowError:
            pass
        raise Misfit("expected float, got an int that no float holds")


class TextType(NamedTuple):
    """A type whose values have a text that says all about them."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    rank: int
    is_native: bool = True


def _decode_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


_DURATION = re.compile(r"(-?)P(\d+)DT(\d+)(?:\.(\d{6}))?S")


def _write_duration(value: timedelta) -> str:
    """ISO 8601: days and seconds, with a sign before all of it."""
    sign, length = ("-", -value) if value < timedelta(0) else ("", value)
    fraction = f".{length.microseconds:06}" if length.microseconds else ""
    return f"{sign}P{length.days}DT{length.seconds}{fraction}S"


def _read_duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        return _other_duration(text)
    sign, days, seconds, micros = match.groups()
    length = timedelta(int(days), int(seconds), int(micros or 0))
    return -length if sign else length


_OTHER_DURATION = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,6})\d*)?S)?)?"
)


def _other_duration(text: str) -> timedelta:
    """As others write it: `PT1H30M`."""
    match = _OTHER_DURATION.fullmatch(text)
    if match is None or text[-1] in "PT":
        raise ValueError("not a duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:6])
    micros = int((match[7] or "").ljust(6, "0"))
    length = timedelta(days, seconds, micros, 0, minutes, hours, weeks)
    return -length if match[1] == "-" else length


# Dates come before times of day and datetimes: the text of a datetime is no date.
TEXT_TYPES: Mapping[type, TextType] = {
    date: TextType(date.isoformat, date.fromisoformat, 2),
    datetime: TextType(datetime.isoformat, datetime.fromisoformat, 3),
    time: TextType(time.isoformat, time.fromisoformat, 3, is_native=False),
    timedelta: TextType(_write_duration, _read_duration, 3, is_native=False),
    uuid.UUID: TextType(str, uuid.UUID, 3),
    Decimal: TextType(str, Decimal, 3),
    bytes: TextType(_encode_bytes, _decode_bytes, 4),
}


class TextCodec(Codec):
    """Values of a type with a text, such as dates."""

    def __init__(self, cls: type) -> None:
        self.name = cls.__name__
        self._cls = cls
        self._text = TEXT_TYPES[cls]
        self.rank = self._text.rank
        self.is_native = self._text.is_native

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls and not stands_for(value, self._cls):
            raise unfit(self.name, value)
        return self._text.write(value)

    def read(self, tree: Tree) -> Any:
        if type(tree) is not str:
            raise unfit(f"{self.name} as text", tree)
        try:
            return self._text.read(tree)
        except (ValueError, ArithmeticError):
            raise Misfit(f"expected {self.name} as text, got another text") from None


class PathCodec(Codec):
    """Paths of the machine's own kind, as text."""

    rank = 8

    def __init__(self, cls: type[PurePath]) -> None:
        self.name = cls.__name__
        self._cls = cls
        # `Path` makes a PosixPath or a WindowsPath.
        self._made = type(cls())

    def write(self, value: Any) -> Tree:
        if type(value) is not self._made:
            raise unfit(self.name, value)
        return str(value)

    def read(self, tree: Tree) -> Any:
        if type(tree) is not str:
            raise unfit(f"{self.name} as text", tree)
        return self._cls(tree)


def key_of(tree: Tree) -> tuple[type, object] | None:
    """A scalar by type and value: 1, 1.0 and True are three. None for what has parts."""
    if tree is None or type(tree) in (str, int, float, bool):
        return type(tree), tree
    return None


class EnumCodec(Codec):
    """Members by their values where JSON holds those, else by their names."""

    rank = 1

    def __init__(self, cls: type[enum.Enum]) -> None:
        self.name = cls.__name__
        self._cls = cls
        members = list(cls.__members__.values())
        by_value = all(key_of(member.value) is not None for member in members)
        trees = [(member.value if by_value else member.name, member) for member in members]
        self._members = {key_of(tree): member for tree, member in trees}
        self._trees = {member: tree for tree, member in trees}

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls:
            raise unfit(self.name, value)
        return self._trees[value]

    def read(self, tree: Tree) -> Any:
        member = self._members.get(key_of(tree))
        if member is None:
            raise Misfit(f"expected a member of {self.name}, got {kind_of(tree)} that is none")
        return member


class FlagCodec(Codec):
    """Flags, and combinations of them, as the number."""

    rank = 1

    def __init__(self, cls: type[enum.Flag]) -> None:
        self.name = cls.__name__
        self._cls = cls

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls:
            raise unfit(self.name, value)
        return value.value

    def read(self, tree: Tree) -> Any:
        if type(tree) is int:
            try:
                return self._cls(tree)
            except ValueError:
                pass
        raise Misfit(f"expected flags of {self.name}, got {kind_of(tree)} that is none")


class LiteralCodec(Codec):
    """The values that a Literal lists."""

    rank = 1

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        self.name = name
        trees = [(_literal_tree(value), value) for value in values]
        self._values = {key_of(tree): value for tree, value in trees}
        self.is_native = self.is_json = all(tree is value for tree, value in trees)

    def write(self, value: Any) -> Tree:
        tree = _literal_tree(value)
        listed = self._values.get(key_of(tree), self)
        if type(listed) is not type(value):
            raise unfit(self.name, value)
        return tree

    def read(self, tree: Tree) -> Any:
        key = key_of(tree)
        if key is None or key not in self._values:
            raise Misfit(f"expected {self.name}, got {kind_of(tree)} that is none of these")
        return self._values[key]


def _literal_tree(value: object) -> Tree:
    if isinstance(value, enum.Enum):
        return EnumCodec(type(value)).write(value)
    return _encode_bytes(value) if isinstance(value, bytes) else value
