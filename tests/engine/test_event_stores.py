"""Stores: what was appended comes back, and only one live run may use a file."""

from __future__ import annotations

import gc
import shutil
import signal
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from bench import Bench, callback, step
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python_testing._engine import Engine
from aws_durable_execution_sdk_python_testing.stores import (
    EventStore,
    FileSystemExecutionStore,
    InMemoryExecutionStore,
    SQLiteExecutionStore,
    StoreError,
    StoreFormatError,
    StoreLockedError,
)
from aws_durable_execution_sdk_python_testing.stores.base import PURGED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "executions.db"


@pytest.fixture
def sqlite_store(path: Path) -> Iterator[SQLiteExecutionStore]:
    store = SQLiteExecutionStore.create_and_initialize(path)
    yield store
    store.close()


@pytest.fixture
def directory_store(tmp_path: Path) -> Iterator[FileSystemExecutionStore]:
    store = FileSystemExecutionStore.create(tmp_path / "executions")
    yield store
    store.close()


@pytest.fixture(params=["memory", "sqlite", "directory"])
def store(request: pytest.FixtureRequest) -> EventStore:
    if request.param == "memory":
        return InMemoryExecutionStore()
    found: EventStore = request.getfixturevalue(f"{request.param}_store")
    return found


RECORDS = [("arn-1", {"Events": [{"a": 'é"\n'}]}), ("arn-2", {"Events": []})]


def test_records_come_back_in_order(store: EventStore) -> None:
    store.append(RECORDS)
    store.append(RECORDS[:1])
    assert list(store.load()) == [*RECORDS, RECORDS[0]]


def test_a_batch_is_stored_as_a_whole_or_not_at_all(store: EventStore) -> None:
    with pytest.raises(TypeError):
        store.append([*RECORDS, ("arn-3", {"Events": {1, 2}})])
    assert list(store.load()) == []


def test_nothing_is_kept_of_what_is_purged(store: EventStore) -> None:
    """However the record that says so comes: alone, or with others of the same command."""
    store.append(RECORDS)
    store.append([("arn-1", PURGED)])
    assert list(store.load()) == RECORDS[1:]
    store.append([("arn-3", {"Events": []}), ("arn-2", PURGED)])
    assert list(store.load()) == [("arn-3", {"Events": []})]


def test_a_purged_execution_may_come_again(store: EventStore) -> None:
    store.append(RECORDS)
    store.append([("arn-1", PURGED)])
    store.append([("arn-1", {"Events": [2]})])
    assert list(store.load()) == [RECORDS[1], ("arn-1", {"Events": [2]})]


def test_records_are_copies(store: EventStore) -> None:
    """What a caller changes afterwards is not what was stored."""
    record = {"Events": [1]}
    store.append([("arn", record)])
    record["Events"].append(2)
    assert list(store.load()) == [("arn", {"Events": [1]})]


def test_closing_twice_is_no_error(store: EventStore) -> None:
    store.close()
    store.close()


def test_any_thread_may_call(store: EventStore) -> None:
    thread = Thread(target=store.append, args=(RECORDS,))
    thread.start()
    thread.join()
    assert list(store.load()) == RECORDS


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats(allow_nan=False)))
def test_every_json_value_survives(values: dict[str, object]) -> None:
    store = SQLiteExecutionStore.create_and_initialize(":memory:")
    store.append([("arn", values)])
    assert list(store.load()) == [("arn", values)]
    store.close()


def test_a_reopened_file_holds_the_same_executions(path: Path) -> None:
    store = SQLiteExecutionStore.create_and_initialize(path)
    bench = Bench(store)
    handler = bench.start()
    handler.checkpoint(step("SUCCEED", Payload='"é"'), callback())
    handler.suspends()
    before = handler.events, bench.engine.operations(handler.arn), handler.described
    store.close()
    again = SQLiteExecutionStore.create_and_initialize(path)
    engine = Engine(again)
    history = engine.get_history(handler.arn, max_items=1_000)["Events"]
    assert (history, engine.operations(handler.arn), engine.get_execution(handler.arn)) == before
    again.close()


def test_a_store_in_use_is_refused(path: Path, sqlite_store: SQLiteExecutionStore) -> None:
    with pytest.raises(StoreLockedError, match="in use"):
        SQLiteExecutionStore.create_and_initialize(path)
    sqlite_store.append(RECORDS)
    assert list(sqlite_store.load()) == RECORDS


def test_a_closed_store_is_free(path: Path, sqlite_store: SQLiteExecutionStore) -> None:
    sqlite_store.append(RECORDS)
    sqlite_store.close()
    again = SQLiteExecutionStore.create_and_initialize(path)
    assert list(again.load()) == RECORDS
    again.close()


HOLDER = """
import sys
from aws_durable_execution_sdk_python_testing.stores import SQLiteExecutionStore
store = SQLiteExecutionStore.create_and_initialize(sys.argv[1])
store.append([("arn", {"Events": [1]})])
print("stored", flush=True)
sys.stdin.read()
"""


OPENER = """
import sys
from aws_durable_execution_sdk_python_testing.stores import *
try:
    SQLiteExecutionStore.create_and_initialize(sys.argv[1])
except StoreLockedError:
    print("locked")
"""


def test_a_store_refused_in_its_own_process_is_still_locked_for_others(
    path: Path, sqlite_store: SQLiteExecutionStore
) -> None:
    """Closing a file drops all locks of the process on it; so does a look at its beginning."""
    sqlite_store.append(RECORDS)
    other_name = path.with_name("link.db")
    other_name.symlink_to(path)
    for name in (path, other_name):
        with pytest.raises(StoreLockedError):
            SQLiteExecutionStore.create_and_initialize(name)
        command = [sys.executable, "-c", OPENER, str(path)]
        assert subprocess.check_output(command, text=True) == "locked\n"


def test_a_store_that_nobody_closed_is_free_once_it_is_gone(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        SQLiteExecutionStore.create_and_initialize(path).append(RECORDS)
        gc.collect()
    again = SQLiteExecutionStore.create_and_initialize(path)
    assert list(again.load()) == RECORDS
    again.close()


def test_the_lock_dies_with_the_process_and_what_was_stored_does_not(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        with pytest.raises(StoreLockedError):
            SQLiteExecutionStore.create_and_initialize(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    store = SQLiteExecutionStore.create_and_initialize(path)
    assert list(store.load()) == [("arn", {"Events": [1]})]
    store.close()


def text_file(path: Path) -> None:
    path.write_text("shopping list\n" * 100)


def foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE log (id INTEGER)")
    connection.close()


def newer_store(path: Path) -> None:
    SQLiteExecutionStore.create_and_initialize(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("make", [text_file, foreign_database, newer_store])
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    before = shutil.copy(path, path.with_suffix(".copy")).read_bytes()
    with pytest.raises(StoreFormatError):
        SQLiteExecutionStore.create_and_initialize(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_a_file_beside_it_that_is_not_ours_is_left_alone(path: Path, suffix: str) -> None:
    """SQLite takes files of these names for its own, and deletes them."""
    beside = Path(f"{path}{suffix}")
    beside.write_text("shopping list")
    with pytest.raises(StoreFormatError, match=suffix):
        SQLiteExecutionStore.create_and_initialize(path)
    assert beside.read_text() == "shopping list"


def test_another_programs_database_is_not_even_opened(path: Path) -> None:
    """Opening it would carry out the journal that a crash of that program has left."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    journal = Path(f"{path}-journal")
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(504))
    before = path.read_bytes(), journal.read_bytes()
    with pytest.raises(StoreFormatError):
        SQLiteExecutionStore.create_and_initialize(path)
    assert (path.read_bytes(), journal.read_bytes()) == before


def test_a_store_of_the_format_before_is_taken_over(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE log (id INTEGER PRIMARY KEY, arn TEXT NOT NULL, record TEXT NOT NULL)"
        )
        connection.execute("PRAGMA application_id = 0x44455850")
        connection.execute("PRAGMA user_version = 1")
        rows = [("arn-1", '{"Events":[1]}'), ("arn-2", '{"Events":[]}')]
        connection.executemany("INSERT INTO log (arn, record) VALUES (?, ?)", rows)
    connection.close()
    expected = [("arn-1", {"Events": [1]}), ("arn-2", {"Events": []})]
    for _ in range(2):
        store = SQLiteExecutionStore.create_and_initialize(path)
        assert list(store.load()) == expected
        store.append([("arn-1", {"Events": [2]})])
        expected = [*expected, ("arn-1", {"Events": [2]})]
        store.close()


def test_dropping_one_of_many_looks_at_its_own_rows_only(
    sqlite_store: SQLiteExecutionStore,
) -> None:
    plan = sqlite_store._connection.execute(  # what SQLite would do, seen nowhere else
        "EXPLAIN QUERY PLAN DELETE FROM log WHERE arn IN (SELECT value FROM json_each('[]'))"
    ).fetchall()
    assert any("USING INDEX log_arn" in row[3] or "log_arn" in row[3] for row in plan)


def test_no_path_is_said() -> None:
    with pytest.raises(StoreError, match="path"):
        SQLiteExecutionStore.create_and_initialize("")


def test_a_path_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"No such file or directory: .*missing"):
        SQLiteExecutionStore.create_and_initialize(tmp_path / "missing" / "executions.db")
    with pytest.raises(StoreFormatError, match="given as filesystem:"):
        SQLiteExecutionStore.create_and_initialize(tmp_path)


def test_a_path_that_no_file_can_have_is_said() -> None:
    with pytest.raises(StoreError, match="null"):
        SQLiteExecutionStore.create_and_initialize("executions\0.db")
