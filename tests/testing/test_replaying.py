"""`replay_every_checkpoint`: handlers that cannot be replayed fail, all others notice nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import Duration, MapConfig, StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

RETRY = create_retry_strategy(RetryStrategyConfig(max_attempts=3))


@durable_execution
def everything(event: Any, context: DurableContext) -> list[Any]:
    attempts = itertools.count(1)

    def flaky(step: Any) -> int:
        if step.attempt < 3:
            raise ValueError("again")
        return step.attempt

    def child(inner: DurableContext) -> str:
        inner.wait(seconds=60)
        return inner.step(lambda _: "inside", name="inside")

    condition = WaitForConditionConfig(
        wait_strategy=create_wait_strategy(
            WaitStrategyConfig(should_continue_polling=lambda state: state < 3)
        ),
        initial_state=0,
    )
    next(attempts)
    return [
        context.step(lambda _: 1, name="one"),
        context.step(flaky, name="flaky", config=StepConfig(retry_strategy=RETRY)),
        context.run_in_child_context(child, name="child"),
        context.wait_for_condition(lambda state, _: state + 1, name="poll", config=condition),
        context.map(
            [1, 2],
            lambda inner, item, *_: inner.step(lambda _: item),
            config=MapConfig(max_concurrency=1),  # threads begin in any order
        ).get_results(),
        context.invoke("pay", {}),
    ]


@durable_execution
async def asynchronous(event: Any, context: AsyncDurableContext) -> list[int]:
    first = await context.step(lambda _: 1, name="first")
    await context.wait(Duration.from_hours(1))
    second = await context.step(lambda _: 2, name="second")
    return [first, second]


def run(handler: Any, *, replaying: bool) -> Any:
    with DurableFunctionTestRunner(handler, replay_every_checkpoint=replaying) as runner:
        return runner.mock_invoke("pay", result="paid").run()


@pytest.mark.parametrize("handler", [everything, asynchronous])
def test_the_result_and_the_history_are_the_same(handler: Any) -> None:
    once, often = run(handler, replaying=False), run(handler, replaying=True)
    assert once.status == "SUCCEEDED"
    assert often.result == once.result

    def types(result: Any) -> list[tuple[str, str | None]]:
        # An invoked function may answer before the invocation that invoked it has ended.
        events = [(event.event_type, event.name) for event in result.history.events[1:-1]]
        return [event for event in events if event != ("InvocationCompleted", None)]

    assert types(often) == types(once)


def test_the_handler_runs_from_the_top_after_every_checkpoint() -> None:
    runs = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        runs.append(1)
        for _ in range(4):
            context.step(lambda _: None)

    run(handler, replaying=True)
    assert len(runs) == 5


def test_steps_of_sequential_code_run_once() -> None:
    ran = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        for number in range(4):
            context.step(lambda _, n=number: ran.append(n))

    run(handler, replaying=True)
    assert ran == [0, 1, 2, 3]


def test_code_that_is_not_deterministic_fails_although_nothing_waits() -> None:
    calls = itertools.count()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        context.step(lambda _: None, name=f"step-{next(calls)}")
        context.step(lambda _: None, name="last")

    assert run(handler, replaying=False).status == "SUCCEEDED"
    failed = run(handler, replaying=True)
    assert failed.status == "FAILED"
    assert "NonDeterministicExecutionError" in str(failed.error)


def test_state_kept_outside_of_steps_shows() -> None:
    @durable_execution
    def handler(event: dict[str, list[str]], context: DurableContext) -> int:
        kept.append("x")
        context.step(lambda _: None)
        return len(kept)

    kept: list[str] = []
    assert run(handler, replaying=False).result == 1
    kept.clear()
    assert run(handler, replaying=True).result == 2


def test_a_step_that_runs_at_most_once_is_not_cut_off() -> None:
    ran = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        config = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY)

        def charge(inner: DurableContext) -> Any:
            return inner.step(lambda _: ran.append("charge"), name="charge", config=config)

        def note(inner: DurableContext) -> Any:
            return inner.step(lambda _: "noted", name="note")

        return context.parallel([charge, note, charge]).get_results()

    assert run(handler, replaying=True).result == [None, "noted", None]
    assert ran == ["charge", "charge"]


def test_a_result_too_large_for_the_answer_ends_the_execution() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        context.step(lambda _: None)
        return "x" * (6 * 1024 * 1024 - 20)

    assert len(run(handler, replaying=True).result) == 6 * 1024 * 1024 - 20
