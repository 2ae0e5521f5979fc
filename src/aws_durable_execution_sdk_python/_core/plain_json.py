"""Plain JSON for others, in which nothing is lost.

What the encoder would write, but not as it is, is refused with the place in it: keys that become
the same text, numbers that are no JSON. The encoder has no hook for either, and so there is a walk.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._core.error_texts import kind_name
from aws_durable_execution_sdk_python._core.outward import as_json_text

_SCALARS = frozenset({str, int, bool, type(None)})


def plain_json(value: object, root: str, stand_in: Callable[[Any], object] = as_json_text) -> str:
    """The JSON of a value, which others read.

    Parameters:
        root: what messages call the value.
        stand_in: gives what stands for a value that JSON does not know.

    Raises:
        ValueError: two keys of a dict become the same text, or a number is no JSON.
        TypeError: nothing stands for a part of it. And whatever the user's classes do.
    """

    def checked(part: object) -> object:
        tree = stand_in(part)
        _check_all(tree, f"the {kind_name(type(part))} in {root}")
        return tree

    _check_all(value, root)
    return json.dumps(value, allow_nan=False, default=checked)


def _check_all(value: object, root: str) -> None:
    with contextlib.suppress(RecursionError):  # JSON itself refuses what contains itself
        _check(value, root)


def not_finite(number: float) -> str:
    """What is said of a number that JSON does not have, and the way out."""
    return f"is {number}, which JSON does not have: give None, or a text, in its place"


def _check(value: Any, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path} {not_finite(value)}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if type(item) not in _SCALARS:
                _check(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        _check_dict(value, path)


def _check_dict(value: dict[Any, Any], path: str) -> None:
    if not all(type(key) is str for key in value):
        texts = [text for text in map(_key_text, value) if text is not None]
        if len(set(texts)) < len(texts):
            raise ValueError(
                f"two keys of the dict at {path} become the same text in JSON, as 1 and '1' do: "
                "use string keys"
            )
    for key, item in value.items():
        if type(item) not in _SCALARS:
            _check(item, f"{path}.{key if _is_field(key) else '...'}")


def _key_text(key: object) -> str | None:
    """How JSON writes a key; None for one that it refuses by itself."""
    if isinstance(key, str):
        return key
    return json.dumps(key) if key is None or isinstance(key, int | float) else None


def _is_field(key: object) -> bool:
    """Whether the key looks like a field's name: any other may be data itself."""
    return isinstance(key, str) and key.isidentifier() and len(key) <= 40
