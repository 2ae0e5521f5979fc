"""map: a batch whose branches run one function, each for an input of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Never, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.completion import BatchResult
from aws_durable_execution_sdk_python._core.inputs import Inputs
from aws_durable_execution_sdk_python._core.model import OperationSubType
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    context_kind,
    name_of,
)
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.batch import (
    BatchBranch,
    BatchNames,
    Flavour,
    plan_batch,
)
from aws_durable_execution_sdk_python._operations.child import function_body
from aws_durable_execution_sdk_python._operations.item_batches import batched
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.typed_results import result_serdes
from aws_durable_execution_sdk_python.config import BatchedInput, MapConfig
from aws_durable_execution_sdk_python.exceptions import ValidationError

T = TypeVar("T")

_DEFAULT: MapConfig[Never, Never] = MapConfig()
_MAP = Flavour(OperationSubType.MAP, OperationSubType.MAP_ITERATION, "MapResult")


def plan_map(
    position: Position,
    parent: Kind,
    inputs: Sequence[object],
    func: UserFunction[T],
    name: str | None,
    config: MapConfig[T, object] | None,
) -> Plan[BatchResult[T]]:
    check_callable("map", func)
    settings = chosen("map", config, _DEFAULT)
    # A copy that no function is given: the branches of a replay are made from the same inputs.
    items, sizes = _items(inputs), None
    if settings.item_batcher is not None:
        batches = batched(items, settings.item_batcher)
        items, sizes = batches, [len(batch.items) for batch in batches]
    kind = context_kind(func, parent)
    name = validation.operation_name(name)
    # A decorated function names its operation elsewhere. It does not name a map, but once did.
    former = None if name else name_of(func)
    names = [_item_name(name, settings, item, i) for i, item in enumerate(items)]

    def branch(index: int) -> BatchBranch[T]:
        body = function_body(kind, func, _own(items[index]), index, Inputs(items))
        return BatchBranch(names[index], kind, body)

    kinds, serdes = [kind] * len(items), [result_serdes(func)] * len(items)
    named = BatchNames(name, names, former)
    return plan_batch(
        position, named, kinds, branch, settings, _MAP, by_annotation=serdes, sizes=sizes
    )


def _own(item: object) -> object:
    """An item as its function gets it: of a batch, what the function does to it no other sees."""
    if not isinstance(item, BatchedInput):
        return item
    return BatchedInput(item.batch_input, Inputs(item.items))


def _item_name(name: str | None, config: MapConfig[T, object], item: object, index: int) -> str:
    if config.item_namer is None:
        return f"map-item-{index}"
    given = Leaf(name, "item namer").call(config.item_namer, item, index)
    return validation.operation_name(given) or f"map-item-{index}"


def _items(inputs: Iterable[object]) -> tuple[object, ...]:
    try:
        return tuple(inputs)
    except TypeError:
        raise ValidationError(f"map needs a sequence of inputs, got {kind_of(inputs)}") from None
