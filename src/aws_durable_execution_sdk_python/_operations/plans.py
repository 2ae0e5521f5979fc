"""From the arguments of a context's method to an operation that a runtime can run.

Both contexts, blocking and async, plan with these functions: what is checked, which number the
operation takes and which names it has cannot differ between them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.inputs import Inputs
from aws_durable_execution_sdk_python._core.journal import OperationIdentity
from aws_durable_execution_sdk_python._core.model import OperationSubType, OperationType
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.user_functions import Bound, Kind, context_kind, name_of
from aws_durable_execution_sdk_python._core.validation import kind_of, shown
from aws_durable_execution_sdk_python._kernel.completeness import asking_for_all
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.batch import (
    Batch,
    BatchBranch,
    function_body,
    run_batch,
    step_body,
)
from aws_durable_execution_sdk_python._operations.callback import (
    create_callback,
    take_callback,
    wait_for_callback,
)
from aws_durable_execution_sdk_python._operations.child import Child, run_child
from aws_durable_execution_sdk_python._operations.condition import Condition, run_condition
from aws_durable_execution_sdk_python._operations.invoke import run_invoke
from aws_durable_execution_sdk_python._operations.retry import run_attempts
from aws_durable_execution_sdk_python._operations.step import Step, run_step
from aws_durable_execution_sdk_python._operations.wait import run_wait, take_wait
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    DurationLike,
    InvokeConfig,
    MapConfig,
    ParallelBranch,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
    WithRetryConfig,
    to_duration,
)
from aws_durable_execution_sdk_python.exceptions import CallbackError, ValidationError
from aws_durable_execution_sdk_python.retries import create_retry_strategy
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

C = TypeVar("C")


class Plan(NamedTuple):
    """An operation that has taken its number: `make` gives its coroutine for a runtime.

    `kind` says what runs inside it; None where that makes no difference to who drives it. Then
    `identity` is the operation's, if it leaves a record.
    """

    make: Callable[[Runtime], Coroutine[Any, Any, Any]]
    kind: Kind | None = None
    identity: OperationIdentity | None = None


def plan_step(
    position: Position, func: Callable[..., Any], name: str | None, config: StepConfig[Any] | None
) -> Plan:
    _check_callable("step", func)
    config = _chosen("step", config, StepConfig)
    name = validation.operation_name(name or name_of(func))
    sub_type = config.sub_type or OperationSubType.STEP
    identity = position.take(OperationType.STEP, sub_type, name)
    step = Step.around(position, identity, func, config)
    return Plan(lambda runtime: run_step(runtime, step))


def plan_wait(
    position: Position, duration: DurationLike | None, name: str | None, parts: dict[str, float]
) -> Plan:
    seconds = validation.wait_seconds(_seconds(duration, parts))
    identity = take_wait(position, validation.operation_name(name))
    return Plan(lambda runtime: run_wait(runtime, identity, seconds))


def plan_create_callback(
    position: Position, name: str | None, config: CallbackConfig[Any] | None
) -> Plan:
    chosen = _chosen("create_callback", config, CallbackConfig)
    identity = take_callback(position, validation.operation_name(name), chosen)
    return Plan(lambda runtime: create_callback(runtime, identity, chosen))


def plan_wait_for_callback(
    position: Position,
    submitter: Callable[..., Any],
    name: str | None,
    config: WaitForCallbackConfig[Any] | None,
) -> Plan:
    _check_callable("wait_for_callback", submitter)
    chosen = _chosen("wait_for_callback", config, WaitForCallbackConfig)
    name = validation.operation_name(name or name_of(submitter))
    if name:
        validation.operation_name(f"{name} create callback id")
    identity = position.take(OperationType.CONTEXT, OperationSubType.WAIT_FOR_CALLBACK, name)

    async def body(runtime: Runtime, inside: Position) -> Any:
        return await wait_for_callback(runtime, inside, submitter, name, chosen)

    child = Child(position, identity, body, error_class=CallbackError)
    return Plan(lambda runtime: run_child(runtime, child))


def plan_invoke(
    position: Position,
    function_name: str,
    payload: Any,
    name: str | None,
    config: InvokeConfig[Any, Any] | None,
) -> Plan:
    chosen = _chosen("invoke", config, InvokeConfig)
    validation.function_name(function_name)
    identity = position.take(
        OperationType.CHAINED_INVOKE,
        OperationSubType.CHAINED_INVOKE,
        validation.operation_name(name),
    )
    return Plan(lambda runtime: run_invoke(runtime, identity, function_name, payload, chosen))


def plan_condition(
    position: Position,
    check: Callable[..., Any],
    config: WaitForConditionConfig[Any],
    name: str | None,
) -> Plan:
    _check_callable("wait_for_condition", check)
    if not isinstance(config, WaitForConditionConfig):
        raise ValidationError(
            "wait_for_condition needs a WaitForConditionConfig as its config, "
            f"got {kind_of(config)}"
        )
    name = validation.operation_name(name or name_of(check))
    identity = position.take(OperationType.STEP, OperationSubType.WAIT_FOR_CONDITION, name)
    condition = Condition(position, identity, check, config)
    return Plan(lambda runtime: run_condition(runtime, condition))


def plan_child(
    position: Position,
    parent: Kind,
    func: Callable[..., Any],
    name: str | None,
    config: ChildConfig[Any] | None,
) -> Plan:
    _check_callable("run_in_child_context", func)
    chosen = _chosen("run_in_child_context", config, ChildConfig)
    name = validation.operation_name(name or name_of(func))
    sub_type = chosen.sub_type or OperationSubType.RUN_IN_CHILD_CONTEXT
    identity = position.take(OperationType.CONTEXT, sub_type, name)
    kind = context_kind(func, parent)
    child = Child(
        position,
        identity,
        function_body(kind, func),
        serdes=chosen.serdes,
        summarise=chosen.summary_generator,
        is_virtual=chosen.is_virtual,
    )
    recorded = None if chosen.is_virtual else identity
    return Plan(lambda runtime: run_child(runtime, child), kind, recorded)


def plan_map(
    position: Position,
    parent: Kind,
    inputs: Sequence[Any],
    func: Callable[..., Any],
    name: str | None,
    config: MapConfig[Any] | None,
) -> Plan:
    _check_callable("map", func)
    chosen = _chosen("map", config, MapConfig)
    # A copy that no function is given: the branches of a replay are made from the same inputs.
    items = _items(inputs)
    kind = context_kind(func, parent)
    name = validation.operation_name(name or name_of(func))
    names = [_item_name(name, chosen, item, i) for i, item in enumerate(items)]

    def branch(index: int) -> BatchBranch:
        body = function_body(kind, func, items[index], index, Inputs(items))
        return BatchBranch(names[index], kind, body)

    return _plan_batch(position, name, [kind] * len(items), branch, chosen, _MAP)


def plan_parallel(
    position: Position,
    parent: Kind,
    functions: Sequence[Any],
    name: str | None,
    config: ParallelConfig[Any] | None,
) -> Plan:
    chosen = _chosen("parallel", config, ParallelConfig)
    branches = [_parallel_branch(parent, i, branch) for i, branch in enumerate(functions)]
    name = validation.operation_name(name)
    kinds = [branch.kind for branch in branches]
    return _plan_batch(position, name, kinds, branches.__getitem__, chosen, _PARALLEL)


def plan_retry(
    position: Position,
    parent: Kind,
    func: Callable[..., Any],
    name: str | None,
    config: WithRetryConfig | None,
) -> Plan:
    _check_callable("with_retry", func)
    chosen = _chosen("with_retry", config, WithRetryConfig)
    strategy = chosen.retry_strategy or create_retry_strategy()
    name = validation.operation_name(name or name_of(func))
    if name:
        validation.operation_name(f"{name}-backoff-999")
    kind = context_kind(func, parent)
    if kind is not parent and not chosen.wrap_in_child_context:
        raise ValidationError(
            f"with_retry without a child context runs {kind_of(func)} in the given context, which "
            f"is {parent.value}, but the function is {kind.value}: make both the same, or wrap"
        )

    def attempts(runtime: Runtime, inside: Position) -> Coroutine[Any, Any, Any]:
        return run_attempts(runtime, inside, kind, func, strategy, name)

    async def body(runtime: Runtime, inside: Position) -> Any:
        return await asking_for_all(runtime, inside, attempts(runtime, inside))

    if not chosen.wrap_in_child_context:
        return Plan(lambda runtime: attempts(runtime, position), kind)
    identity = position.take(OperationType.CONTEXT, OperationSubType.RUN_IN_CHILD_CONTEXT, name)
    child = Child(position, identity, body)
    return Plan(lambda runtime: run_child(runtime, child), kind, identity)


# -------------------------------------------------------------------------------------- details

_MAP = (OperationSubType.MAP, OperationSubType.MAP_ITERATION, "MapResult")
_PARALLEL = (OperationSubType.PARALLEL, OperationSubType.PARALLEL_BRANCH, "ParallelResult")


def _plan_batch(
    position: Position,
    name: str | None,
    kinds: list[Kind],
    branch: Callable[[int], BatchBranch],
    config: MapConfig[Any] | ParallelConfig[Any],
    flavour: tuple[OperationSubType, OperationSubType, Any],
) -> Plan:
    config.completion_config.check_total(len(kinds))
    sub_type, branch_sub_type, record_kind = flavour
    identity = position.take(OperationType.CONTEXT, sub_type, name)
    batch = Batch(position, identity, kinds, branch, config, branch_sub_type, record_kind)
    return Plan(lambda runtime: run_batch(runtime, batch))


def _item_name(name: str | None, config: MapConfig[Any], item: Any, index: int) -> str:
    if config.item_namer is None:
        return f"map-item-{index}"
    chosen = Leaf(name, "item namer").call(config.item_namer, item, index)
    return validation.operation_name(chosen) or f"map-item-{index}"


def _parallel_branch(parent: Kind, index: int, branch: Any) -> BatchBranch:
    name = f"parallel-branch-{index}"
    if isinstance(branch, ParallelBranch):
        name, branch = branch.name or name, branch.func
    _check_callable("parallel", branch)
    if isinstance(branch, Bound) and branch.is_step:
        return BatchBranch(name, parent, step_body(branch))
    kind = context_kind(branch, parent)
    return BatchBranch(name, kind, function_body(kind, branch))


# Configurations cannot change, so one without settings serves every operation.
_DEFAULTS: dict[type[Any], Any] = {
    kind: kind()
    for kind in (
        StepConfig,
        CallbackConfig,
        WaitForCallbackConfig,
        InvokeConfig,
        ChildConfig,
        MapConfig,
        ParallelConfig,
        WithRetryConfig,
    )
}


def _chosen(operation: str, config: C | None, kind: type[C]) -> C:
    """The configuration given, or the default one."""
    if config is None:
        default: C = _DEFAULTS[kind]
        return default
    if not isinstance(config, kind):
        raise ValidationError(
            f"the config of {operation} must be a {kind.__name__}, got {kind_of(config)}"
        )
    return config


def _items(inputs: Any) -> tuple[Any, ...]:
    try:
        return tuple(inputs)
    except TypeError:
        raise ValidationError(f"map needs a sequence of inputs, got {kind_of(inputs)}") from None


def _check_callable(operation: str, func: Any) -> None:
    if not callable(func):
        raise ValidationError(
            f"{operation} needs a function to run, got {kind_of(func)}: pass the function, or a "
            "decorated function called with its arguments"
        )


def parallel_arguments(
    given: tuple[Any, ...],
    functions: Sequence[Any] | None,
    name: str | None,
    config: ParallelConfig[Any] | None,
) -> tuple[Sequence[Any], str | None, ParallelConfig[Any] | None]:
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


def parts(
    seconds: float | None, minutes: float | None, hours: float | None, days: float | None
) -> dict[str, float]:
    """Those parts of a wait's length that were given."""
    given = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days}
    return {unit: value for unit, value in given.items() if value is not None}


_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


def _seconds(duration: DurationLike | None, parts: dict[str, float]) -> int:
    """The length of a wait given as a duration or in parts, in whole seconds."""
    if duration is not None and parts:
        raise ValidationError(
            f"wait takes a duration or {', '.join(parts)}, not both; "
            f"got {shown(duration)} and {parts}"
        )
    if duration is not None:
        return to_duration(duration, "duration").seconds
    if not parts:
        raise ValidationError("wait needs a duration: wait(seconds=5), or wait(Duration...)")
    return int(sum(validation.number(u, n, 0, 1e9) * _UNITS[u] for u, n in parts.items()))
