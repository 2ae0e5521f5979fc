"""What is logged of failures: once each, with traceback and keys, and not on replay."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import ARN, FakeService, oid
from flavours import Flavour, retrying

from aws_durable_execution_sdk_python.config import StepConfig, WithRetryConfig
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


class OrderError(Exception):
    """The user's."""


def refuse(*_: Any) -> Any:
    raise OrderError("no stock")


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Levels and first lines of what was logged at WARNING and above."""
    records = [r for r in caplog.records if r.levelno >= logging.WARNING]
    return [(r.levelname, r.getMessage().splitlines()[0]) for r in records]


REFUSED = f"{__name__}.OrderError: no stock"


def test_a_failed_handler_is_logged_with_its_traceback(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        refuse()

    assert failure(FakeService().invoke(flavour.durable(handler)))[1] == "no stock"
    (record,) = caplog.records
    assert told(caplog) == [("ERROR", f"the handler failed: {REFUSED}")]
    assert record.name == "root"
    assert record.executionArn == ARN  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert "in refuse\n" in caplog.text
    trace = record.exc_info[2]
    assert trace is not None
    assert "aws_durable_execution_sdk_python" not in trace.tb_frame.f_code.co_filename


def test_attempts_that_are_tried_again_are_warnings_with_attempt_and_delay(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(refuse, name="charge", config=StepConfig(fixed(2, max_attempts=3)))
        except OrderError:
            await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    again = "the next attempt is due in 2 s"
    assert told(caplog) == [
        ("WARNING", f"step 'charge' failed on attempt 1; {again}: {REFUSED}"),
        ("WARNING", f"step 'charge' failed on attempt 2; {again}: {REFUSED}"),
        ("ERROR", f"step 'charge' failed on attempt 3: {REFUSED}"),
    ]
    for number, record in enumerate(caplog.records, 1):
        assert record.exc_info is not None
        keys = {key: vars(record)[key] for key in ("executionArn", "operationId", "operationName")}
        assert keys == {"executionArn": ARN, "operationId": oid(1), "operationName": "charge"}
        assert vars(record)["attempt"] == number


async def nested(ctx: Any) -> Any:
    async def inner(ctx: Any, *_: Any) -> Any:
        return await ctx.step(refuse, name="charge")

    async def middle(ctx: Any) -> Any:
        (await ctx.map([1], inner)).throw_if_error()

    return await ctx.run_in_child_context(middle)


async def submitted(ctx: Any) -> Any:
    return await ctx.wait_for_callback(refuse, name="ask")


@pytest.mark.parametrize(
    ("run", "step"),
    [(nested, "charge"), (submitted, "ask submitter")],
    ids=["child, map", "submitter"],
)
def test_an_error_that_nobody_handles_is_logged_once(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, run: Any, step: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await run(ctx)

    assert "no stock" in str(failure(FakeService().invoke(flavour.durable(handler)))[1])
    assert told(caplog) == [("ERROR", f"step '{step}' failed on attempt 1: {REFUSED}")]


def test_a_failure_of_an_earlier_invocation_is_logged_again_only_as_the_handlers(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(refuse, name="charge")
        finally:
            await ctx.wait(seconds=1)

    assert failure(FakeService().run(flavour.durable(handler)))[1] == "no stock"
    assert told(caplog) == [
        ("ERROR", f"step 'charge' failed on attempt 1: {REFUSED}"),
        ("ERROR", f"the handler failed: {REFUSED}"),
    ]
    # Where the step's function raised, which the traceback of a replay does not have.
    assert "in refuse\n" in caplog.records[1].getMessage()
    frames = traceback.extract_tb(caplog.records[1].exc_info[2])  # type: ignore[index]
    assert frames
    assert not [frame for frame in frames if "aws_durable_execution_sdk_python" in frame.filename]


def test_a_long_error_is_logged_once_and_cut_once(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    """What travels on has the text as it is on record, which is cut."""
    text = "stock " * 10_000

    def refuse_at_length(*_: Any) -> None:
        raise OrderError(text)

    async def inner(ctx: Any) -> Any:
        return await ctx.step(refuse_at_length, name="charge")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(inner, name="inner")

    message = failure(FakeService().invoke(flavour.durable(handler)))[1] or ""
    (record,) = caplog.records
    assert record.getMessage().endswith(message)
    assert re.fullmatch(rf"(stock )+st... \[cut: {len(text)} bytes in all\]", message)
    assert message.count("[cut: ") == 1
    assert len(message) < 12 * 1024


def test_a_child_context_that_fails_by_itself_is_logged(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def child(ctx: Any) -> Any:
        refuse()

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(child, name="order")
        except OrderError:
            await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert told(caplog) == [("ERROR", f"child context 'order' failed: {REFUSED}")]


def test_a_check_that_fails_is_logged(flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    config = WaitForConditionConfig[Any](lambda s, n: WaitForConditionDecision.stop_polling(), 0)

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.wait_for_condition(refuse, config, name="poll")
        except OrderError:
            await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert told(caplog) == [("ERROR", f"check 'poll' failed on attempt 1: {REFUSED}")]


def test_what_with_retry_tries_again_is_a_warning_and_not_repeated(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def attempt(ctx: Any, number: int) -> Any:
        if number < 3:
            refuse()
        return number

    async def handler(event: Any, ctx: Any) -> Any:
        return await retrying(ctx, attempt, name="all", config=WithRetryConfig(fixed(1, 3)))

    assert FakeService().run(flavour.durable(handler)) == succeeded(3)
    again = "the next attempt is due in 1 s"
    assert told(caplog) == [
        ("WARNING", f"with_retry 'all' failed on attempt 1; {again}: {REFUSED}"),
        ("WARNING", f"with_retry 'all' failed on attempt 2; {again}: {REFUSED}"),
    ]


def test_what_code_does_while_it_is_suspended_is_not_logged(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.wait(seconds=1)
        except BaseException:
            refuse()

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert told(caplog) == []


class Minimal:
    """A logger with no more than is asked of one."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Any]] = []

    def warning(self, msg: object, *args: object, extra: Any = None) -> None:
        self.lines.append(("warning", str(msg) % args, extra))

    def error(self, msg: object, *args: object, extra: Any = None) -> None:
        self.lines.append(("error", str(msg) % args, extra))


def test_failures_go_to_the_logger_that_was_set_as_far_as_it_takes_them(flavour: Flavour) -> None:
    logger = Minimal()

    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(logger)
        await ctx.step(refuse, name="charge")

    FakeService().invoke(flavour.durable(handler))
    ((level, text, extra),) = logger.lines
    assert level == "error"
    assert text.startswith(f"step 'charge' failed on attempt 1: {REFUSED}\nTraceback")
    assert 'raise OrderError("no stock")' in text
    assert extra["attempt"] == 1


def test_a_logger_that_fails_changes_nothing(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Minimal):
        def error(self, msg: object, *args: object, extra: Any = None) -> None:
            raise LookupError("no disk")

    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(Broken())
        await ctx.step(refuse, name="charge")

    assert failure(FakeService().invoke(flavour.durable(handler)))[1] == "no stock"
    expected = "the logger could not write that step 'charge' failed on attempt 1: LookupError"
    assert told(caplog) == [("WARNING", expected)]


def test_texts_can_be_left_out(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DURABLE_EXECUTION_LOG_ERRORS", "frames")

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            refuse()
        except OrderError as error:
            raise ExceptionGroup("stocks", [error]) from error

    assert "no stock" in str(failure(FakeService().invoke(flavour.durable(handler)))[1])
    (record,) = caplog.records
    assert record.exc_info is None
    assert "stock" not in record.getMessage().replace('OrderError("no stock")', "").replace(
        'ExceptionGroup("stocks"', ""
    )
    assert record.getMessage().startswith("the handler failed: ExceptionGroup\n")
    assert "in refuse\n" in record.getMessage()
