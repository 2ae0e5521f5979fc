"""When a map or parallel stops, why, and what becomes of the branches that still ran."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    BatchCompletionError,
    CompletionOutcome,
    ExecutionError,
    InvocationError,
    complete_batch,
    continue_batch,
)
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig, ParallelConfig


async def as_told(ctx: Any, item: str, index: int, items: Any) -> Any:
    """S succeeds, F fails, W waits."""
    if item == "F":
        raise ValueError(f"item {index}")
    if item == "W":
        await ctx.wait(seconds=100)
    return index


def custom(outcome: CompletionOutcome, successes: int) -> CompletionConfig:
    def should_complete(status: Any) -> Any:
        enough = status.success_count >= successes
        return complete_batch(outcome) if enough else continue_batch()

    return CompletionConfig(should_complete=should_complete)


ALL, MIN = "ALL_COMPLETED", "MIN_SUCCESSFUL_REACHED"
EXCEEDED = "FAILURE_TOLERANCE_EXCEEDED"
SUCCESS, FAILURE = "CUSTOM_COMPLETION_SUCCEEDED", "CUSTOM_COMPLETION_FAILED"


@pytest.mark.parametrize(
    ("config", "items", "statuses", "reason", "status"),
    [
        (CompletionConfig(), "SSS", "SSS", ALL, "SUCCEEDED"),
        (CompletionConfig(), "SFS", "SF", EXCEEDED, "FAILED"),
        (CompletionConfig.all_successful(), "SFS", "SF", EXCEEDED, "FAILED"),
        (CompletionConfig.all_completed(), "FFS", "FFS", ALL, "FAILED"),
        (CompletionConfig.first_successful(), "FSS", "FS", MIN, "FAILED"),
        (CompletionConfig.first_successful(), "SSS", "S", MIN, "SUCCEEDED"),
        (CompletionConfig.first_successful(), "FFF", "FFF", ALL, "FAILED"),
        (CompletionConfig(min_successful=2), "SSS", "SS", MIN, "SUCCEEDED"),
        (CompletionConfig(min_successful=3), "SSS", "SSS", ALL, "SUCCEEDED"),
        (CompletionConfig(tolerated_failure_count=1), "FSS", "FSS", ALL, "FAILED"),
        (CompletionConfig(tolerated_failure_count=1), "FFS", "FF", EXCEEDED, "FAILED"),
        (CompletionConfig(tolerated_failure_percentage=50), "FSSF", "FSSF", ALL, "FAILED"),
        (CompletionConfig(tolerated_failure_percentage=49), "FSFS", "FSF", EXCEEDED, "FAILED"),
        (custom(CompletionOutcome.SUCCEEDED, 1), "FSS", "FS", SUCCESS, "SUCCEEDED"),
        (custom(CompletionOutcome.FAILED, 2), "SSS", "SS", FAILURE, "FAILED"),
        (custom(CompletionOutcome.SUCCEEDED, 9), "SF", "SF", ALL, "FAILED"),
    ],
)
def test_one_by_one(
    flavour: Flavour,
    config: CompletionConfig,
    items: str,
    statuses: str,
    reason: str,
    status: str,
) -> None:
    """With one slot the course of the batch is fixed; what never started is left out."""
    seen = []

    async def handler(event: Any, ctx: Any) -> Any:
        settings: MapConfig[Any] = MapConfig(max_concurrency=1, completion_config=config)
        batch = await ctx.map(list(items), as_told, config=settings)
        seen.append(
            (
                "".join(item.status[0] for item in batch.all),
                batch.completion_reason,
                batch.status,
            )
        )
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(None)
    assert seen == [(statuses, reason, status)] * 2
    assert service.sent("SUCCEED", 1)["ContextOptions"] == {"ReplayChildren": False}


def test_a_map_stops_at_the_first_failure_by_default(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map(list("FSS"), as_told, config=MapConfig(max_concurrency=1))
        return batch.completion_reason

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(EXCEEDED)


def test_custom_failure_raises_a_batch_completion_error(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        config: MapConfig[Any] = MapConfig(completion_config=custom(CompletionOutcome.FAILED, 1))
        batch = await ctx.map(list("S"), as_told, config=config)
        with pytest.raises(BatchCompletionError):
            batch.throw_if_error()

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)


def test_a_predicate_that_raises_fails_the_batch(flavour: Flavour) -> None:
    def broken(status: Any) -> Any:
        raise LookupError("lost")

    async def handler(event: Any, ctx: Any) -> Any:
        config: MapConfig[Any] = MapConfig(
            completion_config=CompletionConfig(should_complete=broken)
        )
        await ctx.map(list("S"), as_told, config=config)

    service = FakeService()
    assert failure(service.invoke(flavour.durable(handler))) == ("LookupError", "lost")
    assert service.trace[-1] == "CONTEXT FAIL"


# -------------------------------------------------------------------------- branches still running


def first_of(flavour: Flavour, *branches: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.first_successful()
        )
        batch = await ctx.parallel(list(branches), "race", config)
        await ctx.step(lambda: None, name="after")
        return [item.status for item in batch.all]

    return flavour.durable(handler)


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("where", ["completion predicate", "item namer"])
def test_what_a_callback_of_the_batch_raises_is_raised_as_it_is(
    flavour: Flavour, where: str
) -> None:
    """Also what is no Exception, and while branches run."""

    def cut(*args: Any) -> Any:
        if where == "item namer" and args[1] < 2:
            return f"item {args[1]}"
        raise PowerCut

    async def handler(event: Any, ctx: Any) -> Any:
        config = (
            MapConfig(completion_config=CompletionConfig(should_complete=cut))
            if where == "completion predicate"
            else MapConfig(item_namer=cut)
        )
        return list(await ctx.map("WWS", flavour.function(as_told), config=config))

    with pytest.raises(PowerCut):
        FakeService().invoke(flavour.durable(handler))


def test_a_suspended_branch_is_given_up_when_the_batch_is_decided(flavour: Flavour) -> None:
    begun = threading.Event()

    async def waiting(ctx: Any) -> Any:
        begun.set()
        await ctx.wait(seconds=100)

    async def quick(ctx: Any) -> Any:
        return await ctx.step(lambda: begun.wait() and "quick")

    service = FakeService()
    answer = service.invoke(first_of(flavour, waiting, quick))
    assert answer == succeeded(["STARTED", "SUCCEEDED"])
    assert service.operations[oid(1, 0)]["Status"] == "STARTED"
    assert service.operations[oid(1)]["Status"] == "SUCCEEDED"


def test_work_below_a_decided_batch_is_refused(flavour: Flavour) -> None:
    """The loser still runs when its batch is over: none of its operations is recorded any more."""
    begun, decided, tried = threading.Event(), threading.Event(), threading.Event()
    refused = []

    def let_the_loser_try() -> None:
        decided.set()
        tried.wait(10)

    async def loser(ctx: Any) -> Any:
        begun.set()
        try:
            if flavour.name == "blocking":
                decided.wait(10)
            else:
                await asyncio.to_thread(decided.wait, 10)
            await ctx.step(lambda: "late", name="late")
        except BaseException as problem:
            if not isinstance(problem, asyncio.CancelledError):
                refused.append(type(problem).__name__)
            raise
        finally:
            tried.set()

    async def winner(ctx: Any) -> Any:
        if flavour.name == "blocking":
            begun.wait(10)
        return "won"

    async def handler(event: Any, ctx: Any) -> Any:
        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.first_successful()
        )
        batch = await ctx.parallel([loser, winner], "race", config)
        await ctx.step(let_the_loser_try, name="after")
        return [item.status for item in batch.all]

    service = FakeService()
    answer = service.invoke(flavour.durable(handler))
    assert answer == succeeded(["STARTED", "SUCCEEDED"])
    assert "STEP START late" not in service.trace
    # The async one has been cancelled where it waited, and has ended.
    assert refused == (["OrphanedChildException"] if flavour.name == "blocking" else [])


# -------------------------------------------------- errors that are no failure of a branch alone


def raising(problem: BaseException) -> Any:
    async def branch(ctx: Any) -> Any:
        raise problem

    return branch


def tolerant(flavour: Flavour, *branches: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.all_completed()
        )
        return list(await ctx.parallel(list(branches), config=config))

    return flavour.durable(handler)


def test_an_execution_error_escapes_every_tolerance(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(tolerant(flavour, raising(ExecutionError("stop"))))
    assert failure(answer)[1] == "stop"
    assert not [u for u in service.updates if u["Action"] in ("SUCCEED", "FAIL")]


def test_a_foreign_base_exception_escapes_and_is_raised(flavour: Flavour) -> None:
    with pytest.raises(SystemExit):
        FakeService().invoke(tolerant(flavour, raising(SystemExit(3))))


def test_a_retryable_invocation_error_is_raised_after_the_others_had_their_turn(
    flavour: Flavour,
) -> None:
    async def working(ctx: Any) -> Any:
        return await ctx.step(lambda: "done", name="work")

    service = FakeService()
    handler = tolerant(flavour, raising(InvocationError("again")), working)
    with pytest.raises(InvocationError, match="again"):
        service.invoke(handler)
    assert "STEP SUCCEED work" in service.trace
    assert service.operations[oid(1)]["Status"] == "STARTED"
