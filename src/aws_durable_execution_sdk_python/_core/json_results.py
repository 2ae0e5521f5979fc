"""What JSON would write of a handler's result, but not as it is: refused, with the place in it."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

_SCALARS = frozenset({str, int, bool, type(None)})


def check_result(value: object) -> None:
    """Refuse a result in which something would be lost, or not be JSON at all.

    Raises:
        ValueError: two keys of a dict become the same text, or a number is no JSON.
    """
    with contextlib.suppress(RecursionError):  # JSON itself refuses what contains itself
        _check(value, "result")


def _check(value: Any, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(
                f"{path} is {value}, which JSON does not have: return None, or a text, in its place"
            )
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
