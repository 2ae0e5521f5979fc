"""The text of a value by its codec, and the value of a text."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python._core import envelope
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit, Tree, place_of
from aws_durable_execution_sdk_python._core.values.unions import (
    UnionCodec,
    mark_of,
    marked,
    needs_mark,
)


class Document:
    """Writes and reads whole values of one annotation.

    Parameters:
        codec: of the annotation.
        is_strict: whether a value that does not fit is refused also where the default serdes
            holds it. A function's own annotation may be wrong; one given as an argument is meant.
    """

    def __init__(self, codec: Codec, *, is_strict: bool) -> None:
        self._codec = codec
        self._is_strict = is_strict

    def to_tree(self, value: Any) -> Tree:
        """The JSON of a value.

        Raises:
            Misfit: it does not fit.
        """
        try:
            tree = self._codec.write(value)
            if self._codec.remakes:
                self._check_remade(tree)
        except Misfit as misfit:
            if self._is_strict or misfit.is_meant:
                raise
            try:
                return envelope.tagged(value)
            except envelope.UnsupportedValueError:
                raise misfit from None
        if needs_mark(tree) and not isinstance(self._codec, UnionCodec):  # which does by itself
            return marked(self._codec.name, tree)
        return tree

    def _check_remade(self, tree: Tree) -> None:
        """Refuse what constructors would make another value of, now and whenever it is read.

        They are given what is stored, not parts of the value, which they may change in place.
        """
        text = envelope.to_json(tree)
        try:
            again = self._codec.write(self._codec.read(envelope.from_json(text)))
        except Misfit as misfit:
            misfit.is_meant = True
            raise
        remade = envelope.to_json(again)
        if remade == text:
            return
        place = _difference(envelope.from_json(text), envelope.from_json(remade))
        if place is not None:
            problem = (
                "would come back as something else: a constructor (its __post_init__, a converter) "
                "changes what it is given again. Have it leave what it has made as it is, or give "
                "the operation a serdes"
            )
            raise Misfit(problem, place, is_meant=True)

    def from_tree(self, tree: Tree) -> Any:
        """The value of what `to_tree` gave, or another wrote.

        Raises:
            Misfit: it does not fit.
        """
        if mark_of(tree) == self._codec.name:
            return self._codec.read(tree["v"])
        if envelope.is_envelope(tree):
            return self._opened(tree)
        return self._codec.read(tree)

    def _opened(self, tree: Tree) -> Any:
        """A value that was written without the annotation, by this code or an older one."""
        value = envelope.from_tree(tree)
        if self._is_strict:
            self._codec.write(value)
        return value

    def read_foreign(self, tree: Tree) -> Any:
        """The value of what somebody wrote who knows nothing of envelopes.

        Raises:
            Misfit: it does not fit.
        """
        return self._codec.read(tree)

    def described(self, misfit: Misfit) -> str:
        """The text of a misfit, with the place in the value."""
        return misfit.at(self._codec.root)


def _difference(tree: Tree, other: Tree) -> str | None:
    """The first place where two trees differ; None if nowhere."""
    if type(tree) is not type(other):
        return ""
    if type(tree) is dict and tree.keys() == other.keys():
        parts = [(place_of(key), tree[key], other[key]) for key in tree]
    elif type(tree) is list and len(tree) == len(other):
        pairs = enumerate(zip(tree, other, strict=True))
        parts = [(f"[{index}]", *pair) for index, pair in pairs]
    else:
        return None if tree == other else ""
    for place, part, counterpart in parts:
        below = _difference(part, counterpart)
        if below is not None:
            return place + below
    return None
