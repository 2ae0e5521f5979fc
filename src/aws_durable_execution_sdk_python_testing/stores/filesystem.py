"""A store in a directory, one append-only text file per execution.

A command that changes one execution appends one line to its file. A command that changes several
must be stored as a whole: it is first written to a journal as one line, then to the files, and
then the journal is removed. A line counts once it is written whole, so

- killed before the journal's line is complete, nothing of the command was stored;
- killed after that, opening the store again finds the journal's line and writes what the files
  lack. Records are numbered, so it can tell, however often this is interrupted.

What is written has been handed to the kernel when `append` returns: killing the process loses
nothing acknowledged. Only a power cut may cost the newest lines, since nothing waits for the disk.

Nothing is written to a directory, and nothing deleted, before everything in it is known to be ours.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from aws_durable_execution_sdk_python_testing.stores._execution_files import (
    JOURNAL,
    LOCK,
    UNFINISHED,
    ExecutionFile,
    Line,
    check_directory,
    execution_files,
    file_name,
    header,
    journal_text,
    read_file,
    read_journal,
)
from aws_durable_execution_sdk_python_testing.stores.base import (
    PURGED,
    Record,
    StoreDamagedError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    StoreWriteError,
    decode,
    encode,
)

_DEFAULT_DIR = ".durable_executions"
_PURGED = encode(PURGED)
# Line breaks are not to be translated where the system would.
_WRITING = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
_APPENDING = _WRITING | os.O_APPEND


class FileSystemExecutionStore:
    """A directory of append-only files, readable with any text tool.

    Open it with `create`. One store object of one live process may use a directory at a time; the
    lock goes with the process, however that ends.

    Attributes:
        name: its path.

    Example:
        >>> store = FileSystemExecutionStore.create(".durable_executions")
        >>> engine = Engine(store)
    """

    def __init__(self, directory: Path, lock: sqlite3.Connection) -> None:
        self.name = str(directory)
        self._directory = directory
        self._journal = directory / JOURNAL
        self._lock = lock
        self._closed = False
        # Of the newest record. Numbers order the records of all files, and of each.
        self._number = 0
        # The checksum of each execution's newest record.
        self._newest: dict[str, int] = {}
        # What repairing has read, until it is asked for or outdated: files are read once.
        self._read: list[ExecutionFile] | None = None
        self._repair()

    @classmethod
    def create(cls, dir: str | os.PathLike[str] = _DEFAULT_DIR) -> Self:
        """Open the store in `dir`, creating the directory if there is none.

        What a killed process left half written is completed or dropped.

        Raises:
            StoreLockedError: a live run uses it.
            StoreFormatError: a file in it is something else, or of another version.
            StoreDamagedError: something has changed what it holds.
            StoreError: the directory cannot be used at all.
        """
        if not os.fspath(dir):
            raise StoreError("a store needs the path of a directory")
        directory = Path(dir)
        if directory.exists() and not directory.is_dir():
            raise StoreFormatError(f"{directory} is no directory")
        lock: sqlite3.Connection | None = None
        try:
            directory.mkdir(parents=True, exist_ok=True)
            check_directory(directory)
            lock = _acquire(directory)
            return cls(directory, lock)
        except BaseException as error:
            if lock is not None:
                lock.close()
            if isinstance(error, OSError | sqlite3.Error | ValueError):
                raise StoreError(f"{directory}: {error}") from error
            raise

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        if self._closed:
            raise StoreError(f"{self._directory}: the store is closed")
        # Encoded first: all of it is stored, or nothing.
        lines = self._lines([(arn, encode(record)) for arn, record in records])
        self._read = None
        try:
            self._write_all(lines)
        except OSError as error:
            raise StoreWriteError(f"the store {self.name} cannot be written: {error}") from error
        self._number += len(lines)
        self._newest.update((line.arn, line.sum) for line in lines)
        self._drop(line.arn for line in lines if line.record == _PURGED)

    def load(self) -> Iterator[tuple[str, Record]]:
        found = sorted(
            (number, one.arn, text)
            for one in self._files()
            for number, text in zip(one.numbers, one.records, strict=True)
        )
        return ((arn, decode(self.name, arn, text)) for _, arn, text in found)

    def logs(self) -> Iterable[tuple[str, list[str]]]:
        """See `TextStore.logs`."""
        files = sorted(self._files(), key=lambda one: one.numbers[0])
        return ((one.arn, one.records) for one in files)

    def close(self) -> None:
        self._closed = True
        self._lock.close()

    # ------------------------------------------------------------------------- writing

    def _path(self, arn: str) -> Path:
        return self._directory / file_name(arn)

    def _lines(self, texts: Iterable[tuple[str, str]]) -> list[Line]:
        newest: dict[str, int] = {}
        lines: list[Line] = []
        for number, (arn, text) in enumerate(texts, self._number + 1):
            before = newest.get(arn, self._newest.get(arn))
            lines.append(Line.make(number, arn, text, before))
            newest[arn] = lines[-1].sum
        return lines

    def _write_all(self, lines: Sequence[Line]) -> None:
        with _undone_on_error() as write:
            if len(lines) > 1:
                write(self._journal, journal_text(lines))
            for line in lines:
                self._write(line, write)
            if len(lines) > 1:
                self._journal.unlink()

    def _write(self, line: Line, write: _Write) -> None:
        """Append a line to the file of its execution, which it may be the first of."""
        path = self._path(line.arn)
        beginning = "" if path.exists() else header(line.arn)
        write(path, beginning + line.text + "\n")

    def _drop(self, arns: Iterable[str]) -> None:
        for arn in arns:
            self._newest.pop(arn, None)
            # The record says that it is gone: what cannot be removed now is when next opened.
            with suppress(OSError):
                self._path(arn).unlink()

    # ------------------------------------------------------------------------ repairing

    def _files(self) -> list[ExecutionFile]:
        """What the files hold; of each at least one record."""
        found, self._read = self._read, None
        return list(self._open_all().values()) if found is None else found

    def _open_all(self) -> dict[str, ExecutionFile]:
        return {name: self._open(name) for name in execution_files(self._directory)}

    def _open(self, name: str) -> ExecutionFile:
        try:
            return read_file(self.name, name)
        except OSError as error:
            raise StoreDamagedError(self.name, name, str(error)) from error

    def _repair(self) -> None:
        """Drop torn lines, carry out what the journal says, and remove what is purged."""
        files = self._open_all()
        pending = read_journal(self._journal)
        for name, file in list(files.items()):
            if not file.records:
                (self._directory / name).unlink()
                del files[name]
            elif file.outdated:
                _rewrite(self._directory / name, file)
            elif not file.complete:
                _cut(self._directory / name, file.end)
        for arn, number, record in pending:
            found = files.setdefault(file_name(arn), ExecutionFile(arn))
            if not found.numbers or found.numbers[-1] < number:
                line = Line.make(number, arn, record, found.sum)
                self._write(line, _append)
                found.add(line)
        self._journal.unlink(missing_ok=True)
        self._remember(files)

    def _remember(self, files: dict[str, ExecutionFile]) -> None:
        self._read = []
        for name, file in files.items():
            self._number = max(self._number, file.numbers[-1])
            if file.records[-1] == _PURGED:
                (self._directory / name).unlink()
            elif file.sum is not None:
                self._newest[file.arn] = file.sum
                self._read.append(file)


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
    # What executions are given and return is for whoever runs them.
    _put(os.open(path, _APPENDING, 0o600), text)


def _put(descriptor: int, text: str) -> None:
    data = memoryview(text.encode())
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _cut(path: Path, end: int) -> None:
    """Cut what comes after the last whole line, and complete that."""
    os.truncate(path, end)
    with path.open("rb") as file:
        file.seek(end - 1)
        whole = file.read(1) == b"\n"
    if not whole:
        _append(path, "\n")


def _rewrite(path: Path, file: ExecutionFile) -> None:
    """Write a file anew, in this format; killed meanwhile, the old one is still there."""
    text = header(file.arn) + "".join(line.text + "\n" for line in file.lines())
    fresh = path.with_name(path.name + UNFINISHED)
    fresh.unlink(missing_ok=True)
    _put(os.open(fresh, _WRITING | os.O_EXCL, 0o600), text)
    fresh.replace(path)


# ------------------------------------------------------------------------------- the lock


def _acquire(directory: Path) -> sqlite3.Connection:
    """Lock a directory for this store object.

    SQLite's file locks are the ones in the standard library that work alike on every system, and
    between the threads of a process too. The kernel drops them when the process dies.
    """
    path = directory / LOCK
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("PRAGMA journal_mode = OFF")  # nothing is ever written to it
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        lock.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StoreLockedError(
                f"{directory} is in use by a run that is alive: let that end, or use another "
                "directory (--store)"
            ) from error
        raise
    return lock
