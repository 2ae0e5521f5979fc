"""The files of a store in a directory: their names, what is in them, and whether they are ours.

A file holds one execution: a header, then one line a record, `[number,record,checksum]`. Numbers
order the records of all files. The checksum of a record has the one before in it, and the first
one the execution's ARN, so that what was changed, removed or reordered shows. A line is ours once
its checksum fits; what follows the last such line and has no line break is what a kill left.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python_testing.stores.base import (
    StoreDamagedError,
    StoreFormatError,
    checksum,
)

LOCK = "lock"
JOURNAL = "journal"
# At the end of the name of a file that is being written anew.
UNFINISHED = ".new"
_FORMAT = 2
_WITHOUT_CHECKSUMS = 1
# How each file begins; what may be missing of it after a kill is never enough to take a file of
# somebody else for ours.
_BEGINNING = b'{"durable_execution":'
_JOURNAL_BEGINNING = b'[["'
_FILE_NAME = re.compile(r".*-[0-9a-f]{32}\.jsonl")
_UNREADABLE = re.compile(r"[^A-Za-z0-9_-]+")
_READABLE_LENGTH = 120
_CHUNK = 1 << 17


class Line(NamedTuple):
    """One record as text.

    Attributes:
        number: its place among the records of the store.
        arn: its execution.
        record: as JSON text.
        sum: its checksum.
    """

    number: int
    arn: str
    record: str
    sum: int

    @classmethod
    def make(cls, number: int, arn: str, record: str, before: int | None) -> Line:
        """The line of a record, after one with the checksum `before`."""
        return cls(number, arn, record, checksum(arn, f"{number},{record}", before))

    @property
    def text(self) -> str:
        return f"[{self.number},{self.record},{self.sum}]"


@dataclass(slots=True)
class ExecutionFile:
    """What a file holds. A store has thousands, so of its lines only this is kept.

    Attributes:
        arn: the execution.
        numbers, records: of its whole lines, no two with the same number.
        sum: the checksum of the last of them; None without any.
        end: where that one ends.
        complete: whether the file ends there, with a line break.
        outdated: whether it is of the format before, without checksums.
    """

    arn: str
    numbers: list[int] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    sum: int | None = None
    end: int = 0
    complete: bool = False
    outdated: bool = False

    def add(self, line: Line) -> None:
        """The line has been written to the file."""
        self.numbers.append(line.number)
        self.records.append(line.record)
        self.sum = line.sum

    def lines(self) -> Iterator[Line]:
        """Its lines, as this format has them."""
        before: int | None = None
        for number, record in zip(self.numbers, self.records, strict=True):
            line = Line.make(number, self.arn, record, before)
            before = line.sum
            yield line


# ---------------------------------------------------------------------------------- names


def file_name(arn: str) -> str:
    """A name that tells people which execution it is, and no two executions share.

    Only letters, digits, `_` and `-` of the ARN get into it, so it stays in its directory; the
    digest makes it unique, also where upper and lower case are the same.
    """
    readable = _UNREADABLE.sub("_", arn.rpartition(":function:")[2])
    digest = hashlib.sha256(arn.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable[:_READABLE_LENGTH]}-{digest[:32]}.jsonl"


def check_directory(directory: Path) -> None:
    """Refuse a directory that holds anything that is not ours, before anything is written to it.

    Hidden files, as desktops and version control leave them, may be in one that is a store.

    Raises:
        StoreFormatError: it does.
    """
    with os.scandir(directory) as found:
        entries = {entry.name: entry for entry in found}
    locked = LOCK in entries and _may_be_ours(entries[LOCK], locked=True)
    foreign = [
        name
        for name, entry in sorted(entries.items())
        if not _may_be_ours(entry, locked) and not (locked and name.startswith("."))
    ]
    if foreign:
        raise StoreFormatError(
            f"{directory} is not a store of durable executions: {directory / foreign[0]} is no "
            "file of one. Give an empty directory, or one that does not exist"
        )


def _may_be_ours(entry: os.DirEntry[str], locked: bool) -> bool:
    """Whether a file's name is one of ours, and what it holds is no reason to doubt it.

    Without a lock beside it, nothing but its beginning says so; a journal is then never ours.
    """
    if not entry.is_file(follow_symlinks=False):
        return False
    if entry.name == LOCK:
        return entry.stat().st_size == 0  # nothing is ever written to it
    if entry.name == JOURNAL:
        return locked and _begins(entry.path, _JOURNAL_BEGINNING)
    if not _FILE_NAME.fullmatch(entry.name.removesuffix(UNFINISHED)):
        return False
    return locked or _begins(entry.path, _BEGINNING)


def _begins(path: str, beginning: bytes) -> bool:
    with Path(path).open("rb") as file:
        found = file.read(len(beginning))
    return beginning.startswith(found)


def execution_files(directory: Path) -> list[str]:
    """The names of the files of executions in a directory."""
    return list(filter(_FILE_NAME.fullmatch, os.listdir(directory)))


# -------------------------------------------------------------------------------- reading


def header(arn: str) -> str:
    """The first line of an execution's file."""
    text = json.dumps({"durable_execution": arn, "format": _FORMAT}, separators=(",", ":"))
    return text + "\n"


def read_file(directory: str, name: str) -> ExecutionFile:
    """Read an execution's file.

    Raises:
        StoreDamagedError: it holds something else than what was stored.
        StoreFormatError: no store of this version can have written it.
    """
    path = f"{directory}{os.sep}{name}"
    data = _content(path)
    first, line_break, rest = data.partition(b"\n")
    if not line_break:
        if not (first.startswith(_BEGINNING) or _BEGINNING.startswith(first)):
            raise not_ours(path)
        return ExecutionFile("")
    arn, version = _read_header(path, name, first)
    *whole, last = rest.split(b"\n")
    read = _Checked(arn) if version == _FORMAT else _Unchecked(arn)
    for text in whole:
        if not read(text):
            what = f"record {len(read.records) + 1}"
            raise StoreDamagedError(path, what, "it is not what was stored")
    end = len(data) - len(last)
    if last and version == _FORMAT:
        if read(last):
            end = len(data)
        elif read(last[:-1]):
            raise StoreDamagedError(path, "its last line", "it is not what was stored")
    return ExecutionFile(
        arn,
        read.numbers,
        read.records,
        sum=read.sum,
        end=end,
        complete=not last,
        outdated=version != _FORMAT,
    )


def _content(path: str) -> bytes:
    """All of a file. A store has thousands, so each is opened without ado."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        parts = [os.read(descriptor, _CHUNK)]
        while len(parts[-1]) == _CHUNK:
            parts.append(os.read(descriptor, _CHUNK))
    finally:
        os.close(descriptor)
    return b"".join(parts)


class _Lines:
    """What has been read of a file's lines.

    Attributes:
        numbers, records: of each line.
        sum: the checksum of the last one.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.records: list[str] = []
        self.sum: int | None = None

    def _take(self, number: int, record: str, found: int) -> bool:
        if self.numbers and number <= self.numbers[-1]:
            return False
        self.numbers.append(number)
        self.records.append(record)
        self.sum = found
        return True


class _Checked(_Lines):
    """Takes one line after the other; false for what is no line, or not the next one."""

    def __init__(self, arn: str) -> None:
        super().__init__()
        # See `checksum`: of bytes, none of which is looked at twice.
        self._beginning = f"{arn}\n".encode("utf-8", "surrogatepass")

    def __call__(self, text: bytes) -> bool:
        body, _, told = text[1:-1].rpartition(b",")
        found = zlib.crc32(body, zlib.crc32(self._beginning, self.sum or 0))
        # All of the line, or another one could have the same sum.
        if told != b"%d" % found or text[:1] != b"[" or text[-1:] != b"]":
            return False
        number, _, record = body.partition(b",")
        try:
            return self._take(int(number), record.decode(), found)
        except ValueError:
            return False


class _Unchecked(_Lines):
    """The same, of the format before."""

    def __init__(self, arn: str) -> None:
        super().__init__()
        self._arn = arn

    def __call__(self, text: bytes) -> bool:
        try:
            number, record = json.loads(text)
            compact = json.dumps(record, separators=(",", ":"))
            line = Line.make(int(number), self._arn, compact, self.sum)
        except (ValueError, TypeError, RecursionError):
            return False
        return self._take(line.number, line.record, line.sum)


def _read_header(path: str, name: str, line: bytes) -> tuple[str, int]:
    try:
        found = json.loads(line.decode())
        arn, version = str(found["durable_execution"]), found["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_ours(path) from None
    if found.keys() != {"durable_execution", "format"} or file_name(arn) != name:
        raise not_ours(path)
    if version not in (_FORMAT, _WITHOUT_CHECKSUMS):
        raise StoreFormatError(f"{path} has format {version}; this program reads {_FORMAT}")
    return arn, version


def not_ours(path: str | Path) -> StoreFormatError:
    return StoreFormatError(
        f"{path} is not a file of a store of durable executions, or its beginning is damaged: "
        "move it away, or put a copy from before in its place"
    )


# ----------------------------------------------------------------------------- the journal


def journal_text(lines: Sequence[Line]) -> str:
    """What the journal holds for a command that changes several executions."""
    return json.dumps([[line.arn, line.text] for line in lines], separators=(",", ":")) + "\n"


def read_journal(path: Path) -> list[tuple[str, int, str]]:
    """ARN, number and record of each line in the journal.

    Nothing if it is torn, since then no file was written.

    Raises:
        StoreFormatError: it is no journal of ours.
    """
    data = path.read_bytes() if path.exists() else b""
    if not data.endswith(b"\n"):
        return []
    try:
        found = [_entry(arn, text) for arn, text in json.loads(data)]
    except (ValueError, TypeError, RecursionError):
        raise not_ours(path) from None
    if len(found) < 2:  # one alone needs no journal
        raise not_ours(path)
    return found


def _entry(arn: Any, text: Any) -> tuple[str, int, str]:
    if isinstance(text, list):  # of the format before
        number, record = text
        return str(arn), int(number), json.dumps(record, separators=(",", ":"))
    number, record, _ = json.loads(text)
    return str(arn), int(number), text[1:-1].partition(",")[2].rpartition(",")[0]
