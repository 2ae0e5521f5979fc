"""`compat="aws"`: every row of README's table, in either mode, for blocking and for async code.

The test of a row gives what the row is about, in a form that both modes can be compared by.
"""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, error, oid, recorded
from flavours import BlockingFlavour, Flavour

from aws_durable_execution_sdk_python import (
    CallbackSubmitterError,
    NestedOperationError,
    SerDesError,
    StepError,
    durable_parallel_branch,
    durable_step,
)
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError

README = Path(__file__).parents[2] / "README.md"
ONE = RetryStrategyConfig(max_attempts=1)
Run = Callable[[Callable[..., Any]], FakeService]


@dataclass
class Mode:
    """How a row's program is run."""

    flavour: Flavour
    compat: str | None

    def durable(self, function: Callable[..., Any]) -> Any:
        return self.flavour.durable(function, compat=self.compat)

    def value(self, function: Callable[..., Any], *history: Any) -> Any:
        """What the handler returns."""
        answer = FakeService(*history).run(self.durable(function))
        assert answer["Status"] == "SUCCEEDED", answer
        return json.loads(answer["Result"])


def boom(*_: Any) -> Any:
    raise LookupError("no such order")


def attempts(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(boom, name="work")

    service = FakeService()
    service.run(mode.durable(handler))
    return len([line for line in service.trace if line != "STEP START work"])


def jitter(mode: Mode) -> Any:
    """The delays of many steps are one and the same, or not."""
    random.seed(7)
    slow = RetryStrategyConfig(2, initial_delay_seconds=100, max_delay_seconds=100)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(boom, name="work", config=StepConfig(slow))

    delays = set()
    for _ in range(20):
        service = FakeService()
        service.invoke(mode.durable(handler))
        delays.add(service.sent("RETRY", 1)["StepOptions"]["NextAttemptDelaySeconds"])
    return len(delays) == 1


@durable_step
def price(sc, amount=1, factor=2):  # type: ignore[no-untyped-def]
    return [amount, factor]


def step_arguments(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(price(5))

    answer = FakeService().run(mode.durable(handler))
    if answer["Status"] == "SUCCEEDED":
        return answer["Result"]
    return re.search("annotate its first parameter", failure(answer)[1] or "") and "refused"


def error_class(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(boom, name="work", config=StepConfig(ONE))
        except StepError as problem:
            return [type(problem).__name__, isinstance(problem, LookupError), str(problem)]

    return mode.value(handler)


def recorded_type(mode: Mode) -> Any:
    async def inside(ctx: Any) -> Any:
        await ctx.step(boom, name="work", config=StepConfig(ONE))

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(inside, name="inside")

    service = FakeService()
    answer = service.run(mode.durable(handler))
    failures = service.sent("FAIL", 1, 1), service.sent("FAIL", 1)
    types = [update["Error"]["ErrorType"].rpartition(".")[2] for update in failures]
    return [*types, (failure(answer)[0] or "").rpartition(".")[2]]


def submitters_error(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        config: WaitForCallbackConfig[Any] = WaitForCallbackConfig(retry_strategy=ONE)
        try:
            await ctx.wait_for_callback(boom, name="ask", config=config)
        except Exception as problem:
            return str(problem)

    return mode.value(handler)


def answered(**details: Any) -> Any:
    def callback(mode: Mode) -> Any:
        async def handler(event: Any, ctx: Any) -> Any:
            created = await ctx.create_callback(name="ask")
            try:
                return await created.result()
            except Exception as problem:
                return type(problem).__name__

        status = details.get("Status", "SUCCEEDED")
        more = {key: value for key, value in details.items() if key != "Status"}
        history = recorded("CALLBACK", status, 1, "ask", CallbackId="cb-1", **more)
        return mode.value(handler, history)

    return callback


def stored_dict(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: {"a": 1}, name="work")

    service = FakeService()
    assert service.run(mode.durable(handler)) == succeeded({"a": 1})
    return service.sent("SUCCEED", 1)["Payload"]


def unsupported(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: {1, 2}, name="work", config=StepConfig(ONE))

    text = failure(FakeService().run(mode.durable(handler)))[1] or ""
    return [said for said in ("set cannot be stored", "Unsupported type: ") if said in text]


def exhausted(mode: Mode) -> Any:
    strategy = create_wait_strategy(WaitStrategyConfig(lambda state: True, max_attempts=1))

    async def handler(event: Any, ctx: Any) -> Any:
        config = WaitForConditionConfig(strategy, 0)
        return await ctx.wait_for_condition(lambda state, _: state, config, name="poll")

    text = failure(FakeService().run(mode.durable(handler)))[1] or ""
    return text.partition("1")[0]


def enclosing_context(mode: Mode) -> Any:
    """In a step, a child context and a submitter: the operation inside is the outer context's."""

    async def handler(event: Any, ctx: Any) -> Any:
        async def waiting() -> Any:
            await ctx.wait(seconds=5)
            return "in a step"

        async def in_child(inner: Any) -> Any:
            return await ctx.step(lambda: "in a child")

        values = []
        for operation in (
            lambda: ctx.step(_body(mode, waiting), name="step"),
            lambda: ctx.run_in_child_context(in_child, name="child"),
        ):
            try:
                values.append(await operation())
            except Exception as problem:
                values.append("refused" if isinstance(problem, NestedOperationError) else problem)
        return values

    return mode.value(handler)


def _body(mode: Mode, function: Any) -> Any:
    """An `async def` without arguments as a step of the flavour's."""
    if not isinstance(mode.flavour, BlockingFlavour):
        return function

    def run() -> Any:
        coroutine = function()
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value

    return run


def enum_texts(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.parallel([lambda c: 1], name="both")
        same = batch.status == "SUCCEEDED" and batch.completion_reason == "ALL_COMPLETED"
        return [str(batch.status), f"{batch.completion_reason}", same]

    return mode.value(handler)


def runners_result(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 8, name="work")

    with _runner(mode, handler) as runner:
        result = runner.run(input={})
    return [result.result, result.get_step("work").result, result.payload]


def looked_for_in_vain(mode: Mode) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 8, name="work")

    with _runner(mode, handler) as runner:
        result = runner.run(input={})
    with pytest.raises(DurableFunctionsTestError) as caught:
        result.get_step("x")
    return str(caught.value)[:22]


def _runner(mode: Mode, function: Any) -> DurableFunctionTestRunner:
    compat: Any = mode.compat
    return DurableFunctionTestRunner(mode.flavour.durable(function), compat=compat)


STEP_ERROR = "aws_durable_execution_sdk_python.exceptions.StepError"
TIMED_OUT = answered(Status="TIMED_OUT", Error=error("Callback.Timeout", "late"))

# What a row says, the program it is about, and what comes of that by default and under compat.
ROWS: dict[str, tuple[Callable[[Mode], Any], Any, Any]] = {
    "a step without retry strategy": (attempts, 1, 6),
    "delays of `RetryStrategyConfig`": (jitter, True, False),
    "arguments of a `@durable_step` that fit with and without a `StepContext`": (
        step_arguments,
        "refused",
        "[5, 2]",
    ),
    "error of a failed operation": (
        error_class,
        ["LookupError", True, "no such order"],
        ["StepError", False, "no such order"],
    ),
    "recorded type of that error": (
        recorded_type,
        ["LookupError", "LookupError", "LookupError"],
        ["LookupError", "StepError", "ChildContextError"],
    ),
    "text of a failed submitter's error": (
        submitters_error,
        "the submitter of the callback failed: no such order",
        "no such order",
    ),
    "result of a callback": (answered(Result='{"ok": true}'), {"ok": True}, '{"ok": true}'),
    "empty result of a callback": (answered(Result=""), "", None),
    "callback timed out, or heartbeat lost": (TIMED_OUT, None, "CallbackTimeoutError"),
    "a stored dict": (stored_dict, '{"a":1}', '{"t":"m","v":{"a":{"t":"i","v":1}}}'),
    "a value that cannot be stored": (
        unsupported,
        ["set cannot be stored"],
        ["Unsupported type: "],
    ),
    "a condition that is not met in time": (
        exhausted,
        "the condition was not met after ",
        "wait_for_condition exhausted ",
    ),
    "the context of the function around, inside a step, check, submitter or child context": (
        enclosing_context,
        ["refused", "refused"],
        ["in a step", "in a child"],
    ),
    "`str()` of `BatchItemStatus` and `CompletionReason`": (
        enum_texts,
        ["SUCCEEDED", "ALL_COMPLETED", True],
        ["BatchItemStatus.SUCCEEDED", "CompletionReason.ALL_COMPLETED", True],
    ),
    "`.result` in tests": (runners_result, [8, 8, "8"], ["8", "8", "8"]),
    "an operation that a test looks for in vain": (
        looked_for_in_vain,
        "no step named 'x' on t",
        "Operation 'x' not foun",
    ),
}


def table() -> Iterator[str]:
    """The first column of README's table."""
    rows = README.read_text().partition("| | Here | With `compat")[2].splitlines()[2:]
    for row in rows:
        if not row.startswith("|"):
            return
        yield row.split("|")[1].strip()


def test_the_readme_has_a_row_for_each_and_none_besides() -> None:
    assert list(table()) == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("compat", [None, "aws"])
def test_a_row(flavour: Flavour, row: str, compat: str | None) -> None:
    program, default, official = ROWS[row]
    assert program(Mode(flavour, compat)) == (default if compat is None else official)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_by_the_environment(
    flavour: Flavour, row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, _, official = ROWS[row]
    monkeypatch.setenv("DURABLE_EXECUTION_COMPAT", "aws")
    assert program(Mode(flavour, None)) == official


@pytest.mark.parametrize("nesting", NestingType)
@pytest.mark.parametrize("compat", [None, "aws"])
def test_an_items_error_has_the_type_that_its_branch_left(
    flavour: Flavour, compat: str | None, nesting: NestingType
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = ParallelConfig(
            completion_config=CompletionConfig.all_completed(), nesting_type=nesting
        )
        failed = await ctx.parallel([boom], name="both", config=config)
        await ctx.wait(seconds=1)
        return [error.type for error in failed.get_errors()]

    assert Mode(flavour, compat).value(handler) == ["LookupError"]


def test_a_handler_that_says_so_itself_keeps_its_mode_under_a_runner(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.parallel([lambda c: 1])
        return str(batch.status)

    handlers = [flavour.durable(handler, compat="aws"), flavour.durable(handler)]
    for durable, text in zip(handlers, ["BatchItemStatus.SUCCEEDED", "SUCCEEDED"], strict=True):
        with DurableFunctionTestRunner(durable) as runner:
            assert runner.run(input={}).result == text


def test_two_modes_in_one_process_do_not_mix(flavour: Flavour) -> None:
    """A handler invokes another of the other mode, on the same local service."""

    async def callee(event: Any, ctx: Any) -> Any:
        return str((await ctx.parallel([lambda c: 1])).status)

    async def caller(event: Any, ctx: Any) -> Any:
        batch = await ctx.parallel([lambda c: 1])
        theirs = await ctx.invoke("callee", {}, name="call")
        return [str(batch.status), theirs, str(batch.status)]

    with DurableFunctionTestRunner(flavour.durable(caller, compat="aws")) as runner:
        runner.register_durable_function("callee", flavour.durable(callee))
        result = runner.run(input={}).result
    assert result == ["BatchItemStatus.SUCCEEDED", "SUCCEEDED", "BatchItemStatus.SUCCEEDED"]


def test_a_context_used_inside_its_own_operation_is_warned_about(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        enclosing_context(Mode(flavour, "aws"))
    said = [r.getMessage() for r in caplog.records if "compat='aws' allows" in r.getMessage()]
    assert any("the step 'step'" in line for line in said)
    assert any("one of its own operations" in line for line in said)


def test_a_timed_out_callback_is_warned_about_once_and_says_what_to_do(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback(name="approval")
        outcome = await created.result()
        await ctx.wait(seconds=1)
        return outcome

    service = FakeService()
    durable = flavour.durable(handler)
    with caplog.at_level(logging.WARNING):
        service.invoke(durable)
        service.complete("TIMED_OUT", 1, Error=error("Callback.Timeout", "late"))
        assert service.run(durable) == succeeded(None)
    said = [record.getMessage() for record in caplog.records if "timed out" in record.getMessage()]
    assert len(said) == 1
    assert "approval" in said[0]
    assert 'on_timeout="raise"' in said[0]


@pytest.mark.parametrize("compat", [None, "aws"])
def test_a_submitters_failure_replays_as_the_official_sdk_stores_it(
    flavour: Flavour, compat: str | None
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.wait_for_callback(lambda callback_id: None, name="ask")
        except CallbackSubmitterError as problem:
            return str(problem)

    kind = {"Id": oid(1), "Type": "CONTEXT", "SubType": "WaitForCallback", "Name": "ask"}
    failed = {"Error": {"ErrorMessage": "no such order", "ErrorType": STEP_ERROR}}
    history = {**kind, "Status": "FAILED", "ContextDetails": failed}
    assert Mode(flavour, compat).value(handler, history) == "no such order"


@pytest.mark.parametrize("compat", [None, "aws"])
def test_what_cannot_be_stored_is_a_serdes_error_on_each_run(
    flavour: Flavour, compat: str | None
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(lambda: {1, 2}, name="work", config=StepConfig(ONE))
        except SerDesError as problem:
            await ctx.wait(seconds=1)
            return isinstance(problem, StepError)

    assert Mode(flavour, compat).value(handler) is True


def test_what_a_submitter_returns_is_not_stored(flavour: Flavour) -> None:
    """Nobody reads it, and it may have no text form: a response of boto3's, say."""

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.wait_for_callback(lambda callback_id: {object()}, name="ask")

    service = FakeService()
    durable = flavour.durable(handler)
    service.invoke(durable)
    assert "Payload" not in service.sent("SUCCEED", 1, 2)
    service.complete("SUCCEEDED", (1, 1), Result='"yes"')
    assert service.run(durable) == succeeded("yes")


# ------------------------------------------------------------------------------- mixed histories


@pytest.mark.parametrize("name", ["fetch", "parallel-branch-0"])
def test_an_unnamed_branch_replays_under_both_of_its_names(flavour: Flavour, name: str) -> None:
    """One is the official SDK's, the other what earlier versions of this one gave it."""

    async def fetch(ctx: Any) -> Any:
        return await ctx.step(lambda: "fetched", name="work")

    branch = durable_parallel_branch()(flavour.function(fetch))

    async def handler(event: Any, ctx: Any) -> Any:
        return list(await ctx.parallel([branch()]))

    history = [
        recorded("CONTEXT", "STARTED", 1, None, SubType="Parallel"),
        {
            **recorded("CONTEXT", "STARTED", 1, name, SubType="ParallelBranch"),
            "Id": oid(1, 0),
            "ParentId": oid(1),
        },
    ]
    service = FakeService(*history)
    assert service.run(flavour.durable(handler)) == succeeded(["fetched"])
    # What closes a context has to say what opened it.
    assert service.sent("SUCCEED", 1, 0)["Name"] == name


@pytest.mark.parametrize("name", ["price_all", None])
def test_a_map_of_a_decorated_function_replays_under_both_of_its_names(
    flavour: Flavour, name: str | None
) -> None:
    async def price_all(ctx: Any, item: int, index: int, items: Any) -> Any:
        return item

    function: Any = flavour.function(price_all)
    function._original_name = "price_all"

    async def handler(event: Any, ctx: Any) -> Any:
        return list(await ctx.map([1], function))

    service = FakeService(recorded("CONTEXT", "STARTED", 1, name, SubType="Map"))
    assert service.run(flavour.durable(handler)) == succeeded([1])
    assert service.sent("SUCCEED", 1).get("Name") == name
    fresh = FakeService()
    fresh.run(flavour.durable(handler))
    assert "Name" not in fresh.sent("START", 1)
