"""The limits of the service: what it takes passes, what it would refuse is never sent.

At a limit the local service, which has the service's own, has the last word.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from answers import failure
from fake_service import FakeService, error, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import CallbackError, ValidationError
from aws_durable_execution_sdk_python._core.error_size import error_size, fitting
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.config import MapConfig, NestingType, ParallelConfig
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

STEP, ERROR, INVOKE, RESULT = 262_144, 262_144, 1_048_576, 6_291_456


def of_size(size: int) -> str:
    """A string that takes so many bytes as JSON."""
    return "x" * (size - 2)


async def step(ctx: Any, size: int) -> int:
    return len(await ctx.step(lambda: of_size(size), "work"))


async def condition(ctx: Any, size: int) -> int:
    def stop(state: Any, attempt: int) -> WaitForConditionDecision:
        if attempt == 1:
            return WaitForConditionDecision.continue_waiting(1)
        return WaitForConditionDecision.stop_polling()

    config = WaitForConditionConfig[Any](stop, "")
    return len(await ctx.wait_for_condition(lambda state: of_size(size), config, "work"))


async def invoke(ctx: Any, size: int) -> int:
    return int(await ctx.invoke("length", of_size(size), "work"))


OPERATIONS = [
    pytest.param(step, STEP, "the result of the step 'work'", id="step"),
    pytest.param(condition, STEP, "the state of the wait_for_condition 'work'", id="condition"),
    pytest.param(invoke, INVOKE, "the payload of the invoke 'work'", id="invoke"),
]


@pytest.mark.parametrize(("operation", "limit", "what"), OPERATIONS)
def test_what_the_service_takes_is_recorded(
    flavour: Flavour, operation: Any, limit: int, what: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await operation(ctx, limit)

    with DurableFunctionTestRunner(flavour.durable(handler)) as runner:
        if operation is invoke:
            runner.mock_invoke("length", result=limit - 2)
        assert runner.run().result == limit - 2


@pytest.mark.parametrize(("operation", "limit", "what"), OPERATIONS)
def test_what_it_would_refuse_is_not_sent(
    flavour: Flavour, operation: Any, limit: int, what: str
) -> None:
    """The error names the operation, the size, the limit and the way out."""

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await operation(ctx, limit + 1)
        except ValidationError as problem:
            return str(problem)

    service = FakeService()
    text = json.loads(service.invoke(flavour.durable(handler))["Result"])
    assert text.startswith(f"{what} is {limit + 1} bytes when serialised")
    for part in (f"at most {limit}:", "S3SerDes", "FileSystemSerDes", "pass a reference"):
        assert part in text
    assert not any(len(update.get("Payload") or "") > 1_000 for update in service.updates)
    assert not any("SUCCEED" in line or "INVOKE" in line for line in service.trace)


def test_a_result_of_the_handler_beyond_the_limit_fails_the_execution(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return of_size(RESULT + event)

    with DurableFunctionTestRunner(flavour.durable(handler)) as runner:
        assert len(runner.run(input=0).result) == RESULT - 2
    kind, message = failure(FakeService(event=1).invoke(flavour.durable(handler)))
    assert kind is not None
    assert kind.endswith("ValidationError")
    assert message is not None
    for part in ("the result of the handler", str(RESULT + 1), str(RESULT), "return a reference"):
        assert part in message


# -------------------------------------------------------------------------------- error objects


def test_an_error_that_fits_is_stored_as_it_is() -> None:
    described = ErrorObject("m" * 10, "T", "d" * (ERROR - 1_000), ["line"])
    assert error_size(described) < ERROR
    assert fitting(described) is described


@pytest.mark.parametrize(
    ("described", "kept"),
    [
        (ErrorObject("m", "T", "d", ["l" * ERROR]), ("m", "T", "d", None)),
        (ErrorObject("m", "T", "d" * ERROR, ["l"]), ("m", "T", None, None)),
        (ErrorObject("\0" * ERROR, "T" * ERROR), ("\0" * 100, "T" * 100, None, None)),
    ],
    ids=["stack trace", "data", "all of it"],
)
def test_of_a_larger_error_that_is_kept_which_tells_most(
    described: ErrorObject, kept: tuple[str, str, str | None, None]
) -> None:
    stored = fitting(described)
    message, kind, data, trace = kept
    assert error_size(stored) <= ERROR
    assert (stored.message or "").startswith(message)
    assert (stored.message or "").endswith(
        f"the error object has {error_size(described)} bytes in all]"
    )
    assert (stored.type or "").startswith(kind)
    assert (stored.data, stored.stack_trace) == (data, trace)


def test_a_long_message_does_not_cost_the_rest() -> None:
    stored = fitting(ErrorObject("m" * ERROR, "T", "d", ["l"]))
    assert (stored.type, stored.data, stored.stack_trace) == ("T", "d", ["l"])
    assert (stored.message or "").startswith("m" * 100)
    assert (stored.message or "").endswith(f"... [cut: {ERROR} bytes in all]")


def test_the_error_of_a_callback_that_is_too_large_to_pass_on_is_cut(flavour: Flavour) -> None:
    """Its data, which may be as large as any, are escaped once more where it leaves a context."""
    answered = error("Refused", "no", ErrorData='"' * 200_000)

    async def asks(ctx: Any) -> Any:
        return await (await ctx.create_callback("answer")).result()

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(flavour.function(asks), "asks")
        except CallbackError as problem:
            return type(problem).__name__, str(problem)[:2]

    history = [
        recorded("CONTEXT", "STARTED", 1, "asks"),
        recorded("CALLBACK", "FAILED", (1, 1), "answer", CallbackId="c", Error=answered),
    ]
    service = FakeService(*history)
    answer = service.invoke(flavour.durable(handler))
    assert answer["Status"] == "SUCCEEDED", answer
    stored = json.dumps(service.sent("FAIL", 1)["Error"], separators=(",", ":"))
    assert len(stored) <= ERROR


# ---------------------------------------------------------------------------- 3,000 operations


async def nothing(ctx: Any, item: int, *_: Any) -> None:
    pass


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("count", "nesting", "told"),
    [
        (1_499, NestingType.NESTED, False),
        (1_500, NestingType.NESTED, True),
        (2_998, NestingType.FLAT, False),
        (2_999, NestingType.FLAT, True),
    ],
)
def test_a_map_that_will_pass_the_limit_of_operations_says_so_once(
    caplog: pytest.LogCaptureFixture, count: int, nesting: NestingType, told: bool
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = MapConfig[Any](nesting_type=nesting)
        await ctx.map([0] * count, nothing, "prices", config)
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(Flavour().durable(handler))["Status"] == "SUCCEEDED"
    texts = [text for text in warned(caplog) if "3000" in text]
    assert len(texts) == told
    if told:
        (text,) = texts
        assert "the map 'prices' has" in text
        assert "a batch of the work" in text
        assert ("NestingType.FLAT" in text) is (nesting is NestingType.NESTED)


def test_what_is_on_record_counts_too(caplog: pytest.LogCaptureFixture, flavour: Flavour) -> None:
    history = [recorded("STEP", "SUCCEEDED", i, Result="1") for i in range(1, 2_998)]

    async def handler(event: Any, ctx: Any) -> Any:
        for _ in range(2_997):
            await ctx.step(lambda: 1)
        branch = flavour.function(waiting)
        await ctx.parallel([branch], "last", ParallelConfig())

    async def waiting(ctx: Any) -> None:
        await ctx.wait(seconds=1)

    FakeService(*history).invoke(flavour.durable(handler))
    assert ["the parallel 'last' has 1 branches" in text for text in warned(caplog)] == [True]
