"""Operations as the handler reads them: pages, bounds, and what completed contexts hide."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, Handler, context, step, wait

from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError, Limits


def with_steps(count: int, limits: Limits | None = None, payload: str = "1") -> Handler:
    handler = Bench(limits=limits).start()
    handler.checkpoint(*(step("SUCCEED", f"s{number}", Payload=payload) for number in range(count)))
    return handler


def page(handler: Handler, marker: str | None = None, max_items: int = 0) -> tuple[list[str], Any]:
    """Ids on a page, and its marker."""
    assert handler.token is not None
    answer = handler.bench.engine.get_state(handler.arn, handler.token, marker, max_items, 0)
    return [operation["Id"] for operation in answer["Operations"]], answer.get("NextMarker")


def event_ids(handler: Handler) -> list[str]:
    """Ids in the event of the next invocation, after the first one of the EXECUTION."""
    handler.checkpoint(wait(1, "wake"))
    handler.suspends()
    handler.bench.advance(1)
    state = handler.begin()["InitialExecutionState"]
    assert state["NextMarker"] == ""
    return [operation["Id"] for operation in state["Operations"]][1:]


@pytest.mark.parametrize(("asked", "given"), [(0, 100), (7, 7), (1_000, 1_000), (5_000, 1_000)])
def test_page_lengths(asked: int, given: int) -> None:
    ids, marker = page(with_steps(1_200), max_items=asked)
    assert len(ids) == given
    assert marker is not None


def test_pages_are_in_creation_order_and_complete() -> None:
    handler = with_steps(250)
    handler.checkpoint(step("START", "last"))
    seen, marker = page(handler)
    while marker is not None:
        ids, marker = page(handler, marker)
        seen += ids
    expected = [handler.arn.rpartition("/")[2], *(f"s{number}" for number in range(250)), "last"]
    assert seen == expected


def test_the_token_is_not_consumed() -> None:
    handler = with_steps(1)
    page(handler)
    page(handler)
    assert handler.checkpoint(step("START", "t"))


def test_a_negative_page_length_is_refused() -> None:
    with pytest.raises(InvalidParameterValueError, match="MaxItems"):
        page(with_steps(1), max_items=-1)


def test_state_needs_the_current_token() -> None:
    handler = with_steps(1)
    old = handler.token
    handler.checkpoint()
    assert old is not None
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.bench.engine.get_state(handler.arn, old)


def test_state_needs_an_invocation_in_flight() -> None:
    handler = with_steps(1)
    handler.checkpoint(wait())
    handler.suspends()
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        page(handler)


def test_a_marker_is_void_with_the_next_token() -> None:
    handler = with_steps(10)
    _, marker = page(handler, max_items=5)
    handler.checkpoint()
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        page(handler, marker)


def test_a_page_is_bounded_by_bytes() -> None:
    handler = with_steps(10, Limits(page_bytes=5_000), payload="x" * 2_000)
    ids, marker = page(handler)
    assert ids[1:] == ["s0", "s1"]
    assert page(handler, marker)[0] == ["s2", "s3"]


def test_an_operation_over_the_bound_has_a_page_of_its_own() -> None:
    handler = with_steps(3, Limits(page_bytes=100), payload="x" * 2_000)
    ids, marker = page(handler)
    pages = [ids]
    while marker is not None:
        ids, marker = page(handler, marker)
        pages.append(ids)
    assert [len(ids) for ids in pages] == [1, 1, 1, 1]


def test_the_event_is_bounded_by_bytes_and_continued_by_pages() -> None:
    handler = with_steps(10, Limits(page_bytes=5_000), payload="x" * 2_000)
    handler.checkpoint(wait(1))
    handler.suspends()
    handler.bench.advance(1)
    state = handler.begin()["InitialExecutionState"]
    seen = [operation["Id"] for operation in state["Operations"]]
    assert seen[1:] == ["s0", "s1"]
    marker = state["NextMarker"]
    while marker is not None:
        ids, marker = page(handler, marker, 1_000)
        seen += ids
    assert seen[1:] == [*(f"s{number}" for number in range(10)), "w"]


INSIDE = (
    step("SUCCEED", "a", ParentId="x"),
    context("START", "y", ParentId="x"),
    step("SUCCEED", "b", ParentId="y"),
)


@pytest.mark.parametrize("action", ["SUCCEED", "FAIL"])
def test_a_completed_context_hides_what_is_inside(action: str) -> None:
    handler = Bench().start()
    handler.checkpoint(context("START"), *INSIDE, step("SUCCEED"))
    assert event_ids(handler) == ["x", "a", "y", "b", "s", "wake"]
    handler.checkpoint(context(action))
    assert page(handler)[0][1:] == ["x", "s", "wake"]
    handler.checkpoint(wait(1, "v"))
    handler.suspends()
    handler.bench.advance(1)
    operations = handler.begin()["InitialExecutionState"]["Operations"]
    assert [operation["Id"] for operation in operations[1:]] == ["x", "s", "wake", "v"]


def test_a_context_to_be_replayed_hides_nothing_itself() -> None:
    """But a completed one inside still hides its own."""
    handler = Bench().start()
    handler.checkpoint(context("START"), *INSIDE)
    handler.checkpoint(context("SUCCEED", "y"))
    handler.checkpoint(context("SUCCEED", ContextOptions={"ReplayChildren": True}))
    assert event_ids(handler) == ["x", "a", "y", "wake"]


def test_queries_hide_nothing() -> None:
    handler = Bench().start()
    handler.checkpoint(context("START"), *INSIDE)
    handler.checkpoint(context("SUCCEED"))
    ids = [operation["Id"] for operation in handler.bench.engine.operations(handler.arn)]
    assert ids[1:] == ["x", "a", "y", "b"]


def test_updated_ids_are_what_the_service_changed() -> None:
    """Not what the handler wrote itself."""
    handler = Bench().start()
    handler.checkpoint(step("SUCCEED"), wait(1, "v"), wait(5, "w"))
    handler.suspends()
    handler.bench.advance(1)
    assert handler.begin()["UpdatedOperationIds"] == ["v"]
    handler.suspends()
    handler.bench.advance(4)
    assert handler.begin()["UpdatedOperationIds"] == ["w"]
