"""What the engine needs of a store: an append-only log, one transaction per command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

Record = dict[str, Any]


class StoreError(Exception):
    """The store cannot be used."""


class StoreFormatError(StoreError):
    """The file is not a store of this program, or one of a newer version."""


class StoreLockedError(StoreError):
    """The store is in use by a process that is alive."""


class EventStore(Protocol):
    """An append-only log of what changed, in order.

    A record is JSON-able and says what one engine command changed in one execution. A command
    that changes several executions (a child that ends, and its parent) appends them together:
    all or none. Calls may come from any thread, one at a time.
    """

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        """Store `(execution ARN, record)` pairs durably, in one transaction.

        When this returns, the records survive the death of the process.
        """

    def load(self) -> Iterator[tuple[str, Record]]:
        """Every record ever appended, oldest first."""
        ...

    def close(self) -> None:
        """Release the store. Idempotent."""
