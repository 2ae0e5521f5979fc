"""A batch too large to store: its completion record, and the result rebuilt from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, Wire, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python._core.limits import LARGE_RESULT_BYTES
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    MapConfig,
    NestingType,
    ParallelConfig,
)

HALF = LARGE_RESULT_BYTES // 2


async def large(ctx: Any, item: str, index: int, items: Any) -> Any:
    """`S` gives half of what may be stored; F fails; W waits for long."""
    if item == "F":
        raise ValueError(f"item {index}")
    if item == "W":
        await ctx.wait(seconds=1000)
    part: str = await ctx.step(lambda: f"{index}", name=f"part {index}")
    return part * HALF


def shown(batch: Any) -> Any:
    """Index, status and first character or error of every item, and the reason."""
    items = [
        [
            item.index,
            item.status,
            item.result[:1] if item.result else item.error and item.error.type,
        ]
        for item in batch.all
    ]
    return [items, batch.completion_reason]


def mapping(flavour: Flavour, items: str, config: MapConfig[Any] | None = None) -> Any:
    """A handler that maps, then waits; its result is what the replay saw."""

    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.map(list(items), large, "big", config)
        await ctx.wait(seconds=1)
        return shown(batch)

    return flavour.durable(handler)


def record(service: FakeService) -> Any:
    closing = service.sent("SUCCEED", 1)
    assert closing["ContextOptions"] == {"ReplayChildren": True}
    return json.loads(closing["Payload"])


S = "SUCCEEDED"


@pytest.mark.parametrize("nesting", list(NestingType))
def test_the_result_is_rebuilt_from_the_branches(flavour: Flavour, nesting: NestingType) -> None:
    service = FakeService()
    handler = mapping(flavour, "SSS", MapConfig(nesting_type=nesting))
    items = [[i, S, str(i)] for i in range(3)]
    assert service.run(handler) == succeeded([items, "ALL_COMPLETED"])
    assert record(service) == {
        "type": "MapResult",
        "totalCount": 3,
        "completionReason": "ALL_COMPLETED",
        "startedIndexes": [],
        "startedCount": 0,
        "successCount": 3,
        "failureCount": 0,
        "status": "SUCCEEDED",
    }
    assert service.trace.count("STEP START part 0") == 1


@pytest.mark.parametrize("nesting", list(NestingType))
def test_failures_are_rebuilt_too(flavour: Flavour, nesting: NestingType) -> None:
    completion = CompletionConfig.all_completed()
    service = FakeService()
    config: MapConfig[Any] = MapConfig(completion_config=completion, nesting_type=nesting)
    items = [[0, S, "0"], [1, "FAILED", "ValueError"], [2, S, "2"], [3, S, "3"]]
    answer = service.run(mapping(flavour, "SFSS", config))
    assert answer == succeeded([items, "ALL_COMPLETED"])
    assert record(service)["status"] == "FAILED"


def test_a_branch_unfinished_at_the_decision_stays_so(flavour: Flavour) -> None:
    service = FakeService()
    config: MapConfig[Any] = MapConfig(completion_config=CompletionConfig(min_successful=3))
    answer = service.run(mapping(flavour, "SWSS", config))
    items = [[0, S, "0"], [1, "STARTED", None], [2, S, "2"], [3, S, "3"]]
    assert answer == succeeded([items, "MIN_SUCCESSFUL_REACHED"])
    assert record(service)["startedIndexes"] == [1]


def test_branches_that_never_started_are_left_out(flavour: Flavour) -> None:
    service = FakeService()
    config: MapConfig[Any] = MapConfig(
        max_concurrency=1, completion_config=CompletionConfig(min_successful=3)
    )
    answer = service.run(mapping(flavour, "SSSSS", config))
    assert answer == succeeded([[[i, S, str(i)] for i in range(3)], "MIN_SUCCESSFUL_REACHED"])
    assert record(service)["totalCount"] == 3


def test_a_summary_is_part_of_the_record(flavour: Flavour) -> None:
    service = FakeService()
    config: MapConfig[Any] = MapConfig(summary_generator=lambda batch: f"{len(batch)} items")
    service.run(mapping(flavour, "SSS", config))
    assert record(service)["summary"] == "3 items"


def test_a_parallel_says_so_in_its_record(flavour: Flavour) -> None:
    async def branch(ctx: Any) -> Any:
        return "x" * LARGE_RESULT_BYTES

    async def handler(event: Any, ctx: Any) -> Any:
        batch = await ctx.parallel([branch, branch], config=ParallelConfig())
        await ctx.wait(seconds=1)
        return [len(result) for result in batch]

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded([LARGE_RESULT_BYTES] * 2)
    assert record(service)["type"] == "ParallelResult"
    assert service.sent("SUCCEED", 1, 0)["ContextOptions"] == {"ReplayChildren": True}


# --------------------------------------------------------------------- records of other origin


def batch_history(payload: Any, *branches: Wire, sub_type: str = "Map") -> FakeService:
    outer = recorded(
        "CONTEXT", "SUCCEEDED", 1, "big", SubType=sub_type, ReplayChildren=True, Result=payload
    )
    return FakeService(outer, *branches)


def branch(index: int, status: str, **details: Any) -> Wire:
    sub_type = "MapIteration"
    return recorded("CONTEXT", status, (1, index), f"map-item-{index}", SubType=sub_type, **details)


def a_record(**changes: Any) -> str:
    fields = {
        "type": "MapResult",
        "totalCount": 2,
        "completionReason": "MIN_SUCCESSFUL_REACHED",
        "startedIndexes": [],
        "startedCount": 0,
        "successCount": 2,
        "failureCount": 0,
        "status": "SUCCEEDED",
        **changes,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None})


DONE = (branch(0, S, Result='"a"'), branch(1, S, Result='"b"'))


@pytest.mark.parametrize(
    ("payload", "branches", "items", "reason"),
    [
        (a_record(), DONE, [[0, S, "a"], [1, S, "b"]], "MIN_SUCCESSFUL_REACHED"),
        # It ended after the decision: the record stands.
        (
            a_record(startedIndexes=[1], startedCount=1, successCount=1),
            DONE,
            [[0, S, "a"], [1, "STARTED", None]],
            "MIN_SUCCESSFUL_REACHED",
        ),
        (
            a_record(startedIndexes=None, completedIndexes=[1], startedCount=1, successCount=1),
            DONE,
            [[0, "STARTED", None], [1, S, "b"]],
            "MIN_SUCCESSFUL_REACHED",
        ),
        # No usable record: from the branches, whose reason is inferred.
        (None, DONE, [[0, S, "a"], [1, S, "b"]], "ALL_COMPLETED"),
        ("", DONE, [[0, S, "a"], [1, S, "b"]], "ALL_COMPLETED"),
        ("{broken", DONE, [[0, S, "a"], [1, S, "b"]], "ALL_COMPLETED"),
        (a_record(successCount=7), DONE, [[0, S, "a"], [1, S, "b"]], "ALL_COMPLETED"),
        (a_record(type="ParallelResult"), DONE, [[0, S, "a"], [1, S, "b"]], "ALL_COMPLETED"),
        (
            None,
            (branch(0, "FAILED", Error=error("KeyError", "k")), branch(1, "STARTED")),
            [[0, "FAILED", "KeyError"], [1, "STARTED", None]],
            "FAILURE_TOLERANCE_EXCEEDED",
        ),
        (None, (DONE[0],), [[0, S, "a"]], "ALL_COMPLETED"),
    ],
)
def test_a_recorded_batch_is_read(
    flavour: Flavour, payload: str | None, branches: Any, items: Any, reason: str
) -> None:
    service = batch_history(payload, *branches)
    assert service.run(mapping(flavour, "SS")) == succeeded([items, reason])
    assert service.trace == ["WAIT START"]


def test_an_outcome_missing_from_the_record_is_non_deterministic(flavour: Flavour) -> None:
    service = batch_history(a_record(), DONE[0])
    kind, message = failure(service.invoke(mapping(flavour, "SS")))
    assert (kind or "").endswith("NonDeterministicExecutionError")
    assert "branch 1 of big" in (message or "")


def test_the_branches_of_a_large_batch_are_still_there_to_replay(flavour: Flavour) -> None:
    """The service keeps what is below a context with ReplayChildren."""
    service = FakeService()
    service.invoke(mapping(flavour, "SSS"))
    visible = {op["Id"] for op in service.event()["InitialExecutionState"]["Operations"]}
    assert {oid(1, i) for i in range(3)} <= visible
