"""Configuration of `map` and `parallel`, under the names that `config` documents."""

# ruff: noqa: RUF009 - a CompletionConfig cannot change, and serves all as a default

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, Never

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.completion import BatchResult, CompletionConfig
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.serdes import AnySerDes, check_serdes

# The result decides what these are of; without `serdes` a configuration fits any result.
T_co = TypeVar("T_co", default=Never, covariant=True)
R_co = TypeVar("R_co", default=Any, covariant=True)
# What batches have in common: nothing unless it is given. Never for a map without batches.
B_co = TypeVar("B_co", default=None, covariant=True)
N_co = TypeVar("N_co", default=Never, covariant=True)
I_co = TypeVar("I_co", default=Any, covariant=True)


class NestingType(enum.StrEnum):
    """Whether the branches of a map or parallel are operations of their own.

    NESTED checkpoints each branch; FLAT checkpoints only what runs inside the branches, which
    saves two updates per branch and repeats the code between its operations on replay.
    """

    NESTED = "NESTED"
    FLAT = "FLAT"


@dataclass(frozen=True)
class ItemBatcher(Generic[B_co]):
    """How the inputs of a map are grouped, in their order, into batches.

    A branch handles a batch, so that a map of many small items takes few operations: 20,000 items
    in batches of 100 are 200 branches. The thresholds of the `CompletionConfig` count batches.
    Where functions tell which items failed, they count items: such a function returns a
    `BatchResult` with an entry an item (of a map inside, or made with `BatchResult.from_items`),
    and a batch whose function raises counts as that many failed items. A batch that tells has
    succeeded itself: look into its result for what failed within the tolerance.

    The batches depend on the inputs and on this alone. To change the limits changes the branches of
    executions that are under way, as changing the inputs does.

    Parameters:
        max_items_per_batch: the most items of a batch; 0 for no limit.
        max_item_bytes_per_batch: the most bytes of a batch, its items written as a JSON list; 0
            for no limit. An item that is larger by itself is a batch of its own.
        batch_input: what all batches have in common, handed to the function with each.

    Raises:
        ValidationError: a limit is negative or no number.

    Example:
        >>> ItemBatcher(max_items_per_batch=100).max_items_per_batch
        100
    """

    max_items_per_batch: int = 0
    max_item_bytes_per_batch: int | float = 0
    batch_input: B_co | None = None

    def __post_init__(self) -> None:
        validation.whole_number("max_items_per_batch", self.max_items_per_batch, 0)
        validation.number("max_item_bytes_per_batch", self.max_item_bytes_per_batch, 0, math.inf)


@dataclass(frozen=True)
class BatchedInput(Generic[B_co, I_co]):
    """What a map with an `ItemBatcher` gives its function in the place of an item.

    Attributes:
        batch_input: that of the `ItemBatcher`.
        items: the items of the batch, in input order.
    """

    batch_input: B_co
    items: Sequence[I_co]


@dataclass(frozen=True)
class _BatchConfig(Generic[T_co]):
    """What `map` and `parallel` have in common."""

    max_concurrency: int | None = None
    completion_config: CompletionConfig = CompletionConfig()
    serdes: AnySerDes[BatchResult[T_co]] | None = None
    item_serdes: AnySerDes[T_co] | None = None
    summary_generator: Callable[[BatchResult[T_co]], str] | None = None
    nesting_type: NestingType = NestingType.NESTED

    def _check(self) -> None:
        validation.max_concurrency(self.max_concurrency)
        check_serdes(self.serdes)
        check_serdes(self.item_serdes, "item_serdes")
        config: object = self.completion_config
        # The configuration is the user's, and may not have been type-checked.
        if not isinstance(config, CompletionConfig):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                f"completion_config must be a CompletionConfig, got {validation.kind_of(config)}"
            )


@dataclass(frozen=True)
class MapConfig(_BatchConfig[T_co], Generic[T_co, N_co]):
    """Configuration of `map`.

    Parameters:
        max_concurrency: how many items may be in flight at once, suspended ones included;
            None for all.
        completion_config: when the map stops; by default at the first failure.
        serdes: stores the whole `BatchResult`.
        item_serdes: stores the result of each item (default: `serdes`).
        summary_generator: makes the summary that is stored with a result over 256 KiB.
        nesting_type: whether each item is an operation of its own.
        item_namer: makes an item's name from the item and its index, instead of `map-item-{i}`.
            It is called for all items, whenever the map runs, and must depend on nothing else.
        item_batcher: groups the inputs: the function is called for each batch, with a
            `BatchedInput` in the place of an item. Everything else is then of a batch: names,
            concurrency, results, and what stops the map (but see `ItemBatcher`).

    Raises:
        ValidationError: a value is out of range, or of the wrong kind.

    Example:
        >>> MapConfig(max_concurrency=10, item_namer=lambda order, index: order["id"])
        ... # doctest: +ELLIPSIS
        MapConfig(max_concurrency=10, ...)
    """

    item_namer: Callable[[Any, int], str] | None = None
    _: KW_ONLY
    item_batcher: ItemBatcher[N_co] | None = None

    def __post_init__(self) -> None:
        self._check()
        batcher: object = self.item_batcher
        if batcher is not None and not isinstance(batcher, ItemBatcher):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                f"item_batcher must be an ItemBatcher, got {validation.kind_of(batcher)}"
            )


@dataclass(frozen=True)
class ParallelConfig(_BatchConfig[T_co]):
    """Configuration of `parallel`.

    Parameters:
        max_concurrency: how many branches may be in flight at once, suspended ones included;
            None for all.
        completion_config: when the parallel stops; by default at the first failure.
        serdes: stores the whole `BatchResult`.
        item_serdes: stores the result of each branch (default: `serdes`).
        summary_generator: makes the summary that is stored with a result over 256 KiB.
        nesting_type: whether each branch is an operation of its own.

    Raises:
        ValidationError: a value is out of range, or of the wrong kind.
    """

    completion_config: CompletionConfig = CompletionConfig.all_successful()

    def __post_init__(self) -> None:
        self._check()


@dataclass(frozen=True)
class ParallelBranch(Generic[R_co]):
    """A branch of `parallel` with a name of its own.

    Parameters:
        func: what the branch runs; it is given the branch's context.
        name: the branch's name (default: `parallel-branch-{i}`).

    Calling a branch calls its function.

    Raises:
        ValidationError: the name is not 1 to 256 printable ASCII characters.
    """

    func: Callable[..., R_co]
    name: str | None = None

    def __post_init__(self) -> None:
        validation.operation_name(self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> R_co:
        return self.func(*args, **kwargs)
