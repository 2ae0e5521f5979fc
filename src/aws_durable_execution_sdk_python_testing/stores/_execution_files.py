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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_READABLE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Line:
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
        lines: its whole ones.
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
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", arn.rpartition(":function:")[2])
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
    with open(path, "rb", buffering=0) as file:
        data = file.read()
    first, line_break, rest = data.partition(b"\n")
    if not line_break:
        if not (first.startswith(_BEGINNING) or _BEGINNING.startswith(first)):
            raise not_ours(path)
        return ExecutionFile((), 0, complete=False, outdated=False)
    arn, version = _read_header(path, first)
    reader = _Lines(path, arn, outdated=version == _WITHOUT_CHECKSUMS)
    *whole, last = rest.split(b"\n")
    for text in whole:
        reader.add(text)
    complete = not last
    if last and reader.fits(last):
        reader.add(last)
    elif last and reader.fits(last[:-1]):
        raise StoreDamagedError(str(path), "its last line", "it is not what was stored")
    size = len(first) + 1 + sum(len(text) + 1 for text in whole)
    end = size + len(last) if len(reader.lines) > len(whole) else size
    return ExecutionFile(reader.lines, end, complete, reader.outdated)


class _Lines:
    """The lines of one file, one after the other."""

    def __init__(self, path: Path, arn: str, *, outdated: bool) -> None:
        self.lines: list[Line] = []
        self.outdated = outdated
        self._path = path
        self._arn = arn
        self._before: int | None = None

    def add(self, text: bytes) -> None:
        line = self._parse(text)
        if line is None or (self.lines and line.number <= self.lines[-1].number):
            what = f"record {len(self.lines) + 1}"
            raise StoreDamagedError(str(self._path), what, "it is not what was stored")
        self.lines.append(line)
        self._before = line.sum

    def fits(self, text: bytes) -> bool:
        return not self.outdated and self._parse(text) is not None

    def _parse(self, text: bytes) -> Line | None:
        try:
            if self.outdated:
                number, record = json.loads(text)
                compact = json.dumps(record, separators=(",", ":"))
                return Line.make(int(number), self._arn, compact, self._before)
            body, _, told = text[1:-1].decode().rpartition(",")
            found = checksum(self._arn, body, self._before)
            # All of the line, or another one could have the same sum.
            if told != str(found) or text[:1] + text[-1:] != b"[]":
                return None
            first, _, record = body.partition(",")
            return Line(int(first), self._arn, record, found)
        except (ValueError, TypeError, RecursionError):
            return None


def _read_header(path: Path, line: bytes) -> tuple[str, int]:
    try:
        found = json.loads(line)
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
