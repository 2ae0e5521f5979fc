"""What executions are given and return is stored for its owner's eyes only."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    SQLiteExecutionStore,
)


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    "open_store", [FileSystemExecutionStore.create, SQLiteExecutionStore.create_and_initialize]
)
def test_only_the_owner_can_read_what_is_stored(
    open_store: Callable[[Path], FileSystemExecutionStore | SQLiteExecutionStore], tmp_path: Path
) -> None:
    with closing(open_store(tmp_path / "executions")) as store:
        store.append([("arn", {"Events": ["secret"]})])
        holding = [
            path
            for path in tmp_path.rglob("*")
            if path.is_file() and b"secret" in path.read_bytes()
        ]
        assert holding
        assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "executions.db"
    SQLiteExecutionStore.create_and_initialize(path).close()
    path.chmod(0o640)
    SQLiteExecutionStore.create_and_initialize(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
