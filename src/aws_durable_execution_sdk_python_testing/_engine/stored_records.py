"""How what is known of an execution is put into records, and read from them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from aws_durable_execution_sdk_python_testing.stores.base import Record


def decoded(record: Record | str) -> Record:
    """A record that may be there as its JSON text."""
    if isinstance(record, str):
        found: Record = json.loads(record)
        return found
    return record


def leading(record: Record | str, key: str) -> Any:
    """A member of a record; None if it has none.

    Of a text that begins with the member, as records are written, nothing else is read.
    """
    if isinstance(record, str):
        beginning = f'{{"{key}":'
        if record.startswith(beginning):
            value, _ = _DECODER.raw_decode(record, len(beginning))
            return value
    return decoded(record).get(key)


_DECODER = json.JSONDecoder()


def told(value: Any) -> dict[str, Any]:
    """The fields of a frozen dataclass that do not have their default: the rest goes unsaid."""
    found: dict[str, Any] = {}
    kind = type(value)
    if kind not in _DEFAULTS:
        _DEFAULTS[kind] = _defaults(kind)
    for name, default in _DEFAULTS[kind]:
        one = getattr(value, name)
        if one != default:
            if dataclasses.is_dataclass(one) and not isinstance(one, type):
                one = dataclasses.asdict(one)
            found[name] = one
    return found


_DEFAULTS: dict[type[Any], list[tuple[str, Any]]] = {}


def _defaults(kind: type[Any]) -> list[tuple[str, Any]]:
    """Each field, and its default if it has one."""
    return [
        (
            one.name,
            one.default if one.default_factory is dataclasses.MISSING else one.default_factory(),
        )
        for one in dataclasses.fields(kind)
    ]
