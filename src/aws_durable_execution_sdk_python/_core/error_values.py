"""What an error's attributes hold, as JSON: exact types both ways, or not at all.

JSON's own types stand as they are; the others that have a text form are `{"$": tag, "v": ...}`. Of
a str, int or float of a subclass (an `HTTPStatus`, a `StrEnum`) the plain value is kept. Errors are
written by whoever calls. Of any other object only the numbers and flags in its public attributes
are kept: a response's status is, but nothing that could be a secret of it.
"""

from __future__ import annotations

import base64
import json
import math
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

# Text, numbers, lists and dicts, as `json.dumps` takes them.
Tree: TypeAlias = Any

_encode_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class UnkeptError(Exception):
    """A value cannot be kept; the text says why, of its type only."""


class KeptAttributes:
    """What was kept of an object that an error held: the numbers and flags in its attributes."""

    def __init__(self, kind: str, attributes: dict[str, Any]) -> None:
        self.__dict__.update(attributes)
        self.__dict__["_kind"] = kind

    def __getattr__(self, name: str) -> Any:
        kind = self.__dict__.get("_kind", "object")
        raise AttributeError(
            f"{name!r} of the {kind} was not kept when its error was stored: of an object in an "
            "error only numbers and flags are. Set what is needed as an attribute of the error"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeptAttributes) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kept = {name: value for name, value in vars(self).items() if name != "_kind"}
        return f"<what was kept of a {self.__dict__['_kind']}: {kept}>"


def text_of_tree(tree: Tree) -> str:
    """The JSON text of a tree, in ASCII."""
    return _encode_json(tree)


def to_tree(value: object, of_error: Callable[[BaseException], Tree]) -> Tree:
    """The JSON form of a value.

    Parameters:
        value: what an attribute holds.
        of_error: gives the JSON form of an error in it, or raises UnkeptError.

    Raises:
        UnkeptError: it has none.
    """
    try:
        tree = _to_tree(value, of_error)
        text_of_tree(tree)
    except RecursionError:
        raise UnkeptError("nested too deeply") from None
    except ValueError:
        raise UnkeptError("a number too large") from None
    return tree


def _to_tree(value: Any, of_error: Callable[[BaseException], Tree]) -> Tree:
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if kind is list:
        return [_to_tree(item, of_error) for item in value]
    if kind is tuple:
        return _tagged("t", [_to_tree(item, of_error) for item in value])
    if kind in (dict, OrderedDict, defaultdict):
        return _dict_tree(value, of_error)
    if kind is float:
        return value if math.isfinite(value) else _tagged("f", str(value))
    if kind in _WRITERS:
        tag, write = _WRITERS[kind]
        return _tagged(tag, write(value))
    for base, plain in _PLAIN.items():
        if issubclass(kind, base):
            return _to_tree(plain(value), of_error)
    if issubclass(kind, BaseException):
        return _tagged("e", of_error(value))
    if kind is KeptAttributes:
        kept = dict(vars(value))
        return _tagged("o", {"class": kept.pop("_kind"), "state": kept})
    return _tagged("o", {"class": kind.__qualname__, "state": _figures(value)})


def _dict_tree(value: dict[Any, Any], of_error: Callable[[BaseException], Tree]) -> Tree:
    if all(type(key) is str for key in value) and "$" not in value:
        return {key: _to_tree(item, of_error) for key, item in value.items()}
    pairs = [[_to_tree(key, of_error), _to_tree(item, of_error)] for key, item in value.items()]
    return _tagged("m", pairs)


def _tagged(tag: str, value: Tree) -> Tree:
    return {"$": tag, "v": value}


def _figures(value: object) -> dict[str, Tree]:
    """The numbers and flags in the public attributes of an object that has no form of its own."""
    refusal = UnkeptError(f"a {type(value).__qualname__}")
    try:
        attributes = dict(vars(value)) if not callable(value) else {}
    except Exception:
        raise refusal from None
    found: dict[str, Tree] = {}
    for name, item in attributes.items():
        if name.startswith("_"):
            continue
        if isinstance(item, bool | int):
            found[name] = item if type(item) is bool else int.__int__(item)
        elif isinstance(item, float) and math.isfinite(item):
            found[name] = float.__float__(item)
    if not found:
        raise refusal
    return found


# Not the classes themselves, which ask a subclass for its own idea.
_PLAIN: dict[type, Callable[[Any], object]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
}
_WRITERS: dict[type, tuple[str, Callable[[Any], Tree]]] = {
    bytes: ("B", lambda data: base64.b64encode(data).decode("ascii")),
    uuid.UUID: ("u", str),
    Decimal: ("d", str),
    datetime: ("dt", lambda when: [when.isoformat(), when.fold]),
    date: ("D", date.isoformat),
    time: ("T", lambda when: [when.isoformat(), when.fold]),
    timedelta: ("td", lambda delta: [delta.days, delta.seconds, delta.microseconds]),
}


# --------------------------------------------------------------------------------------- reading


def from_tree(tree: Tree, to_error: Callable[[Tree], object]) -> Any:
    """The value of a JSON form; runs nothing but the constructors of the types there are tags for.

    Parameters:
        tree: what `to_tree` gave, or anything else.
        to_error: makes an error of its JSON form.

    Raises:
        Whatever damaged data provoke: ValueError, TypeError, KeyError, ArithmeticError and others.
    """
    if isinstance(tree, list):
        return [from_tree(item, to_error) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$" not in tree:
        return {key: from_tree(item, to_error) for key, item in tree.items()}
    tag, inner = tree["$"], tree["v"]
    if tag == "e":
        return to_error(inner)
    if tag == "t":
        return tuple(from_tree(item, to_error) for item in inner)
    if tag == "m":
        return {from_tree(key, to_error): from_tree(item, to_error) for key, item in inner}
    if tag == "o":
        return KeptAttributes(str(inner["class"]), dict(inner["state"]))
    return _READERS[tag](inner)


_READERS: dict[str, Callable[[Any], object]] = {
    "f": float,
    "B": lambda text: base64.b64decode(text, validate=True),
    "u": uuid.UUID,
    "d": Decimal,
    "dt": lambda parts: datetime.fromisoformat(parts[0]).replace(fold=parts[1]),
    "D": date.fromisoformat,
    "T": lambda parts: time.fromisoformat(parts[0]).replace(fold=parts[1]),
    "td": lambda parts: timedelta(*parts),
}
