"""A store in one SQLite file, which survives the death of the process."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Self

from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    Record,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    encode,
)

_APPLICATION_ID = 0x44455850  # "DEXP"; how the file says whose it is
_FORMAT_VERSION = 1
# One scan however many are dropped: an index would cost every append, and dropping is rare.
_DROP = "DELETE FROM log WHERE arn IN (SELECT value FROM json_each(?))"
_DEFAULT_PATH = "durable-executions.db"


class SQLiteExecutionStore:
    """An append-only table of records, one transaction per engine command.

    Open it with `create_and_initialize`. One store object of one live process may use a file at
    a time; the lock goes with the process, however that ends.

    Example:
        >>> store = SQLiteExecutionStore.create_and_initialize("durable-executions.db")
        >>> engine = Engine(store)
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def create_and_initialize(cls, path: str | os.PathLike[str] = _DEFAULT_PATH) -> Self:
        """Open the store at `path`, creating the file if there is none.

        Raises:
            StoreLockedError: a live run uses it.
            StoreFormatError: the file is something else, or of another version.
            StoreError: the file cannot be opened at all.
        """
        try:
            return cls(_connect(os.fspath(path)))
        except (sqlite3.Error, ValueError) as error:
            raise _explain(error, os.fspath(path)) from error

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        rows = [(arn, encode(record)) for arn, record in records]
        purged = [arn for arn, record in records if record == PURGED]
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO log (arn, record) VALUES (?, ?)", rows)
            if purged:
                self._connection.execute(_DROP, (json.dumps(purged),))

    def load(self) -> Iterator[tuple[str, Record]]:
        for arn, text in self._connection.execute("SELECT arn, record FROM log ORDER BY id"):
            yield arn, json.loads(text)

    def close(self) -> None:
        self._connection.close()


def _make_private(path: str) -> None:
    """Make a new database readable for its owner only; SQLite would go by the umask alone."""
    if path != ":memory:":
        with suppress(OSError):  # it exists already, or SQLite will say what is wrong
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _connect(path: str) -> sqlite3.Connection:
    _make_private(path)
    # Transactions are ours to begin (isolation_level=None); a locked file is an answer, not
    # something to wait for (timeout=0).
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        _open(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(connection: sqlite3.Connection, path: str) -> None:
    # In exclusive mode the connection keeps the lock of its first transaction until it closes
    # or its process dies, SIGKILL included: the kernel drops it, no stale lock file is left.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    with connection:
        connection.execute("BEGIN EXCLUSIVE")
        if _value(connection, "SELECT count(*) FROM sqlite_schema") == 0:
            _create(connection)
        _check_format(connection, path)
    # A commit in WAL mode hands the data to the kernel before it returns, so killing the process
    # loses nothing acknowledged. NORMAL leaves out the fsync per commit: only a power cut may
    # then cost the newest commits (never consistency), and no local test service is run for
    # surviving power cuts.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE log (id INTEGER PRIMARY KEY, arn TEXT NOT NULL, record TEXT NOT NULL)"
    )
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_FORMAT_VERSION}")


def _check_format(connection: sqlite3.Connection, path: str) -> None:
    if _value(connection, "PRAGMA application_id") != _APPLICATION_ID:
        raise StoreFormatError(f"{path} is not a store of durable executions")
    version = _value(connection, "PRAGMA user_version")
    if version != _FORMAT_VERSION:
        raise StoreFormatError(f"{path} has format {version}; this program reads {_FORMAT_VERSION}")


def _explain(error: Exception, path: str) -> StoreError:
    # What is refused before SQLite is asked, such as a path with a null byte, has no code.
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_BUSY:
        return StoreLockedError(f"{path} is in use by a run that is alive")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreFormatError(f"{path} is not a store of durable executions")
    return StoreError(f"{path!r}: {error}" if code is None else f"{path}: {error}")


def _value(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)
