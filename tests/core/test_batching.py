"""What goes into one checkpoint request."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.batching import (
    MAX_BYTES,
    MAX_UPDATES,
    encoded_size,
    take_batch,
)
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationType,
    OperationUpdate,
)


@dataclass
class Entry:
    update: OperationUpdate | None
    size: int = 100


def step(
    operation_id: str,
    action: str = "START",
    payload: str | None = None,
    order: tuple[float, ...] = (),
) -> OperationUpdate:
    return OperationUpdate(
        operation_id=operation_id,
        operation_type=OperationType.STEP,
        action=OperationAction(action),
        payload=payload,
        order=order,
    )


def entries(*ids: str, size: int = 100) -> deque[Entry]:
    return deque(Entry(step(i), size) for i in ids)


def test_at_most_250_updates_go_together() -> None:
    queue = entries(*map(str, range(600)))
    assert [len(take_batch(queue)) for _ in range(4)] == [MAX_UPDATES, MAX_UPDATES, 100, 0]


def test_at_most_750_kib_go_together() -> None:
    queue = entries("a", "b", "c", size=MAX_BYTES // 2)
    assert [len(take_batch(queue)) for _ in range(2)] == [2, 1]


def test_an_update_over_the_limit_goes_alone() -> None:
    queue = deque([Entry(step("a")), Entry(step("b"), MAX_BYTES + 1), Entry(step("c"))])
    assert [[e.update.operation_id for e in take_batch(queue) if e.update] for _ in range(3)] == [
        ["a"],
        ["b"],
        ["c"],
    ]


def test_refreshes_cost_nothing_and_ride_along() -> None:
    queue = deque([Entry(None), Entry(step("a")), Entry(None)])
    assert len(take_batch(queue)) == 3


def test_start_and_end_of_a_step_share_a_request_but_not_two_attempts() -> None:
    queue = deque(Entry(step("a", action)) for action in ("START", "RETRY", "START", "SUCCEED"))
    batches = [[e.update.action for e in take_batch(queue) if e.update] for _ in range(2)]
    assert batches == [["START", "RETRY"], ["START", "SUCCEED"]]


def test_the_executions_end_is_the_last_update_of_its_request() -> None:
    end = OperationUpdate(
        operation_id="e", operation_type=OperationType.EXECUTION, action=OperationAction.SUCCEED
    )
    queue = deque([Entry(step("a")), Entry(end), Entry(step("b"))])
    assert [len(take_batch(queue)) for _ in range(2)] == [2, 1]


def test_a_request_is_in_the_programs_order_whoever_came_first() -> None:
    """Branches by index; a context's end after what is inside; one operation's own order kept."""
    orders = [(3, 1, 1), (3, 0, math.inf), (3, 0, 1), (3, 0), (3,), (3, 1)]
    queue = deque(Entry(step(str(i), order=order)) for i, order in enumerate(orders))
    queue.append(Entry(step("2", "SUCCEED", order=(3, 0, 1))))
    sent = [(e.update.order, e.update.action) for e in take_batch(queue) if e.update]
    assert [order for order, _ in sent] == [
        (3,),
        (3, 0),
        (3, 0, 1),
        (3, 0, 1),
        (3, 0, math.inf),
        (3, 1),
        (3, 1, 1),
    ]
    assert [action for order, action in sent if order == (3, 0, 1)] == ["START", "SUCCEED"]


def test_sizes_are_utf8_bytes() -> None:
    plain, accented = step("a", payload="e" * 10), step("a", payload="é" * 10)
    assert encoded_size(accented) == encoded_size(plain) + 10


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, MAX_BYTES + 10)), max_size=60))
def test_batches_keep_order_and_limits(specs: list[tuple[int, int]]) -> None:
    """Everything is sent once, in order, within the limits; only a lone update may exceed one."""
    queue = deque(Entry(step(str(i)), size) for i, size in specs)
    expected = list(queue)
    sent = []
    while queue:
        batch = take_batch(queue)
        ids = [e.update.operation_id for e in batch if e.update]
        assert len(ids) == len(set(ids))
        assert len(batch) == 1 or sum(e.size for e in batch) <= MAX_BYTES
        sent += batch
    assert sent == expected
