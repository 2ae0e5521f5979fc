"""Values with named fields: dataclasses, attrs classes, TypedDicts and named tuples."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._core.values.codecs import (
    Codec,
    Misfit,
    Tree,
    unfit,
)


class FieldCodec(NamedTuple):
    """One field.

    Attributes:
        name: of the attribute, and in the stored JSON.
        codec: of its values.
        is_required: whether there is no default.
        argument: what the constructor calls it; None if it does not take it.
    """

    name: str
    codec: Codec
    is_required: bool
    argument: str | None

    def write(self, value: Any) -> Tree:
        try:
            return self.codec.write(value)
        except Misfit as misfit:
            raise misfit.within(f".{self.name}") from None

    def read(self, tree: Tree) -> Any:
        try:
            return self.codec.read(tree)
        except Misfit as misfit:
            raise misfit.within(f".{self.name}") from None


def root_of(cls: type) -> str:
    """What messages call a value of a class: `OrderLine` is an order_line."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


def check_attributes(expected: str, value: object, fields: Collection[str]) -> None:
    """What else was written into the instance would be lost; what was computed would not.

    Raises:
        Misfit: there is such an attribute.
    """
    for name in getattr(value, "__dict__", ()):
        if name not in fields and not hasattr(type(value), name):
            problem = f"has an attribute {name} that is no field of {expected}"
            raise Misfit(problem, is_meant=True)


def missing(name: str) -> Misfit:
    """A field without a default is not there."""
    return Misfit("is missing", f".{name}")


class ObjectCodec(Codec):
    """Instances of a class with fields, made again by its constructor.

    What the tree has besides the fields is left out; a field it lacks takes its default. Fields
    that the constructor does not take are set afterwards.
    """

    remakes = True

    def __init__(self, name: str, cls: type, fields: Sequence[FieldCodec]) -> None:
        self.name = name
        self.root = root_of(cls)
        self._cls = cls
        self._fields = fields
        self._names = frozenset(field.name for field in fields)

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls:
            raise unfit(self.name, value)
        check_attributes(self.name, value, self._names)
        nodes: dict[str, Tree] = {}
        for field in self._fields:
            try:
                part = getattr(value, field.name)
            except AttributeError:
                raise missing(field.name) from None
            nodes[field.name] = field.write(part)
        return nodes

    def read(self, tree: Tree) -> Any:
        if type(tree) is not dict:
            raise unfit(f"{self.name} as a dict", tree)
        arguments: dict[str, Any] = {}
        later: dict[str, Any] = {}
        for field in self._fields:
            if field.name not in tree:
                if field.is_required:
                    raise missing(field.name)
            elif field.argument is None:
                later[field.name] = field.read(tree[field.name])
            else:
                arguments[field.argument] = field.read(tree[field.name])
        value = _made(self._cls, arguments)
        for name, part in later.items():
            object.__setattr__(value, name, part)  # also where the class is frozen
        return value

    def knows(self, tree: Tree) -> bool:
        return isinstance(tree, dict) and tree.keys() <= self._names


def _made(cls: type, arguments: Mapping[str, Any]) -> Any:
    try:
        return cls(**arguments)
    except Exception as error:
        said = f"{type(error).__qualname__}: {error}"
        raise Misfit(f"{cls.__qualname__} does not accept its fields ({said})") from error


class TypedDictCodec(Codec):
    """Dicts whose keys are known; others are kept, untyped."""

    def __init__(self, name: str, cls: type, fields: Sequence[FieldCodec], rest: Codec) -> None:
        self.name = name
        self.root = root_of(cls)
        self._fields = {field.name: field for field in fields}
        self._required = [field.name for field in fields if field.is_required]
        self._rest = rest
        self.is_native = all(field.codec.is_native for field in fields)
        self.is_json = all(field.codec.is_json for field in fields)
        self.remakes = any(field.codec.remakes for field in fields)

    def write(self, value: Any) -> Tree:
        if type(value) is not dict:
            raise unfit(self.name, value)
        if not all(isinstance(key, str) for key in value):
            raise Misfit(f"a key of {self.name} is no string")
        self._check(value)
        return {key: self._field(key).write(part) for key, part in value.items()}

    def read(self, tree: Tree) -> Any:
        if type(tree) is not dict:
            raise unfit(f"{self.name} as a dict", tree)
        self._check(tree)
        return {key: self._field(key).read(node) for key, node in tree.items()}

    def knows(self, tree: Tree) -> bool:
        return isinstance(tree, dict) and tree.keys() <= self._fields.keys()

    def _check(self, keys: Mapping[str, Any]) -> None:
        for name in self._required:
            if name not in keys:
                raise missing(name)

    def _field(self, key: str) -> FieldCodec:
        return self._fields.get(key) or FieldCodec(key, self._rest, False, None)


class NamedTupleCodec(Codec):
    """Named tuples, as a list; a dict is read as well."""

    def __init__(self, name: str, cls: type, fields: Sequence[FieldCodec]) -> None:
        self.name = name
        self.root = root_of(cls)
        self._cls = cls
        self._fields = fields
        # `__new__` is its own only in a class below the one that names the fields.
        is_below = any(hasattr(base, "_fields") for base in cls.__bases__)
        self.remakes = is_below or any(field.codec.remakes for field in fields)

    def write(self, value: Any) -> Tree:
        if not isinstance(value, tuple) or type(value) is not self._cls:
            raise unfit(self.name, value, self._cls)
        check_attributes(self.name, value, ())
        return [field.write(part) for field, part in zip(self._fields, value, strict=True)]

    def read(self, tree: Tree) -> Any:
        if type(tree) is dict:
            given = tree
        elif type(tree) is list:
            if len(tree) > len(self._fields):
                raise Misfit(f"expected {len(self._fields)} items, got {len(tree)}")
            given = {field.name: node for field, node in zip(self._fields, tree, strict=False)}
        else:
            raise unfit(f"{self.name} as a list", tree)
        for field in self._fields:
            if field.is_required and field.name not in given:
                raise missing(field.name)
        arguments = {f.name: f.read(given[f.name]) for f in self._fields if f.name in given}
        return _made(self._cls, arguments)
