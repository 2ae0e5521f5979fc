"""parallel: a batch whose branches run functions of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Never, TypeAlias, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.completion import BatchResult
from aws_durable_execution_sdk_python._core.model import OperationSubType, OperationType
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    context_kind,
    is_bound_step,
    name_of,
)
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.batch import (
    BatchBranch,
    BatchNames,
    Flavour,
    plan_batch,
)
from aws_durable_execution_sdk_python._operations.child import Body, function_body
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.step import Step, run_step
from aws_durable_execution_sdk_python._operations.typed_results import result_serdes
from aws_durable_execution_sdk_python.config import ParallelBranch, ParallelConfig, StepConfig
from aws_durable_execution_sdk_python.exceptions import ValidationError

T = TypeVar("T")
_AnyBranch: TypeAlias = UserFunction[T] | ParallelBranch[Awaitable[T] | T]

_DEFAULT: ParallelConfig[Never] = ParallelConfig()
_PARALLEL = Flavour(OperationSubType.PARALLEL, OperationSubType.PARALLEL_BRANCH, "ParallelResult")


def plan_parallel(
    position: Position,
    parent: Kind,
    functions: Sequence[_AnyBranch[T]],
    name: str | None,
    config: ParallelConfig[T] | None,
) -> Plan[BatchResult[T]]:
    settings = chosen("parallel", config, _DEFAULT)
    branches = [_parallel_branch(parent, i, branch) for i, branch in enumerate(functions)]
    name = validation.operation_name(name)
    kinds = [branch.kind for branch in branches]
    names = BatchNames(name, [branch.name for branch in branches])
    serdes = [result_serdes(_function(branch)) for branch in functions]
    return plan_batch(
        position, names, kinds, branches.__getitem__, settings, _PARALLEL, by_annotation=serdes
    )


def parallel_arguments(
    given: tuple[Any, ...],
    functions: Sequence[Any] | None,
    name: str | None,
    config: ParallelConfig[T] | None,
) -> tuple[Sequence[Any], str | None, ParallelConfig[T] | None]:
    """The arguments of `parallel`, whether branches came as one list or one by one.

    After a list, name and config may be positional: `parallel([f, g], "both", config)`.
    """
    if functions is None and not (given and isinstance(given[0], (list, tuple))):
        return given, name, config
    branches, *rest = given if functions is None else (functions, *given)
    misplaced = rest if functions is not None else rest[2:]
    if misplaced or (rest and name is not None) or (len(rest) == 2 and config is not None):
        raise ValidationError(
            "parallel takes a list of branches, a name and a config, or the branches as "
            f"arguments; got {len(given)} positional arguments"
        )
    name = rest[0] if rest else name
    config = rest[1] if len(rest) == 2 else config
    return branches, name, config


def _parallel_branch(parent: Kind, index: int, branch: _AnyBranch[T]) -> BatchBranch[T]:
    name, former = f"parallel-branch-{index}", None
    if isinstance(branch, ParallelBranch):
        # `@durable_parallel_branch()` once gave its branches the function's name.
        former = None if branch.name else name_of(branch.func)
        name, branch = branch.name or name, branch.func
    check_callable("parallel", branch)
    if is_bound_step(branch):
        return BatchBranch(name, parent, _step_body(branch), former)
    kind = context_kind(branch, parent)
    return BatchBranch(name, kind, function_body(kind, branch), former)


def _function(branch: _AnyBranch[T]) -> object:
    return branch.func if isinstance(branch, ParallelBranch) else branch


def _step_body(function: UserFunction[T]) -> Body[T]:
    """A branch that is one bound step: it runs as a real step inside its branch."""

    async def body(runtime: Runtime, position: Position) -> T:
        name = name_of(function)
        identity = position.take(OperationType.STEP, OperationSubType.STEP, name)
        return await run_step(runtime, Step.around(position, identity, function, StepConfig()))

    return body
