"""When plugins are told what, with blocking and async handlers and hooks."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from answers import succeeded
from fake_service import ARN, EXECUTION_ID, START_TIME, FakeService, oid
from flavours import Flavour
from plugin_events import HOOKS, Factory, Told, plugin

from aws_durable_execution_sdk_python import StepError
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    Duration,
    MapConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationStatus,
    OperationType,
    PropagationMetadata,
    UserFunctionOutcome,
)
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

ALL_HOOKS = (*HOOKS, "on_operation_change", "on_service_call")
AWAITED = pytest.mark.parametrize("awaited", [False, True], ids=["def", "async-def"])


def observed(flavour: Flavour, handler: Any, *factories: Any) -> Any:
    return flavour.durable(handler, plugins=list(factories))


@AWAITED
def test_an_operation_is_told_from_its_start_to_its_end(flavour: Flavour, awaited: bool) -> None:
    told, service = Told(awaited=awaited), FakeService(event={"a": 1})

    async def handler(event: Any, ctx: Any) -> Any:
        told.events.append(("handler", None))
        value = await ctx.step(lambda: 7, name="work")
        told.events.append(("handler", None))
        return value

    response = service.run(observed(flavour, handler, told.factory()))

    assert response == succeeded(7)
    assert [hook for hook, _ in told.events] == [
        "invocation_start",
        "handler",
        "operation_start",
        "user_function_start",
        "user_function_end",
        "operation_end",
        "handler",
        "invocation_end",
    ]
    began, start, body, body_end, end, ended = [info for _, info in told.events if info is not None]
    assert (began.execution_arn, began.is_first_invocation) == (ARN, True)
    assert (began.execution_start_time, began.execution_input) == (START_TIME, {"a": 1})
    assert list(began.operations) == [EXECUTION_ID]
    assert start.operation_id == oid(1)
    assert (start.operation_type, start.sub_type) == (OperationType.STEP, "Step")
    assert (start.start_time, start.is_replayed, start.status) == (None, False, "STARTED")
    assert datetime.now(UTC) - body.start_time < timedelta(minutes=1)
    assert (body.attempt, body.is_replay_children, body.status) == (1, False, "STARTED")
    assert (body_end.outcome, body_end.error, body_end.attempt) == ("SUCCEEDED", None, 1)
    assert body_end.end_time >= body_end.start_time == body.start_time
    assert (end.status, end.result, end.attempt) == ("SUCCEEDED", "7", 1)
    assert (end.start_time, end.end_time) == (service.time, service.time)
    assert (ended.status, ended.execution_result, ended.error) == ("SUCCEEDED", "7", None)
    assert list(ended.operations) == [EXECUTION_ID, oid(1)]
    assert ended.operations[oid(1)].status == "SUCCEEDED"


@AWAITED
def test_every_type_of_operation_is_told(flavour: Flavour, awaited: bool) -> None:
    told, service = Told(awaited=awaited), FakeService()

    async def inside(ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="inner")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(flavour.function(inside), name="child")
        await ctx.wait(seconds=3, name="pause")
        callback = await ctx.create_callback(name="ask")
        await ctx.invoke("other", {}, name="call")
        return await callback.result()

    durable = observed(flavour, handler, told.factory())
    service.invoke(durable)
    service.pass_time(3)
    service.invoke(durable)
    service.complete("SUCCEEDED", 4, Result='"done"')
    service.complete("SUCCEEDED", 3, Result='"yes"')
    service.invoke(durable)

    assert told.short == [
        "invocation first",
        "start child",
        "body child",
        "start inner",
        "body inner",
        "body inner SUCCEEDED",
        "end inner SUCCEEDED",
        "body child SUCCEEDED",
        "end child SUCCEEDED",
        "start pause",
        "invocation PENDING",
        "invocation again",
        "end pause SUCCEEDED",
        "start ask",
        "start call",
        "invocation PENDING",
        "invocation again",
        "end call SUCCEEDED",
        "end ask SUCCEEDED",
        "invocation SUCCEEDED",
    ]
    assert [list(info.updated_operations) for info in told.of("invocation_start")] == [
        [],
        [oid(2)],
        [oid(3), oid(4)],
    ]


def test_attempts_are_told_each(flavour: Flavour) -> None:
    told, service = Told(), FakeService()
    failing = [ValueError("first")]

    def work() -> int:
        if failing:
            raise failing.pop()
        return 1

    async def handler(event: Any, ctx: Any) -> Any:
        retry = StepConfig(retry_strategy=lambda e, n: RetryDecision.retry(Duration(1)))
        return await ctx.step(work, name="work", config=retry)

    service.run(observed(flavour, handler, told.factory()))

    assert told.short == [
        "invocation first",
        "start work",
        "body work",
        "body work FAILED",
        "invocation PENDING",
        "invocation again",
        "start work STARTED replayed",
        "body work",
        "body work SUCCEEDED",
        "end work SUCCEEDED",
        "invocation SUCCEEDED",
    ]
    bodies = told.of("user_function_end")
    assert [body.attempt for body in bodies] == [1, 2]
    assert (bodies[0].error.type, bodies[0].error.message) == ("ValueError", "first")
    assert told.of("operation_end")[0].attempt == 2


def test_a_check_is_told_as_the_attempt_that_it_is(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    def decide(state: int, attempt: int) -> WaitForConditionDecision:
        if state < 2:
            return WaitForConditionDecision.continue_waiting(Duration(1))
        return WaitForConditionDecision.stop_polling()

    async def handler(event: Any, ctx: Any) -> Any:
        config = WaitForConditionConfig(wait_strategy=decide, initial_state=0)
        return await ctx.wait_for_condition(lambda state: state + 1, config, name="poll")

    service.run(observed(flavour, handler, told.factory()))

    assert [event.removeprefix("invocation ") for event in told.short] == [
        "first",
        "start poll",
        "body poll",
        "body poll SUCCEEDED",
        "PENDING",
        "again",
        "start poll STARTED replayed",
        "body poll",
        "body poll SUCCEEDED",
        "end poll SUCCEEDED",
        "SUCCEEDED",
    ]


def test_what_is_suspended_is_incomplete_and_told_again_on_replay(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    async def inside(ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="before")
        await ctx.wait(seconds=1, name="pause")
        return await ctx.step(lambda: 2, name="after")

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.run_in_child_context(flavour.function(inside), name="child")

    service.run(observed(flavour, handler, told.factory()))

    assert told.short == [
        "invocation first",
        "start child",
        "body child",
        "start before",
        "body before",
        "body before SUCCEEDED",
        "end before SUCCEEDED",
        "start pause",
        "body child INCOMPLETE",
        "invocation PENDING",
        "invocation again",
        "start child STARTED replayed",
        "body child",
        "end pause SUCCEEDED",
        "start after",
        "body after",
        "body after SUCCEEDED",
        "end after SUCCEEDED",
        "body child SUCCEEDED",
        "end child SUCCEEDED",
        "invocation SUCCEEDED",
    ]
    (replayed,) = [i for i in told.of("operation_start") if i.is_replayed]
    assert replayed.start_time is not None


@AWAITED
def test_branches_are_told_before_their_batch(flavour: Flavour, awaited: bool) -> None:
    told, service = Told(awaited=awaited), FakeService()

    async def branch(ctx: Any, item: int, index: int, items: Any) -> Any:
        await ctx.wait(seconds=item, name=f"pause {index}")
        return await ctx.step(lambda: item, name=f"work {index}")

    async def handler(event: Any, ctx: Any) -> Any:
        results = await ctx.map([1, 2], flavour.function(branch), name="all")
        return results.get_results()

    response = service.run(observed(flavour, handler, told.factory()))

    assert response == succeeded([1, 2])
    ends = [event.split()[1:-1] for event in told.short if event.startswith("end ")]
    assert sorted(map(" ".join, ends)) == [
        *("all", "map-item-0", "map-item-1", "pause 0", "pause 1", "work 0", "work 1"),
    ]
    order = [" ".join(end) for end in ends]
    for index in (0, 1):
        assert order.index(f"work {index}") < order.index(f"map-item-{index}") < order.index("all")


def test_a_flat_branch_and_a_virtual_context_are_told_each_time_they_run(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    async def branch(ctx: Any, *_: Any) -> Any:
        return await ctx.step(lambda: 1, name="work")

    async def handler(event: Any, ctx: Any) -> Any:
        flat = MapConfig(nesting_type=NestingType.FLAT)
        await ctx.map([1], flavour.function(branch), name="all", config=flat)
        virtual = ChildConfig(is_virtual=True)
        await ctx.run_in_child_context(flavour.function(branch), name="group", config=virtual)
        await ctx.wait(seconds=1, name="pause")

    service.run(observed(flavour, handler, told.factory()))

    assert [event for event in told.short if "map-item-0" in event] == [
        "body map-item-0",
        "body map-item-0 SUCCEEDED",
        "end map-item-0 SUCCEEDED",
    ]
    once = ["body group", "body group SUCCEEDED", "end group SUCCEEDED"]
    assert [event for event in told.short if "group" in event] == [*once, *once]
    ends = [info for info in told.of("operation_end") if info.name == "group"]
    assert [(end.start_time, end.is_replayed, end.result) for end in ends] == [
        (None, False, None),
        (None, False, None),
    ]
    assert all(end.end_time is not None for end in ends)


def test_a_context_whose_result_was_too_large_is_told_as_a_replay_of_its_children(
    flavour: Flavour,
) -> None:
    told, service = Told(), FakeService()

    async def inside(ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="work")
        return "x" * 300_000

    async def handler(event: Any, ctx: Any) -> Any:
        text = await ctx.run_in_child_context(flavour.function(inside), name="large")
        await ctx.wait(seconds=1, name="pause")
        return len(text)

    service.run(observed(flavour, handler, told.factory()))

    again = told.short.index("invocation again")
    assert told.short[again:] == [
        "invocation again",
        "body large",
        "body large SUCCEEDED",
        "end large SUCCEEDED replayed",
        "end pause SUCCEEDED",
        "invocation SUCCEEDED",
    ]
    bodies = told.of("user_function_start", "user_function_end")
    assert [b.is_replay_children for b in bodies if b.name == "large"] == [False] * 2 + [True] * 2


def test_ends_that_nobody_reads_are_told_before_what_is_around_them(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    async def inside(ctx: Any) -> Any:
        await ctx.create_callback(name="unread")
        return await ctx.step(lambda: service.complete("SUCCEEDED", (1, 1), Result="1"), name="s")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(flavour.function(inside), name="child")
        await ctx.create_callback(name="left")
        await ctx.step(lambda: service.complete("FAILED", 2, Error={}), name="last")

    service.run(observed(flavour, handler, told.factory("on_operation_end", "on_invocation_end")))

    assert told.short == [
        "end s SUCCEEDED",
        "end unread SUCCEEDED",
        "end child SUCCEEDED",
        "end last SUCCEEDED",
        "end left FAILED",
        "invocation SUCCEEDED",
    ]


def test_a_failure_is_told_with_its_error(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    def work() -> None:
        raise ValueError("broken")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(work, name="work")

    service.run(observed(flavour, handler, told.factory()))

    (end,) = told.of("operation_end")
    assert (end.status, end.error.type, end.error.message) == ("FAILED", "ValueError", "broken")
    (ended,) = told.of("invocation_end")
    assert (ended.status, ended.error.message) == (InvocationStatus.FAILED, "broken")
    assert ended.execution_result is None


def test_an_error_without_a_text_is_told(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    def work() -> None:
        raise Unprintable

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(work, name="work")

    assert service.run(observed(flavour, handler, told.factory()))["Status"] == "FAILED"
    (body,) = told.of("user_function_end")
    assert (body.outcome, body.error.message) == (
        "FAILED",
        f"({Unprintable.__qualname__} has no text: RuntimeError)",
    )


def test_an_invocation_that_raises_is_told_as_one_to_be_retried(flavour: Flavour) -> None:
    told = Told()
    service = FakeService(answers={1: CheckpointError("no network", retryable=True)})

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="work")

    with pytest.raises(CheckpointError, match="no network"):
        service.invoke(observed(flavour, handler, told.factory()))

    (ended,) = told.of("invocation_end")
    assert (ended.status, ended.error.message) == (InvocationStatus.RETRY, "no network")


def test_what_a_hook_raises_changes_nothing(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    told, service = Told(), FakeService()
    errors = iter(
        [
            *(ValueError("hook"), asyncio.CancelledError(), BaseException("any")),
            *(BaseExceptionGroup("several", [ValueError("a"), BaseException("b")]), OSError()),
        ]
        * 3
    )

    def fail(info: Any) -> None:
        raise next(errors)

    async def fail_async(info: Any) -> None:
        raise next(errors)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="work")

    failing = plugin(**dict.fromkeys(HOOKS, fail))
    failing_async = plugin(**dict.fromkeys(HOOKS, fail_async))
    durable = observed(flavour, handler, failing, told.factory(), failing_async)
    with caplog.at_level(logging.ERROR):
        assert service.run(durable) == succeeded(1)

    assert len(told.events) == 6
    assert len(caplog.records) >= 10
    assert all("of the plugin Plugin failed" in record.message for record in caplog.records)


def test_a_plugin_that_cannot_be_made_is_left_out(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    told, service = Told(), FakeService()

    def refuse() -> Any:
        raise LookupError("no")

    async def handler(event: Any, ctx: Any) -> Any:
        return 1

    durable = observed(
        flavour, handler, Factory(refuse), Factory(lambda: None), Factory(object), told.factory()
    )
    assert service.run(durable) == succeeded(1)

    assert told.short == ["invocation first", "invocation SUCCEEDED"]
    assert [r.message for r in caplog.records] == [
        "create_plugin of the plugin Factory failed",
        "create_plugin of Factory gave None, which is no plugin",
        "create_plugin of Factory gave a value of type object, which is no plugin",
    ]


class Stop(KeyboardInterrupt):
    """What ends a process, in a test."""


class Untold(BaseException):
    """Refuses to tell anything of itself."""

    def __str__(self) -> str:
        raise Untold

    __repr__ = __str__


def test_a_plugin_that_tells_nothing_of_itself_changes_nothing(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    told, service = Told(), FakeService()

    class Secretive(DurableInstrumentationPlugin):
        def __getattribute__(self, name: str) -> Any:
            raise Untold

    class Impostor:
        @property
        def __class__(self) -> Any:
            raise Untold

    class Foreign:
        def __repr__(self) -> str:
            raise Untold

    def fail(info: Any) -> Any:
        raise Untold

    def give(info: Any) -> Any:
        return Foreign()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.invoke("other", {}, name="call")
        return 1

    durable = observed(
        flavour,
        handler,
        *(Factory(make) for make in (Secretive, Impostor, Foreign)),
        plugin(**dict.fromkeys(HOOKS, fail)),
        plugin(provide_propagation_metadata=give),
        told.factory(),
    )
    service.invoke(durable)
    service.complete("SUCCEEDED", 1, Result="1")
    assert service.invoke(durable) == succeeded(1)

    assert told.short[0] == "invocation first"
    assert told.short[-1] == "invocation SUCCEEDED"
    assert "Foreign, which is no plugin" in caplog.text


@pytest.mark.parametrize("hook", ["on_operation_change", "on_service_call"])
def test_what_is_told_beside_the_program_may_take_time(flavour: Flavour, hook: str) -> None:
    """The timers of the invocation are gone by its end, and those of its hooks are not."""
    service, told = FakeService(), []

    async def take_time(info: Any) -> None:
        async with asyncio.timeout(60):
            await asyncio.sleep(0.001)
        told.append(info)

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="work")
        await ctx.wait(seconds=1)

    assert service.run(observed(flavour, handler, plugin(**{hook: take_time}))) == succeeded(None)
    assert told


def test_time_passes_for_the_end_of_an_invocation_that_only_replayed(flavour: Flavour) -> None:
    """On replay the time of the handler's code is the record's."""
    service, told = FakeService(), []

    async def take_time(info: Any) -> None:
        await asyncio.sleep(0.001)
        told.append(info.status)

    async def handler(event: Any, ctx: Any) -> Any:
        background = asyncio.create_task(asyncio.sleep(60)) if flavour.name == "async" else None
        await ctx.wait(seconds=1)
        return background is None

    durable = observed(flavour, handler, plugin(on_invocation_end=take_time))
    service.invoke(durable, lambda_context=ShortOfTime())
    service.pass_time(1)
    service.invoke(durable, lambda_context=ShortOfTime())

    assert told == [InvocationStatus.PENDING, InvocationStatus.SUCCEEDED]


class ShortOfTime:
    """A Lambda context whose time stands still."""

    def get_remaining_time_in_millis(self) -> int:
        return 100


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _insist(event: asyncio.Event) -> None:
    while not event.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await event.wait()


@pytest.mark.parametrize("hook", ALL_HOOKS)
@pytest.mark.parametrize("never_end", [_wait, _insist], ids=["waits", "resists"])
def test_a_hook_that_never_ends_is_given_up(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, hook: str, never_end: Any
) -> None:
    """Its plugin is told no more than the end of the invocation; others are told everything."""
    told, late, service, loops = Told(), Told(), FakeService(), []
    event = asyncio.Event()

    async def hang(info: Any) -> None:
        loops.append(asyncio.get_running_loop())
        await never_end(event)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="work")

    def end(info: Any) -> Any:
        late.events.append(("invocation_end", info))
        return hang(info) if hook == "on_invocation_end" else None

    hanging = plugin(**{hook: hang, "on_invocation_end": end})
    durable = observed(flavour, handler, hanging, told.factory())
    assert service.invoke(durable, lambda_context=ShortOfTime()) == succeeded(1)
    if not loops[0].is_closed():  # it is an environment's, which other tests use
        loops[0].call_soon_threadsafe(event.set)

    assert len(loops) == 1
    assert late.short == ["invocation SUCCEEDED"]
    assert told.short[-1] == "invocation SUCCEEDED"
    assert len(told.events) == 6
    assert "half of the time that was left until the deadline" in caplog.text


def _cancel(info: Any) -> None:
    with contextlib.suppress(RuntimeError):  # in a thread there is no task
        task = asyncio.current_task()
        if task is not None:
            task.cancel()


async def _cancel_and_end(info: Any) -> None:
    _cancel(info)


async def _cancel_and_go_on(info: Any) -> None:
    _cancel(info)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


async def _cancel_and_wait(info: Any) -> None:
    _cancel(info)
    await asyncio.sleep(0)


@pytest.mark.parametrize("hook", ALL_HOOKS)
@pytest.mark.parametrize("cancel", [_cancel, _cancel_and_end, _cancel_and_go_on, _cancel_and_wait])
def test_a_hook_that_cancels_its_task_cancels_nothing_else(
    flavour: Flavour, hook: str, cancel: Any
) -> None:
    told, service = Told(), FakeService()

    async def inside(ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="work")

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.run_in_child_context(flavour.function(inside), name="around")

    durable = observed(flavour, handler, plugin(**{hook: cancel}), told.factory())
    assert service.run(durable) == succeeded(1)
    assert told.short[-1] == "invocation SUCCEEDED"


@pytest.mark.parametrize("timeout", [None, 60])
def test_hooks_of_blocking_code_are_awaited_around_an_async_step(
    flavour: Flavour, timeout: int | None
) -> None:
    """The code around blocks meanwhile, the step does not."""
    told, service = Told(awaited=True), FakeService()

    async def work() -> int:
        await asyncio.sleep(0)
        return 1

    async def handler(event: Any, ctx: Any) -> Any:
        config = StepConfig(timeout=timeout)
        return [
            await ctx.step(work, name="async", config=config),
            await ctx.step(lambda: work(), name="given", config=config),
        ]

    assert service.run(observed(flavour, handler, told.factory())) == succeeded([1, 1])
    assert len(told.events) == 10


@pytest.mark.parametrize("hook", ["on_operation_start", "on_user_function_start"])
def test_a_branch_that_its_batch_stops_does_not_wait_for_its_hook(
    flavour: Flavour, hook: str
) -> None:
    service, ran = FakeService(), []
    hanging: asyncio.Future[None] | None = None
    hangs = threading.Event()

    async def hang(info: Any) -> None:
        nonlocal hanging
        if info.name == "lost":
            hanging = asyncio.get_running_loop().create_future()
            hangs.set()
            await hanging

    async def win(ctx: Any) -> Any:
        return await ctx.step(lambda: int(hangs.wait()), name="won")

    async def lose(ctx: Any) -> Any:
        return await ctx.step(lambda: ran.append("lost"), name="lost")

    async def handler(event: Any, ctx: Any) -> Any:
        first = ParallelConfig(completion_config=CompletionConfig.first_successful())
        branches = [flavour.function(lose), flavour.function(win)]
        return (await ctx.parallel(branches, name="race", config=first)).get_results()

    assert service.run(observed(flavour, handler, plugin(**{hook: hang}))) == succeeded([1])
    assert ran == []
    assert hanging is not None
    assert hanging.cancelled()


def test_async_hooks_about_one_function_share_a_context(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    tokens: dict[str, Any] = {}
    seen: list[str] = []

    async def bind(info: Any) -> None:
        tokens[info.name] = variable.set(info.name)

    async def unbind(info: Any) -> None:
        seen.append(variable.get())
        variable.reset(tokens.pop(info.name))

    async def work() -> int:
        return 1

    async def inside(ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="blocking")
        await ctx.step(work, name="async")
        return await ctx.step(lambda: work(), name="given")

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.run_in_child_context(flavour.function(inside), name="around")

    hooks = plugin(on_user_function_start=bind, on_user_function_end=unbind)
    assert FakeService().run(observed(flavour, handler, hooks)) == succeeded(1)
    assert seen == ["blocking", "async", "given", "around"]
    assert "different Context" not in caplog.text


def test_what_ends_the_process_goes_on_and_every_plugin_gets_the_end(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    def stop(info: Any) -> None:
        raise Stop

    async def handler(event: Any, ctx: Any) -> Any:
        raise AssertionError("it does not run")

    ends = Told()
    durable = observed(
        flavour, handler, ends.factory(), plugin(on_invocation_start=stop), told.factory()
    )
    with pytest.raises(Stop):
        service.invoke(durable)

    assert ends.short == ["invocation first", "invocation RETRY"]
    assert told.events == []


@pytest.mark.parametrize(
    "hook", ["on_operation_end", "on_operation_change", "on_user_function_start"]
)
@AWAITED
def test_what_ends_the_process_in_the_middle_goes_on_after_the_end_was_told(
    flavour: Flavour, hook: str, awaited: bool
) -> None:
    told, service = Told(), FakeService()

    def stop(info: Any) -> None:
        raise Stop

    async def stop_async(info: Any) -> None:
        raise Stop

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.create_callback(name="unread")
        return await ctx.step(lambda: service.complete("SUCCEEDED", 1, Result="1"), name="work")

    stopping = plugin(**{hook: stop_async if awaited else stop})
    with pytest.raises(Stop):
        service.invoke(observed(flavour, handler, stopping, told.factory()))

    assert told.short[0] == "invocation first"
    assert told.short[-1].startswith("invocation ")


def test_hooks_share_the_context_of_the_code_that_they_are_about(flavour: Flavour) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    tokens: list[Any] = []
    seen: list[str] = []

    def bind(info: Any) -> None:
        tokens.append(variable.set(getattr(info, "name", "invocation")))

    def unbind(info: Any) -> None:
        seen.append(variable.get())
        variable.reset(tokens.pop())

    async def work() -> None:
        seen.append(variable.get())
        await asyncio.sleep(0)
        seen.append(variable.get())

    async def inside(ctx: Any) -> Any:
        seen.append(variable.get())
        await ctx.step(lambda: work(), name="step")
        await ctx.step(lambda: seen.append(variable.get()), name="blocking")
        seen.append(variable.get())

    async def handler(event: Any, ctx: Any) -> Any:
        seen.append(variable.get())
        await ctx.run_in_child_context(flavour.function(inside), name="child")
        seen.append(variable.get())

    binding = plugin(
        on_invocation_start=bind,
        on_invocation_end=unbind,
        on_user_function_start=bind,
        on_user_function_end=unbind,
    )
    service = FakeService()
    assert service.run(observed(flavour, handler, binding)) == succeeded(None)

    assert seen == [
        *("invocation", "child", "step", "step", "step"),
        *("blocking", "blocking", "child", "child", "invocation", "invocation"),
    ]
    assert tokens == []
    assert variable.get() == "unset"


def test_each_branch_starts_in_a_copy_of_the_context_around(flavour: Flavour) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    def bind(info: Any) -> None:
        if info.sub_type == "ParallelBranch":
            seen.append(variable.get())
            variable.set(info.name)

    async def branch(ctx: Any) -> Any:
        seen.append(variable.get())
        await ctx.wait(seconds=1)

    async def handler(event: Any, ctx: Any) -> Any:
        config = ParallelConfig(max_concurrency=1)
        await ctx.parallel([flavour.function(branch)] * 2, name="both", config=config)
        seen.append(variable.get())

    service = FakeService()
    service.run(observed(flavour, handler, plugin(on_user_function_start=bind)))

    assert set(seen) == {"unset", "parallel-branch-0", "parallel-branch-1"}
    assert seen[-1] == "unset"
    assert seen[::2] == ["unset"] * len(seen[::2])


def test_changes_are_told_beside_the_program_and_before_the_end(flavour: Flavour) -> None:
    told, service = Told(awaited=True), FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="work")
        await ctx.wait(seconds=1, name="pause")

    service.run(
        observed(flavour, handler, told.factory("on_operation_change", "on_invocation_end"))
    )

    assert told.events[-1][0] == "invocation_end"
    first, last = told.of("operation_change")[0], told.of("operation_change")[-1]
    assert first.execution_arn == ARN
    assert first.updated_operations[oid(1)].status == "SUCCEEDED"
    assert last.updated_operations[oid(2)].status == "STARTED"
    assert set(last.operations) == {EXECUTION_ID, oid(1), oid(2)}


@AWAITED
def test_an_invoke_passes_on_the_trace_header_that_the_first_plugin_gives(
    flavour: Flavour, awaited: bool, caplog: pytest.LogCaptureFixture
) -> None:
    service, asked = FakeService(), []

    def giving(header: Any) -> Any:
        def give(info: Any) -> Any:
            asked.append(info)
            return header if not isinstance(header, str) else PropagationMetadata(header)

        async def give_async(info: Any) -> Any:
            return give(info)

        return plugin(provide_propagation_metadata=give_async if awaited else give)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.invoke("other", {}, name="call")

    durable = observed(
        flavour, handler, giving(None), giving(7), giving("  "), giving(" Root=1 "), giving("x")
    )
    service.invoke(durable)
    service.complete("SUCCEEDED", 1, Result="1")
    assert service.invoke(durable) == succeeded(1)

    assert service.sent("START", 1)["ChainedInvokeOptions"]["XAmznTraceId"] == " Root=1 "
    assert len(asked) == 5
    assert dataclasses.astuple(asked[0]) == (ARN, oid(1), "other", None)
    assert [record.message for record in caplog.records] == [
        "Plugin gave 7 (int) instead of PropagationMetadata",
        "Plugin gives an invoke another trace header than Plugin, whose stands (1 such)",
    ]


def test_the_calls_of_the_service_are_told(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1, name="work")

    service.run(observed(flavour, handler, told.factory("on_service_call")))

    calls = told.of("service_call")
    assert [call.update_count for call in calls] == [len(each) for each in service.requests]
    for call in calls:
        assert (call.execution_arn, call.action) == (ARN, "CheckpointDurableExecution")
        assert call.error is None
        assert call.start_time <= call.end_time
    assert sum(call.update_bytes for call in calls) > len(json.dumps(service.updates)) / 2


def test_an_execution_input_is_each_plugins_own(flavour: Flavour) -> None:
    service = FakeService(event={"list": [1]})

    def spoil(info: Any) -> None:
        info.execution_input["list"].append(2)

    async def handler(event: Any, ctx: Any) -> Any:
        return event

    assert service.run(observed(flavour, handler, plugin(on_invocation_start=spoil))) == succeeded(
        {"list": [1]}
    )


def test_a_branch_that_its_batch_stops_is_incomplete(flavour: Flavour) -> None:
    told, service = Told(), FakeService()
    begun = threading.Event()

    async def quick(ctx: Any) -> Any:
        return await ctx.step(lambda: int(begun.wait()), name="quick")

    async def slow(ctx: Any) -> Any:
        begun.set()
        await ctx.wait(seconds=100, name="slow")

    async def handler(event: Any, ctx: Any) -> Any:
        config = ParallelConfig(completion_config=CompletionConfig.first_successful())
        branches = [flavour.function(slow), flavour.function(quick)]
        results = await ctx.parallel(branches, name="race", config=config)
        return results.success_count

    assert service.run(observed(flavour, handler, told.factory())) == succeeded(1)

    bodies = [(b.name, b.outcome) for b in told.of("user_function_end")]
    assert ("parallel-branch-0", UserFunctionOutcome.INCOMPLETE) in bodies
    ends = [info.name for info in told.of("operation_end")]
    assert "parallel-branch-0" not in ends
    assert ends[-2:] == ["parallel-branch-1", "race"]


def test_a_hook_cannot_call_a_durable_operation(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    service, contexts = FakeService(), []

    def call(info: Any) -> None:
        contexts[0].step(lambda: 1)

    async def handler(event: Any, ctx: Any) -> Any:
        contexts.append(getattr(ctx, "context", ctx))
        return await ctx.step(lambda: 2, name="work")

    assert service.run(observed(flavour, handler, plugin(on_operation_start=call))) == succeeded(2)
    assert "hook of a plugin" in str(caplog.records[0].exc_info)


def test_plugins_observe_a_handler_that_catches_what_failed(flavour: Flavour) -> None:
    told, service = Told(), FakeService()

    async def inside(ctx: Any) -> Any:
        raise LookupError("inside")

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(flavour.function(inside), name="child")
        except Exception as error:
            return type(error).__name__
        raise StepError("it failed")

    assert service.run(observed(flavour, handler, told.factory()))["Status"] == "SUCCEEDED"
    assert told.short[1:-1] == [
        "start child",
        "body child",
        "body child FAILED",
        "end child FAILED",
    ]


def test_only_hooks_that_are_overridden_are_called(flavour: Flavour) -> None:
    class Silent(DurableInstrumentationPlugin):
        pass

    service = FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1)

    assert service.run(observed(flavour, handler, Factory(Silent))) == succeeded(1)


@AWAITED
def test_the_marker_of_a_patch_is_no_operation_to_tell_of(flavour: Flavour, awaited: bool) -> None:
    told, service = Told(awaited=awaited), FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        if ctx.patched("fraud check"):
            await ctx.step(lambda: 7, name="work")
        return ctx.patched("at the end")

    assert service.run(observed(flavour, handler, told.factory())) == succeeded(True)
    assert len(service.operations) == 3
    about = [info.name for hook, info in told.events if hook.startswith("operation")]
    assert about == ["work", "work"]
