"""The end of Lambda's time: nothing begins any more, what ran is saved, the rest goes on later."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aws_durable_execution_sdk_python import ValidationError, durable_execution
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    MapConfig,
    ParallelConfig,
    StepConfig,
    StepSemantics,
)
from aws_durable_execution_sdk_python.context import AsyncDurableContext, DurableContext
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestRunner,
    Recording,
    replay,
)

WAKE_UP = "invocation-deadline"
TOTAL = 100.0
both_kinds = pytest.mark.parametrize("kind", ["blocking", "async"])


class Lambda:
    """Lambda's time, which passes when a test's code says so. Each invocation has TOTAL seconds."""

    def __init__(self) -> None:
        self.invocations = 0
        self.left = TOTAL
        self._lock = threading.Lock()

    def take(self, seconds: float) -> None:
        with self._lock:
            self.left -= seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(self.left * 1000))

    def around(self, handler: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        """The handler, given a context that tells this time."""

        def invoke(event: Any, context: Any) -> Any:
            self.invocations += 1
            self.left = TOTAL
            return handler(event, self)

        return invoke


class AlmostOver:
    """Lambda's context in an invocation that comes to this before its code gets anywhere."""

    def __init__(self, left: int) -> None:
        self._answers = iter([100_000])
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return next(self._answers, self._left)


class Program:
    """A row of steps of 30 seconds each, and how often their bodies ran."""

    def __init__(self, **config: Any) -> None:
        self.time = Lambda()
        self.bodies: list[Any] = []
        self.config = StepConfig(**config)

    def body(self, number: Any) -> Callable[[Any], Any]:
        def body(step_context: Any) -> Any:
            self.bodies.append(number)
            self.time.take(30)
            return number

        return body

    def handler(self, kind: str, steps: int, **options: Any) -> Callable[[Any, Any], Any]:
        """The handler, given a context that tells the program's time."""
        return self.time.around(self.durable(kind, steps, **options))

    def durable(self, kind: str, steps: int, **options: Any) -> Callable[[Any, Any], Any]:
        @durable_execution(**options)
        def blocking(event: Any, context: DurableContext) -> list[int]:
            return [
                context.step(self.body(n), name=f"step-{n}", config=self.config)
                for n in range(steps)
            ]

        @durable_execution(**options)
        async def asynchronous(event: Any, context: AsyncDurableContext) -> list[int]:
            return [
                await context.step(self.body(n), name=f"step-{n}", config=self.config)
                for n in range(steps)
            ]

        return {"blocking": blocking, "async": asynchronous}[kind]


def run(handler: Callable[[Any, Any], Any], **options: Any) -> Any:
    with DurableFunctionTestRunner(handler, **options) as runner:
        return runner.run()


def wake_ups(result: Any) -> list[Any]:
    return [op for op in result.operations if op.name == WAKE_UP]


@both_kinds
@pytest.mark.parametrize("semantics", StepSemantics)
def test_steps_go_on_in_the_next_invocation_and_run_once(
    kind: str, semantics: StepSemantics
) -> None:
    program = Program(step_semantics=semantics)
    result = run(program.handler(kind, 8))
    assert result.result == list(range(8))
    assert program.bodies == list(range(8))
    # 95 s of each invocation's 100 are for beginning steps of 30 s: 4, then 4.
    assert program.time.invocations == 2
    (wake_up,) = wake_ups(result)
    assert wake_up.operation_type == "WAIT"
    assert wake_up.sub_type == "InvocationDeadline"


@both_kinds
def test_a_step_held_back_leaves_no_record_in_the_invocation_that_ends(kind: str) -> None:
    program = Program()
    with DurableFunctionTestRunner(program.handler(kind, 5)) as runner:
        arn = runner.run_async()
        runner.wait_for_result(arn)
        history = runner.get_execution_history(arn, include_execution_data=True).events
    events = [(e.event_type, e.name) for e in history]
    first = events[: events.index(("InvocationCompleted", None))]
    assert ("WaitStarted", WAKE_UP) in first
    assert ("StepSucceeded", "step-3") in first
    assert ("StepStarted", "step-4") not in first


@both_kinds
def test_more_invocations_than_failures_are_forgiven(kind: str) -> None:
    program = Program()
    result = run(program.handler(kind, 40))
    assert result.status == "SUCCEEDED"
    assert program.time.invocations == 10
    assert program.bodies == list(range(40))


@both_kinds
def test_the_margin_is_the_users_to_choose(kind: str) -> None:
    program = Program()
    run(program.handler(kind, 8, deadline_margin=Duration.from_seconds(45)))
    assert program.time.invocations == 4  # 55 s for beginning: two steps each


@both_kinds
def test_no_margin_takes_more_than_half_of_the_time(kind: str) -> None:
    program = Program()
    run(program.handler(kind, 8, deadline_margin=1000))
    assert program.time.invocations == 4


@both_kinds
def test_a_margin_of_zero_means_no_deadline(kind: str) -> None:
    program = Program()
    result = run(program.handler(kind, 8, deadline_margin=0))
    assert program.time.invocations == 1
    assert wake_ups(result) == []


@pytest.mark.parametrize("margin", [-1, "5", True, math.nan])
def test_a_margin_out_of_range_is_refused(margin: Any) -> None:
    with pytest.raises(ValidationError, match="deadline_margin"):
        durable_execution(lambda event, context: None, deadline_margin=margin)


@both_kinds
def test_the_first_body_of_an_invocation_always_begins(kind: str) -> None:
    """Otherwise an invocation that starts late would follow another for ever."""
    program = Program()
    durable = program.durable(kind, 3)
    within_the_margin = 3_000
    result = run(lambda event, _: durable(event, AlmostOver(within_the_margin)))
    assert result.result == program.bodies == [0, 1, 2]
    assert len(wake_ups(result)) == 2


@both_kinds
def test_no_body_begins_at_the_last_moment_though_no_timer_has_told_of_it(kind: str) -> None:
    """A busy machine calls the timer late, after the code that is late itself."""
    program = Program(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)
    durable = program.durable(kind, 1)
    contexts = iter([AlmostOver(0), AlmostOver(1_000)])
    result = run(lambda event, _: durable(event, next(contexts, Lambda())))
    assert result.result == program.bodies == [0]
    assert len(result.invocations) == 3


@both_kinds
def test_a_recorded_history_replays_whether_its_time_ran_out_or_not(kind: str) -> None:
    program = Program()
    recording = Recording(run(program.handler(kind, 8)).events)
    report = replay(program.durable(kind, 8), recording)
    assert report.divergence is None
    assert replay(program.durable(kind, 7), recording).divergence is not None


# ---------------------------------------------------------------------------- more than steps


@both_kinds
def test_an_open_callback_does_not_keep_held_back_work_waiting(kind: str) -> None:
    """The callback is answered by a step that was held back: it must not wait for the callback."""
    program = Program()
    answer: list[str] = []

    def tell(callback_id: str) -> Callable[[Any], None]:
        def body(step_context: Any) -> None:
            answer.append(callback_id)

        return body

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        callback = context.create_callback(name="answer")
        for n in range(4):
            context.step(program.body(n))
        context.step(tell(callback.callback_id))
        return callback.result()

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        callback = await context.create_callback(name="answer")
        for n in range(4):
            await context.step(program.body(n))
        await context.step(tell(callback.callback_id))
        return await callback.result()

    handler = program.time.around({"blocking": blocking, "async": asynchronous}[kind])
    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        callback_id = runner.wait_for_callback(arn, name="answer")
        runner.send_callback_success(callback_id, b'"yes"')
        result = runner.wait_for_result(arn)
    assert result.result == "yes"
    assert answer == [callback_id]


@both_kinds
@pytest.mark.parametrize("concurrency", [1, 2, None])
def test_a_map_goes_on_where_it_was(kind: str, concurrency: int | None) -> None:
    program = Program()
    config = MapConfig(max_concurrency=concurrency)

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        def item(ctx: DurableContext, number: int) -> int:
            return ctx.step(program.body(number)) + ctx.step(program.body(number + 100))

        return list(context.map(range(6), lambda c, n, i, all: item(c, n), config=config))

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        async def item(ctx: AsyncDurableContext, number: int, index: int, items: Any) -> int:
            first = await ctx.step(program.body(number))
            return first + await ctx.step(program.body(number + 100))

        return list(await context.map(range(6), item, config=config))

    handler = program.time.around({"blocking": blocking, "async": asynchronous}[kind])
    result = run(handler)
    assert result.result == [2 * n + 100 for n in range(6)]
    assert sorted(program.bodies) == [*range(6), *range(100, 106)]
    assert program.time.invocations > 1


@both_kinds
def test_checks_and_child_contexts_are_held_back_too(kind: str) -> None:
    program = Program()
    entered: list[int] = []
    config = WaitForConditionConfig[int](
        wait_strategy=lambda state, attempt: WaitForConditionDecision.stop_polling(),
        initial_state=0,
    )

    def check(state: int, context: Any) -> int:
        program.bodies.append("check")
        return 1

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        def child(ctx: DurableContext) -> int:
            entered.append(program.time.invocations)
            return ctx.wait_for_condition(check, config)

        for n in range(4):
            context.step(program.body(n))
        return context.run_in_child_context(child)

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        async def child(ctx: AsyncDurableContext) -> int:
            entered.append(program.time.invocations)
            return await ctx.wait_for_condition(check, config)

        for n in range(4):
            await context.step(program.body(n))
        return await context.run_in_child_context(child)

    handler = program.time.around({"blocking": blocking, "async": asynchronous}[kind])
    assert run(handler).result == 1
    assert entered == [2]
    assert program.bodies == [0, 1, 2, 3, "check"]


@both_kinds
def test_a_retry_that_is_due_waits_for_the_next_invocation(kind: str) -> None:
    program = Program(retry_strategy=fixed(1))
    failed: list[int] = []
    plain = program.body

    def flaky(number: Any) -> Callable[[Any], Any]:
        def body(step_context: Any) -> Any:
            value = plain(number)(step_context)
            if step_context.attempt == 1:
                failed.append(number)
                raise ConnectionError
            return value

        return body

    program.body = flaky  # type: ignore[method-assign]
    assert run(program.handler(kind, 2)).result == [0, 1]
    assert failed == [0, 1]
    assert program.bodies == [0, 0, 1, 1]


def test_what_runs_already_comes_to_its_end_and_is_saved() -> None:
    """Two branches run when the time is nearly gone; both results are kept, and neither repeats."""
    program = Program()
    both = threading.Barrier(2)

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def branch(number: int) -> Callable[[DurableContext], Any]:
            def body(step_context: Any) -> int:
                both.wait(60)
                program.bodies.append(number)
                program.time.take(60)
                return number

            def run(ctx: DurableContext) -> Any:
                return [ctx.step(body), ctx.step(program.body(number + 10))]

            return run

        return list(context.parallel([branch(1), branch(2)]))

    assert run(program.time.around(handler)).result == [[1, 11], [2, 12]]
    assert sorted(program.bodies) == [1, 2, 11, 12]
    assert program.time.invocations == 2


# ----------------------------------------------------------------------- contexts that do not tell


class _Answers:
    def __init__(self, answer: Any) -> None:
        self.get_remaining_time_in_millis = lambda: answer


class _Raises:
    def get_remaining_time_in_millis(self) -> int:
        raise RuntimeError("no time here")


class _RaisesAtOnce:
    @property
    def get_remaining_time_in_millis(self) -> Any:
        raise RuntimeError("no such thing")


class _NotCallable:
    get_remaining_time_in_millis = 5


@both_kinds
@pytest.mark.parametrize(
    "context",
    [
        pytest.param(None, id="none"),
        pytest.param(object(), id="without the method"),
        pytest.param(_Raises(), id="raises"),
        pytest.param(_RaisesAtOnce(), id="raises when asked for the method"),
        pytest.param(_NotCallable(), id="not callable"),
        *(
            pytest.param(_Answers(answer), id=f"always {answer!r}")
            for answer in (None, "1000", True, math.nan, math.inf, -5, 0, 1, 300_000)
        ),
    ],
)
def test_a_context_that_does_not_tell_the_time_sets_no_deadline(kind: str, context: Any) -> None:
    program = Program()
    durable = program.durable(kind, 6)
    result = run(lambda event, _: durable(event, context))
    assert result.result == list(range(6))
    assert wake_ups(result) == []


def test_the_runners_own_context_tells_the_time_of_an_invocation() -> None:
    seen: list[int] = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        seen.append(context.lambda_context.get_remaining_time_in_millis())

    run(handler, invocation_timeout=7)
    assert 0 < seen[0] <= 7000


def test_a_blocking_loser_that_outlives_the_time_does_not_hold_the_answer() -> None:
    """Its thread is left behind at once: nothing is left of the time."""
    stuck, released, time = threading.Event(), threading.Event(), Lambda()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        def blocked(child: DurableContext) -> None:
            stuck.set()
            released.wait()

        async def quick(child: AsyncDurableContext) -> str:
            await asyncio.to_thread(stuck.wait)
            return "quick"

        first = CompletionConfig.first_successful()
        config: ParallelConfig[Any] = ParallelConfig(completion_config=first)
        result = await context.parallel([blocked, quick], config=config)
        time.left = 0
        return result.get_results()

    try:
        with DurableFunctionTestRunner(time.around(handler)) as runner:
            assert runner.run(timeout=10).result == ["quick"]
    finally:
        released.set()
