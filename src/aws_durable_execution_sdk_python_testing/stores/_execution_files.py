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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ExecutionFile:
    """What a file holds.

    Attributes:
        lines: its whole ones, no two with the same number.
        end: where the last of them ends.
        complete: whether the file ends there, with a line break.
        outdated: whether it is of the format before, without checksums.
    """

    lines: Sequence[Line]
    end: int
    complete: bool
    outdated: bool


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


def execution_files(directory: Path) -> list[Path]:
    """The files of executions in a directory."""
    return [directory / name for name in os.listdir(directory) if _FILE_NAME.fullmatch(name)]


# -------------------------------------------------------------------------------- reading


def header(arn: str) -> str:
    """The first line of an execution's file."""
    text = json.dumps({"durable_execution": arn, "format": _FORMAT}, separators=(",", ":"))
    return text + "\n"


def read_file(path: Path) -> ExecutionFile:
    """Read an execution's file.

    Raises:
        StoreDamagedError: it holds something else than what was stored.
        StoreFormatError: no store of this version can have written it.
    """
    data = _content(path)
    first, line_break, rest = data.partition(b"\n")
    if not line_break:
        if not (first.startswith(_BEGINNING) or _BEGINNING.startswith(first)):
            raise not_ours(path)
        return ExecutionFile((), 0, complete=False, outdated=False)
    arn, version = _read_header(path, first)
    *whole, last = rest.split(b"\n")
    parse = _Checked(arn) if version == _FORMAT else _Unchecked(arn)
    lines = _read_lines(path, parse, whole)
    end = len(data) - len(last)
    if last and version == _FORMAT:
        line = parse(last)
        if line is not None:
            lines.append(line)
            end = len(data)
        elif parse(last[:-1]) is not None:
            raise StoreDamagedError(str(path), "its last line", "it is not what was stored")
    return ExecutionFile(lines, end, complete=not last, outdated=version != _FORMAT)


def _content(path: Path) -> bytes:
    """All of a file. A store has thousands, so each is opened without ado."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        parts = [os.read(descriptor, _CHUNK)]
        while len(parts[-1]) == _CHUNK:
            parts.append(os.read(descriptor, _CHUNK))
    finally:
        os.close(descriptor)
    return b"".join(parts)


def _read_lines(
    path: Path, parse: Callable[[bytes], Line | None], texts: list[bytes]
) -> list[Line]:
    """The lines of a file. All of them are whole: each ends with a line break."""
    lines: list[Line] = []
    number = -1
    for text in texts:
        line = parse(text)
        if line is None or line.number <= number:
            what = f"record {len(lines) + 1}"
            raise StoreDamagedError(str(path), what, "it is not what was stored")
        lines.append(line)
        number = line.number
    return lines


class _Checked:
    """Reads one line after the other; None for what is no line, or not the next one."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        # See `checksum`: of bytes, none of which is looked at twice.
        self._beginning = f"{arn}\n".encode("utf-8", "surrogatepass")
        self._before = 0

    def __call__(self, text: bytes) -> Line | None:
        body, _, told = text[1:-1].rpartition(b",")
        found = zlib.crc32(body, zlib.crc32(self._beginning, self._before))
        # All of the line, or another one could have the same sum.
        if told != b"%d" % found or text[:1] != b"[" or text[-1:] != b"]":
            return None
        first, _, record = body.partition(b",")
        try:
            line = Line(int(first), self._arn, record.decode(), found)
        except ValueError:
            return None
        self._before = found
        return line


class _Unchecked:
    """The same, of the format before."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._before: int | None = None

    def __call__(self, text: bytes) -> Line | None:
        try:
            number, record = json.loads(text)
            compact = json.dumps(record, separators=(",", ":"))
            line = Line.make(int(number), self._arn, compact, self._before)
        except (ValueError, TypeError, RecursionError):
            return None
        self._before = line.sum
        return line


def _read_header(path: Path, line: bytes) -> tuple[str, int]:
    try:
        found = json.loads(line.decode())
        arn, version = str(found["durable_execution"]), found["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_ours(path) from None
    if found.keys() != {"durable_execution", "format"} or file_name(arn) != path.name:
        raise not_ours(path)
    if version not in (_FORMAT, _WITHOUT_CHECKSUMS):
        raise StoreFormatError(f"{path} has format {version}; this program reads {_FORMAT}")
    return arn, version


def not_ours(path: Path) -> StoreFormatError:
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
