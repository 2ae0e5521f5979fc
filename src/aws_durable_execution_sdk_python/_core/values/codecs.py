"""What turns values of one annotation into JSON trees and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from aws_durable_execution_sdk_python._core import envelope

# What JSON holds: dicts with string keys, lists, strings, numbers, booleans and None.
Tree: TypeAlias = Any


class Misfit(Exception):
    """A value or a tree is not what the annotation says. The text names the place.

    Attributes:
        is_meant: whether the value is what the annotation means, and would only be changed: no
            other serdes is to be asked, which would change it as well.
    """

    def __init__(self, problem: str, path: str = "", *, is_meant: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.is_meant = is_meant

    def __str__(self) -> str:
        return self.at("value")

    def at(self, root: str) -> str:
        """The text, for a value of that name: `order.items[2].price: expected ...`."""
        return f"{root}{self.path}: {self.problem}"

    def within(self, place: str) -> Misfit:
        """The same, of what holds the value there."""
        self.path = place + self.path
        return self


class Codec(ABC):
    """Reads and writes the values of one annotation.

    Attributes:
        name: the annotation as messages show it, and marks name it.
        is_native: whether the default serdes keeps these values, of these types, without the codec.
        is_json: whether plain JSON does.
        remakes: whether reading calls the program's own code, which may change what it is given: a
            constructor. What libraries make they have compared with the value themselves.
        rank: the members of a union with the lower one are asked first.
        root: what messages call a value of this kind.
    """

    name: str
    is_native = False
    is_json = False
    remakes = False
    rank = 5
    root = "value"

    @abstractmethod
    def write(self, value: Any) -> Tree:
        """The tree of a value of exactly this type.

        Raises:
            Misfit: it is another, or would not come back from its tree as it was.
        """

    @abstractmethod
    def read(self, tree: Tree) -> Any:
        """The value of a tree.

        Raises:
            Misfit: it is the tree of something else.
        """

    def knows(self, tree: Tree) -> bool:
        """Whether nothing in a tree that can be read is left out."""
        return True


class UntypedCodec(Codec):
    """What the annotation says nothing about: written as by the default serdes.

    Parameters:
        name: the annotation.
        outward: whether the tree is for others, who know nothing of envelopes. What is no JSON
            in it is for the encoder.
    """

    is_native = True
    is_json = True
    rank = 9

    def __init__(self, name: str, *, outward: bool = False) -> None:
        self.name = name
        self._outward = outward

    def write(self, value: Any) -> Tree:
        if self._outward:
            return value
        try:
            return envelope.to_tree(value)
        except envelope.UnsupportedValueError as error:
            raise Misfit(error.problem, error.path) from error

    def read(self, tree: Tree) -> Any:
        if self._outward:
            return tree
        try:
            return envelope.from_tree(tree)
        except Exception as error:
            problem = f"an envelope in it cannot be read: {type(error).__qualname__}"
            raise Misfit(problem) from None


class RefusedCodec(Codec):
    """An annotation that there is no codec for; says why as soon as it is asked."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    def write(self, value: Any) -> Tree:
        raise Misfit(self._reason)

    def read(self, tree: Tree) -> Any:
        raise Misfit(self._reason)


class DeferredCodec(Codec):
    """Stands for the codec of a class while that is being made: classes may hold themselves.

    What else is true of it, `remakes` say, is so of the codec around it, which it stands for.
    """

    def __init__(self, name: str, rank: int, find: Callable[[], Codec]) -> None:
        self.name = name
        self.rank = rank
        self._find = find

    def write(self, value: Any) -> Tree:
        return self._find().write(value)

    def read(self, tree: Tree) -> Any:
        return self._find().read(tree)

    def knows(self, tree: Tree) -> bool:
        return self._find().knows(tree)


# A key that is longer is no name of a field, but may be data.
_LONGEST_NAME = 40


def is_shown(key: str) -> bool:
    """Whether messages show a key: it looks like a field's name, or a number."""
    return key.isdecimal() or (key.isidentifier() and len(key) <= _LONGEST_NAME)


def place_of(key: str) -> str:
    """The part of a path that a key is, of a dict or an object."""
    if not is_shown(key):
        return "[...]"
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def kind_of(value: object) -> str:
    """A value in a message, which says nothing of its content."""
    return "None" if value is None else type(value).__qualname__


def unfit(expected: str, value: object, cls: type | None = None) -> Misfit:
    """Something else is there.

    Parameters:
        cls: the annotated class, where the default serdes would take a value of one below it for
            less than that.
    """
    got = kind_of(value)
    problem = f"expected {expected}, got {'one that is not' if got == expected else got}"
    if cls in (None, dict) or not isinstance(value, cls):
        return Misfit(problem)
    return Misfit(f"{problem}, a class below it: annotate that", is_meant=True)
