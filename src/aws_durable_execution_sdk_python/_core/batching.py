"""What goes into one checkpoint request.

Updates are sent in the order they were made, and within a request in the program's own order: an
operation after those before it, a context's end after everything inside it. A request takes at
most `MAX_UPDATES` of them and `MAX_BYTES` of their JSON, but always at least one: an update over
the limit goes alone. One operation may appear twice only as a START followed by something else.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

from aws_durable_execution_sdk_python._core.limits import KIB
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationType,
    OperationUpdate,
)

MAX_UPDATES = 250
MAX_BYTES = 750 * KIB

# The comma after an update, and the blanks that botocore puts after each comma and colon.
_SPACING_BYTES = 32

_TWICE = frozenset({OperationType.STEP, OperationType.CONTEXT})


class Entry(Protocol):
    """One queued update, or a mere request for fresh state (`update` is None)."""

    @property
    def update(self) -> OperationUpdate | None: ...

    @property
    def size(self) -> int: ...


E = TypeVar("E", bound=Entry)


def encoded_size(update: OperationUpdate) -> int:
    """The UTF-8 bytes the update's JSON takes in a request, however an encoder spaces it."""
    return len(update.to_json()) + _SPACING_BYTES


def take_batch(queue: deque[E]) -> list[E]:
    """Remove from the queue's front what one request carries."""
    batch: list[E] = []
    sent: dict[str, OperationUpdate] = {}
    count = size = 0
    while queue:
        entry = queue[0]
        update = entry.update
        if update is not None:
            full = count == MAX_UPDATES or size + entry.size > MAX_BYTES
            if count and (full or not _may_follow(sent.get(update.operation_id), update)):
                break
            sent[update.operation_id] = update
            count += 1
            size += entry.size
        batch.append(queue.popleft())
        if update is not None and update.operation_type is OperationType.EXECUTION:
            break  # the execution's own end must be the last update
    # Which of several threads came first is chance; where they stand in the program is not.
    batch.sort(key=_order)
    return batch


def _order(entry: Entry) -> tuple[float, ...]:
    return () if entry.update is None else entry.update.order


def _may_follow(earlier: OperationUpdate | None, update: OperationUpdate) -> bool:
    return earlier is None or (
        update.operation_type in _TWICE
        and earlier.action is OperationAction.START
        and update.action is not OperationAction.START
    )
