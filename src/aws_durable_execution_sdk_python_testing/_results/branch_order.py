"""The order of what is inside a map or parallel: that of its branches, whichever began first.

Branches that block begin in threads of their own, and which of them the service hears of first is
a matter of timing. Ids are not: each is made of the id around it and a number, which for a branch
is its index. So where in its program an operation is can be told by its id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice

from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.model import OperationSubType

BATCHES = frozenset({OperationSubType.MAP, OperationSubType.PARALLEL})

# How many branches in a row may have left no record before one that has: as many as have begun in
# threads and are not heard of yet, a few hundred at most.
_MOST_BRANCHES = 300
# How many numbers in a row may have left none within a branch, as virtual contexts do.
_MOST_NUMBERS = 16


def branch_order(batch_id: str, inside: Collection[str]) -> dict[str, int]:
    """The ranks of what is right inside a batch, by ids.

    Branches are ranked by their index; operations in flat branches, which leave no record
    themselves, by that and by their number in there. Those have no rank whose ids do not tell: in a
    flat branch the marker of a patch and what is in a virtual context; whatever another SDK has
    numbered otherwise.
    """

    def itself(one: str) -> list[str]:
        return [one] if one in inside else []

    def found(patience: int) -> list[str]:
        def branch(one: str) -> list[str]:
            return itself(one) or list(_numbered(one, 1, itself, patience))

        return list(islice(_numbered(batch_id, 0, branch, _MOST_BRANCHES), len(inside)))

    ids = found(1)
    # Gaps within branches are rare, and take long to look behind.
    if len(ids) < len(inside):
        ids = found(_MOST_NUMBERS)
    return {one: rank for rank, one in enumerate(ids)}


def _numbered(
    prefix: str, first: int, look: Callable[[str], list[str]], patience: int
) -> Iterator[str]:
    """What is found by the ids of a context, number by number, until so many have led nowhere."""
    number, missed = first, 0
    while missed < patience:
        found = look(operation_id(prefix, number))
        yield from found
        number, missed = number + 1, 0 if found else missed + 1
