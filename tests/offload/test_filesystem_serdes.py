"""FileSystemSerDes: the official envelope, whole files that never change, careful reading."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import ARN, FakeService, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import RetryableSerDesError, SerDesError, ValidationError
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.filesystem_serdes import (
    FileSystemPathEncoding,
    FileSystemSerDes,
    FileSystemSerDesConfig,
    FileSystemSerDesMode,
)
from aws_durable_execution_sdk_python.preview import PreviewConfig, PreviewMode, build_preview
from aws_durable_execution_sdk_python.serdes import AsyncSerDes, JsonSerDes, SerDesContext

HERE = SerDesContext("op/1", ARN)
EXECUTION = "orders/order-1/5d0c8a1e-0000-4000-8000-000000000001"
OVERFLOW = FileSystemSerDesConfig(FileSystemSerDesMode.OVERFLOW)
# The envelope of a value of so many characters has this size.
AROUND = len('{"data":"\\"\\""}')
INLINE = 256 * 1024 - 1024


def stored(serdes: FileSystemSerDes, value: Any, context: SerDesContext = HERE) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(serdes.serialize(value, context))
    return envelope


def read(serdes: FileSystemSerDes, envelope: Any) -> Any:
    return serdes.deserialize(json.dumps(envelope), HERE)


# ------------------------------------------------------------------------------------ what is there


def test_a_value_is_a_file_and_the_record_says_which(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path / "made")
    envelope = stored(serdes, {"a": 1})
    path = tmp_path / "made" / EXECUTION / "op%2F1.json"
    assert path.read_text() == '{"a":1}'
    digest = hashlib.sha256(b'{"a":1}').hexdigest()
    assert envelope == {"file": str(path), "sha256": digest, "size": 7}
    assert read(serdes, envelope) == {"a": 1}
    assert [each.name for each in path.parent.iterdir()] == ["op%2F1.json"]


def test_names_can_be_hashes(tmp_path: Path) -> None:
    config = FileSystemSerDesConfig(path_encoding=FileSystemPathEncoding.HASH)
    arn, operation = (hashlib.sha256(each.encode()).hexdigest() for each in (ARN, "op/1"))
    serdes = FileSystemSerDes(tmp_path, config)
    assert stored(serdes, 1)["file"] == str(tmp_path / arn / f"{operation}.json")
    assert serdes.execution_directory(ARN) == str(tmp_path / arn)


@pytest.mark.parametrize(
    ("arn", "directory"),
    [
        ("not an arn", "not%20an%20arn"),
        ("..", "%2E%2E"),
        ("a/../../b", "a%2F..%2F..%2Fb"),
        (ARN.replace("order-1", ".."), EXECUTION.replace("order-1", "%2E%2E")),
    ],
)
def test_no_name_leads_elsewhere(tmp_path: Path, arn: str, directory: str) -> None:
    envelope = stored(FileSystemSerDes(tmp_path), 1, SerDesContext("..", arn))
    assert envelope["file"] == str(tmp_path / directory / "%2E%2E.json")


def test_small_values_stay_on_record_in_overflow_mode(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path, OVERFLOW)
    largest = "x" * (INLINE - AROUND)
    assert len(json.dumps(stored(serdes, largest), separators=(",", ":"))) == INLINE
    assert stored(serdes, largest) == {"data": json.dumps(largest)}
    assert set(stored(serdes, largest + "x")) == {"file", "sha256", "size"}
    assert read(serdes, {"data": "[1]"}) == [1]


def test_the_size_of_the_envelope_counts_as_it_is_written(tmp_path: Path) -> None:
    """Quotation marks take two bytes in it."""
    assert "file" in stored(FileSystemSerDes(tmp_path, OVERFLOW), ['"' * (INLINE // 2)])


def test_a_serdes_of_its_own_writes_the_value(tmp_path: Path) -> None:
    config = FileSystemSerDesConfig(serdes=JsonSerDes())
    serdes = FileSystemSerDes(tmp_path, config)
    envelope = stored(serdes, [1, 2])
    assert Path(envelope["file"]).read_text() == "[1, 2]"
    assert read(serdes, envelope) == [1, 2]


def test_it_keeps_no_texts_of_an_async_serdes(tmp_path: Path) -> None:
    class Asynchronous(AsyncSerDes[Any]):
        async def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
            return ""

        async def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
            return None

    with pytest.raises(ValidationError, match="is not async"):
        FileSystemSerDes(tmp_path).around(Asynchronous())


def test_a_preview_stands_beside_the_path(tmp_path: Path) -> None:
    shows = PreviewConfig(PreviewMode.INCLUDE_ALL)
    config = FileSystemSerDesConfig(generate_preview=lambda value: build_preview(value, shows))
    serdes = FileSystemSerDes(tmp_path, config)
    assert stored(serdes, {"id": 7})["preview"] == {"id": 7}
    assert "preview" not in stored(serdes, {})
    inline = FileSystemSerDesConfig(
        FileSystemSerDesMode.OVERFLOW, generate_preview=lambda value: {"never": "called"}
    )
    assert stored(FileSystemSerDes(tmp_path, inline), {"id": 7}) == {"data": '{"id":7}'}


def test_what_the_official_sdk_has_stored_is_read(tmp_path: Path) -> None:
    """Its files have no digest, its values always tags."""
    path = tmp_path / EXECUTION / "op.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"t":"m","v":{"a":{"t":"i","v":1}}}')
    serdes = FileSystemSerDes(tmp_path)
    assert read(serdes, {"file": str(path)}) == {"a": 1}
    assert read(serdes, {"file": str(path), "preview": {"a": 1}}) == {"a": 1}
    assert read(serdes, {"data": '{"t":"i","v":7}'}) == 7


def test_what_was_stored_without_the_serdes_is_read(tmp_path: Path) -> None:
    for value in ({"a": 1}, {"file": 1, "and": "more"}, [1], "text", None):
        assert read(FileSystemSerDes(tmp_path), value) == value


# ------------------------------------------------------------------------------- files never change


def test_what_is_stored_again_is_the_same_file(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path)
    first = stored(serdes, "value")
    before = os.stat(first["file"])
    assert stored(serdes, "value") == first
    assert os.stat(first["file"]) == before


def test_another_attempt_leaves_the_file_of_the_first_alone(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path)
    first = stored(serdes, "first")
    second = stored(serdes, "second", SerDesContext("op/1", ARN, 2))
    assert first["file"] != second["file"]
    assert second["file"].endswith(f"op%2F1.{second['sha256'][:32]}.json")
    assert (read(serdes, first), read(serdes, second)) == ("first", "second")
    assert stored(serdes, "second") == second


def test_without_hard_links_names_have_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    serdes = FileSystemSerDes(tmp_path)
    envelope = stored(serdes, "value")
    assert envelope["sha256"][:32] in envelope["file"]
    assert read(serdes, envelope) == "value"
    assert len(list(Path(envelope["file"]).parent.iterdir())) == 1


def test_many_at_once_leave_whole_files_and_nothing_else(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path)
    envelopes: list[tuple[str, dict[str, Any]]] = []
    begin = threading.Barrier(8)

    def store(value: str) -> None:
        begin.wait()
        envelopes.append((value, stored(serdes, value)))

    values = [letter * 100_000 for letter in "aabbccdd"]
    threads = [threading.Thread(target=store, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(envelopes) == 8
    assert all(read(serdes, envelope) == value for value, envelope in envelopes)
    files = list(Path(envelopes[0][1]["file"]).parent.iterdir())
    assert 4 <= len(files) <= 5  # one that both names came to be of
    assert not any(each.name.startswith(".") for each in files)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SerDesError, match="No space left"):
        stored(FileSystemSerDes(tmp_path), "value")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


# ---------------------------------------------------------------------------------- careful reading


@pytest.mark.parametrize("content", ['"othr"', '"val', '"value!"'], ids=["other", "cut", "more"])
def test_a_file_that_was_changed_is_refused(tmp_path: Path, content: str) -> None:
    serdes = FileSystemSerDes(tmp_path)
    envelope = stored(serdes, "valu")
    Path(envelope["file"]).write_text(content)
    with pytest.raises(SerDesError, match="stored"):
        read(serdes, envelope)


@pytest.mark.parametrize("where", ["{outside}", "{base}/../outside", "/etc/passwd", "{base}", ""])
def test_what_is_not_below_the_directory_is_left_alone(tmp_path: Path, where: str) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.write_text('"secret"')
    path = where.format(base=base, outside=outside)
    with pytest.raises(SerDesError, match="left alone"):
        read(FileSystemSerDes(base), {"file": path})


@pytest.mark.parametrize("inner", ["link", "directory/outside"])
def test_links_lead_nowhere(tmp_path: Path, inner: str) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.write_text('"secret"')
    (base / "link").symlink_to(outside)
    (base / "directory").symlink_to(tmp_path)
    with pytest.raises(SerDesError, match="left alone"):
        read(FileSystemSerDes(base), {"file": str(base / inner)})


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.mkdir()
    (base / "orders").symlink_to(outside)
    with pytest.raises(SerDesError, match="left alone"):
        stored(FileSystemSerDes(base), 1)
    assert [each for each in outside.rglob("*") if each.is_file()] == []


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "base").symlink_to(tmp_path / "mount")
    serdes = FileSystemSerDes(tmp_path / "base")
    assert read(serdes, stored(serdes, "value")) == "value"


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(SerDesError):
        read(FileSystemSerDes(tmp_path), {"file": str(tmp_path / "directory")})
    with pytest.raises(SerDesError, match="no text"):
        read(FileSystemSerDes(tmp_path), {"file": 5})


# ----------------------------------------------------------------------------------------- failures


def test_a_directory_that_is_not_there_may_come(tmp_path: Path) -> None:
    """A file system that is not mounted yet. It is no place to make directories in, either."""
    (tmp_path / "mnt").write_text("stands in the way of the mount")
    serdes = FileSystemSerDes(tmp_path / "mnt" / "shared")
    with pytest.raises(RetryableSerDesError, match="mounted"):
        stored(serdes, 1)
    with pytest.raises(RetryableSerDesError, match="mounted"):
        read(serdes, {"file": str(tmp_path / "mnt" / "shared" / "f.json")})


def test_a_file_that_is_gone_stays_gone(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(tmp_path)
    envelope = stored(serdes, 1)
    Path(envelope["file"]).unlink()
    with pytest.raises(SerDesError, match="No such file"):
        read(serdes, envelope)


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        (errno.ENOSPC, False),
        (errno.EACCES, False),
        (errno.EROFS, False),
        (errno.EDQUOT, False),
        (errno.EIO, True),
        (errno.ESTALE, True),
        (errno.ETIMEDOUT, True),
    ],
)
def test_what_may_pass_is_told_from_what_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, passing: bool
) -> None:
    serdes = FileSystemSerDes(tmp_path)
    envelope = stored(serdes, 1)

    def broken(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", broken)
    for call in (lambda: stored(serdes, 2), lambda: read(serdes, envelope)):
        with pytest.raises((SerDesError, RetryableSerDesError)) as failed:
            call()
        assert isinstance(failed.value, RetryableSerDesError) is passing


# ------------------------------------------------------------------------------------ in executions


def test_a_step_and_a_context_are_read_from_their_files(flavour: Flavour, tmp_path: Path) -> None:
    runs: list[int] = []
    large = "x" * 300_000

    async def child(ctx: Any) -> str:
        runs.append(1)
        return large

    async def handler(event: Any, ctx: Any) -> Any:
        one = await ctx.step(lambda: large, "one", StepConfig(serdes=FileSystemSerDes(tmp_path)))
        two = await ctx.run_in_child_context(flavour.function(child), "two")
        await ctx.wait(seconds=1)
        return [len(one), len(two)]

    service = FakeService()
    answer = service.run(flavour.durable(handler, serdes=FileSystemSerDes(tmp_path, OVERFLOW)))
    assert answer == succeeded([300_000, 300_000])
    assert runs == [1]
    assert not service.sent("SUCCEED", 2).get("ContextOptions", {}).get("ReplayChildren")


def test_an_execution_that_the_official_sdk_began_goes_on(flavour: Flavour, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text('{"t":"t","v":[{"t":"i","v":1}]}')

    async def handler(event: Any, ctx: Any) -> Any:
        config = StepConfig[Any](serdes=FileSystemSerDes(tmp_path))
        return repr(await ctx.step(lambda: None, "work", config))

    envelope = json.dumps({"file": str(tmp_path / "f.json"), "preview": {"a": 1}})
    service = FakeService(recorded("STEP", "SUCCEEDED", 1, "work", Result=envelope))
    assert service.invoke(flavour.durable(handler)) == succeeded("(1,)")


def test_a_reference_to_elsewhere_ends_the_execution(flavour: Flavour, tmp_path: Path) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = StepConfig[Any](serdes=FileSystemSerDes(tmp_path))
        await ctx.step(lambda: None, "work", config)

    result = json.dumps({"file": "/etc/passwd"})
    service = FakeService(recorded("STEP", "SUCCEEDED", 1, "work", Result=result))
    _, message = failure(service.invoke(flavour.durable(handler)))
    assert "left alone" in str(message)
