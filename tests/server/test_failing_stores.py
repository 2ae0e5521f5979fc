"""A store that cannot be written: the service says so, shows what is stored only, and ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from served_handlers import APPROVAL
from serving_bench import Served

from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    InMemoryExecutionStore,
    SQLiteExecutionStore,
    StoreWriteError,
)
from aws_durable_execution_sdk_python_testing.stores.base import Record

Serve = Callable[..., Served]
INVOKE = "/2015-03-31/functions/approval/invocations"
EXECUTIONS = "/2025-12-01/durable-executions"


class FullDisk(InMemoryExecutionStore):
    """Takes nothing once it is full."""

    full = False

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        if self.full:
            raise OSError(28, "No space left on device", "/data/executions.db")
        super().append(records)


def test_the_service_says_why_once_and_ends(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = FullDisk()
    served = serve(APPROVAL, store=store)
    ends = threading.Thread(
        target=pytest.raises, args=(DurableFunctionsLocalRunnerError, served.server.serve_forever)
    )
    ends.start()
    store.full = True
    event = {"X-Amz-Invocation-Type": "Event"}
    reply = served.send("POST", INVOKE, 1, event)
    assert reply.status == 500
    assert "No space left on device" in reply.json["Message"]
    ends.join(30)
    assert not ends.is_alive()
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert "No space left on device: '/data/executions.db'" in record.getMessage()


def test_nothing_is_shown_that_is_not_stored(serve: Serve) -> None:
    store = FullDisk()
    served = serve(APPROVAL, store=store)
    store.full = True
    assert served.send("POST", INVOKE, 1, {"X-Amz-Invocation-Type": "Event"}).status == 500
    for path in (EXECUTIONS, "/health", "/metrics"):
        reply = served.send("GET", path)
        assert (reply.status, reply.error) == (500, "ServiceException")
        assert "No space left" in reply.json["Message"]
    assert list(store.load()) == []


def test_sqlite_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "executions.db"
    with closing(SQLiteExecutionStore.create_and_initialize(path)) as store:
        store.append([("arn", {"Events": []})])
        store._connection.execute("PRAGMA max_page_count = 1")  # as a full disk is
        with pytest.raises(StoreWriteError, match="full") as caught:
            store.append([("arn", {"Events": ["x" * 100_000]})])
        assert str(path) in str(caught.value)
        assert list(store.load()) == [("arn", {"Events": []})]


def test_a_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(FileSystemExecutionStore.create(tmp_path / "store")) as store:

        def refuse(descriptor: int, data: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.write", refuse)
        with pytest.raises(StoreWriteError, match="No space left") as caught:
            store.append([("arn", {"Events": []})])
        assert str(tmp_path / "store") in str(caught.value)
