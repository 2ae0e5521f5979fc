"""Unions: whichever member takes the value writes it.

Reading asks the members in turn. Where another one than that which wrote would be found, the
tree is marked with the writer's name: `{"t": "as:Dog", "v": ...}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_durable_execution_sdk_python._core.envelope import is_envelope
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit, Tree, kind_of

_MARK = "as:"


def marked(name: str, tree: Tree) -> Tree:
    """A tree that says which annotation it was written by."""
    return {"t": f"{_MARK}{name}", "v": tree}


def mark_of(tree: Tree) -> str | None:
    """The annotation that a marked tree names."""
    if type(tree) is dict and len(tree) == 2 and "v" in tree:
        tag = tree.get("t")
        if isinstance(tag, str) and tag.startswith(_MARK):
            return tag[len(_MARK) :]
    return None


def needs_mark(tree: Tree) -> bool:
    """Whether a tree would be taken for an envelope or a mark."""
    return is_envelope(tree) or mark_of(tree) is not None


class UnionCodec(Codec):
    """One of several annotations.

    Parameters:
        name: the annotation.
        members: their names differ.
        outward: whether the tree is for others, who know nothing of marks.
    """

    def __init__(self, name: str, members: Sequence[Codec], *, outward: bool) -> None:
        self.name = name
        # `A | B` and `B | A` are equal, so that which of them is at hand is no one's choice.
        self._members = sorted(members, key=lambda member: (member.rank, member.name))
        self._outward = outward
        self.rank = max(member.rank for member in members)
        self.is_native = all(member.is_native for member in members)
        self.is_json = all(member.is_json for member in members)
        self.remakes = any(member.remakes for member in members)
        roots = [member.root for member in members if member.root != "value"]
        self.root = roots[0] if len(roots) == 1 else "value"

    def write(self, value: Any) -> Tree:
        misfits: list[Misfit] = []
        for member in self._members:
            try:
                tree = member.write(value)
            except Misfit as misfit:
                misfits.append(misfit)
                continue
            if not self._outward and (needs_mark(tree) or self._reader(tree) is not member):
                return marked(member.name, tree)
            return tree
        raise self._closest(misfits, value)

    def read(self, tree: Tree) -> Any:
        name = mark_of(tree)
        if name is not None:
            for member in self._members:
                if member.name == name:
                    return member.read(tree["v"])
        return self._found(tree)[1]

    def knows(self, tree: Tree) -> bool:
        return any(member.knows(tree) for member in self._members)

    def _reader(self, tree: Tree) -> Codec | None:
        try:
            return self._found(tree)[0]
        except Misfit:
            return None

    def _found(self, tree: Tree) -> tuple[Codec, Any]:
        """The first member that can read all of a tree, else the first that can read it."""
        misfits: list[Misfit] = []
        partly: tuple[Codec, Any] | None = None
        for member in self._members:
            try:
                value = member.read(tree)
            except Misfit as misfit:
                misfits.append(misfit)
                continue
            if member.knows(tree):
                return member, value
            partly = partly or (member, value)
        if partly is None:
            raise self._closest(misfits, tree)
        return partly

    def _closest(self, misfits: Sequence[Misfit], value: object) -> Misfit:
        """What the member says that came the furthest, if one came further than the others."""
        for misfit in misfits:
            if misfit.is_meant:
                return misfit
        within = [misfit for misfit in misfits if misfit.path]
        if len(within) == 1:
            return within[0]
        return Misfit(f"expected {self.name}, got {kind_of(value)}")
