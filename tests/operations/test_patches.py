"""Code that changes while executions run: which way each of them goes, and what is recorded.

A change is deployed as the docs say: `before` it, with `patched`, `deprecated`, and `after` its
patch has gone. Executions stop at a wait, or are cut off, and go on with other code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from answers import PENDING, succeeded
from fake_service import FakeService, Wire
from flavours import Flavour, retrying

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    ValidationError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    MapConfig,
    NestingType,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.exceptions import CheckpointError, NestedOperationError
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

Way = Callable[[Any], bool]


def before(ctx: Any) -> bool:
    return False


def patched(ctx: Any) -> bool:
    answer: bool = ctx.patched("fraud")
    return answer


def deprecated(ctx: Any) -> bool:
    ctx.deprecate_patch("fraud")
    return True


def after(ctx: Any) -> bool:
    return True


def ordering(flavour: Flavour, way: Way) -> Any:
    """Charges; after the change, checks for fraud first."""

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: "in", name="take")
        checked = None
        if way(ctx):
            checked = await ctx.step(lambda: "clean", name="check")
        await ctx.wait(seconds=1, name="pause")
        charged = await ctx.step(lambda: "paid", name="charge")
        return [checked, charged]

    return flavour.durable(handler)


OLD, NEW = succeeded([None, "paid"]), succeeded(["clean", "paid"])


def markers(service: FakeService) -> list[str]:
    return [op["Name"] for op in service.operations.values() if op["SubType"] == "PatchMarker"]


def refusal(answer: Wire) -> str:
    assert answer["Status"] == "FAILED", answer
    assert answer["Error"]["ErrorType"].endswith("NonDeterministicExecutionError")
    message: str = answer["Error"]["ErrorMessage"]
    return message


# ------------------------------------------------------------------- one execution, other code


@pytest.mark.parametrize(
    ("first", "then", "answer"),
    [
        (before, patched, OLD),
        (patched, patched, NEW),
        (patched, deprecated, NEW),
        (deprecated, deprecated, NEW),
        (deprecated, after, NEW),
    ],
)
def test_an_execution_under_way_goes_on(
    flavour: Flavour, first: Way, then: Way, answer: Wire
) -> None:
    service = FakeService()
    assert service.invoke(ordering(flavour, first)) == PENDING
    service.pass_time(1)
    assert service.invoke(ordering(flavour, then)) == answer


@pytest.mark.parametrize(("first", "then"), [(before, deprecated), (patched, before)])
def test_other_code_than_the_one_recorded_is_refused(
    flavour: Flavour, first: Way, then: Way
) -> None:
    service = FakeService()
    service.invoke(ordering(flavour, first))
    service.pass_time(1)
    assert "the code changed" in refusal(service.invoke(ordering(flavour, then)))


def test_a_patch_on_record_must_be_mentioned(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(ordering(flavour, patched))
    service.pass_time(1)
    message = refusal(service.invoke(ordering(flavour, after)))
    assert "patch 'fraud'" in message
    assert "deprecate_patch('fraud')" in message


def test_only_patched_leaves_a_marker_and_it_takes_no_number(flavour: Flavour) -> None:
    services = {}
    for way in (before, patched, deprecated):
        services[way] = FakeService()
        services[way].invoke(ordering(flavour, way))
    assert {way: markers(service) for way, service in services.items()} == {
        before: [],
        patched: ["fraud"],
        deprecated: [],
    }
    with_marker, without = services[patched], services[deprecated]
    others = [op["Id"] for op in with_marker.operations.values() if op["SubType"] != "PatchMarker"]
    assert others == list(without.operations)


def test_the_marker_goes_before_what_the_new_code_records(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(ordering(flavour, patched))
    marked = service.trace.index("STEP START fraud")
    assert service.trace[marked : marked + 2] == ["STEP START fraud", "STEP SUCCEED fraud"]
    assert (
        service.trace.index("STEP SUCCEED take") < marked < service.trace.index("STEP START check")
    )


@pytest.mark.parametrize("fails", [False, True])
def test_a_marker_is_recorded_also_if_nothing_follows(flavour: Flavour, fails: bool) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        is_new = patched(ctx)
        if fails:
            raise LookupError("gone")
        return is_new

    service = FakeService()
    answer = service.invoke(flavour.durable(handler))
    assert answer["Status"] == ("FAILED" if fails else "SUCCEEDED")
    assert service.trace == ["STEP START fraud", "STEP SUCCEED fraud"]
    assert len(service.requests) == 1


def test_a_marker_is_recorded_before_an_invocation_is_suspended(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        callback = await ctx.create_callback()
        patched(ctx)
        return await callback.result()

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert markers(service) == ["fraud"]


def test_an_execution_that_waits_right_before_the_patch_takes_the_new_way(flavour: Flavour) -> None:
    def waiting(way: Way) -> Any:
        async def handler(event: Any, ctx: Any) -> Any:
            await ctx.wait(seconds=1)
            is_new = way(ctx)
            return await ctx.step(lambda: "new" if is_new else "old")

        return flavour.durable(handler)

    service = FakeService()
    assert service.invoke(waiting(before)) == PENDING
    service.pass_time(1)
    assert service.invoke(waiting(patched)) == succeeded("new")
    assert markers(service) == ["fraud"]


# ------------------------------------------------------------------------------ asked again


def test_one_name_has_one_answer_in_a_context(flavour: Flavour) -> None:
    """What the first half did the old way, the second half does the old way, too."""

    def halves(way: Way) -> Any:
        async def handler(event: Any, ctx: Any) -> Any:
            is_new = way(ctx)
            first = await ctx.step(lambda: "new" if is_new else "old", name="first")
            await ctx.wait(seconds=1)
            return [first, "new" if way(ctx) else "old"]

        return flavour.durable(handler)

    for begun, answer in ((before, ["old", "old"]), (patched, ["new", "new"])):
        service = FakeService()
        service.invoke(halves(begun))
        service.pass_time(1)
        assert service.invoke(halves(patched)) == succeeded(answer)
        assert markers(service) == (["fraud"] if begun is patched else [])


def test_a_loop_goes_on_as_it_began_unless_each_round_has_a_name(flavour: Flavour) -> None:
    def rounds(name: str | None) -> Any:
        async def handler(event: Any, ctx: Any) -> Any:
            ways = []
            for n in range(4):
                is_new = name is not None and ctx.patched(name.format(n))
                ways.append(await ctx.step(partial(bool, is_new)))
                await ctx.wait(seconds=1)
            return ways

        return flavour.durable(handler)

    for name, answer in (("all", [False] * 4), ("round {}", [False, False, True, True])):
        service = FakeService()
        for _ in range(2):
            assert service.invoke(rounds(None)) == PENDING
            service.pass_time(1)
        for _ in range(2):
            assert service.invoke(rounds(name)) == PENDING
            service.pass_time(1)
        assert service.invoke(rounds(name)) == succeeded(answer)


def test_a_loop_that_began_with_the_patch_leaves_one_marker(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        ways = []
        for _ in range(3):
            ways.append(ctx.patched("fraud"))
            await ctx.wait(seconds=1)
        return ways

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded([True] * 3)
    assert markers(service) == ["fraud"]


def test_attempts_of_with_retry_have_one_answer(flavour: Flavour) -> None:
    def retried(way: Way) -> Any:
        async def attempt(ctx: Any, number: int) -> Any:
            is_new = way(ctx)
            await ctx.step(lambda: None, name="new" if is_new else "old")
            if number == 1:
                raise ConnectionError("again")
            return is_new

        async def handler(event: Any, ctx: Any) -> Any:
            return await retrying(
                ctx, attempt, WithRetryConfig(lambda error, n: RetryDecision.retry(1))
            )

        return flavour.durable(handler)

    for begun in (before, patched):
        service = FakeService()
        assert service.invoke(retried(begun)) == PENDING
        service.pass_time(1)
        assert service.invoke(retried(patched)) == succeeded(begun is patched)


# ------------------------------------------------------------------------- contexts in contexts


def branching(flavour: Flavour, way: Way, **config: Any) -> Any:
    """Two items under way at a time; each waits, then does what is new or old."""

    async def item(ctx: Any, number: int, *_: Any) -> Any:
        is_new = way(ctx)
        await ctx.step(lambda: None, name="new" if is_new else "old")
        await ctx.wait(seconds=1)
        await ctx.step(lambda: None, name="done")
        return is_new

    async def handler(event: Any, ctx: Any) -> Any:
        limits = MapConfig(max_concurrency=2, **config)
        return list(await ctx.map(list(range(6)), flavour.function(item), "items", limits))

    return flavour.durable(handler)


@pytest.mark.parametrize("nesting", [NestingType.NESTED, NestingType.FLAT])
@pytest.mark.parametrize("begun", [before, patched, deprecated])
def test_each_branch_goes_on_as_it_began(
    flavour: Flavour, nesting: NestingType, begun: Way
) -> None:
    service = FakeService()
    assert service.invoke(branching(flavour, begun, nesting_type=nesting)) == PENDING
    service.pass_time(1)
    then = deprecated if begun is deprecated else patched
    answer = service.run(branching(flavour, then, nesting_type=nesting))
    old = 2 if begun is before else 0
    assert answer == succeeded([False] * old + [True] * (6 - old))
    assert len(markers(service)) == (0 if begun is deprecated else 6 - old)


def test_parallel_branches_decide_for_themselves(flavour: Flavour) -> None:
    def pair(way: Way) -> Any:
        async def quick(ctx: Any) -> Any:
            await ctx.wait(seconds=1)
            return way(ctx)

        async def slow(ctx: Any) -> Any:
            is_new = way(ctx)
            await ctx.step(lambda: None, name="new" if is_new else "old")
            await ctx.wait(seconds=2)
            return is_new

        async def handler(event: Any, ctx: Any) -> Any:
            return list(await ctx.parallel(flavour.function(quick), flavour.function(slow)))

        return flavour.durable(handler)

    service = FakeService()
    assert service.invoke(pair(before)) == PENDING
    assert service.run(pair(patched)) == succeeded([True, False])


@pytest.mark.parametrize("is_virtual", [False, True])
def test_a_child_context_decides_for_itself(flavour: Flavour, is_virtual: bool) -> None:
    def nested(way: Way) -> Any:
        async def child(ctx: Any) -> Any:
            is_new = way(ctx)
            await ctx.step(lambda: None, name="new" if is_new else "old")
            await ctx.wait(seconds=1)
            return is_new

        async def handler(event: Any, ctx: Any) -> Any:
            config = ChildConfig(is_virtual=is_virtual)
            one = await ctx.run_in_child_context(flavour.function(child), "one", config)
            two = await ctx.run_in_child_context(flavour.function(child), "two", config)
            return [one, two]

        return flavour.durable(handler)

    for begun, answer in ((before, [False, True]), (patched, [True, True])):
        service = FakeService()
        assert service.invoke(nested(begun)) == PENDING
        assert service.run(nested(patched)) == succeeded(answer)


@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("inner", [False, True])
def test_virtual_contexts_ahead_are_record_that_goes_on(
    flavour: Flavour, outer: bool, inner: bool
) -> None:
    """They leave no record themselves: what is ahead is inside of them."""

    def nested(way: Way) -> Any:
        async def work(ctx: Any) -> Any:
            await ctx.step(lambda: None, name="work")
            await ctx.wait(seconds=1)

        async def child(ctx: Any) -> Any:
            is_new = way(ctx)
            if is_new:
                await ctx.step(lambda: None, name="new")
            config = ChildConfig(is_virtual=inner)
            await ctx.run_in_child_context(flavour.function(work), "work", config)
            return is_new

        async def handler(event: Any, ctx: Any) -> Any:
            config = ChildConfig(is_virtual=outer)
            return await ctx.run_in_child_context(flavour.function(child), "child", config)

        return flavour.durable(handler)

    for begun in (before, patched):
        service = FakeService()
        assert service.invoke(nested(begun)) == PENDING
        assert service.run(nested(patched)) == succeeded(begun is patched)


@pytest.mark.parametrize("empty", [0, 20])
@pytest.mark.parametrize("inside", [False, True])
def test_what_follows_a_virtual_context_is_record_that_goes_on(
    flavour: Flavour, inside: bool, empty: int
) -> None:
    """It leaves none itself, and so do those in between that do nothing: what comes then does."""
    virtual = ChildConfig(is_virtual=True)

    def following(way: Way) -> Any:
        async def nothing(ctx: Any) -> None:
            pass

        async def child(ctx: Any) -> Any:
            is_new = way(ctx)
            if is_new:
                await ctx.step(lambda: None, name="new")
            for _ in range(empty):
                await ctx.run_in_child_context(flavour.function(nothing), config=virtual)
            if inside:
                await ctx.step(lambda: None, name="last")
            return is_new

        async def handler(event: Any, ctx: Any) -> Any:
            await ctx.step(lambda: None, name="first")
            is_new = await ctx.run_in_child_context(flavour.function(child), config=virtual)
            await ctx.wait(seconds=1)
            return is_new

        return flavour.durable(handler)

    for begun in (before, patched):
        service = FakeService()
        assert service.invoke(following(begun)) == PENDING
        assert service.run(following(patched)) == succeeded(begun is patched)


@pytest.mark.parametrize("nesting", [NestingType.NESTED, NestingType.FLAT])
@pytest.mark.parametrize("invocations", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(
    ("begun", "then"), [(before, patched), (patched, deprecated), (deprecated, deprecated)]
)
def test_a_change_in_many_places_can_be_deployed_at_any_moment(
    flavour: Flavour, nesting: NestingType, invocations: int, begun: Way, then: Way
) -> None:
    def working(way: Way) -> Any:
        virtual = ChildConfig(is_virtual=True)

        async def inner(ctx: Any) -> Any:
            if way(ctx):
                await ctx.step(lambda: None, name="added inside")
            await ctx.wait(seconds=1)

        async def item(ctx: Any, number: int, *_: Any) -> Any:
            if number % 2:
                await ctx.step(lambda: None, name="first")
            if way(ctx):
                await ctx.wait(seconds=1, name="added")
            await ctx.run_in_child_context(flavour.function(inner), config=virtual)
            await ctx.wait(seconds=1 + number % 3)
            if way(ctx):
                await ctx.step(lambda: None, name="added later")
            return await ctx.step(lambda: number, name="last")

        async def handler(event: Any, ctx: Any) -> Any:
            limits = MapConfig(max_concurrency=3, nesting_type=nesting)
            done = await ctx.map(list(range(7)), flavour.function(item), "items", limits)
            if way(ctx):
                await ctx.step(lambda: None, name="added at the end")
            return list(done)

        return flavour.durable(handler)

    service = FakeService()
    for _ in range(invocations):
        assert service.invoke(working(begun)) == PENDING
        service.pass_time(1)
    assert service.run(working(then)) == succeeded(list(range(7)))


@pytest.mark.parametrize("begun", [before, patched])
def test_a_context_whose_large_result_is_made_again_is_made_the_same_way(
    flavour: Flavour, begun: Way
) -> None:
    """All of it is on record: what is asked at its very end is no news."""

    def large(way: Way) -> Any:
        async def child(ctx: Any) -> Any:
            await ctx.step(lambda: None)
            return ("new" if way(ctx) else "old") * 100_000

        async def handler(event: Any, ctx: Any) -> Any:
            text = await ctx.run_in_child_context(flavour.function(child))
            await ctx.wait(seconds=1)
            return text[:3]

        return flavour.durable(handler)

    service = FakeService()
    assert service.invoke(large(begun)) == PENDING
    service.pass_time(1)
    assert service.invoke(large(patched)) == succeeded("new" if begun is patched else "old")


# ------------------------------------------------------------------------------- interruptions


LOST = CheckpointError("reset", retryable=True)


def lose(service: FakeService) -> None:
    """The answer; what was sent has been recorded."""
    raise LOST


@pytest.mark.parametrize("fault", [LOST, lose], ids=["request", "answer"])
@pytest.mark.parametrize("lost", [1, 2, 3])
@pytest.mark.parametrize("begun", [before, patched])
def test_an_execution_whose_invocation_was_cut_off_is_decided_by_its_record(
    flavour: Flavour, begun: Way, lost: int, fault: Any
) -> None:
    service = FakeService(answers={lost: fault})
    with pytest.raises(CheckpointError):
        service.run(ordering(flavour, begun))
    is_old = begun is before and any(op["Name"] == "pause" for op in service.operations.values())
    assert service.run(ordering(flavour, patched)) == (OLD if is_old else NEW)
    assert markers(service) == ([] if is_old else ["fraud"])


def test_a_marker_that_was_begun_only_counts_and_is_completed(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(ordering(flavour, patched))
    (marker,) = (op for op in service.operations.values() if op["SubType"] == "PatchMarker")
    marker["Status"] = "STARTED"
    service.pass_time(1)
    assert service.invoke(ordering(flavour, patched)) == NEW
    assert marker["Id"] in {u["Id"] for u in service.requests[-1]}
    assert service.operations[marker["Id"]]["Status"] == "SUCCEEDED"


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["", "ü", "x" * 257, None, 7])
def test_a_name_that_cannot_be_recorded_is_refused(flavour: Flavour, name: Any) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        for call in (ctx.patched, ctx.deprecate_patch):
            with pytest.raises(ValidationError, match="name must be"):
                call(name)
        return True

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(True)
    assert markers(service) == []


def test_a_step_decides_nothing(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        def body() -> None:
            for call in (ctx.patched, ctx.deprecate_patch):
                with pytest.raises(NestedOperationError):
                    call("fraud")

        await ctx.step(body)

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)


# ------------------------------------------------------------------------------------ both ways


@pytest.mark.parametrize("compat", [None, "aws"])
def test_compatible_handlers_have_patches_too(flavour: Flavour, compat: str | None) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        is_new = ctx.patched("fraud")
        await ctx.wait(seconds=1)
        return is_new

    service = FakeService()
    assert service.run(flavour.durable(handler, compat=compat)) == succeeded(True)
    assert markers(service) == ["fraud"]


def test_an_execution_goes_on_in_async_code_as_blocking_code_began_it() -> None:
    @durable_execution
    def blocking(event: Any, c: DurableContext) -> bool:
        is_new = c.patched("fraud")
        c.wait(seconds=1)
        return is_new

    @durable_execution
    async def rewritten(event: Any, c: AsyncDurableContext) -> bool:
        is_new = c.patched("fraud")
        await c.wait(seconds=1)
        return is_new

    service = FakeService()
    assert service.invoke(blocking) == PENDING
    service.pass_time(1)
    assert service.invoke(rewritten) == succeeded(True)


def test_operations_called_before_and_awaited_later_are_not_ahead() -> None:
    def gathering(way: Way) -> Any:
        @durable_execution
        async def handler(event: Any, c: AsyncDurableContext) -> Any:
            early = [c.step(lambda: 1), c.wait(seconds=1)]
            is_new = way(c)
            await asyncio.gather(*early)
            return is_new

        return handler

    for begun in (before, patched):
        service = FakeService()
        assert service.invoke(gathering(begun)) == PENDING
        service.pass_time(1)
        # Nothing was asked for after the patch: both go the new way.
        assert service.invoke(gathering(patched)) == succeeded(True)


def test_a_crash_anywhere_changes_nothing(flavour: Flavour) -> None:
    async def child(ctx: Any) -> Any:
        if not patched(ctx):
            await ctx.step(lambda: None, name="old")
        return await ctx.step(lambda: "new", name="new")

    async def handler(event: Any, ctx: Any) -> Any:
        if not patched(ctx):
            await ctx.wait(seconds=1, name="old")
        inside = await ctx.run_in_child_context(flavour.function(child))
        await ctx.wait(seconds=1)
        return [inside, patched(ctx), ctx.patched("at the end")]

    with DurableFunctionTestRunner(flavour.durable(handler)) as runner:
        report = runner.explore_crashes()
    assert report.calm.result == ["new", True, True]
    assert report.explored
