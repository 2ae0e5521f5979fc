"""Data stays out of logs and of the SDK's own errors, wherever a program has it.

Each program carries the same secret in every place that data can have, under faults too. What is
logged at INFO and above, by anybody, and what is printed must not contain it; nor may the message
of an error that the SDK itself makes. The text of a user's own exception is logged, unless
`DURABLE_EXECUTION_LOG_ERRORS=frames` says otherwise.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import traceback
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    BatchItemStatus,
    DurableContext,
    StepError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    CompletionConfig,
    MapConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.exceptions import DurableExecutionsError, SerDesError
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.serdes import ExtendedTypeSerDes, JsonSerDes, deserialize
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing._faults import Faults

SECRET = "hunter2-4111111111111111"
DATA = {"card": SECRET, SECRET: [SECRET], "at": datetime(2026, 1, 1)}
PLAIN = {"card": SECRET, SECRET: [SECRET]}


@pytest.fixture(autouse=True)
def secret_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, SECRET)


def _watch(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    formatter = logging.Formatter("%(name)s %(message)s")
    with caplog.at_level(logging.INFO):
        yield
        # By phase: a fixture ends in another one than the test.
        phases = ("setup", "call", "teardown")
        records = [record for phase in phases for record in caplog.get_records(phase)]
        lines = [formatter.format(record) for record in records]  # with tracebacks
        lines += [str(vars(record)) for record in records]
    printed = capfd.readouterr()
    assert not [line for line in [*lines, printed.out, printed.err] if SECRET in line]


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever the test does, the secret shows up nowhere."""
    yield from _watch(caplog, capfd)


STATES = WaitForConditionConfig[Any](
    wait_strategy=lambda state, attempt: (
        WaitForConditionDecision.continue_waiting(1)
        if attempt < 2
        else WaitForConditionDecision.stop_polling()
    ),
    initial_state=DATA,
)
ANYHOW = MapConfig[Any](completion_config=CompletionConfig.all_completed())
RETRYING = StepConfig[Any](fixed(1, max_attempts=2))


class CardError(Exception):
    """The user's; its text is what the environment says, and may be data."""

    def __init__(self) -> None:
        super().__init__(os.environ["CARD_TEXT"])


def refuse(step_context: Any) -> Any:
    raise CardError


@pytest.fixture(params=["texts", "frames"])
def texts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What exceptions say: something harmless, or data while only frames are logged."""
    if request.param == "frames":
        monkeypatch.setenv("DURABLE_EXECUTION_LOG_ERRORS", "frames")
        monkeypatch.setenv("CARD_TEXT", SECRET)
    else:
        monkeypatch.setenv("CARD_TEXT", "refused")
    return str(request.param)


@durable_execution
def blocking(event: Any, context: DurableContext) -> Any:
    def item(ctx: DurableContext, value: Any, index: int, items: Any) -> Any:
        return ctx.step(refuse if index == 1 else lambda _: value)

    assert event == PLAIN
    context.step(lambda _: DATA, name="result")
    context.step(lambda _: DATA, name="in a thread", config=StepConfig(timeout=60))
    context.run_in_child_context(lambda ctx: [ctx.step(lambda _: DATA), SECRET * 20_000])
    context.wait_for_condition(lambda state: state, STATES)
    batch = context.map([DATA, SECRET], item, config=ANYHOW)
    context.invoke("other", PLAIN)
    context.wait_for_callback(lambda callback_id: SECRET, name="callback")
    assert batch.all[1].status is BatchItemStatus.FAILED
    try:
        context.step(refuse, config=RETRYING)
    except StepError as error:
        context.logger.info("the card was refused: %s", type(error).__name__)
    raise CardError


@durable_execution
async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
    async def item(ctx: AsyncDurableContext, value: Any, index: int, items: Any) -> Any:
        return await ctx.step(refuse if index == 1 else lambda _: value)

    async def late(step_context: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    async def child(ctx: AsyncDurableContext) -> Any:
        return [await ctx.step(lambda _: DATA), SECRET * 20_000]

    await context.step(lambda _: DATA, name="result")
    try:
        await context.step(late, config=StepConfig(timeout=0.001))
    except TimeoutError:
        context.logger.warning("late")
    await context.run_in_child_context(child)
    await context.wait_for_condition(lambda state: state, STATES)
    await context.map([DATA, SECRET], item, config=ANYHOW)
    await context.invoke("other", PLAIN)
    callback = await context.create_callback("callback", CallbackConfig(on_timeout="raise"))
    await callback.result()
    await context.step(refuse, config=RETRYING)


FAULTS = [
    Faults(),
    Faults(seed=1, throttle=0.2, server_error=0.2, lost_response=0.2, stale_token=0.1),
    Faults(seed=2, token_revoked=0.3, reorder_pages=1.0, duplicate_invocation=0.5),
    Faults(kms_error={4}),
]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("faults", FAULTS, ids=["calm", "failing", "revoked", "no key"])
@pytest.mark.parametrize("handler", [blocking, asynchronous], ids=["blocking", "async"])
@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
def test_no_program_shows_its_data(
    handler: Any, faults: Faults, refused: bool, texts: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer: Any = CardError() if refused else PLAIN
    with DurableFunctionTestRunner(handler, faults=faults) as runner:
        runner.register_function("other", lambda event, context: event)
        result = runner.run(PLAIN, callbacks={"callback": answer})
    assert result.status == "FAILED"
    if faults == Faults():
        assert "in refuse" in caplog.text  # where, in either case
        assert ("CardError: refused" in caplog.text) == (texts == "texts")


# -------------------------------------------------------------------------- data in the wrong place

SLIPS: dict[str, Any] = {
    "a step's result for its function": lambda ctx: ctx.step(PLAIN),
    "its text": lambda ctx: ctx.step(SECRET),
    "a name": lambda ctx: ctx.step(lambda _: 1, PLAIN),
    "a config": lambda ctx: ctx.step(lambda _: 1, "name", PLAIN),
    "a child's function": lambda ctx: ctx.run_in_child_context(DATA),
    "a submitter": lambda ctx: ctx.wait_for_callback(PLAIN),
    "a check's config": lambda ctx: ctx.wait_for_condition(lambda s: s, PLAIN),
    "a duration": lambda ctx: ctx.wait(PLAIN),
    "inputs": lambda ctx: ctx.map(object(), lambda c: 1, PLAIN),
    "branches": lambda ctx: ctx.parallel([PLAIN]),
    "a function's name": lambda ctx: ctx.invoke([SECRET], 1),
    "an invoke's config": lambda ctx: ctx.invoke("other", 1, "n", PLAIN),
    "a set": lambda ctx: ctx.step(lambda _: {SECRET}),
    "a set under a key": lambda ctx: ctx.step(lambda _: {SECRET: {1}}),
    "keys that clash": lambda ctx: ctx.step(lambda _: {1: SECRET, "1": SECRET}),
    "a tuple as a key": lambda ctx: ctx.step(lambda _: {(SECRET,): 1}),
    "too large a result": lambda ctx: ctx.step(lambda _: SECRET * 100_000),
    "a decision": lambda ctx: ctx.step(refuse, config=StepConfig(lambda error, n: DATA)),
    "another decision": lambda ctx: ctx.wait_for_condition(
        lambda s: s, WaitForConditionConfig(lambda state, n: state, initial_state=SECRET)
    ),
}


@pytest.mark.usefixtures("quiet", "texts")
@pytest.mark.parametrize("slip", SLIPS)
def test_data_in_the_wrong_place_is_not_quoted(slip: str) -> None:
    seen: list[BaseException] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        try:
            SLIPS[slip](context)
        except DurableExecutionsError as error:
            seen.append(error)
            raise

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    assert result.status == "FAILED"
    assert result.error is not None
    assert SECRET not in result.error.headline
    assert SECRET not in str(seen[0])


@pytest.mark.usefixtures("quiet")
def test_a_handlers_result_that_is_not_json_is_not_quoted() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return {SECRET}

    with DurableFunctionTestRunner(handler) as runner:
        assert SECRET not in str(runner.run().error)


DAMAGED = [
    SECRET,
    json.dumps({"t": "dt", "v": SECRET}),
    json.dumps({"t": "D", "v": SECRET}),
    json.dumps({"t": "f", "v": SECRET}),
    json.dumps({"t": "d", "v": SECRET}),
    json.dumps({"t": "u", "v": SECRET}),
    json.dumps({"t": "B", "v": SECRET}),
    json.dumps({"t": "l", "v": [SECRET]}),
    json.dumps({"t": "l", "v": [{"t": SECRET, "v": SECRET}]}),
    json.dumps({"t": "m", "v": SECRET}),
    json.dumps({"t": "br", "v": {"all": [{"index": 0, "status": SECRET}]}}),
    json.dumps({"t": "br", "v": {"all": [], "completionReason": SECRET}}),
    json.dumps({"t": "br", "v": {SECRET: SECRET}}),
]


@pytest.mark.parametrize(
    ("serdes", "data"),
    [*((ExtendedTypeSerDes(), data) for data in DAMAGED), (JsonSerDes(), SECRET)],
)
def test_stored_data_that_cannot_be_read_are_not_quoted(serdes: Any, data: str) -> None:
    with pytest.raises(SerDesError) as caught:
        deserialize(serdes, data, "id", "arn", name="step")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("where", ["logged", "printed"])
def test_this_page_would_notice(
    where: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    watch = _watch(caplog, capfd)
    next(watch)
    if where == "printed":
        print(SECRET)
    else:
        logging.getLogger("aws_durable_execution_sdk_python").info("done", extra={"got": SECRET})
    with pytest.raises(AssertionError):
        next(watch)
