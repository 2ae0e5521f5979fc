"""A store in a directory, one append-only text file per execution.

A command that changes one execution appends one line to its file. A command that changes several
must be stored as a whole: it is first written to a journal as one line, then to the files, and
then the journal is removed. A line counts once its line break is written, so

- killed before the journal's line is complete, nothing of the command was stored;
- killed after that, opening the store again finds the journal's line and writes what the files
  lack. Records are numbered, so it can tell, however often this is interrupted.

What is written has been handed to the kernel when `append` returns: killing the process loses
nothing acknowledged. Only a power cut may cost the newest lines, since nothing waits for the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    Record,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    encode,
)

_DEFAULT_DIR = ".durable_executions"
_JOURNAL = "journal"
_LOCK = "lock"
_FORMAT = 1
# How each file begins; what may be missing of it after a kill is never enough to take a file of
# somebody else for ours.
_BEGINNING = b'{"durable_execution":'
_FILE_NAME = re.compile(r".*-[0-9a-f]{32}\.jsonl")
_READABLE_LENGTH = 120
# Line breaks are not to be translated where the system would.
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class FileSystemExecutionStore:
    """A directory of append-only files, readable with any text tool.

    Open it with `create`. One store object of one live process may use a directory at a time; the
    lock goes with the process, however that ends.

    Example:
        >>> store = FileSystemExecutionStore.create(".durable_executions")
        >>> engine = Engine(store)
    """

    def __init__(self, directory: Path, lock: sqlite3.Connection) -> None:
        self._directory = directory
        self._journal = directory / _JOURNAL
        self._lock = lock
        self._closed = False
        # Of the newest record. Numbers order the records of all files, and of each.
        self._number = 0
        self._repair()

    @classmethod
    def create(cls, dir: str | os.PathLike[str] = _DEFAULT_DIR) -> Self:
        """Open the store in `dir`, creating the directory if there is none.

        What a killed process left half written is completed or dropped.

        Raises:
            StoreLockedError: a live run uses it.
            StoreFormatError: a file in it is something else, or of another version.
            StoreError: the directory cannot be used at all.
        """
        directory = Path(dir)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = _acquire(directory)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{directory}: {error}") from error
        try:
            return cls(directory, lock)
        except BaseException:
            lock.close()
            raise

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        if self._closed:
            raise StoreError(f"{self._directory}: the store is closed")
        # Encoded first: all of it is stored, or nothing.
        lines = [
            _Line(number, arn, f"[{number},{encode(record)}]")
            for number, (arn, record) in enumerate(records, self._number + 1)
        ]
        with _undone_on_error() as write:
            if len(lines) > 1:
                write(self._journal, _journal_text(lines))
            for line in lines:
                self._write(line, write)
            if len(lines) > 1:
                self._journal.unlink()
        self._number += len(lines)
        self._drop(arn for arn, record in records if record == PURGED)

    def load(self) -> Iterator[tuple[str, Record]]:
        found = [entry for path in self._files() for entry in _read(path)]
        found.sort(key=lambda entry: entry[0])
        return ((arn, record) for _, arn, record in found)

    def close(self) -> None:
        self._closed = True
        self._lock.close()

    # ------------------------------------------------------------------------- writing

    def _path(self, arn: str) -> Path:
        return self._directory / _file_name(arn)

    def _write(self, line: _Line, write: _Write) -> None:
        """Append a line to the file of its execution, which it may be the first of."""
        path = self._path(line.arn)
        header = "" if path.exists() else _header(line.arn)
        write(path, header + line.text + "\n")

    def _drop(self, arns: Iterable[str]) -> None:
        for arn in arns:
            # The record says that it is gone: what cannot be removed now is when next opened.
            with suppress(OSError):
                self._path(arn).unlink()

    # ------------------------------------------------------------------------ repairing

    def _files(self) -> list[Path]:
        return [path for path in self._directory.iterdir() if _FILE_NAME.fullmatch(path.name)]

    def _repair(self) -> None:
        """Drop torn lines, carry out what the journal says, and remove what is purged."""
        for path in self._files():
            _check_format(path)
        for path in self._files():
            _drop_torn_line(path)
        numbers = {path.name: _last(path)[0] for path in self._files()}
        for line in _read_journal(self._journal):
            if numbers.get(_file_name(line.arn), 0) < line.number:
                self._write(line, _append)
        self._journal.unlink(missing_ok=True)
        for path in self._files():
            number, record = _last(path)
            self._number = max(self._number, number)
            if record == PURGED:
                path.unlink()


@dataclass(frozen=True, slots=True)
class _Line:
    """One record as text: `[number,record]`."""

    number: int
    arn: str
    text: str


# ---------------------------------------------------------------------------------- names


def _file_name(arn: str) -> str:
    """A name that tells people which execution it is, and no two executions share.

    Only letters, digits, `_` and `-` of the ARN get into it, so it stays in its directory; the
    digest makes it unique, also where upper and lower case are the same.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", arn.rpartition(":function:")[2])
    digest = hashlib.sha256(arn.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable[:_READABLE_LENGTH]}-{digest[:32]}.jsonl"


def _header(arn: str) -> str:
    header = {"durable_execution": arn, "format": _FORMAT}
    return json.dumps(header, separators=(",", ":")) + "\n"


# -------------------------------------------------------------------------------- writing

_Write = Callable[[Path, str], None]


@contextmanager
def _undone_on_error() -> Iterator[_Write]:
    """Gives a function that appends to files; if anything fails, they are cut back again.

    The journal is the first file written and the last one cut: as long as the files hold only
    some of the records, it says which ones are missing.
    """
    sizes: list[tuple[Path, int | None]] = []

    def write(path: Path, text: str) -> None:
        sizes.append((path, path.stat().st_size if path.exists() else None))
        _append(path, text)

    try:
        yield write
    except BaseException:
        for path, size in reversed(sizes):
            if size is None:
                path.unlink(missing_ok=True)
            else:
                os.truncate(path, size)
        raise


def _append(path: Path, text: str) -> None:
    data = memoryview(text.encode())
    # What executions are given and return is for whoever runs them.
    descriptor = os.open(path, _APPENDING, 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _journal_text(lines: Sequence[_Line]) -> str:
    return "[" + ",".join(f"[{json.dumps(line.arn)},{line.text}]" for line in lines) + "]\n"


# -------------------------------------------------------------------------------- reading


def _check_format(path: Path) -> None:
    """Refuse a file that no store of this version can have written."""
    with path.open("rb") as file:
        first = file.readline()
    if not first.endswith(b"\n"):
        if not (first.startswith(_BEGINNING) or _BEGINNING.startswith(first)):
            raise _not_ours(path)
        return
    version = _parse_header(path, first)["format"]
    if version != _FORMAT:
        raise StoreFormatError(f"{path} has format {version}; this program reads {_FORMAT}")


def _drop_torn_line(path: Path) -> None:
    """Cut what comes after the last line break; a file without a record goes."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if data.count(b"\n", 0, end) < 2:
        path.unlink()
    elif end < len(data):
        os.truncate(path, end)


def _read_journal(path: Path) -> list[_Line]:
    """What the journal holds; nothing if it is torn, since then no file was written."""
    text = path.read_bytes() if path.exists() else b""
    if not text.endswith(b"\n"):
        return []
    return [
        _Line(entry[0], arn, json.dumps(entry, separators=(",", ":")))
        for arn, entry in json.loads(text)
    ]


def _last(path: Path) -> tuple[int, Record]:
    """The newest record and its number."""
    data = path.read_bytes()
    number, record = _parse(path, data[data.rfind(b"\n", 0, -1) + 1 :])
    return number, record


def _read(path: Path) -> Iterator[tuple[int, str, Record]]:
    """Number, ARN and record of every line."""
    with path.open("rb") as file:
        arn = str(_parse_header(path, file.readline())["durable_execution"])
        for line in file:
            number, record = _parse(path, line)
            yield number, arn, record


def _parse_header(path: Path, line: bytes) -> dict[str, Any]:
    header = _parse(path, line)
    if not isinstance(header, dict) or header.keys() != {"durable_execution", "format"}:
        raise _not_ours(path)
    return header


def _parse(path: Path, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise _not_ours(path) from None


def _not_ours(path: Path) -> StoreFormatError:
    return StoreFormatError(f"{path} is not a file of a store of durable executions")


# ------------------------------------------------------------------------------- the lock


def _acquire(directory: Path) -> sqlite3.Connection:
    """Lock a directory for this store object.

    SQLite's file locks are the ones in the standard library that work alike on every system, and
    between the threads of a process too. The kernel drops them when the process dies.
    """
    path = directory / _LOCK
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("PRAGMA journal_mode = OFF")  # nothing is ever written to it
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        lock.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StoreLockedError(f"{directory} is in use by a run that is alive") from error
        raise
    return lock
