"""Operation ids: derived from a context's prefix and a counter, so that replay finds them again."""

from __future__ import annotations

from hashlib import blake2b


def operation_id(prefix: str | None, n: int) -> str:
    """The id of the `n`-th operation under `prefix` (None at the root).

    Operations of a context count from 1; the branches of a map or parallel from 0, with the
    batch's own id as prefix. The digest is the default 64-byte one cut to 64 hex digits, which
    is not the same as a 32-byte digest.
    """
    return _digest(f"{prefix}-{n}" if prefix else str(n))


def marker_id(prefix: str | None, patch: str) -> str:
    """The id of the marker of a patch under `prefix`, which is no operation's number."""
    return _digest(f"{prefix}-patch:{patch}" if prefix else f"patch:{patch}")


def _digest(text: str) -> str:
    return blake2b(text.encode()).hexdigest()[:64]


class IdSequence:
    """The ids of one context's operations, in the order the operations are called.

    Attributes:
        prefix: the id of the operation the context belongs to; None at the root.
        count: how many ids were taken so far.
    """

    __slots__ = ("count", "prefix")

    def __init__(self, prefix: str | None = None) -> None:
        self.prefix = prefix
        self.count = 0

    def take(self) -> str:
        """The id of the next operation."""
        self.count += 1
        return operation_id(self.prefix, self.count)

    def peek(self) -> str:
        """The id `take` will give next."""
        return operation_id(self.prefix, self.count + 1)
