"""What the engine needs of a store: an append-only log, one transaction per command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

Record = dict[str, Any]

# The last record of an execution: it is gone, and nothing of it needs to be kept.
PURGED: Record = {"Purged": True}


def encode(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, separators=(",", ":"))


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
    all or none. After the record `PURGED` the store may drop the execution's records, that one
    included. Calls may come from any thread, one at a time.
    """

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        """Store `(execution ARN, record)` pairs durably, in one transaction.

        When this returns, the records survive the death of the process.
        """

    def load(self) -> Iterator[tuple[str, Record]]:
        """Every record appended and not dropped, oldest first."""
        ...

    def close(self) -> None:
        """Release the store. Idempotent."""
