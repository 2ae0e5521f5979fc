"""The text form of values: plain JSON, or the tagged envelope for what JSON cannot hold.

An envelope is `{"t": tag, "v": value}` for every node of the value. Plain JSON is never mistaken
for one: a plain dict that looks like an envelope is itself written as an envelope.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import inspect
import json
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, TypeGuard, TypeVar

from aws_durable_execution_sdk_python._core.batch_result import BatchItem, BatchResult
from aws_durable_execution_sdk_python._core.compat import is_compat_aws
from aws_durable_execution_sdk_python._core.error_texts import kind_name
from aws_durable_execution_sdk_python._core.exactness import stands_for
from aws_durable_execution_sdk_python._core.inputs import Inputs, as_list

R = TypeVar("R")

# Made once: `json.dumps` with options makes an encoder for each call.
to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=as_list).encode
from_json = json.JSONDecoder().decode


# Keys of dicts that are longer are no names of fields.
_LONGEST_FIELD = 40


class UnsupportedValueError(TypeError):
    """A value has no text form. The text says where in the value it is and what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = ""

    def __str__(self) -> str:
        return f"{self.problem} (at value{self.path})" if self.path else self.problem


def encode(value: object, *, tagged_dicts: bool = False) -> str:
    """The text of a value.

    Parameters:
        value: what to write.
        tagged_dicts: whether dicts are written as envelopes, which the official SDK does and needs.

    Raises:
        UnsupportedValueError: a part of it is of a type that cannot be stored.
        ValueError: an int is too long for Python to write.
        RecursionError: it is nested too deeply or contains itself.
    """
    return to_json(to_tree(value, with_dicts=not tagged_dicts))


def to_tree(value: object, *, with_dicts: bool = True) -> Any:
    """What `encode` writes, as JSON has it: the value itself if that says all, else an envelope."""
    plain = _is_plain(value) and not is_envelope(value) and (with_dicts or not _has_dict(value))
    return value if plain else tagged(value)


def _has_dict(value: object) -> bool:
    """Whether there is one in a plain value."""
    if isinstance(value, (list, Inputs)):
        return any(map(_has_dict, value))
    return isinstance(value, dict)


def encode_batch(batch: BatchResult[R], limit: int) -> str | None:
    """The text that `encode` gives a batch, or None if that is longer than `limit` characters.

    Written item by item, so that of a batch far beyond the limit little is written.
    """
    items: list[str] = []
    reason = to_json(tagged(batch.completion_reason.value))
    start = '{"t":"br","v":{"all":{"t":"l","v":['
    end = f']}},"completionReason":{reason}}}}}'
    size = len(start) + len(end) - 1
    for item in batch.all:
        text = _item_text(item)
        items.append(text)
        size += len(text) + 1
        if size > limit:
            return None
    return start + ",".join(items) + end


def _item_text(item: BatchItem[R]) -> str:
    result = to_json(tagged(item.result))
    error = to_json(tagged(None if item.error is None else item.error.to_dict()))
    return (
        f'{{"t":"m","v":{{"index":{{"t":"i","v":{item.index}}},'
        f'"status":{{"t":"s","v":"{item.status.value}"}},"result":{result},"error":{error}}}}}'
    )


def decode(text: str) -> Any:
    """The value of a text, in either form. Raises whatever damaged data provokes."""
    return from_tree(from_json(text))


def from_tree(tree: object) -> Any:
    """The value of what `to_tree` gave."""
    return _open(tree) if is_envelope(tree) else tree


def _is_plain(value: object) -> bool:
    """Whether JSON holds the value exactly."""
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bool:
        return True
    if kind is list or kind is Inputs:
        return all(map(_is_plain, value))  # type: ignore[call-overload]
    if kind is dict:
        return _is_plain_dict(value)
    if isinstance(value, float):
        return math.isfinite(value) and (kind is float or stands_for(value, float))
    return _is_plain_in_a_subclass(value)


def _is_plain_dict(value: Any) -> bool:
    return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))


def _is_plain_in_a_subclass(value: object) -> bool:
    if isinstance(value, (str, int)):
        return stands_for(value, str if isinstance(value, str) else int)
    if isinstance(value, list):
        return stands_for(value, list) and all(map(_is_plain, value))
    return isinstance(value, dict) and stands_for(value, dict) and _is_plain_dict(value)


def is_envelope(value: object) -> TypeGuard[dict[str, Any]]:
    if not isinstance(value, dict) or len(value) != 2 or "v" not in value:
        return False
    tag = value.get("t")
    return isinstance(tag, str) and tag in _DECODERS


# --------------------------------------------------------------------------------------- encode


def tagged(value: object) -> dict[str, object]:
    """The envelope of a value, also of one that is JSON already.

    Raises:
        UnsupportedValueError: the value, or a part of it, has no envelope.
    """
    found = _ENCODERS.get(type(value))
    if found is None:
        found = _encoder_of_base(value)
    tag, encoder = found
    return {"t": tag, "v": encoder(value)}


def _encoder_of_base(value: object) -> tuple[str, Callable[[Any], object]]:
    name = kind_name(type(value))
    for cls in type(value).__mro__:
        if cls in _ENCODERS:
            if stands_for(value, cls):
                return _ENCODERS[cls]
            raise UnsupportedValueError(
                f"{name} cannot be stored: it is more than the {cls.__name__} it would come back "
                f"as; return a plain {cls.__name__}, or give the operation a serdes"
            )
    said = f"Unsupported type: {type(value)}" if is_compat_aws() else f"{name} cannot be stored"
    raise UnsupportedValueError(f"{said}: {advice(value)}")


def _as_it_is(value: R) -> R:
    return value


def _encode_float(value: float) -> float | str:
    # JSON has no NaN or infinity, so they travel as text.
    return value if math.isfinite(value) else str(value)


def _encode_bytes(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def _encode_items(value: Iterable[object]) -> list[object]:
    position = 0
    try:
        nodes: list[object] = []
        for position, item in enumerate(value):  # noqa: B007 - read when an item fails
            nodes.append(tagged(item))
    except UnsupportedValueError as error:
        error.path = f"[{position}]{error.path}"
        raise
    return nodes


def _encode_map(value: Mapping[Any, object]) -> dict[str, object]:
    key: object = None
    nodes: dict[str, object] = {}
    try:
        for key, item in value.items():
            text = _encode_key(key)
            if text in nodes:
                raise UnsupportedValueError(
                    "two keys of a dict become the same text: use string keys"
                )
            nodes[text] = tagged(item)
    except UnsupportedValueError as error:
        error.path = f"[{_shown_key(key)}]{error.path}"
        raise
    return nodes


def _encode_key(key: object) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    raise UnsupportedValueError(
        f"a {type(key).__qualname__} cannot be a dict key in JSON: use a string, "
        "or store a list of pairs"
    )


def _shown_key(key: object) -> str:
    """A dict's key in a message, if it looks like a field's name: any other may be data itself."""
    is_name = isinstance(key, str) and key.isidentifier() and len(key) <= _LONGEST_FIELD
    return repr(key) if is_name else "..."


def _encode_batch(value: BatchResult[object]) -> dict[str, object]:
    return _encode_map(value.to_dict())


_ENCODERS: dict[type, tuple[str, Callable[[Any], object]]] = {
    type(None): ("n", _as_it_is),
    str: ("s", _as_it_is),
    bool: ("b", _as_it_is),
    int: ("i", _as_it_is),
    float: ("f", _encode_float),
    bytes: ("B", _encode_bytes),
    bytearray: ("B", _encode_bytes),
    memoryview: ("B", _encode_bytes),
    uuid.UUID: ("u", str),
    Decimal: ("d", str),
    datetime: ("dt", datetime.isoformat),
    date: ("D", date.isoformat),
    tuple: ("t", _encode_items),
    list: ("l", _encode_items),
    Inputs: ("l", _encode_items),
    dict: ("m", _encode_map),
    BatchResult: ("br", _encode_batch),
}


def advice(value: object) -> str:
    """What to do instead of returning a value that cannot be stored."""
    if inspect.isawaitable(value):
        return "await it, or return a plain value from an async function"
    annotate = f", or annotate the function that returns it: -> {type(value).__name__}"
    if dataclasses.is_dataclass(value):
        return f"return dataclasses.asdict(...) of it{annotate}"
    # Of the class: a mock has every attribute there is.
    if hasattr(type(value), "model_dump"):
        return f"return its model_dump(mode='json'){annotate}"
    if hasattr(type(value), "dtype") and hasattr(type(value), "item"):
        return "return its item(), which is Python's own number, or its tolist()"
    for cls, advice in _ADVICE.items():
        if isinstance(value, cls):
            return f"{advice}{annotate}"
    if any(hasattr(value, mark) for mark in ("__attrs_attrs__", "__struct_fields__")):
        return f"return a dict of it{annotate}"
    return (
        "return str, int, float, bool, None, dict, list, tuple, bytes, datetime, date, Decimal "
        "or UUID, or give the operation a serdes"
    )


_ADVICE: dict[type, str] = {
    set: "return sorted(...) or list(...) of it",
    frozenset: "return sorted(...) or list(...) of it",
    timedelta: "return its total_seconds()",
    time: "return its isoformat()",
    enum.Enum: "return its value",
    PurePath: "return str(...) of it",
}


# --------------------------------------------------------------------------------------- decode


def _open(node: object) -> Any:
    if not is_envelope(node):
        raise ValueError(f"not an envelope with a known tag: {type(node).__name__}")
    return _DECODERS[node["t"]](node["v"])


def _decode_batch(value: object) -> BatchResult[object]:
    return BatchResult.from_dict(_open_where_tagged(value))


def _open_where_tagged(node: object) -> Any:
    """The parts of a batch may be tagged or bare, depending on the version that wrote it."""
    if is_envelope(node):
        return _open(node)
    if isinstance(node, list):
        return [_open_where_tagged(item) for item in node]
    if isinstance(node, dict):
        return {key: _open_where_tagged(item) for key, item in node.items()}
    return node


_DECODERS: dict[str, Callable[[Any], object]] = {
    "n": _as_it_is,
    "s": _as_it_is,
    "i": _as_it_is,
    "f": float,
    "b": _as_it_is,
    "B": lambda text: base64.b64decode(text, validate=True),
    "u": uuid.UUID,
    "d": Decimal,
    "dt": datetime.fromisoformat,
    "D": date.fromisoformat,
    "t": lambda nodes: tuple(map(_open, nodes)),
    "l": lambda nodes: [_open(node) for node in nodes],
    "m": lambda nodes: {key: _open(node) for key, node in nodes.items()},
    "br": _decode_batch,
}
