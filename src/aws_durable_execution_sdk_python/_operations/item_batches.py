"""The inputs of a map in batches.

Batches are made from the inputs and the `ItemBatcher` alone, before anything is recorded: a replay
makes the same. So sizes are those of one fixed encoding, whatever serdes the map has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from aws_durable_execution_sdk_python._core.envelope import encode
from aws_durable_execution_sdk_python._core.validation import kind_of, utf8_size
from aws_durable_execution_sdk_python.config import BatchedInput, ItemBatcher
from aws_durable_execution_sdk_python.exceptions import ValidationError

# The brackets of a list, and what is between two of its items.
_BRACKETS, _COMMA = 2, 1


def batched(
    items: Sequence[object], batcher: ItemBatcher[object]
) -> tuple[BatchedInput[object, object], ...]:
    """The inputs grouped in their order.

    Raises:
        ValidationError: the size of an item is asked for, and it has no text form.
    """
    slices = _slices(items, batcher)
    return tuple(BatchedInput(batcher.batch_input, tuple(items[each])) for each in slices)


def _slices(items: Sequence[object], batcher: ItemBatcher[object]) -> Iterator[slice]:
    most_items = batcher.max_items_per_batch or math.inf
    most_bytes = batcher.max_item_bytes_per_batch or math.inf
    start, size = 0, _BRACKETS
    for index, item in enumerate(items):
        item_size = 0 if most_bytes == math.inf else _size(item, index)
        full = index - start >= most_items or size + item_size > most_bytes
        if full and index > start:
            yield slice(start, index)
            start, size = index, _BRACKETS
        size += item_size + _COMMA
    if start < len(items):
        yield slice(start, len(items))


def _size(item: object, index: int) -> int:
    try:
        return utf8_size(encode(item))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(
            f"item {index} of the map ({kind_of(item)}) cannot be measured for "
            f"max_item_bytes_per_batch: {type(error).__qualname__}. Limit batches by "
            "max_items_per_batch, or pass plain values"
        ) from None
