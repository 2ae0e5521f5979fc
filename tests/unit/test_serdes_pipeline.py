"""Compression and encryption: what is stored, what is read, what is refused."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import SerDesError, ValidationError
from aws_durable_execution_sdk_python.filesystem_serdes import FileSystemSerDes
from aws_durable_execution_sdk_python.s3_serdes import S3SerDes
from aws_durable_execution_sdk_python.serdes import (
    JsonSerDes,
    PassThroughSerDes,
    SerDesContext,
    is_async_serdes,
)
from aws_durable_execution_sdk_python.serdes_pipeline import (
    ByteStage,
    compress,
    encrypt,
    pipeline,
)

HERE = SerDesContext("op-1", "arn")
KEY = Fernet(Fernet.generate_key())
LONG = "value " * 1_000


class Reversed(ByteStage):
    name = "reversed"

    def encode(self, data: bytes, /) -> bytes:
        return data[::-1]

    def decode(self, data: bytes, /) -> bytes:
        return data[::-1]


def content_of(text: str) -> tuple[list[str], bytes]:
    envelope = json.loads(text)
    assert envelope.keys() == {"__durable_execution_stages", "stages", "data"}
    return envelope["stages"], base64.b64decode(envelope["data"])


# ----------------------------------------------------------------------------------- what is stored


def test_stages_are_applied_in_order_and_named() -> None:
    serdes = pipeline(None, compress(), Reversed(), encrypt(KEY))
    text = serdes.serialize(LONG, HERE)
    names, content = content_of(text)
    assert names == ["gzip", "reversed", "encrypt"]
    assert gzip.decompress(KEY.decrypt(content)[::-1]) == json.dumps(LONG).encode()
    assert serdes.deserialize(text, HERE) == LONG


def test_what_would_not_become_smaller_stays_as_it_is() -> None:
    serdes = pipeline(JsonSerDes(), compress())
    assert serdes.serialize([1], HERE) == "[1]"
    assert len(serdes.serialize(LONG, HERE)) < 200
    assert serdes.deserialize("[1]", HERE) == [1]


def test_compression_is_the_same_each_time() -> None:
    serdes = pipeline(None, compress(level=9))
    assert serdes.serialize(LONG, HERE) == serdes.serialize(LONG, HERE)


def test_a_text_that_looks_like_a_stored_one_is_itself() -> None:
    serdes = pipeline(PassThroughSerDes(), compress())
    text = pipeline(PassThroughSerDes(), compress()).serialize(LONG, HERE)
    assert serdes.deserialize(serdes.serialize(text, HERE), HERE) == text


@given(st.text(st.characters()))
def test_every_text_comes_back(text: str) -> None:
    for stages in ([compress()], [Reversed()], [encrypt(lambda b: b, lambda b: b), compress()]):
        serdes = pipeline(PassThroughSerDes(), *stages)
        assert serdes.deserialize(serdes.serialize(text, HERE), HERE) == text


# ------------------------------------------------------------------------------------- what is read


def test_values_stored_before_a_stage_was_added_are_read() -> None:
    plain = pipeline(None, compress())
    assert plain.deserialize('{"a":1}', HERE) == {"a": 1}
    text = plain.serialize(LONG, HERE)
    assert pipeline(None, compress(), Reversed()).deserialize(text, HERE) == LONG


def test_encryption_demands_that_what_is_read_was_encrypted() -> None:
    """Else whoever can write a record could have it taken for a secret of ours."""
    unencrypted = ['{"a":1}', pipeline(None, Reversed()).serialize({"a": 1}, HERE)]
    for text in unencrypted:
        with pytest.raises(SerDesError, match="not been through the stage 'encrypt'"):
            pipeline(None, Reversed(), encrypt(KEY)).deserialize(text, HERE)
        migrating = pipeline(None, Reversed(), encrypt(KEY, reads_plain=True))
        assert migrating.deserialize(text, HERE) == {"a": 1}


def test_a_stage_that_is_not_given_any_more_is_named() -> None:
    text = pipeline(None, Reversed()).serialize(1, HERE)
    with pytest.raises(SerDesError, match="needs the stage 'reversed'"):
        pipeline(None, compress()).deserialize(text, HERE)


def staged(data: str, *stages: str) -> str:
    envelope = {"__durable_execution_stages": 1, "stages": stages, "data": data}
    return json.dumps(envelope, separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (staged("not base64", "gzip"), "no base64"),
        (staged(base64.b64encode(b"no gzip").decode(), "gzip"), "no gzip"),
        (
            staged(base64.b64encode(gzip.compress(b"value" * 99, mtime=0)[:-9]).decode(), "gzip"),
            "is cut",
        ),
        (
            staged(base64.b64encode(gzip.compress(b"x" * 1_001, mtime=0)).decode(), "gzip"),
            "1000 bytes",
        ),
    ],
    ids=["not base64", "not gzip", "cut", "too large"],
)
def test_what_is_damaged_or_grows_too_large_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SerDesError, match=problem):
        pipeline(None, compress(max_bytes=1_000)).deserialize(text, HERE)


def test_the_largest_that_is_allowed() -> None:
    text = staged(base64.b64encode(gzip.compress(b"1" * 1_000)).decode(), "gzip")
    serdes = pipeline(PassThroughSerDes(), compress(max_bytes=1_000))
    assert serdes.deserialize(text, HERE) == "1" * 1_000


def test_an_encryption_that_was_tampered_with() -> None:
    with pytest.raises(InvalidToken):
        pipeline(None, encrypt(KEY)).deserialize(staged("AAAA", "encrypt"), HERE)


# ------------------------------------------------------------------------------------- async stages


class AsyncCipher:
    """A service that encrypts."""

    async def encrypt(self, data: bytes) -> bytes:
        await asyncio.sleep(0)
        return KEY.encrypt(data)

    async def decrypt(self, data: bytes) -> bytes:
        await asyncio.sleep(0)
        return KEY.decrypt(data)


async def test_an_async_stage_makes_an_async_serdes() -> None:
    serdes: Any = pipeline(None, compress(), encrypt(AsyncCipher()))
    assert is_async_serdes(serdes)
    text = await serdes.serialize(LONG, HERE)
    assert content_of(text)[0] == ["gzip", "encrypt"]
    assert await serdes.deserialize(text, HERE) == LONG
    # What one kind has written the other one reads.
    assert pipeline(None, compress(), encrypt(KEY)).deserialize(text, HERE) == LONG


async def test_what_blocks_runs_beside_the_loop_in_an_async_pipeline() -> None:
    threads: list[threading.Thread] = []

    def seen(data: bytes) -> bytes:
        threads.append(threading.current_thread())
        return data

    class Turned(Reversed):
        async def encode(self, data: bytes, /) -> bytes:  # type: ignore[override]
            return data[::-1]

    serdes: Any = pipeline(None, Turned(), encrypt(seen, seen, blocking=True))
    assert await serdes.deserialize(await serdes.serialize(1, HERE), HERE) == 1
    assert len(threads) == 2
    assert threading.current_thread() not in threads


# ---------------------------------------------------------------------------------------- composing


def test_a_store_keeps_what_has_been_through_the_stages(tmp_path: Any) -> None:
    serdes = pipeline(None, compress(), encrypt(KEY), FileSystemSerDes(tmp_path))
    envelope = json.loads(str(serdes.serialize(LONG, HERE)))
    with open(envelope["file"]) as file:
        assert content_of(file.read())[0] == ["gzip", "encrypt"]
    assert serdes.deserialize(json.dumps(envelope), HERE) == LONG


def test_stages_after_a_store_apply_to_the_reference(tmp_path: Any) -> None:
    serdes = pipeline(None, FileSystemSerDes(tmp_path), encrypt(KEY))
    text = serdes.serialize(LONG, HERE)
    assert b'"file"' in KEY.decrypt(content_of(str(text))[1])
    assert serdes.deserialize(str(text), HERE) == LONG


def test_which_of_them_are_async(tmp_path: Any) -> None:
    assert not is_async_serdes(pipeline(None))
    assert not is_async_serdes(pipeline(None, compress(), FileSystemSerDes(tmp_path)))
    assert is_async_serdes(pipeline(None, compress(), S3SerDes("bucket")))
    assert is_async_serdes(pipeline(None, encrypt(AsyncCipher()), S3SerDes("bucket")))
    with pytest.raises(ValidationError, match="is not async"):
        pipeline(None, encrypt(AsyncCipher()), FileSystemSerDes(tmp_path))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pipeline(None, JsonSerDes()),  # type: ignore[arg-type]
        lambda: pipeline(None, compress),  # type: ignore[arg-type]
        lambda: pipeline("json"),  # type: ignore[arg-type]
        lambda: pipeline(None, encrypt(KEY), compress(), encrypt(KEY)),
        lambda: compress(level=0),
        lambda: compress(max_bytes=0),
        lambda: encrypt(object()),  # type: ignore[arg-type]
        lambda: encrypt(lambda data: data),
        lambda: encrypt(None, lambda data: data),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_pipeline_is_refused(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()


def test_a_stage_gives_bytes() -> None:
    serdes = pipeline(None, encrypt(lambda data: "text", lambda data: data))  # type: ignore[arg-type,return-value]
    with pytest.raises(SerDesError, match="must give bytes, got a value of type str"):
        serdes.serialize(1, HERE)
