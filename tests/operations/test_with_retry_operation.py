"""with_retry: a whole piece of durable code, again and again."""

from __future__ import annotations

from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, oid
from flavours import Flavour, retrying

from aws_durable_execution_sdk_python import (
    ChildContextError,
    ExecutionError,
    ValidationError,
    WithRetryConfig,
    with_retry,
)
from aws_durable_execution_sdk_python.retries import RetryDecision, fixed


def failing(times: int, problem: type[Exception] = ValueError) -> Any:
    async def function(ctx: Any, attempt: int) -> Any:
        value = await ctx.step(lambda: f"try {attempt}", name=f"step {attempt}")
        if attempt <= times:
            raise problem(value)
        return value

    return function


def trying(flavour: Flavour, function: Any, name: str | None = "book", **config: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await retrying(ctx, function, WithRetryConfig(**config), name)

    return flavour.durable(handler)


def test_attempts_share_one_child_context_and_continue_its_numbers(flavour: Flavour) -> None:
    service = FakeService()
    handler = trying(flavour, failing(2), retry_strategy=fixed(3))
    assert service.run(handler) == succeeded("try 3")
    starts = [(u["Id"], u.get("Name")) for u in service.updates if u["Action"] == "START"]
    assert starts == [
        (oid(1), "book"),
        (oid(1, 1), "step 1"),
        (oid(1, 2), "book-backoff-1"),
        (oid(1, 3), "step 2"),
        (oid(1, 4), "book-backoff-2"),
        (oid(1, 5), "step 3"),
    ]
    assert service.sent("START", 1)["SubType"] == "RunInChildContext"
    assert service.sent("START", 1, 2)["WaitOptions"] == {"WaitSeconds": 3}


def test_unwrapped_attempts_run_in_the_given_context(flavour: Flavour) -> None:
    service = FakeService()
    handler = trying(flavour, failing(1), retry_strategy=fixed(3), wrap_in_child_context=False)
    assert service.run(handler) == succeeded("try 2")
    starts = [(u["Id"], u.get("Name")) for u in service.updates if u["Action"] == "START"]
    assert starts == [(oid(1), "step 1"), (oid(2), "book-backoff-1"), (oid(3), "step 2")]


def test_without_a_name_back_offs_are_numbered_all_the_same(flavour: Flavour) -> None:
    service = FakeService()
    service.run(trying(flavour, failing(1), name=None, retry_strategy=fixed(3)))
    assert service.sent("START", 1, 2)["Name"] == "backoff-1"


def test_the_strategy_gives_up_and_the_last_error_is_raised(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = WithRetryConfig(fixed(1, max_attempts=2))
        try:
            await retrying(ctx, failing(9), config, "book")
        except ValueError as problem:
            return [isinstance(problem, ChildContextError), str(problem)]

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded([True, "try 2"])
    assert service.trace[-1] == "CONTEXT FAIL book"


def test_unwrapped_the_last_error_is_raised_as_it_is(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config = WithRetryConfig(fixed(1, max_attempts=1), wrap_in_child_context=False)
        try:
            await retrying(ctx, failing(9), config, "book")
        except ValueError as problem:
            return [type(problem) is ValueError, str(problem)]

    assert FakeService().run(flavour.durable(handler)) == succeeded([True, "try 1"])


def test_by_default_there_are_three_attempts(flavour: Flavour) -> None:
    service = FakeService()
    assert failure(service.run(trying(flavour, failing(9)))) == ("ValueError", "try 3")
    seconds = [u["WaitOptions"]["WaitSeconds"] for u in service.updates if u["Type"] == "WAIT"]
    assert seconds == [5, 10]


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_unrecoverable_error_is_not_tried_again(flavour: Flavour, wrapped: bool) -> None:
    asked = []

    def strategy(problem: Exception, attempt: int) -> RetryDecision:
        asked.append(attempt)
        return RetryDecision.retry(1)

    handler = trying(
        flavour,
        failing(9, ExecutionError),
        retry_strategy=strategy,
        wrap_in_child_context=wrapped,
    )
    assert failure(FakeService().run(handler))[1] == "try 1"
    assert asked == []


def test_a_delay_is_at_least_one_second(flavour: Flavour) -> None:
    service = FakeService()
    handler = trying(flavour, failing(1), retry_strategy=lambda e, n: RetryDecision.retry(0))
    assert service.run(handler) == succeeded("try 2")
    assert service.sent("START", 1, 2)["WaitOptions"] == {"WaitSeconds": 1}


def test_a_suspension_inside_is_no_failed_attempt(flavour: Flavour) -> None:
    async def waiting(ctx: Any, attempt: int) -> Any:
        await ctx.wait(seconds=5)
        return attempt

    assert FakeService().run(trying(flavour, waiting, retry_strategy=fixed(1))) == succeeded(1)


def test_a_back_off_name_that_would_be_too_long_is_refused_before_anything_is_recorded(
    flavour: Flavour,
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        with pytest.raises(ValidationError, match="256"):
            await retrying(ctx, failing(1), name="n" * 250)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(None)
    assert service.updates == []


def test_unwrapped_attempts_must_be_of_the_contexts_own_kind(flavour: Flavour) -> None:
    """They share its numbering, which a change between thread and event loop would break."""

    async def asynchronous(ctx: Any, attempt: int) -> Any:
        return attempt

    def blocking(ctx: Any, attempt: int) -> Any:
        return attempt

    async def handler(event: Any, ctx: Any) -> Any:
        config = WithRetryConfig(wrap_in_child_context=False)
        context = getattr(ctx, "context", ctx)
        other = asynchronous if flavour.name == "blocking" else blocking
        with pytest.raises(ValidationError, match="make both the same"):
            await with_retry(context, other, config=config)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)
