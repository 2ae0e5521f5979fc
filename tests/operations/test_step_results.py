"""What a step returns: its stored text, read back; and what happens when there is none."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import ARN, FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    RetryableSerDesError,
    SerDesError,
    StepError,
    ValidationError,
)
from aws_durable_execution_sdk_python._core.limits import MAX_STEP_BYTES
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext


def returning(flavour: Flavour, value: Any, config: StepConfig[Any] | None = None) -> Any:
    """A handler with one step; gives the `repr` of what the step gave, also after a replay."""

    async def handler(event: Any, ctx: Any) -> Any:
        result = await ctx.step(lambda: value, "work", config)
        await ctx.wait(seconds=1)
        return repr(result)

    return flavour.durable(handler)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, "null"),
        ("", '""'),
        (0, "0"),
        (False, "false"),
        ([1, [2.5, "x"]], '[1,[2.5,"x"]]'),
        ({"a": {"b": [None]}}, '{"a":{"b":[null]}}'),
        ({"t": "s", "v": "x"}, '{"t":"m","v":{"t":{"t":"s","v":"s"},"v":{"t":"s","v":"x"}}}'),
        ((1, "x"), '{"t":"t","v":[{"t":"i","v":1},{"t":"s","v":"x"}]}'),
        (dt.datetime(2020, 1, 2), '{"t":"dt","v":"2020-01-02T00:00:00"}'),
        (decimal.Decimal("1.10"), '{"t":"d","v":"1.10"}'),
        (uuid.UUID(int=1), '{"t":"u","v":"00000000-0000-0000-0000-000000000001"}'),
        (b"\x00\xff", '{"t":"B","v":"AP8="}'),
    ],
    ids=repr,
)
def test_a_result_is_stored_as_json_or_as_an_envelope_and_comes_back(
    flavour: Flavour, value: Any, stored: str
) -> None:
    service = FakeService()
    assert service.run(returning(flavour, value)) == succeeded(repr(value))
    assert service.sent("SUCCEED", 1)["Payload"] == stored


@pytest.mark.parametrize(
    ("value", "read"),
    [({1: "x"}, {"1": "x"}), (bytearray(b"x"), b"x")],
    ids=["int keys", "bytearray"],
)
def test_the_first_run_sees_what_a_replay_will_see(flavour: Flavour, value: Any, read: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return repr(await ctx.step(lambda: value))

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(repr(read))


def test_a_result_is_a_copy_of_what_was_returned(flavour: Flavour) -> None:
    shared: list[int] = []

    async def handler(event: Any, ctx: Any) -> Any:
        result = await ctx.step(lambda: shared)
        result.append(1)
        return shared

    assert FakeService().invoke(flavour.durable(handler)) == succeeded([])


def test_a_value_that_cannot_be_stored_fails_at_once(flavour: Flavour) -> None:
    """Trying again would not help: the retry strategy is not asked."""
    service = FakeService()
    answer = service.invoke(returning(flavour, {1, 2}, StepConfig(fixed(1))))
    kind, message = failure(answer)
    assert kind == "aws_durable_execution_sdk_python.exceptions.SerDesError"
    assert "'work'" in (message or "")
    assert "set cannot be stored" in (message or "")
    assert service.trace == ["STEP START work", "STEP FAIL work"]


def test_a_serialisation_failure_is_a_step_error_too(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(lambda: object())
        except SerDesError as problem:
            return isinstance(problem, StepError)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(True)


def test_a_result_may_take_as_many_bytes_as_the_service_stores(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return len(await ctx.step(lambda: "x" * (MAX_STEP_BYTES - 2)))

    answer = FakeService().invoke(flavour.durable(handler))
    assert answer == succeeded(MAX_STEP_BYTES - 2)


def test_a_larger_result_fails_the_step_with_size_limit_and_advice(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(lambda: "x" * (MAX_STEP_BYTES - 1), config=StepConfig(fixed(1)))
        except ValidationError as problem:
            return [isinstance(problem, StepError), str(problem)]

    service = FakeService()
    answer = service.invoke(flavour.durable(handler))
    for part in ("[true, ", str(MAX_STEP_BYTES), str(MAX_STEP_BYTES + 1), "Amazon S3"):
        assert part in answer["Result"]
    assert service.trace == ["STEP START", "STEP FAIL"]


class Reversed(SerDes[str]):
    """Stores a text backwards, and remembers what it was told."""

    def __init__(self) -> None:
        self.contexts: set[SerDesContext] = set()

    def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        self.contexts.add(serdes_context)
        return value[::-1]

    def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        self.contexts.add(serdes_context)
        return data[::-1]


def test_a_serdes_of_its_own_stores_and_reads(flavour: Flavour) -> None:
    serdes, service = Reversed(), FakeService()
    handler = returning(flavour, "abc", StepConfig(serdes=serdes))
    assert service.run(handler) == succeeded(repr("abc"))
    assert service.sent("SUCCEED", 1)["Payload"] == "cba"
    assert serdes.contexts == {SerDesContext(oid(1), ARN)}


class Refusing(SerDes[Any]):
    """Fails with the given error."""

    def __init__(self, problem: Exception, *, when: str) -> None:
        self.problem = problem
        self.when = when

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        if self.when == "writing":
            raise self.problem
        return "text"

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        raise self.problem


@pytest.mark.parametrize("when", ["writing", "reading"])
def test_a_passing_failure_to_store_raises_and_records_nothing(flavour: Flavour, when: str) -> None:
    service = FakeService()
    serdes = Refusing(RetryableSerDesError("the store is busy"), when=when)
    with pytest.raises(RetryableSerDesError, match="the store is busy"):
        service.invoke(returning(flavour, "x", StepConfig(fixed(1), serdes=serdes)))
    assert service.trace in ([], ["STEP START work"])


@pytest.mark.parametrize("when", ["writing", "reading"])
def test_any_other_error_of_a_serdes_fails_the_step(flavour: Flavour, when: str) -> None:
    service = FakeService()
    serdes = Refusing(ZeroDivisionError("oops"), when=when)
    answer = service.invoke(returning(flavour, "x", StepConfig(serdes=serdes)))
    kind, message = failure(answer)
    assert kind == "aws_durable_execution_sdk_python.exceptions.SerDesError"
    assert "oops" in (message or "")
    assert service.trace == ["STEP START work", "STEP FAIL work"]
