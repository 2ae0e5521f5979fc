"""The loggers of contexts and operations: what they add, and when they are silent."""

from __future__ import annotations

import copy
import logging
import unittest.mock
from typing import Any

import pytest
from answers import succeeded
from fake_service import ARN, FakeService, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext, durable_execution
from aws_durable_execution_sdk_python.logger import Logger, LogInfo
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


class Recording:
    """A logger that keeps what it is told: (level, text, extra)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def _keep(self, level: str, msg: object, args: Any, extra: Any) -> None:
        self.lines.append((level, str(msg) % args, dict(extra)))

    def debug(self, msg: object, *args: object, extra: Any = None) -> None:
        self._keep("debug", msg, args, extra)

    def info(self, msg: object, *args: object, extra: Any = None) -> None:
        self._keep("info", msg, args, extra)

    def warning(self, msg: object, *args: object, extra: Any = None) -> None:
        self._keep("warning", msg, args, extra)

    def error(self, msg: object, *args: object, extra: Any = None) -> None:
        self._keep("error", msg, args, extra)

    def exception(self, msg: object, *args: object, extra: Any = None) -> None:
        self._keep("exception", msg, args, extra)

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.lines]


def run(flavour: Flavour, body: Any, *history: Any) -> Recording:
    """Run a handler to its end with a recording logger."""
    logger = Recording()

    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(logger)
        await body(ctx)

    assert FakeService(*history).run(flavour.durable(handler)) == succeeded(None)
    return logger


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "exception"])
def test_a_line_passes_with_its_arguments_and_the_executions_arn(
    flavour: Flavour, level: str
) -> None:
    async def body(ctx: Any) -> None:
        getattr(ctx.logger, level)("order %s", 7)

    assert run(flavour, body).lines == [(level, "order 7", {"executionArn": ARN})]


def test_the_callers_extra_is_added_and_wins(flavour: Flavour) -> None:
    async def body(ctx: Any) -> None:
        ctx.logger.info("x", extra={"customer": "c-1", "executionArn": "mine"})

    assert run(flavour, body).lines[0][2] == {"executionArn": "mine", "customer": "c-1"}


def test_a_child_contexts_lines_carry_its_id(flavour: Flavour) -> None:
    async def child(ctx: Any) -> None:
        ctx.logger.info("inside")

    async def body(ctx: Any) -> None:
        await ctx.run_in_child_context(child)

    assert run(flavour, body).lines[0][2] == {"executionArn": ARN, "parentId": oid(1)}


def test_a_steps_lines_carry_name_id_and_attempt(flavour: Flavour) -> None:
    async def child(ctx: Any) -> None:
        await ctx.step(lambda step: step.logger.info("working"), name="work")

    async def body(ctx: Any) -> None:
        await ctx.run_in_child_context(child)

    assert run(flavour, body).lines[0][2] == {
        "executionArn": ARN,
        "parentId": oid(1),
        "operationName": "work",
        "operationId": oid(1, 1),
        "attempt": 1,
    }


def test_a_checks_lines_carry_name_id_and_attempt(flavour: Flavour) -> None:
    def check(state: int, context: Any) -> int:
        context.logger.info("checking")
        return state

    async def body(ctx: Any) -> None:
        config = WaitForConditionConfig(lambda s, n: WaitForConditionDecision.stop_polling(), 0)
        await ctx.wait_for_condition(check, config, name="poll")

    extra = run(flavour, body).lines[0][2]
    assert (extra["operationName"], extra["operationId"], extra["attempt"]) == ("poll", oid(1), 1)


def test_a_submitters_lines_carry_the_step_they_run_in(flavour: Flavour) -> None:
    def submit(callback_id: str, context: Any) -> None:
        context.logger.info("asking")

    async def body(ctx: Any) -> None:
        await ctx.wait_for_callback(submit, "approval")

    logger = Recording()

    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(logger)
        await body(ctx)

    FakeService().invoke(flavour.durable(handler))
    assert logger.lines[0][2]["operationName"] == "approval submitter"


def test_a_logger_set_later_is_used_from_there_on_and_inherited(flavour: Flavour) -> None:
    other = Recording()

    async def child(ctx: Any, *_: Any) -> None:
        ctx.logger.info("child")

    async def switching(ctx: Any) -> None:
        ctx.set_logger(Recording())
        ctx.logger.info("not seen")

    async def body(ctx: Any) -> None:
        ctx.logger.info("before")
        ctx.set_logger(other)
        ctx.logger.info("after")
        await ctx.run_in_child_context(child)
        await ctx.map([1], child)
        await ctx.run_in_child_context(switching)
        ctx.logger.info("still")

    assert run(flavour, body).texts == ["before"]
    assert other.texts == ["after", "child", "child", "still"]


# ----------------------------------------------------------------------------------- suppression


def test_lines_of_finished_work_are_not_repeated(flavour: Flavour) -> None:
    async def body(ctx: Any) -> None:
        ctx.logger.info("start")
        await ctx.step(lambda: None)
        ctx.logger.info("between")
        await ctx.wait(seconds=1)
        ctx.logger.info("waited")
        await ctx.step(lambda step: step.logger.info("in step"))
        ctx.logger.info("end")

    assert run(flavour, body).texts == ["start", "between", "waited", "in step", "end"]


def test_is_replaying_tells_the_same(flavour: Flavour) -> None:
    seen = []

    async def handler(event: Any, ctx: Any) -> Any:
        seen.append(ctx.is_replaying())
        await ctx.step(lambda: None)
        seen.append(ctx.is_replaying())
        await ctx.wait(seconds=1)
        seen.append(ctx.is_replaying())

    FakeService().run(flavour.durable(handler))
    assert seen == [False, False, True, True, False]


def test_lines_before_an_interrupted_step_were_written_by_its_first_run(flavour: Flavour) -> None:
    async def body(ctx: Any) -> None:
        ctx.logger.info("before")
        await ctx.step(lambda step: step.logger.info("again"), name="work")
        ctx.logger.info("after")

    history = recorded("STEP", "STARTED", 1, "work")
    assert run(flavour, body, history).texts == ["again", "after"]


def test_a_child_that_is_new_logs_even_if_it_is_reached_by_replay(flavour: Flavour) -> None:
    async def child(ctx: Any) -> None:
        ctx.logger.info("child")

    async def body(ctx: Any) -> None:
        await ctx.step(lambda: None)
        await ctx.wait(seconds=1)
        await ctx.run_in_child_context(child)

    assert run(flavour, body).texts == ["child"]


# ---------------------------------------------------------------------------- kinds of loggers


def blocking_lines(event: Any, context: DurableContext) -> None:
    context.logger.info("here")
    context.step(lambda step: step.logger.warning("there"))


async def async_lines(event: Any, context: AsyncDurableContext) -> None:
    context.logger.info("here")
    await context.step(lambda step: step.logger.warning("there"))


@pytest.mark.parametrize("function", [blocking_lines, async_lines])
def test_records_name_the_line_that_logged(caplog: pytest.LogCaptureFixture, function: Any) -> None:
    with caplog.at_level(logging.INFO):
        FakeService().invoke(durable_execution(function))
    first = function.__code__.co_firstlineno
    records = [(r.getMessage(), r.filename, r.lineno - first) for r in caplog.records]
    file = __file__.rpartition("/")[2]
    assert records == [("here", file, 1), ("there", file, 2)]
    assert caplog.records[0].executionArn == ARN


class PowertoolsLike:
    """Takes `stacklevel` counted from its own caller, as Powertools for AWS Lambda's Logger."""

    def __init__(self) -> None:
        self.logger = logging.getLogger("powertools-like")

    def info(self, msg: object, *args: object, stacklevel: int = 2, extra: Any = None) -> None:
        self.logger.info(msg, *args, stacklevel=stacklevel, extra=extra)

    def exception(self, msg: object, *args: object, stacklevel: int = 2, extra: Any = None) -> None:
        self.logger.exception(msg, *args, stacklevel=stacklevel, extra=extra)

    debug = warning = error = info


def test_a_powertools_style_logger_names_the_line_too(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(PowertoolsLike())
        ctx.logger.info("order %s", 7)

    with caplog.at_level(logging.INFO):
        FakeService().invoke(flavour.durable(handler))
    (record,) = caplog.records
    assert (record.getMessage(), record.funcName, record.executionArn) == (
        "order 7",
        "handler",
        ARN,
    )


def test_exceptions_are_logged_with_their_traceback(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            raise ValueError("bad")
        except ValueError:
            ctx.logger.exception("failed")

    FakeService().invoke(flavour.durable(handler))
    (record,) = caplog.records
    assert record.funcName == "handler"
    assert record.exc_info is not None


def test_a_logger_adapter_names_the_line_too(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(logging.LoggerAdapter(logging.getLogger("adapted"), {}))
        ctx.logger.warning("adapted")

    FakeService().invoke(flavour.durable(handler))
    assert [record.funcName for record in caplog.records] == ["handler"]


def test_each_branch_knows_for_itself_whether_it_replays(flavour: Flavour) -> None:
    async def branch(ctx: Any, item: int, index: int, items: Any) -> None:
        ctx.logger.info("%s begins", item)
        await ctx.wait(seconds=item)
        ctx.logger.info("%s ends", item)

    async def body(ctx: Any) -> None:
        await ctx.map([1, 5], branch)
        ctx.logger.info("done")

    texts = run(flavour, body).texts
    assert sorted(texts) == ["1 begins", "1 ends", "5 begins", "5 ends", "done"]


def test_a_resumed_child_context_does_not_repeat_its_lines(flavour: Flavour) -> None:
    async def child(ctx: Any) -> None:
        ctx.logger.info("begins")
        await ctx.wait(seconds=1)
        ctx.logger.info("ends")

    async def body(ctx: Any) -> None:
        await ctx.run_in_child_context(child)

    assert run(flavour, body).texts == ["begins", "ends"]


def test_a_large_child_that_is_rebuilt_repeats_no_line(flavour: Flavour) -> None:
    async def child(ctx: Any) -> Any:
        ctx.logger.info("begins")
        await ctx.step(lambda: None)
        ctx.logger.info("ends")
        return "x" * 300_000

    async def body(ctx: Any) -> None:
        await ctx.run_in_child_context(child)
        await ctx.wait(seconds=1)

    assert run(flavour, body).texts == ["begins", "ends"]


# ------------------------------------------------------------------ the interface of logging.Logger


def handled(flavour: Flavour, logger: Any, body: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        if logger is not None:
            ctx.set_logger(logger)
        body(ctx.logger)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)


class Full:
    """Five methods, no keyword but `extra`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def debug(self, msg: object, *args: object, extra: Any = None) -> None:
        self.calls.append(("debug", msg, args, dict(extra)))

    def info(self, msg: object, *args: object, extra: Any = None) -> None:
        self.calls.append(("info", msg, args, dict(extra)))

    def warning(self, msg: object, *args: object, extra: Any = None) -> None:
        self.calls.append(("warning", msg, args, dict(extra)))

    def error(self, msg: object, *args: object, extra: Any = None) -> None:
        self.calls.append(("error", msg, args, dict(extra)))

    def exception(self, msg: object, *args: object, extra: Any = None) -> None:
        self.calls.append(("exception", msg, args, dict(extra)))


class Powertools(PowertoolsLike):
    """Takes any keyword as a key of the line, and passes other names on to a standard logger."""

    def info(
        self, msg: object, *args: object, stacklevel: int = 2, extra: Any = None, **keys: Any
    ) -> None:
        self.logger.info(msg, *args, stacklevel=stacklevel, extra={**(extra or {}), **keys})

    critical = info

    def __getattr__(self, name: str) -> Any:
        return getattr(self.logger, name)


LOGGERS = {
    "standard": lambda: logging.getLogger("standard"),
    "adapter": lambda: logging.LoggerAdapter(logging.getLogger("adapted"), {}),
    "powertools": Powertools,
    "five methods": Full,
    "mock": unittest.mock.Mock,
}
METHODS = [
    *("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal"),
]


@pytest.mark.parametrize("logger", LOGGERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "keywords",
    [
        {"exc_info": True},
        {"exc_info": ValueError("x")},
        {"stack_info": True},
        {"stacklevel": 2},
        {"stacklevel": "2"},
        {"extra": None},
        {"extra": ["no mapping"]},
        {"order_id": "o-1"},
        {"extra": {"a": 1}, "exc_info": (None, None, None), "stack_info": False, "stacklevel": 1},
    ],
    ids=str,
)
def test_no_keyword_of_a_log_call_is_an_error(
    flavour: Flavour, logger: str, method: str, keywords: dict[str, Any]
) -> None:
    def body(log: Any) -> None:
        getattr(log, method)("order %s", 7, **keywords)
        log.log(logging.ERROR, "order %s", 7, **keywords)
        log.log("WARNING", "order %s", 7, **keywords)

    handled(flavour, LOGGERS[logger](), body)


@pytest.mark.parametrize("method", [*METHODS, "log"])
def test_every_method_names_the_line_that_called_it(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    def helper(log: Any) -> None:
        first = (logging.ERROR,) if method == "log" else ()
        getattr(log, method)(*first, "here")
        getattr(log, method)(*first, "outer", stacklevel=2)

    def body(log: Any) -> None:
        helper(log)

    with caplog.at_level(logging.DEBUG):
        handled(flavour, None, body)
    assert [record.funcName for record in caplog.records] == ["helper", "body"]
    levels = {"exception": "ERROR", "fatal": "CRITICAL", "warn": "WARNING", "log": "ERROR"}
    assert caplog.records[0].levelname == levels.get(method, method.upper())


def test_powertools_keywords_are_passed_to_it_and_are_keys_elsewhere(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    def body(log: Any) -> None:
        log.critical("out", sku="s-1", name="n")

    with caplog.at_level(logging.INFO):
        handled(flavour, Powertools(), lambda log: log.info("in", sku="s-1"))
        handled(flavour, None, body)
    first, second = caplog.records
    assert (first.sku, first.funcName) == (second.sku, "<lambda>") == ("s-1", "<lambda>")  # type: ignore[attr-defined]
    assert (second.name_, second.funcName) == ("n", "body")  # type: ignore[attr-defined]


def test_exceptions_and_stacks_are_written(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    problem = ValueError("bad")

    def body(log: Any) -> None:
        log.critical("x", exc_info=problem, stack_info=True)

    handled(flavour, None, body)
    (record,) = caplog.records
    assert record.exc_info == (ValueError, problem, None)
    assert record.stack_info is not None


def test_a_logger_of_five_methods_is_given_what_it_takes(flavour: Flavour) -> None:
    logger = Full()

    def body(log: Any) -> None:
        log.critical("a", exc_info=True, sku=1)
        log.fatal("b")
        log.log(35, "c")
        log.log(5, "d")

    handled(flavour, logger, body)
    arn = {"executionArn": ARN}
    assert logger.calls == [
        ("exception", "a", (), {**arn, "sku": 1}),
        ("error", "b", (), arn),
        ("warning", "c", (), arn),
        ("debug", "d", (), arn),
    ]


def test_the_rest_of_the_interface_is_that_of_the_logger_written_to(flavour: Flavour) -> None:
    logger = logging.getLogger("the rest")
    public = [name for name in dir(logging.Logger) if not name.startswith("_")]

    def body(log: Any) -> None:
        assert all(hasattr(log, name) for name in [*public, "name", "level", "handlers"])
        assert copy.copy(log).underlying is logger
        log.setLevel(logging.ERROR)
        log.propagate = False
        assert (logger.level, logger.propagate, log.name) == (logging.ERROR, False, "the rest")
        assert (log.isEnabledFor(logging.INFO), log.isEnabledFor(logging.ERROR)) == (False, True)
        assert log.getChild("x").underlying is logger.getChild("x")
        with pytest.raises(AttributeError):
            log.no_such_thing()

    try:
        handled(flavour, logger, body)
    finally:
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def test_nothing_is_enabled_while_finished_work_is_replayed(flavour: Flavour) -> None:
    seen: list[bool] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(ctx.logger.isEnabledFor(logging.CRITICAL))
        ctx.logger.critical("once")
        await ctx.wait(seconds=1)

    FakeService().run(flavour.durable(handler))
    assert seen == [True, False]


def test_other_keys_and_another_silence_may_be_chosen(flavour: Flavour) -> None:
    """The official SDK's names for it."""
    info = LogInfo("arn", name="mine")

    async def body(ctx: Any) -> None:
        ctx.logger.with_is_replaying(lambda: False).info("each time")
        ctx.logger.with_is_replaying(lambda: True).info("never")
        ctx.logger.with_log_info(info).info("once")
        Logger.from_log_info(ctx.logger.get_logger(), info).info("mine")
        await ctx.wait(seconds=1)

    logger = run(flavour, body)
    assert logger.texts == ["each time", "once", "mine", "each time", "mine"]
    assert [line[2] for line in logger.lines if line[1] in ("once", "mine")] == [info.extra()] * 3


def test_a_logger_that_makes_its_methods_is_given_what_they_take(flavour: Flavour) -> None:
    class Made:
        """Has no method of its own."""

        def __init__(self) -> None:
            self.recording = Recording()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.recording, name)

    logger = Made()

    async def handler(event: Any, ctx: Any) -> None:
        ctx.set_logger(logger)
        ctx.logger.info("one", exc_info=True, stack_info=True, stacklevel=2)
        ctx.logger.error("two", order="7")

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert logger.recording.texts == ["one", "two"]
    assert logger.recording.lines[1][2]["order"] == "7"
