"""`StepConfig(timeout=...)`: an attempt that outlives it fails, whatever becomes of its body.

Time is the test's: the limit passes when a body has gone as far as it will go, never by waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    ChildContextError,
    DurableExecutionsError,
    NestedOperationError,
    StepContext,
    StepError,
    StepTimeoutError,
    ValidationError,
)
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    MapConfig,
    ParallelConfig,
    StepConfig,
    StepSemantics,
)
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

TIMEOUT = "aws_durable_execution_sdk_python.exceptions.StepTimeoutError"
REGION: contextvars.ContextVar[str] = contextvars.ContextVar("region", default="none")


class Hourglass(FakeService):
    """A service whose bodies' time passes in full as soon as a body is stuck."""

    def __init__(self, *history: Any, **options: Any) -> None:
        super().__init__(*history, **options)
        self.slept: list[float] = []
        self.released = threading.Event()
        self.left = threading.Event()
        self._stuck = False
        self._sleepers: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()

    async def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            stuck = self._stuck
        if not stuck:
            await sleeper

    def stick(self) -> None:
        """A blocking body gets stuck, until the test is over."""
        self._time_passes()
        self.released.wait(60)
        self.left.set()

    async def stick_async(self) -> None:
        """An async body gets stuck."""
        self._time_passes()
        await asyncio.get_running_loop().create_future()

    def let_go(self) -> None:
        """The stuck body ends, and no more time passes."""
        with self._lock:
            self._stuck = False
        self.released.set()

    def _time_passes(self) -> None:
        with self._lock:
            self._stuck = True
            for sleeper in self._sleepers:
                sleeper.get_loop().call_soon_threadsafe(_wake, sleeper)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class PatientHourglass(Hourglass):
    """The time that an abandoned body is given never passes: it is let go, and waited for."""

    async def sleep(self, seconds: float) -> None:
        if self.slept:
            self.released.set()
            await asyncio.get_running_loop().create_future()
        await super().sleep(seconds)


@pytest.fixture
def service() -> Iterator[Hourglass]:
    service = Hourglass()
    yield service
    service.released.set()


Body = Callable[[Hourglass], Callable[[StepContext], Any]]


def blocking_body(service: Hourglass) -> Callable[[StepContext], Any]:
    def body(step_context: StepContext) -> str:
        service.stick()
        return "too late"

    return body


def async_body(service: Hourglass) -> Callable[[StepContext], Any]:
    async def body(step_context: StepContext) -> str:
        await service.stick_async()
        return "too late"

    return body


both_bodies = pytest.mark.parametrize("make", [blocking_body, async_body])


def one_step(flavour: Flavour, body: Any, *config: Any, **options: Any) -> Any:
    chosen = StepConfig(*config, **{"timeout": 3, **options})

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(body, name="slow", config=chosen)

    return flavour.durable(handler)


# ------------------------------------------------------------------------------ the outcome


@both_bodies
def test_an_attempt_that_outlives_its_timeout_fails(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    answer = service.invoke(one_step(flavour, make(service)))
    assert failure(answer) == (TIMEOUT, "the step 'slow' did not end within its timeout of 3 s")
    assert service.trace == ["STEP START slow", "STEP FAIL slow"]
    assert service.sent("FAIL", 1)["Error"]["ErrorType"] == TIMEOUT


@both_bodies
def test_the_error_is_a_step_error_and_a_timeout_error_at_first_and_on_replay(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    seen: list[BaseException] = []

    async def handler(event: Any, ctx: Any) -> None:
        try:
            await ctx.step(make(service), name="slow", config=StepConfig(timeout=3))
        except StepError as problem:
            seen.append(problem)
        await ctx.wait(seconds=1)

    durable = flavour.durable(handler)
    assert service.run(durable) == succeeded(None)
    first, replayed = seen
    assert type(first) is type(replayed) is StepTimeoutError
    assert isinstance(first, TimeoutError)
    assert isinstance(first, DurableExecutionsError)
    assert str(first) == str(replayed)


def test_a_recorded_timeout_is_raised_again(flavour: Flavour) -> None:
    service = FakeService(recorded("STEP", "FAILED", 1, "slow", Error=error(TIMEOUT, "late")))
    answer = service.invoke(one_step(flavour, lambda _: 1))
    assert failure(answer) == (TIMEOUT, "late")
    assert service.trace == []


@both_bodies
def test_the_retry_strategy_decides_as_after_any_error(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    asked: list[tuple[Exception, int]] = []
    stuck = make(service)

    def body(step_context: StepContext) -> Any:
        return "in time" if step_context.attempt == 2 else stuck(step_context)

    only_timeouts = create_retry_strategy(
        RetryStrategyConfig(max_attempts=2, retryable_error_types=[TimeoutError])
    )

    def strategy(problem: Exception, attempt: int) -> Any:
        asked.append((problem, attempt))
        service.let_go()
        return only_timeouts(problem, attempt)

    assert service.run(one_step(flavour, body, strategy)) == succeeded("in time")
    assert [(type(problem), attempt) for problem, attempt in asked] == [(StepTimeoutError, 1)]
    assert service.trace == [f"STEP {a} slow" for a in ("START", "RETRY", "START", "SUCCEED")]


@both_bodies
def test_an_at_most_once_step_runs_once_per_attempt(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    bodies: list[int] = []
    stuck = make(service)

    def body(step_context: StepContext) -> Any:
        bodies.append(step_context.attempt)
        return stuck(step_context)

    once = StepSemantics.AT_MOST_ONCE_PER_RETRY
    answer = service.invoke(one_step(flavour, body, step_semantics=once))
    assert failure(answer)[0] == TIMEOUT
    assert bodies == [1]
    assert [len(request) for request in service.requests] == [1, 1]  # START was saved first


def test_a_body_in_time_is_as_without_a_timeout(flavour: Flavour, service: Hourglass) -> None:
    async def later(step_context: StepContext) -> str:
        await asyncio.sleep(0)
        return "async"

    async def handler(event: Any, ctx: Any) -> Any:
        config = StepConfig(timeout=3)
        return [
            await ctx.step(lambda step_context: step_context.attempt, config=config),
            await ctx.step(later, config=config),
            await ctx.step(lambda step_context: later(step_context), config=config),
        ]

    assert service.invoke(flavour.durable(handler)) == succeeded([1, "async", "async"])


def test_the_error_of_a_body_in_time_is_its_own(flavour: Flavour, service: Hourglass) -> None:
    def body(step_context: StepContext) -> None:
        raise ConnectionError("refused")

    assert failure(service.invoke(one_step(flavour, body))) == ("ConnectionError", "refused")


def test_a_timeout_error_of_the_bodys_own_stays_what_it_is(
    flavour: Flavour, service: Hourglass
) -> None:
    async def body(step_context: StepContext) -> None:
        async with asyncio.timeout(0):
            await asyncio.get_running_loop().create_future()

    assert failure(service.invoke(one_step(flavour, body))) == ("TimeoutError", "")


# ------------------------------------------------------------------------------- the bodies


def test_an_async_body_is_cancelled_and_cleans_up_first(
    flavour: Flavour, service: Hourglass
) -> None:
    order: list[str] = []

    async def body(step_context: StepContext) -> None:
        try:
            await service.stick_async()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            order.append("cleaned up")
            raise

    async def handler(event: Any, ctx: Any) -> None:
        try:
            await ctx.step(body, config=StepConfig(timeout=3))
        except TimeoutError:
            order.append("timed out")

    assert service.invoke(flavour.durable(handler)) == succeeded(None)
    assert order == ["cleaned up", "timed out"]


def test_a_body_that_swallows_its_cancellation_fails_all_the_same(
    flavour: Flavour, service: Hourglass
) -> None:
    async def body(step_context: StepContext) -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await service.stick_async()
        return "unharmed"

    assert failure(service.invoke(one_step(flavour, body)))[0] == TIMEOUT


def test_a_body_that_resists_its_cancellation_does_not_hold_the_step(
    flavour: Flavour, service: Hourglass
) -> None:
    ended = False

    async def body(step_context: StepContext) -> str:
        nonlocal ended
        try:
            await service.stick_async()
        except asyncio.CancelledError:
            try:  # until the invocation is over
                await asyncio.get_running_loop().create_future()
            finally:
                ended = True
        return "too late"

    assert failure(service.invoke(one_step(flavour, body)))[0] == TIMEOUT
    assert ended
    assert service.slept[0] == 3
    assert len(service.slept) == 2  # the timeout, and the time to clean up


def test_what_an_abandoned_body_does_later_is_ignored(flavour: Flavour, service: Hourglass) -> None:
    durable = one_step(flavour, blocking_body(service))
    assert failure(service.invoke(durable))[0] == TIMEOUT
    sent = service.trace
    service.released.set()
    assert service.left.wait(60)
    other = FakeService()  # the same environment and loop, one invocation later
    assert other.invoke(one_step(flavour, lambda _: 1)) == succeeded(1)
    assert service.trace == sent


def test_an_abandoned_body_is_named_in_the_log(
    flavour: Flavour, service: Hourglass, caplog: pytest.LogCaptureFixture
) -> None:
    service.invoke(one_step(flavour, blocking_body(service)))
    failed, abandoned = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert failed.startswith(f"step 'slow' failed on attempt 1: {TIMEOUT}: ")
    assert "the step 'slow' still runs in its thread" in abandoned


def test_a_body_that_ends_soon_after_its_timeout_is_waited_for(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    service = PatientHourglass()
    service.invoke(one_step(flavour, blocking_body(service)))
    assert service.left.is_set()
    assert "still runs" not in caplog.text


def test_a_blocking_body_sees_the_callers_context_variables_in_a_thread_of_its_own(
    flavour: Flavour, service: Hourglass
) -> None:
    threads: list[int] = []

    def body(step_context: StepContext) -> str:
        threads.append(threading.get_ident())
        return REGION.get()

    async def handler(event: Any, ctx: Any) -> Any:
        REGION.set("eu-west-1")
        threads.append(threading.get_ident())
        return await ctx.step(body, name="slow", config=StepConfig(timeout=3))

    assert service.invoke(flavour.durable(handler)) == succeeded("eu-west-1")
    caller, own = threads
    assert own != caller


@pytest.mark.parametrize("is_async", [False, True])
def test_no_durable_operation_can_be_called_in_a_limited_body(
    flavour: Flavour, service: Hourglass, is_async: bool
) -> None:
    async def handler(event: Any, ctx: Any) -> None:
        def body(step_context: StepContext) -> None:
            ctx.wait(seconds=1)

        async def async_body(step_context: StepContext) -> None:
            ctx.wait(seconds=1)

        await ctx.step(async_body if is_async else body, config=StepConfig(timeout=3))

    kind, _ = failure(service.invoke(flavour.durable(handler)))
    assert kind == f"{NestedOperationError.__module__}.NestedOperationError"


# ----------------------------------------------------------------------------- in other places


@both_bodies
def test_in_a_map_only_the_items_that_are_late_fail(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    stuck = make(service)

    async def item(ctx: Any, number: int, index: int, items: Any) -> Any:
        def body(step_context: StepContext) -> Any:
            return stuck(step_context) if number == 2 else number

        timeout = {"timeout": 3} if number == 2 else {}
        return await ctx.step(body, config=StepConfig(**timeout))

    async def handler(event: Any, ctx: Any) -> Any:
        config = MapConfig(completion_config=CompletionConfig.all_completed())
        results = await ctx.map([1, 2, 3], item, config=config)
        (failed,) = results.get_errors()
        return [results.get_results(), failed.type]

    assert service.invoke(flavour.durable(handler)) == succeeded([[1, 3], TIMEOUT])


@both_bodies
def test_a_timeout_in_a_child_context_is_known_outside(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    async def child(ctx: Any) -> Any:
        return await ctx.step(make(service), config=StepConfig(timeout=3))

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(flavour.function(child))
        except TimeoutError as problem:
            return [isinstance(problem, c) for c in (ChildContextError, StepTimeoutError)]

    assert service.invoke(flavour.durable(handler)) == succeeded([True, True])


@both_bodies
def test_a_limited_body_holds_the_suspension_of_its_siblings(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    """The branch that waits for a day is not the end of the invocation until the body is."""

    async def waiting(ctx: Any) -> None:
        await ctx.wait(days=1)

    async def working(ctx: Any) -> Any:
        return await ctx.step(make(service), name="slow", config=StepConfig(timeout=3))

    async def handler(event: Any, ctx: Any) -> Any:
        config = ParallelConfig(completion_config=CompletionConfig.all_completed())
        return len(await ctx.parallel([waiting, working], config=config))

    assert service.invoke(flavour.durable(handler)) == PENDING
    assert service.operations[oid(1)]["Status"] == "STARTED"
    assert "STEP FAIL slow" in service.trace


@both_bodies
def test_bodies_take_real_time_where_a_runner_skips_the_rest(
    flavour: Flavour, service: Hourglass, make: Body
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.wait(days=1)
        return await ctx.step(make(service), name="slow", config=StepConfig(timeout=0.01))

    with DurableFunctionTestRunner(flavour.durable(handler)) as runner:
        result = runner.run()
    assert result.get_step("slow").error.type == TIMEOUT


# ------------------------------------------------------------------------------- the setting


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(Duration.from_minutes(1), 60), (timedelta(milliseconds=250), 0.25), (2, 2), (0.5, 0.5)],
)
def test_a_timeout_is_a_duration_a_timedelta_or_seconds(timeout: Any, seconds: float) -> None:
    assert StepConfig(timeout=timeout).timeout_seconds == seconds


@pytest.mark.parametrize(
    "timeout", [0, -1, 0.0, Duration(0), timedelta(0), float("nan"), float("inf"), True, "5", 4e7]
)
def test_anything_else_is_refused(timeout: Any) -> None:
    with pytest.raises(ValidationError, match="timeout"):
        StepConfig(timeout=timeout)
