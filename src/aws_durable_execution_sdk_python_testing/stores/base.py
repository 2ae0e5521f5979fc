"""What the engine needs of a store: an append-only log, one transaction per command."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

Record = dict[str, Any]
"""What a store keeps and gives back in the order in which it came: JSON."""

# The last record of an execution: it is gone, and nothing of it needs to be kept.
PURGED: Record = {"Purged": True}


def encode(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, separators=(",", ":"))


def checksum(arn: str, text: str, before: int | None = None) -> int:
    """The checksum stored with a record.

    Parameters:
        arn: the execution it belongs to.
        text: the record as JSON text.
        before: the checksum of the execution's record before; None for the first one. So a
            record that is missing, or in another place, shows like one that was changed.
    """
    seed = 0 if before is None else before
    return zlib.crc32(f"{arn}\n{text}".encode("utf-8", "surrogatepass"), seed)


class StoreError(Exception):
    """The store cannot be used."""


class StoreFormatError(StoreError):
    """The file is not a store of this program, or one of a newer version."""


class StoreLockedError(StoreError):
    """The store is in use by a process that is alive."""


class StoreWriteError(StoreError, OSError):
    """The store could not keep what was to be stored: a full disk, say. It holds what it held."""


class StoreDamagedError(StoreError):
    """What the store holds is not what was stored.

    Parameters:
        store: the store's name.
        what: what of it is damaged, e.g. a record.
        why: how that shows.
    """

    def __init__(self, store: str, what: str, why: str) -> None:
        super().__init__(
            f"the store {store} is damaged: {what}: {why}. Put a copy from before in its place, or "
            "move it away and start with a new one"
        )


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

        Raises:
            StoreWriteError: they cannot be stored; nothing of them is.
        """

    def load(self) -> Iterator[tuple[str, Record]]:
        """Every record appended and not dropped, oldest first.

        Raises:
            StoreDamagedError: something else than what was appended.
        """
        ...

    def close(self) -> None:
        """Release the store. Idempotent."""


@runtime_checkable
class TextStore(Protocol):
    """A store that hands out its records undecoded, as most of them need not be.

    Attributes:
        name: what its owner calls it: its file or directory.
    """

    name: str

    def logs(self) -> Iterable[tuple[str, list[str]]]:
        """The records of each execution, as the JSON texts they are kept as; checked to be that.

        Executions come in the order of their first records.
        """
        ...


def decode(store: str, arn: str, text: str) -> Record:
    """The record of a text."""
    try:
        record: Record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreDamagedError(store, f"a record of {arn!r}", f"no JSON: {error}") from error
    return record
