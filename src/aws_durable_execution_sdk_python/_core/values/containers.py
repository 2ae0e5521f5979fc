"""Lists, tuples, sets and dicts of one annotation."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from aws_durable_execution_sdk_python._core.exactness import stands_for
from aws_durable_execution_sdk_python._core.inputs import Inputs
from aws_durable_execution_sdk_python._core.values.codecs import (
    Codec,
    Misfit,
    Tree,
    is_shown,
    kind_of,
    unfit,
)


class ItemsCodec(Codec):
    """Any number of items of one annotation, as a list."""

    def __init__(self, name: str, cls: type, item: Codec) -> None:
        self.name = name
        self._cls = cls
        self._item = item
        self._is_set = cls in (set, frozenset)
        self.is_native = cls in (list, tuple) and item.is_native
        self.is_json = cls is list and item.is_json
        self.remakes = item.remakes

    def write(self, value: Any) -> Tree:
        kind = type(value)
        if kind is not self._cls and not (self._cls is list and self._is_list(value)):
            raise unfit(self.name, value)
        if kind is deque and value.maxlen is not None:
            raise Misfit("a deque with a maxlen would come back without it: return a list")
        nodes = _each(self._item.write, value)
        return _in_order(nodes) if self._is_set else nodes

    def read(self, tree: Tree) -> Any:
        if type(tree) is not list:
            raise unfit(f"{self.name} as a list", tree)
        items = _each(self._item.read, tree)
        if self._cls is list:
            return items
        try:
            return self._cls(items)
        except TypeError:
            raise Misfit("an item of a set cannot be hashed") from None

    @staticmethod
    def _is_list(value: object) -> bool:
        return type(value) is Inputs or stands_for(value, list)


def _each(change: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    index = 0
    changed: list[Any] = []
    try:
        for index, item in enumerate(items):  # noqa: B007 - read when an item fails
            changed.append(change(item))
    except Misfit as misfit:
        raise misfit.within(f"[{index}]") from None
    return changed


def _in_order(nodes: list[Any]) -> list[Any]:
    """A set's items in an order of their own: hashes differ from process to process."""
    return sorted(nodes, key=json.dumps)


class TupleCodec(Codec):
    """A tuple of so many items, each with its own annotation."""

    def __init__(self, name: str, items: tuple[Codec, ...]) -> None:
        self.name = name
        self._items = items
        self.is_native = all(item.is_native for item in items)
        self.remakes = any(item.remakes for item in items)

    def write(self, value: Any) -> Tree:
        if type(value) is not tuple:
            raise unfit(self.name, value)
        return self._changed(value, [item.write for item in self._items])

    def read(self, tree: Tree) -> Any:
        if type(tree) is not list:
            raise unfit(f"{self.name} as a list", tree)
        return tuple(self._changed(tree, [item.read for item in self._items]))

    def _changed(self, values: Any, changes: list[Callable[[Any], Any]]) -> list[Any]:
        if len(values) != len(changes):
            raise Misfit(f"expected {len(changes)} items, got {len(values)}")
        pairs = iter(zip(changes, values, strict=True))
        return _each(lambda pair: pair[0](pair[1]), pairs)


class DictCodec(Codec):
    """A dict; its keys become strings and come back as what the annotation says."""

    def __init__(self, name: str, cls: type[dict[Any, Any]], key: KeyCodec, item: Codec) -> None:
        self.name = name
        self._cls = cls
        self._key = key
        self._item = item
        self.is_native = cls is dict and key.is_native and item.is_native
        self.is_json = cls is dict and key.is_json and item.is_json
        self.remakes = item.remakes

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls and not (self._cls is dict and stands_for(value, dict)):
            raise unfit(self.name, value, self._cls)
        nodes: dict[str, Tree] = {}
        for key, item in value.items():
            text = self._key.write(key)
            if text in nodes:
                raise Misfit("two keys become the same text")
            nodes[text] = self._part(text, self._item.write, item)
        return nodes

    def read(self, tree: Tree) -> Any:
        if type(tree) is not dict:
            raise unfit(f"{self.name} as a dict", tree)
        values = self._cls()
        for text, node in tree.items():
            values[self._key.read(text)] = self._part(text, self._item.read, node)
        return values

    @staticmethod
    def _part(text: str, change: Callable[[Any], Any], item: Any) -> Any:
        try:
            return change(item)
        except Misfit as misfit:
            raise misfit.within(f"[{text!r}]" if is_shown(text) else "[...]") from None


class KeyCodec:
    """The keys of a dict: those whose tree is a text, and other scalars as JSON writes them.

    Attributes:
        is_native, is_json: as for values; only strings, and what nothing is said about.
    """

    def __init__(self, key: Codec, *, is_plain: bool) -> None:
        self._key = key
        self.is_native = self.is_json = is_plain

    def write(self, value: Any) -> str:
        try:
            tree = self._key.write(value)
        except Misfit as misfit:
            raise Misfit(f"a key: {misfit.problem}") from None
        if isinstance(tree, str):
            text = tree
        elif tree is None or isinstance(tree, (bool, int, float)):
            text = json.dumps(tree)
        else:
            raise Misfit(
                f"a {kind_of(value)} cannot be a dict key in JSON: store a list of pairs instead"
            )
        back = self.read(text)
        # A whole number counts as a float, as it does elsewhere.
        if back != value or type(back) not in (type(value), float):
            raise Misfit(
                f"a key would come back as {kind_of(back)} instead of {kind_of(value)}: annotate "
                "keys of one type, or store a list of pairs",
                is_meant=True,
            )
        return text

    def read(self, text: str) -> Any:
        try:
            return self._key.read(text)
        except Misfit as misfit:
            refused = misfit
        try:
            scalar = json.loads(text)
            if not isinstance(scalar, (str, list, dict)) and json.dumps(scalar) == text:
                return self._key.read(scalar)
        except (ValueError, RecursionError, Misfit):
            pass
        raise Misfit(f"a key: {refused.problem}") from None
