"""The text of a value by its codec, and the value of a text."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python._core import envelope
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit, Tree
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
        except Misfit as misfit:
            if self._is_strict:
                raise
            try:
                return envelope.tagged(value)
            except envelope.UnsupportedValueError:
                raise misfit from None
        if needs_mark(tree) and not isinstance(self._codec, UnionCodec):  # which does by itself
            return marked(self._codec.name, tree)
        return tree

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
