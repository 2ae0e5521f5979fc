"""The store in a directory: whole commands survive every kill, and names stay inside."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, callback, invoke, step
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python_testing._engine import DurableTarget, Engine
from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    StoreError,
    StoreFormatError,
    StoreLockedError,
)
from aws_durable_execution_sdk_python_testing.stores.base import PURGED, Record

ARN = "arn:aws:lambda:us-west-2:123456789012:function:pay:$LATEST/durable-execution/order-7/id-1"
Records = Sequence[tuple[str, Record]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "executions"


@pytest.fixture
def store(directory: Path) -> Iterator[FileSystemExecutionStore]:
    store = FileSystemExecutionStore.create(directory)
    yield store
    store.close()


def contents(directory: Path) -> list[tuple[str, Record]]:
    """What a new process finds."""
    store = FileSystemExecutionStore.create(directory)
    try:
        return list(store.load())
    finally:
        store.close()


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


# ------------------------------------------------------------------------------- file names


def test_one_readable_file_per_execution(directory: Path, store: FileSystemExecutionStore) -> None:
    store.append([(ARN, {"Events": [1]}), ("arn-2", {"Events": []})])
    store.append([(ARN, {"Events": [2]})])
    first, second = files(directory)
    assert re.fullmatch(r"arn-2-[0-9a-f]{32}\.jsonl", first.name)
    assert second.name.startswith("pay_LATEST_durable-execution_order-7_id-1-")
    header, *lines = map(json.loads, second.read_text().splitlines())
    assert header == {"durable_execution": ARN, "format": 2}
    # Each line ends with a checksum.
    assert [line[:2] for line in lines] == [[1, {"Events": [1]}], [3, {"Events": [2]}]]


@pytest.mark.parametrize(
    "arn",
    [
        "../../escaped",
        "/etc/passwd",
        "a/../../b",
        "..",
        ".",
        "",
        "nul\0byte",
        "C:\\windows",
        "lock",
        "journal",
        "x" * 1_024,
        "\udc80 lone surrogate",
    ],
)
def test_no_arn_reaches_outside_the_directory(
    tmp_path: Path, directory: Path, store: FileSystemExecutionStore, arn: str
) -> None:
    store.append([(arn, {"Events": []})])
    (path,) = files(directory)
    assert {one for one in tmp_path.rglob("*") if one.is_file()} == {path, directory / "lock"}
    assert list(store.load()) == [(arn, {"Events": []})]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(), unique=True, min_size=1, max_size=5))
def test_every_arn_has_a_file_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, arns: list[str]
) -> None:
    directory = tmp_path_factory.mktemp("store")
    store = FileSystemExecutionStore.create(directory)
    records = [(arn, {"Events": [number]}) for number, arn in enumerate(arns)]
    store.append(records)
    assert len(files(directory)) == len(arns)
    store.close()
    assert contents(directory) == records


# -------------------------------------------------------------------------------- the kill


class Kills:
    """Copies the directory at every moment the process could be killed at."""

    def __init__(self, directory: Path, copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory, self._copies = directory, copies
        self.moments: list[Path] = []
        write, unlink = os.write, Path.unlink

        def write_little(descriptor: int, data: Any) -> int:
            # The kernel may take as little as it likes.
            written = write(descriptor, data[:9])
            self.copy()
            return written

        def unlink_and_copy(path: Path, missing_ok: bool = False) -> None:
            unlink(path, missing_ok=missing_ok)
            self.copy()

        monkeypatch.setattr(os, "write", write_little)
        monkeypatch.setattr(Path, "unlink", unlink_and_copy)

    def copy(self) -> None:
        copy = self._copies / str(len(self.moments))
        shutil.copytree(self._directory, copy)
        self.moments.append(copy)


BEFORE = [("parent", {"Events": [1]}), ("old", {"Events": [2]})]


@pytest.mark.parametrize(
    "command",
    [
        [("parent", {"Events": [3]})],
        [("new", {"Events": [3]})],
        [("parent", {"Events": [3]}), ("child", {"Events": [4]})],
        [("parent", {"Events": [3]}), ("old", PURGED), ("child", {"Events": [4]})],
        [("old", PURGED)],
    ],
    ids=["append", "create", "two", "two and a purge", "purge"],
)
def test_a_command_is_stored_as_a_whole_or_not_at_all_whenever_it_is_killed(
    tmp_path: Path,
    directory: Path,
    store: FileSystemExecutionStore,
    monkeypatch: pytest.MonkeyPatch,
    command: Records,
) -> None:
    store.append(BEFORE)
    with monkeypatch.context() as patch:
        kills = Kills(directory, tmp_path / "copies", patch)
        store.append(command)
    after = list(store.load())
    found = [contents(moment) for moment in kills.moments]
    assert all(content in (BEFORE, after) for content in found)
    assert found[-1] == after
    # Once it was there, it stays.
    assert found == sorted(found, key=lambda content: content == after)


def test_repairing_may_be_killed_too(
    tmp_path: Path,
    directory: Path,
    store: FileSystemExecutionStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.append(BEFORE)
    with monkeypatch.context() as patch:
        kills = Kills(directory, tmp_path / "copies", patch)
        store.append([("parent", {"Events": [3]}), ("child", {"Events": [4]})])
    after = list(store.load())
    for number, moment in enumerate(kills.moments):
        with monkeypatch.context() as patch:
            again = Kills(moment, tmp_path / f"copies of {number}", patch)
            expected = contents(moment)
        assert expected in (BEFORE, after)
        assert all(contents(one) == expected for one in again.moments)


def test_writing_goes_on_after_a_torn_line(
    directory: Path, store: FileSystemExecutionStore
) -> None:
    store.append([(ARN, {"Events": [1]})])
    store.close()
    (path,) = files(directory)
    path.write_bytes(path.read_bytes() + b'[2,{"Ev')
    again = FileSystemExecutionStore.create(directory)
    again.append([(ARN, {"Events": [2]})])
    assert list(again.load()) == [(ARN, {"Events": [1]}), (ARN, {"Events": [2]})]
    again.close()


@pytest.mark.parametrize("fails_at", range(4))
def test_what_cannot_be_written_whole_is_taken_back(
    directory: Path,
    store: FileSystemExecutionStore,
    monkeypatch: pytest.MonkeyPatch,
    fails_at: int,
) -> None:
    """A full disk, say: the store holds what it held, and takes the records later."""
    store.append(BEFORE)
    command: Records = [("parent", {"Events": [3]}), ("child", {"Events": [4]})]
    write = os.write
    calls = iter(range(100))

    def write_until_full(descriptor: int, data: Any) -> int:
        if next(calls) >= fails_at:
            raise OSError("no space left on device")
        return write(descriptor, data[:60])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_until_full)
        with pytest.raises(OSError, match="no space"):
            store.append(command)
    assert list(store.load()) == BEFORE
    store.append(command)
    store.close()
    assert contents(directory) == [*BEFORE, *command]


HOLDER = """
import sys
from aws_durable_execution_sdk_python_testing.stores import FileSystemExecutionStore
store = FileSystemExecutionStore.create(sys.argv[1])
store.append([("arn", {"Events": [1]}), ("arn-2", {"Events": [2]})])
print("stored", flush=True)
sys.stdin.read()
"""


def test_the_lock_dies_with_the_process_and_what_was_stored_does_not(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        with pytest.raises(StoreLockedError, match="in use"):
            FileSystemExecutionStore.create(directory)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert contents(directory) == [("arn", {"Events": [1]}), ("arn-2", {"Events": [2]})]


# ------------------------------------------------------------------------------- in use, alien


def test_a_store_in_use_is_refused(directory: Path, store: FileSystemExecutionStore) -> None:
    with pytest.raises(StoreLockedError, match="in use"):
        FileSystemExecutionStore.create(directory)
    store.append([(ARN, {"Events": []})])


def test_a_closed_store_takes_nothing(store: FileSystemExecutionStore) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.append([(ARN, {"Events": []})])


NAME = f"shopping-{'0' * 32}.jsonl"


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (NAME, "shopping list"),
        (NAME, "shopping list\n"),
        (NAME, '{"durable_execution":"arn","format":99}\n[1,{}]\n'),
        (NAME, '{"durable_execution":"arn"}\n[1,{}]\n'),
        (NAME, '{"durable_execution":"arn","format":1}\nbread\n'),
        ("journal", "dear diary"),
        ("journal", ""),
        ("journal", "[]\n"),
        ("journal", '[["arn",[1,{}]]]\n'),
        ("lock", "somebody's"),
        ("notes.jsonl", "bread"),
        (".profile", "export PATH"),
    ],
)
def test_what_is_not_ours_is_refused_and_left_alone(directory: Path, name: str, text: str) -> None:
    """A directory is taken only if everything in it is ours, or there is nothing in it."""
    directory.mkdir(parents=True)
    path = directory / name
    path.write_text(text)
    with pytest.raises(StoreFormatError, match=re.escape(str(directory))):
        FileSystemExecutionStore.create(directory)
    assert path.read_text() == text
    if not name.endswith(NAME):
        assert snapshot(directory) == {name: text.encode()}


@pytest.mark.parametrize("text", ["dear diary", "[]\n", '[["a","b"]]\n', '[["a"]]\n'])
def test_a_journal_that_is_not_ours_is_left_alone_in_a_store_too(
    directory: Path, store: FileSystemExecutionStore, text: str
) -> None:
    store.append([(ARN, {"Events": [1]})])
    store.close()
    (directory / "journal").write_text(text)
    before = snapshot(directory)
    with pytest.raises(StoreFormatError, match="journal"):
        FileSystemExecutionStore.create(directory)
    assert snapshot(directory) == before


def test_a_directory_of_others_gets_no_lock(directory: Path) -> None:
    """`lock` is a name that others use as well, for an empty file too."""
    directory.mkdir(parents=True)
    for name in ("lock", "archive.deb"):
        (directory / name).touch()
    with pytest.raises(StoreFormatError, match=r"archive\.deb"):
        FileSystemExecutionStore.create(directory)
    assert snapshot(directory) == {"lock": b"", "archive.deb": b""}


def test_hidden_files_may_be_in_a_store(directory: Path, store: FileSystemExecutionStore) -> None:
    store.append([(ARN, {"Events": [1]})])
    store.close()
    (directory / ".gitignore").write_text("*")
    assert contents(directory) == [(ARN, {"Events": [1]})]
    assert (directory / ".gitignore").read_text() == "*"


def test_no_path_is_said() -> None:
    with pytest.raises(StoreError, match="path"):
        FileSystemExecutionStore.create("")


def test_a_store_of_the_format_before_is_taken_over(directory: Path) -> None:
    """Also one that was killed with a journal in it."""
    directory.mkdir(parents=True)
    name = FileSystemExecutionStore.create(directory)
    name.append([(ARN, {"Events": [1]})])
    name.close()
    (path,) = files(directory)
    path.write_text(
        '{"durable_execution":' + json.dumps(ARN) + ',"format":1}\n[1,{"Events":[1]}]\n'
    )
    journal = [[ARN, [2, {"Events": [2]}]], ["arn-2", [3, {"Events": [3]}]]]
    (directory / "journal").write_text(json.dumps(journal) + "\n")
    expected = [(ARN, {"Events": [1]}), (ARN, {"Events": [2]}), ("arn-2", {"Events": [3]})]
    assert contents(directory) == expected
    assert contents(directory) == expected


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(StoreError, match="file"):
        FileSystemExecutionStore.create(path)


# ------------------------------------------------------------------------- with an engine


def test_a_reopened_directory_holds_the_same_executions(directory: Path) -> None:
    store = FileSystemExecutionStore.create(directory)
    bench = Bench(store)
    bench.engine.register_target("child", DurableTarget())
    handler = bench.start()
    handler.checkpoint(step("SUCCEED", Payload='"é"'), callback(), invoke("child"))
    handler.suspends()
    listed = bench.engine.list_executions()
    before = handler.events, bench.engine.operations(handler.arn), handler.described
    store.close()
    again = FileSystemExecutionStore.create(directory)
    engine = Engine(again)
    history = engine.get_history(handler.arn, max_items=1_000)["Events"]
    assert (history, engine.operations(handler.arn), engine.get_execution(handler.arn)) == before
    assert engine.list_executions() == listed
    again.close()
