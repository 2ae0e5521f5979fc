"""map and parallel: a context operation whose body is a set of branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from aws_durable_execution_sdk_python._core.completion import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionReason,
    CompletionTracker,
)
from aws_durable_execution_sdk_python._core.completion_record import (
    BatchKind,
    read_completion_record,
    write_completion_record,
)
from aws_durable_execution_sdk_python._core.envelope import encode_batch
from aws_durable_execution_sdk_python._core.error_texts import original_type
from aws_durable_execution_sdk_python._core.errors import describe
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.item_tally import ItemTally
from aws_durable_execution_sdk_python._core.limits import LARGE_RESULT_BYTES, MAX_OPERATIONS
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    ErrorObject,
    Operation,
    OperationSubType,
    OperationType,
)
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.completeness import (
    check_asked_for_all,
    check_branches,
    refuse_fewer_branches,
)
from aws_durable_execution_sdk_python._kernel.ports import Branch, BranchesAsked, Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.batch_items import BatchItemsSerDes
from aws_durable_execution_sdk_python._operations.child import Body, Child, run_child
from aws_durable_execution_sdk_python._operations.planning import Plan
from aws_durable_execution_sdk_python._operations.storing import own_or_default, typed
from aws_durable_execution_sdk_python.config import (
    MapConfig,
    NestingType,
    ParallelConfig,
)
from aws_durable_execution_sdk_python.exceptions import (
    DurableOperationError,
    NonDeterministicExecutionError,
)
from aws_durable_execution_sdk_python.serdes import AnySerDes, SerDes

T = TypeVar("T")


class Flavour(NamedTuple):
    """What tells a map from a parallel on record."""

    sub_type: OperationSubType
    branch_sub_type: OperationSubType
    record_kind: BatchKind


class BatchBranch(NamedTuple, Generic[T]):
    """One branch as the code asks for it; see `OperationIdentity` for the names."""

    name: str
    kind: Kind
    body: Body[T]
    former_name: str | None = None


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """One map or parallel as the code asks for it; `branch` gives the branch of an index.

    Attributes:
        names: of the branches.
        serdes: stores the result of the whole.
        items: stores those of the branches.
        by_annotation: what does so by the annotation of each branch's function.
        sizes: how many items each branch has, if they are batches.
    """

    outer: Position
    identity: OperationIdentity
    kinds: Sequence[Kind]
    names: Sequence[str]
    branch: Callable[[int], BatchBranch[T]]
    config: MapConfig[T, object] | ParallelConfig[T]
    flavour: Flavour
    serdes: AnySerDes[BatchResult[T]] | None
    items: AnySerDes[Any] | None
    by_annotation: Sequence[SerDes[Any] | None]
    sizes: Sequence[int] | None = None

    def item_serdes(self, index: int) -> AnySerDes[Any] | None:
        """What stores the result of a branch."""
        return typed(self.items, self.by_annotation[index])

    @property
    def is_flat(self) -> bool:
        return self.config.nesting_type is NestingType.FLAT

    def tracker(self) -> CompletionTracker:
        """Of the branches, none of which has started."""
        tally = None if self.sizes is None else ItemTally(self.sizes)
        completion = self.config.completion_config
        return CompletionTracker(completion, len(self.kinds), self.names, tally)


class BatchNames(NamedTuple):
    """The names of a batch and of its branches; see `OperationIdentity` for the former one."""

    outer: str | None
    branches: Sequence[str]
    former: str | None = None


def plan_batch(
    position: Position,
    names: BatchNames,
    kinds: list[Kind],
    branch: Callable[[int], BatchBranch[T]],
    config: MapConfig[T, object] | ParallelConfig[T],
    flavour: Flavour,
    *,
    by_annotation: Sequence[SerDes[Any] | None],
    sizes: Sequence[int] | None = None,
) -> Plan[BatchResult[T]]:
    config.completion_config.check_total(len(kinds) if sizes is None else sum(sizes))
    context = OperationType.CONTEXT
    identity = position.take(context, flavour.sub_type, names.outer, names.former)
    serdes = own_or_default(config.serdes, position.serdes.values)
    # What the whole is stored with stores its items, too, unless they have their own.
    items = own_or_default(config.item_serdes, serdes)
    batch = Batch(
        position,
        identity,
        kinds,
        names.branches,
        branch,
        config,
        flavour,
        serdes,
        items,
        by_annotation,
        sizes,
    )
    return Plan(lambda runtime: run_batch(runtime, batch))


def run_batch(runtime: Runtime, batch: Batch[T]) -> Op[BatchResult[T]]:
    """Run the branches until the batch is decided, or give the result it had before."""
    if (too_many := _too_many_operations(runtime, batch)) is not None:
        runtime.warn(too_many)

    async def body(runtime: Runtime, position: Position) -> BatchResult[T]:
        return await _run_branches(runtime, batch, position)

    async def rebuild(runtime: Runtime, position: Position, operation: Operation) -> BatchResult[T]:
        return await _rebuild(runtime, batch, position, operation)

    def summarise(result: BatchResult[T]) -> str:
        generator = batch.config.summary_generator
        summary = None if generator is None else generator(result)
        return write_completion_record(batch.flavour.record_kind, result, summary)

    def check(result: BatchResult[T]) -> None:
        count = len(batch.kinds)
        # A serdes of the user's may give whatever it likes.
        if isinstance(result, BatchResult) and result.all and result.all[-1].index >= count:
            refuse_fewer_branches(batch.identity.operation_id, batch.identity.name, count)

    serdes, encode = _whole(batch)
    child = Child(
        batch.outer,
        batch.identity,
        body,
        serdes=serdes,
        check=check,
        summarise=summarise,
        encode=encode,
        rebuild_large=rebuild,
    )
    return run_child(runtime, child)


def _too_many_operations(runtime: Runtime, batch: Batch[T]) -> str | None:
    """What to say of a batch that begins and takes the execution over its limit of operations.

    A branch that leaves no operation of its own would have no need to be one: so it counts as one,
    and as two where it is an operation itself.
    """
    identity, count = batch.identity, len(batch.kinds)
    # The execution counts as one, and so does the batch.
    expected = runtime.operation_count + 2 + (count if batch.is_flat else 2 * count)
    if expected <= MAX_OPERATIONS or runtime.recorded(identity.operation_id) is not None:
        return None
    kind = batch.flavour.sub_type.lower()
    ways = "give each branch a batch of the work"
    if not batch.is_flat:
        ways += ", or set nesting_type=NestingType.FLAT, by which branches are no operations"
    return (
        f"the {kind} {identity.shown} has {count} branches and takes the execution to at least "
        f"{expected} operations, if each branch has one, and the service allows {MAX_OPERATIONS}: "
        f"{ways}"
    )


def _whole(
    batch: Batch[T],
) -> tuple[AnySerDes[Any] | None, Callable[[BatchResult[T]], str | None] | None]:
    """What stores the whole batch, and what writes it where it needs no reading back.

    Each result was read back from its branch's own record, and would come out the same again.
    """
    if batch.items is None and not any(batch.by_annotation):
        return None, _encode
    by_type = BatchItemsSerDes.of([batch.item_serdes(i) for i in range(len(batch.kinds))])
    if batch.serdes is None and by_type is not None:
        return by_type, by_type.encode
    return typed(batch.serdes, by_type), None


def _encode(result: BatchResult[T]) -> str | None:
    return encode_batch(result, LARGE_RESULT_BYTES)


# ------------------------------------------------------------------------------- first run


async def _run_branches(runtime: Runtime, batch: Batch[T], position: Position) -> BatchResult[T]:
    identity = batch.identity
    check_branches(runtime, identity.operation_id, identity.name, len(batch.kinds))
    tracker = batch.tracker()
    outcomes = await runtime.branches(
        BranchesAsked(
            batch.kinds,
            partial(_branch, batch, position, tracker),
            tracker,
            batch.config.max_concurrency,
        )
    )
    succeeded = BatchItemStatus.SUCCEEDED
    if batch.is_flat and all(status is succeeded for status in tracker.statuses):
        check_asked_for_all(runtime, position, f"The branches of {identity.shown} have ended")
    items: list[BatchItem[T]] = []
    for index, status in enumerate(tracker.statuses):
        if status is not None:
            error = outcomes.errors.get(index)
            items.append(
                BatchItem(
                    index,
                    status,
                    outcomes.results.get(index),
                    None if error is None else _of_item(error),
                )
            )
    return BatchResult(items, outcomes.reason)


def _of_item(error: DurableOperationError) -> ErrorObject:
    """What the branch of an item left, whose type is the original's in both modes."""
    return replace(describe(error), type=original_type(error))


def _branch(
    batch: Batch[T], position: Position, tracker: CompletionTracker, index: int
) -> Branch[T]:
    asked = batch.branch(index)
    sub_type = batch.flavour.branch_sub_type
    identity = position.branch(batch.identity, index, sub_type, asked.name, asked.former_name)
    child = Child(
        position,
        identity,
        asked.body,
        serdes=batch.item_serdes(index),
        is_virtual=batch.is_flat,
        has_task=True,
    )
    if tracker.tally is None:
        return Branch(identity.operation_id, asked.kind, child.run)
    telling = partial(_run_batch_of_items, child=child, index=index, tally=tracker.tally)
    return Branch(identity.operation_id, asked.kind, telling)


async def _run_batch_of_items(
    runtime: Runtime, *, child: Child[T], index: int, tally: ItemTally
) -> T:
    """A branch that handles a batch, and may tell which of its items failed."""
    result = await child.run(runtime)
    if isinstance(result, BatchResult):
        tally.tell(index, result.failure_count)
    return result


# ------------------------------------------------------------ replay of a result too large to store


async def _rebuild(
    runtime: Runtime, batch: Batch[T], position: Position, operation: Operation
) -> BatchResult[T]:
    """The result again, from the completion record and the branches' own checkpoints."""
    identity = batch.identity
    check_branches(runtime, identity.operation_id, identity.name, len(batch.kinds))
    record = read_completion_record(batch.flavour.record_kind, operation.result)
    if record is None:
        return await _derive(runtime, batch, position)
    tracker = batch.tracker()
    items: list[BatchItem[T]] = []
    for index in range(min(record.total_count, len(batch.kinds))):
        if record.is_started(index):
            items.append(BatchItem(index, BatchItemStatus.STARTED))
        else:
            branch = _branch(batch, position, tracker, index)
            items.append(await _settled(runtime, batch, branch, index))
    return BatchResult(items, record.completion_reason)


async def _settled(
    runtime: Runtime, batch: Batch[T], branch: Branch[T], index: int
) -> BatchItem[T]:
    """A branch that had ended when the batch was decided."""
    operation = runtime.recorded(branch.operation_id)
    if not batch.is_flat and (operation is None or operation.status not in TERMINAL):
        raise NonDeterministicExecutionError(
            f"branch {index} of {batch.identity.name or batch.identity.operation_id} had completed "
            "when its map or parallel was decided, but its outcome is not on record"
        )
    try:
        result = await runtime.host(branch.kind, branch.make)
    except DurableOperationError as error:
        return BatchItem(index, BatchItemStatus.FAILED, error=_of_item(error))
    return BatchItem(index, BatchItemStatus.SUCCEEDED, result)


async def _derive(runtime: Runtime, batch: Batch[T], position: Position) -> BatchResult[T]:
    """Without a usable record: every branch as its checkpoint shows it, the reason inferred."""
    tracker = batch.tracker()
    reason: CompletionReason | None = None
    items: list[BatchItem[T]] = []
    for index in range(len(batch.kinds)):
        operation = runtime.recorded(operation_id(batch.identity.operation_id, index))
        if operation is None and not batch.is_flat:
            continue
        tracker.started(index)
        if operation is not None and operation.status not in TERMINAL:
            items.append(BatchItem(index, BatchItemStatus.STARTED))
            continue
        branch = _branch(batch, position, tracker, index)
        item = await _settled(runtime, batch, branch, index)
        items.append(item)
        mark = tracker.succeeded if item.status is BatchItemStatus.SUCCEEDED else tracker.failed
        mark(index)
        reason = reason or tracker.decision()
    return BatchResult(items, reason or CompletionReason.ALL_COMPLETED)
