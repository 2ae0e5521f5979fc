"""The operations of an execution as its events come: what runs, what has ended, what has failed.

Invariants:

- A failure is never lost: it is among `failures`, however much is folded, unless it only passes on
  the error of one inside it.
- An event costs the same however many there have been; a drawing costs what is not folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    Operation,
    OperationType,
)
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.branch_order import BATCHES
from aws_durable_execution_sdk_python_testing._results.folding import OperationFold

# Of the branches of a batch that are under way.
_MOST_BRANCHES = 5


@dataclass(slots=True)
class Inside:
    """What is right inside an operation.

    Attributes:
        ids: of all that have begun, in that order.
        under_way: those of them that have not ended.
        failed: how many have.
        errors: the types and messages of what has failed in it, at any depth.
    """

    ids: list[str] = field(default_factory=list[str])
    under_way: dict[str, None] = field(default_factory=dict[str, None])
    failed: int = 0
    errors: set[str] = field(default_factory=set[str])

    def __str__(self) -> str:
        """E.g. `62/80, 3 failed`: of those that have begun."""
        begun = len(self.ids)
        return wording.progress(begun - len(self.under_way), begun, self.failed)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the drawing.

    Attributes:
        depth: how many operations are around it.
        operation: what it shows; None for `more`.
        more: how many operations it stands for.
    """

    depth: int
    operation: Operation | None
    more: int = 0


class Outline:
    """An execution, one event after another.

    Attributes:
        failures: what has failed on the way, in that order.
    """

    def __init__(self) -> None:
        self._fold = OperationFold()
        self._inside: dict[str | None, Inside] = {}
        self.failures: list[Operation] = []

    def __len__(self) -> int:
        """How many operations there are."""
        return sum(len(inside.ids) for inside in self._inside.values())

    def feed(self, event: Mapping[str, Any]) -> Operation | None:
        """Take in the next event; returns the operation as it is now, None if it concerns none."""
        before = self._fold.operations.get(event.get("Id") or "")
        operation = self._fold.feed(event)
        if operation is None or operation.operation_type is OperationType.EXECUTION:
            return None
        around = self._inside.setdefault(operation.parent_id, Inside())
        if before is None:
            around.ids.append(operation.operation_id)
            around.under_way[operation.operation_id] = None
        if operation.status in TERMINAL:
            around.under_way.pop(operation.operation_id, None)
        if operation.status in wording.UNSUCCESSFUL:
            around.failed += 1
            self._note_failure(operation)
        return operation

    def inside(self, operation: Operation) -> Inside | None:
        """What is in a batch; None for anything else."""
        if operation.sub_type not in BATCHES:
            return None
        return self._inside.get(operation.operation_id, Inside())

    def around(self, operation: Operation) -> list[Operation]:
        """The contexts an operation is in, outermost first."""
        found: list[Operation] = []
        parent = self._fold.operations.get(operation.parent_id or "")
        while parent is not None:
            found.append(parent)
            parent = self._fold.operations.get(parent.parent_id or "")
        return found[::-1]

    def path(self, operation: Operation) -> str:
        """E.g. `pack all / map-item-5 / put in a box [Step]`."""
        return " / ".join([*map(wording.name, self.around(operation)), wording.title(operation)])

    def called(self, callback: Operation) -> str | None:
        """The name in the program: that of a `wait_for_callback` is its context's."""
        context = self._fold.operations.get(callback.parent_id or "")
        if context is not None and context.sub_type == "WaitForCallback":
            return context.name
        return callback.name

    def rows(self) -> Iterator[Row]:
        """What to draw: contexts that have ended are folded, batches show a few branches."""
        # With a stack of our own: contexts nest deep.
        levels = [(0, self._level(None))]
        while levels:
            depth, level = levels[-1]
            row = next(level, None)
            if row is None:
                levels.pop()
                continue
            if isinstance(row, int):
                yield Row(depth, None, row)
                continue
            yield Row(depth, row)
            if row.status not in TERMINAL:
                levels.append((depth + 1, self._level(row)))

    def _level(self, operation: Operation | None) -> Iterator[Operation | int]:
        """The operations right inside one, and the number of those left out."""
        inside = self._inside.get(None if operation is None else operation.operation_id, Inside())
        ids = inside.ids
        if operation is not None and operation.sub_type in BATCHES:
            ids = list(islice(inside.under_way, _MOST_BRANCHES))
        for each in ids:
            yield self._fold.operations[each]
        if ids is not inside.ids and len(inside.under_way) > len(ids):
            yield len(inside.under_way) - len(ids)

    def _note_failure(self, operation: Operation) -> None:
        error = "" if operation.error is None else operation.error.headline
        inside = self._inside.get(operation.operation_id)
        if inside is not None and error in inside.errors:
            return
        self.failures.append(operation)
        for context in self.around(operation):
            self._inside.setdefault(context.operation_id, Inside()).errors.add(error)
