"""A store in one SQLite file, which survives the death of the process.

A file is taken for ours if its header says so, which is read before SQLite opens it: SQLite would
otherwise carry out or delete journals that lie beside it. Every row has a checksum, and the
checksum of its execution's row before is in it, so what was changed, removed or reordered shows.

Whoever closes a file loses all locks that his process has on it. So one that a store of this
process has open is refused before anything is read from it: another process could open it then.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    Record,
    StoreDamagedError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    StoreWriteError,
    checksum,
    decode,
    encode,
)

_APPLICATION_ID = 0x44455850  # "DEXP"; how the file says whose it is
_FORMAT_VERSION = 2
_WITHOUT_CHECKSUMS = 1
_MAGIC = b"SQLite format 3\0"
_ID_PLACE = slice(68, 72)  # of the application id, in SQLite's file format
# What SQLite leaves beside a file, and how ours begin; none is there before the file is.
_COMPANIONS = {"-journal": (b"\xd9\xd5\x05\xf9", b"\0"), "-wal": (b"\x37\x7f\x06",)}
_APPLICATION_ID_BYTES = _APPLICATION_ID.to_bytes(4, "big")
_INDEX = "CREATE INDEX log_arn ON log (arn)"
_NEWEST = "SELECT checksum FROM log WHERE arn = ? ORDER BY id DESC LIMIT 1"
_INSERT = "INSERT INTO log (arn, record, checksum) VALUES (?, ?, ?)"
_DROP = "DELETE FROM log WHERE arn IN (SELECT value FROM json_each(?))"
_SELECT = "SELECT id, arn, record, checksum FROM log ORDER BY id"
_DEFAULT_PATH = "durable-executions.db"


class SQLiteExecutionStore:
    """An append-only table of records, one transaction per engine command.

    Open it with `create_and_initialize`. One store object of one live process may use a file at
    a time; the lock goes with the process, however that ends.

    Attributes:
        name: its path.

    Example:
        >>> store = SQLiteExecutionStore.create_and_initialize("durable-executions.db")
        >>> engine = Engine(store)
    """

    def __init__(self, connection: sqlite3.Connection, name: str = ":memory:") -> None:
        self.name = name
        self._connection = connection
        self._file = None if name == ":memory:" else _identity(name)
        if self._file is not None:
            _open_stores[self._file] = self

    @classmethod
    def create_and_initialize(cls, path: str | os.PathLike[str] = _DEFAULT_PATH) -> Self:
        """Open the store at `path`, creating the file if there is none.

        Raises:
            StoreLockedError: a live run uses it.
            StoreFormatError: the file is something else, or of another version.
            StoreDamagedError: something has changed what it holds.
            StoreError: the file cannot be opened at all.
        """
        name = os.fspath(path)
        try:
            with _opening:
                return cls(_connect(name), name)
        except (OSError, sqlite3.Error, ValueError) as error:
            raise _explain(error, name) from error

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        texts = [(arn, encode(record)) for arn, record in records]
        purged = [arn for arn, record in records if record == PURGED]
        try:
            with self._connection:
                self._connection.execute("BEGIN")
                for arn, text in texts:
                    newest = self._connection.execute(_NEWEST, (arn,)).fetchone()
                    row = arn, text, checksum(arn, text, newest and newest[0])
                    self._connection.execute(_INSERT, row)
                if purged:
                    self._connection.execute(_DROP, (json.dumps(purged),))
        except sqlite3.Error as error:
            raise StoreWriteError(f"the store {self.name} cannot be written: {error}") from error

    def load(self) -> Iterator[tuple[str, Record]]:
        return ((arn, decode(self.name, arn, text)) for arn, text in self._texts())

    def logs(self) -> Iterable[tuple[str, list[str]]]:
        """See `TextStore.logs`."""
        logs: dict[str, list[str]] = {}
        for arn, text in self._texts():
            logs.setdefault(arn, []).append(text)
        return logs.items()

    def _texts(self) -> Iterator[tuple[str, str]]:
        newest: dict[str, int] = {}
        try:
            for row, arn, text, stored in self._connection.execute(_SELECT):
                if not isinstance(arn, str) or not isinstance(text, str):
                    raise StoreDamagedError(self.name, f"row {row}", "its values are no text")
                newest[arn] = checksum(arn, text, newest.get(arn))
                if newest[arn] != stored:
                    raise StoreDamagedError(
                        self.name, f"row {row}, of {arn!r}", "it is not what was stored"
                    )
                yield arn, text
        except sqlite3.Error as error:
            raise StoreDamagedError(self.name, "its records", str(error)) from error

    def close(self) -> None:
        self._connection.close()
        if self._file is not None and _open_stores.get(self._file) is self:
            del _open_stores[self._file]


_File = tuple[int, int]
# Those of this process. A store that nobody has any more has let its file go.
_open_stores: WeakValueDictionary[_File, SQLiteExecutionStore] = WeakValueDictionary()
_opening = threading.Lock()


def _identity(path: str) -> _File | None:
    """Which file it is, by whatever path; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _check_ours(path: str) -> None:
    """Refuse what is there already and is no store of ours, before SQLite touches it."""
    if Path(path).exists() and not Path(path).is_file():
        raise StoreFormatError(
            f"{path} is no file; where stores may be directories, as for durable serve, one is "
            f"given as filesystem:{path}"
        )
    for suffix, beginnings in _COMPANIONS.items():
        beginning = _beginning(path + suffix, 4)
        if beginning and not beginning.startswith(beginnings):
            raise StoreFormatError(f"{path}{suffix} is not a file of a store")
    header = _beginning(path, _ID_PLACE.stop)
    if header and (not header.startswith(_MAGIC) or header[_ID_PLACE] != _APPLICATION_ID_BYTES):
        raise StoreFormatError(f"{path} is not a store of durable executions")


def _beginning(path: str, count: int) -> bytes:
    """The first bytes of a file; none if there is no such file."""
    try:
        with Path(path).open("rb") as file:
            return file.read(count)
    except FileNotFoundError:
        return b""


def _make_private(path: str) -> None:
    """Make a new database readable for its owner only; SQLite would go by the umask alone.

    Nor would it say why a file cannot be made or written.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _connect(path: str) -> sqlite3.Connection:
    if not path:
        raise ValueError("a store needs the path of a file")
    if path != ":memory:":
        if _identity(path) in _open_stores:
            raise _locked(path)
        _check_ours(path)
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
        "CREATE TABLE log (id INTEGER PRIMARY KEY, arn TEXT NOT NULL, record TEXT NOT NULL, "
        "checksum INTEGER NOT NULL)"
    )
    connection.execute(_INDEX)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_FORMAT_VERSION}")


def _check_format(connection: sqlite3.Connection, path: str) -> None:
    if _value(connection, "PRAGMA application_id") != _APPLICATION_ID:
        raise StoreFormatError(f"{path} is not a store of durable executions")
    version = _value(connection, "PRAGMA user_version")
    if version == _WITHOUT_CHECKSUMS:
        _add_checksums(connection)
    elif version != _FORMAT_VERSION:
        raise StoreFormatError(f"{path} has format {version}; this program reads {_FORMAT_VERSION}")


def _add_checksums(connection: sqlite3.Connection) -> None:
    """Bring a store of the first format up to this one."""
    connection.execute("ALTER TABLE log ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
    connection.execute(_INDEX)
    newest: dict[str, int] = {}
    rows = connection.execute("SELECT id, arn, record FROM log ORDER BY id").fetchall()
    for row, arn, text in rows:
        newest[arn] = checksum(arn, text, newest.get(arn))
        connection.execute("UPDATE log SET checksum = ? WHERE id = ?", (newest[arn], row))
    connection.execute(f"PRAGMA user_version = {_FORMAT_VERSION}")


def _explain(error: Exception, path: str) -> StoreError:
    # What is refused before SQLite is asked, such as a path with a null byte, has no code.
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_BUSY:
        return _locked(path)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
        return StoreDamagedError(path, "its table of records", str(error))
    if isinstance(error, OSError):
        return StoreError(str(error))
    return StoreError(f"{path!r}: {error}" if code is None else f"{path}: {error}")


def _locked(path: str) -> StoreLockedError:
    return StoreLockedError(
        f"{path} is in use by a run that is alive: let that end, or use another file (--store)"
    )


def _value(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)
