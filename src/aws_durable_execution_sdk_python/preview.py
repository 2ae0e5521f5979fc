"""Previews: the few fields of a large value that stand on record beside the reference to it.

They are for people who look at an execution, in the console or in `durable show`; nothing is read
from them. What is secret is masked or excluded.

Example:
    >>> config = PreviewConfig(
    ...     PreviewMode.EXCLUDE_ALL,
    ...     include=[PreviewField("order_id"), PreviewField("customer.name", FieldMatchMode.PATH)],
    ...     mask=[PreviewField("card")],
    ... )
    >>> order = {"order_id": 7, "card": "4111", "customer": {"name": "Ada", "age": 36}}
    >>> build_preview(order, config)
    {'order_id': 7, 'card': '***', 'customer': {'name': 'Ada'}}
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from aws_durable_execution_sdk_python._core.validation import whole_number

__all__ = ["FieldMatchMode", "PreviewConfig", "PreviewField", "PreviewMode", "build_preview"]

# The braces around an object, the colon and the comma of a member.
_BRACES = _PUNCTUATION = 2


class PreviewMode(enum.StrEnum):
    """What is visible that no field names: everything, or nothing."""

    INCLUDE_ALL = "INCLUDE_ALL"
    EXCLUDE_ALL = "EXCLUDE_ALL"


class FieldMatchMode(enum.StrEnum):
    """Where a field is: ANYWHERE on the path to a value, or at exactly this PATH from the root."""

    ANYWHERE = "ANYWHERE"
    PATH = "PATH"


@dataclass(frozen=True)
class PreviewField:
    """Fields of a value, by name.

    Parameters:
        name: of a field, or the path to it with dots in between.
        match: which of them it is.
    """

    name: str
    match: FieldMatchMode = FieldMatchMode.ANYWHERE

    def fits(self, path: tuple[str, ...]) -> bool:
        """Whether this is the field at the end of a path, or one that it lies in."""
        if self.match is FieldMatchMode.PATH:
            return ".".join(path) == self.name
        return self.name in path


@dataclass(frozen=True)
class PreviewConfig:
    """What of a value is shown.

    Parameters:
        mode: what is visible that is not named below.
        include: is visible.
        exclude: is not, nor is anything in it; comes before the others.
        mask: shows `mask_string` in its place; comes before `include`.
        mask_string: what a masked field shows.
        max_preview_bytes: fields are taken in their order as long as they fit into so many bytes
            of JSON.

    Raises:
        ValidationError: `max_preview_bytes` is no whole number, or negative.
    """

    mode: PreviewMode
    include: Sequence[PreviewField] = field(default_factory=list[PreviewField])
    exclude: Sequence[PreviewField] = field(default_factory=list[PreviewField])
    mask: Sequence[PreviewField] = field(default_factory=list[PreviewField])
    mask_string: str = "***"
    max_preview_bytes: int = 4096

    def __post_init__(self) -> None:
        whole_number("max_preview_bytes", self.max_preview_bytes, 0)


def build_preview(value: object, config: PreviewConfig) -> dict[str, Any] | None:
    """The visible fields of a dict.

    Items of a list are shown as one object, in which later ones win. Only text, numbers, booleans
    and None are shown, moments, decimals and UUIDs as text; keys with a dot in them are not.

    Returns:
        None for what is no dict, and where nothing is visible.
    """
    if not isinstance(value, dict):
        return None
    leaves: dict[str, object] = {}
    for path, leaf in _visible(cast("dict[Any, object]", value), (), config):
        leaves[".".join(path)] = leaf
    preview: dict[str, Any] = {}
    size = _BRACES
    for name, leaf in leaves.items():
        size += len(json.dumps(name)) + len(json.dumps(leaf)) + _PUNCTUATION
        if size > config.max_preview_bytes:
            break
        _put(preview, name.split("."), leaf)
    return preview or None


def _visible(
    value: object, path: tuple[str, ...], config: PreviewConfig
) -> Iterator[tuple[tuple[str, ...], object]]:
    """What is visible of a value at a path, which is not excluded itself."""
    if isinstance(value, dict):
        for key, inner in cast("dict[Any, object]", value).items():
            if isinstance(key, str) and "." not in key:
                yield from _field((*path, key), inner, config)
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[object]", value):
            yield from _visible(item, path, config)
    elif _is_shown(path, config) and (leaf := _leaf(value)) is not _NO_LEAF:
        yield path, leaf


def _field(
    path: tuple[str, ...], value: object, config: PreviewConfig
) -> Iterator[tuple[tuple[str, ...], object]]:
    if any(each.fits(path) for each in config.exclude):
        return
    if any(each.fits(path) for each in config.mask):
        yield path, config.mask_string
        return
    yield from _visible(value, path, config)


def _is_shown(path: tuple[str, ...], config: PreviewConfig) -> bool:
    everything = config.mode is PreviewMode.INCLUDE_ALL
    return everything or any(each.fits(path) for each in config.include)


_NO_LEAF = object()


def _leaf(value: object) -> object:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else _NO_LEAF


def _put(tree: dict[str, Any], path: Sequence[str], leaf: object) -> None:
    *outer, last = path
    for name in outer:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    tree[last] = leaf
