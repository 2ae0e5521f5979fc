"""Whatever happens to a store's bytes, opening it brings what was stored, or says what is wrong.

The mutations are drawn from a fixed seed. Every kind of them ends in a `StoreError` that names the
store, or in a store that holds some beginning of what it held: so a kill looks, too.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, callback, step

from aws_durable_execution_sdk_python_testing._engine import Engine
from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    InMemoryExecutionStore,
    SQLiteExecutionStore,
    StoreDamagedError,
    StoreError,
)
from aws_durable_execution_sdk_python_testing.stores.base import Record

Store = FileSystemExecutionStore | SQLiteExecutionStore
OPENERS: dict[str, Callable[[Path], Store]] = {
    "sqlite": SQLiteExecutionStore.create_and_initialize,
    "filesystem": FileSystemExecutionStore.create,
}
MUTATIONS = 150


def flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def delete(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]


def overwrite(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start : start + 16] = chance.randbytes(16)


def insert(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data)) :] = chance.randbytes(chance.randint(1, 50))


KINDS = (flip, cut, delete, overwrite, insert)


@pytest.fixture(params=sorted(OPENERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def original(kind: str, tmp_path: Path) -> Path:
    """A store with executions that have ended and one that has not."""
    path = tmp_path / "original"
    with closing(OPENERS[kind](path)) as store:
        bench = Bench(store)
        for number in range(3):
            handler = bench.start(execution_name=f"n{number}")
            handler.checkpoint(step("SUCCEED", Payload='"done"'), callback())
            if number:
                handler.succeeds()
    return path


def copied(original: Path, target: Path) -> Path:
    if original.is_dir():
        return Path(shutil.copytree(original, target))
    return Path(shutil.copy(original, target))


def data_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(one for one in path.iterdir() if one.stat().st_size)


def contents(kind: str, path: Path) -> list[tuple[str, Record]]:
    with closing(OPENERS[kind](path)) as store:
        records = list(store.load())
        engine = Engine(store)
        for one in engine.list_executions()["DurableExecutions"]:
            engine.operations(one["DurableExecutionArn"])
        return records


def opened(kind: str, path: Path) -> tuple[dict[str, list[Record]], str | None]:
    """What a store holds, or what is said of it."""
    try:
        return of_each(contents(kind, path)), None
    except StoreError as error:
        return {}, str(error)


def of_each(records: list[tuple[str, Record]]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for arn, record in records:
        found.setdefault(arn, []).append(record)
    return found


def test_every_damage_is_said_or_harmless(kind: str, original: Path, tmp_path: Path) -> None:
    expected = of_each(contents(kind, original))
    chance = random.Random(20261130)
    for number in range(MUTATIONS):
        path = copied(original, tmp_path / f"damaged-{number}")
        target = chance.choice(data_files(path))
        data = bytearray(target.read_bytes())
        chance.choice(KINDS)(data, chance)
        target.write_bytes(data)
        found, said = opened(kind, path)
        assert said is None or str(path) in said, number
        for arn, records in found.items():
            assert records == expected[arn][: len(records)], number


def test_a_changed_payload_is_named(kind: str, original: Path) -> None:
    for path in data_files(original):
        path.write_bytes(path.read_bytes().replace(b'\\"done\\"', b'\\"gone\\"'))
    with pytest.raises(StoreDamagedError, match="not what was stored") as caught:
        contents(kind, original)
    assert "move it away" in str(caught.value)


def test_a_record_that_is_missing_is_noticed(original: Path, kind: str) -> None:
    """Also if every record that is left is whole."""
    if kind == "filesystem":
        path = data_files(original)[0]
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:2] + lines[3:]))
    else:
        with closing(SQLiteExecutionStore.create_and_initialize(original)) as store:
            store._connection.execute("DELETE FROM log WHERE id = 2")
    with pytest.raises(StoreDamagedError):
        contents(kind, original)


@pytest.mark.parametrize(
    "record",
    [
        {"Events": []},
        {"Facts": {}, "Operations": [], "Events": []},
        {"Facts": None, "Operations": [], "Events": []},
        {"Facts": {"arn": "b"}, "Operations": [], "Events": []},
        [],
    ],
)
def test_records_of_another_program_are_no_error_of_python(record: Any) -> None:
    store = InMemoryExecutionStore()
    store.append([("a", record)])
    with pytest.raises(StoreDamagedError, match="'a'"):
        Engine(store)


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
