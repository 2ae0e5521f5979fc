"""run_in_child_context, and the context operation that map, parallel and callbacks build on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, NamedTuple, Never, TypeAlias, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import (
    describe_for_record,
    rebuild,
    recorded_error,
    was_cancelled,
)
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.limits import LARGE_RESULT_BYTES
from aws_durable_execution_sdk_python._core.model import (
    ContextOptions,
    ErrorObject,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    Status,
)
from aws_durable_execution_sdk_python._core.running import Leaf, Op
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    context_kind,
    name_of,
)
from aws_durable_execution_sdk_python._core.validation import payload_size, utf8_size
from aws_durable_execution_sdk_python._kernel import fresh_stack
from aws_durable_execution_sdk_python._kernel.completeness import asking_for_all
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.failures import report_failure
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.storing import (
    for_result,
    read_in_turn,
    unrecorded,
    write_and_read,
)
from aws_durable_execution_sdk_python.config import ChildConfig
from aws_durable_execution_sdk_python.exceptions import (
    ChildContextError,
    DurableOperationError,
    ExecutionError,
    InvocationError,
    NonDeterministicExecutionError,
)
from aws_durable_execution_sdk_python.serdes import AnySerDes

T = TypeVar("T")
Body: TypeAlias = Callable[[Runtime, Position], Awaitable[T]]

_DEFAULT: ChildConfig[Never] = ChildConfig()


class Child(NamedTuple, Generic[T]):
    """One context operation as the code asks for it.

    Attributes:
        outer: where the operation stands.
        body: what runs inside, given the runtime and the position inside.
        summarise: makes the payload that stands for a result too large to store.
        encode: writes a result that needs no reading back; None if it is too large to store.
        check: told a result that is on record; raises if it cannot be that of this code.
        rebuild_large: makes such a result again on replay; by default the body does.
        is_virtual: whether the context leaves no record of its own.
        has_task: whether it is a branch, which is all that its task runs; its closing update only
            has to come before the enclosing one's.
        error_class: what a failure raises, told what is stored of it.
    """

    outer: Position
    identity: OperationIdentity
    body: Body[T]
    serdes: AnySerDes[T] | None = None
    summarise: Callable[[T], str] | None = None
    encode: Callable[[T], str | None] | None = None
    check: Callable[[T], object] | None = None
    rebuild_large: Callable[[Runtime, Position, Operation], Awaitable[T]] | None = None
    is_virtual: bool = False
    has_task: bool = False
    error_class: Callable[[ErrorObject], type[DurableOperationError]] = lambda _: ChildContextError

    def run(self, runtime: Runtime) -> Op[T]:
        return run_child(runtime, self)

    def inside(self) -> Position:
        identity = self.identity
        return self.outer.child(
            identity.operation_id,
            identity.order,
            is_virtual=self.is_virtual,
            is_branch=self.has_task,
        )


def plan_child(
    position: Position,
    parent: Kind,
    func: UserFunction[T],
    name: str | None,
    config: ChildConfig[T] | None,
) -> Plan[T]:
    check_callable("run_in_child_context", func)
    settings = chosen("run_in_child_context", config, _DEFAULT)
    name = validation.operation_name(name or name_of(func))
    kind = context_kind(func, parent)
    return plan_child_body(position, kind, name, settings, func, function_body(kind, func))


def plan_child_body(
    position: Position,
    kind: Kind,
    name: str | None,
    settings: ChildConfig[T],
    func: UserFunction[T],
    body: Body[T],
) -> Plan[T]:
    """A child context whose body, around the function, is given; it runs what is of that kind."""
    sub_type = settings.sub_type or OperationSubType.RUN_IN_CHILD_CONTEXT
    identity = position.take(OperationType.CONTEXT, sub_type, name)
    child = Child(
        position,
        identity,
        body,
        serdes=for_result(settings.serdes, position.serdes.values, func),
        summarise=settings.summary_generator,
        is_virtual=settings.is_virtual,
    )
    recorded = None if settings.is_virtual else identity
    return Plan(child.run, kind, recorded)


def function_body(kind: Kind, function: UserFunction[T], *args: object) -> Body[T]:
    """What runs inside is a function of the user's, with a context of its own."""

    def body(runtime: Runtime, position: Position) -> Op[T]:
        running = runtime.enter(kind, position, function, *args)
        return asking_for_all(runtime, position, running)

    return body


def run_child(runtime: Runtime, child: Child[T]) -> Op[T]:
    """Run a context's body, or give what it returned or raised before."""
    depth = child.outer.depth
    if depth and depth % fresh_stack.LEVELS == 0 and not child.has_task:
        return runtime.on_fresh_stack(partial(_run_child, child=child))
    return _run_child(runtime, child)


async def _run_child(runtime: Runtime, child: Child[T]) -> T:
    runtime.check()
    identity = child.identity
    operation = None if child.is_virtual else runtime.find(identity)
    if child.is_virtual:
        _check_never_recorded(runtime, identity)
    elif operation is None:
        await runtime.before_context()
        await runtime.begin(identity.update(OperationAction.START))
    elif operation.status is not Status.STARTED:
        return await _recorded(runtime, child, operation)
    else:
        runtime.reopen(identity)
        await runtime.resumes(identity.operation_id)
        # An older SDK may have begun it as another sub-type or name, which its end has to repeat.
        sub_type, name = operation.sub_type or identity.sub_type, operation.name
        if (sub_type, name) != (identity.sub_type, identity.name):
            identity = identity._replace(sub_type=sub_type, name=name)
    requests, inside = runtime.cancel_requests(), child.inside()
    try:
        value = await _run_body(runtime, child, inside, requests)
        stored = await _stored(runtime, child, value)
        value, closing = stored.value, _succeeded(child, identity, stored)
    except ExecutionError:
        raise
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and not runtime.is_stray(
            error, requests, outermost=child.has_task
        ):
            if not child.is_virtual:
                runtime.record_cancellation(identity)
            raise
        if isinstance(error, InvocationError) and error.is_retryable():
            raise
        if not (child.is_virtual and inside.is_replaying()):
            report_failure(runtime, inside, identity, error, what="child context")
        described = describe_for_record(error)
    else:
        await _close(runtime, child, closing)
        return value
    # Outside the handling of the error itself, which a replay does not have either.
    await _close(runtime, child, identity.update(OperationAction.FAIL, error=described))
    raise rebuild(child.error_class(described), described)


async def _run_body(runtime: Runtime, child: Child[T], inside: Position, requests: int) -> T:
    """Await the body, which cannot keep a cancellation to itself where a replay does not run it."""
    running = runtime.context_body(child.identity, partial(child.body, runtime, inside))
    if child.is_virtual or child.has_task:
        return await running
    try:
        value = await running
    except ExecutionError:
        raise
    except Exception:
        runtime.pass_on_cancellation(requests)
        raise
    runtime.pass_on_cancellation(requests)
    return value


def _check_never_recorded(runtime: Runtime, identity: OperationIdentity) -> None:
    """A virtual context has no operation of its own, also in what earlier code recorded."""
    if runtime.recorded(identity.operation_id) is not None:
        raise NonDeterministicExecutionError(
            f"the context {identity.name or identity.operation_id} is virtual, but this "
            "execution recorded an operation for it: it was not virtual before"
        )


async def _recorded(runtime: Runtime, child: Child[T], operation: Operation) -> T:
    operation_id = operation.operation_id
    if operation.status is not Status.SUCCEEDED:
        if was_cancelled(operation):
            await runtime.cancelled_again(operation_id)
        runtime.pass_over(child.identity)
        await runtime.end_in_turn(operation_id)
        stored = recorded_error(operation)
        raise rebuild(child.error_class(stored), stored)
    details = operation.context_details
    if details is None or not details.replay_children:
        runtime.pass_over(child.identity)
        value = await read_in_turn(runtime, child.serdes, operation.result, child.identity)
        if child.check is not None:
            child.check(value)
        return value
    if child.rebuild_large is not None:
        rebuild_large = partial(child.rebuild_large, runtime, child.inside(), operation)
        value = await _run_again(runtime, child, rebuild_large)
    else:
        again = await _run_again(runtime, child, partial(child.body, runtime, child.inside()))
        serdes = unrecorded(child.serdes)
        _, value = await write_and_read(runtime, serdes, again, child.identity)
    await runtime.end_in_turn(operation_id)
    await runtime.has_run(child.identity, None, is_replayed=True)
    return value


def _run_again(runtime: Runtime, child: Child[T], make: Callable[[], Awaitable[T]]) -> Awaitable[T]:
    return runtime.context_body(child.identity, make, is_replay_children=True)


class _Stored(NamedTuple, Generic[T]):
    """What is stored of a result, unless it is too large, and what the program sees of it."""

    payload: str | None
    value: T
    is_large: bool


def _succeeded(child: Child[T], identity: OperationIdentity, stored: _Stored[T]) -> OperationUpdate:
    payload, value, large = stored
    if large:
        summary = "" if child.summarise is None else _summary(child, child.summarise, value)
        what = f"the summary of the result of {identity.shown}"
        payload = payload_size(what, summary, LARGE_RESULT_BYTES, way_out="make it shorter")
    return identity.update(
        OperationAction.SUCCEED, payload=payload, context_options=ContextOptions(large)
    )


def _summary(child: Child[T], summarise: Callable[[T], str], value: T) -> str:
    return Leaf(child.identity.name, "summary generator").call(summarise, value)


async def _close(runtime: Runtime, child: Child[T], update: OperationUpdate) -> None:
    if child.is_virtual:
        await runtime.has_run(child.identity, update.error)
    elif child.has_task:
        runtime.post(update)
    else:
        await runtime.end(update)


async def _stored(runtime: Runtime, child: Child[T], value: T) -> _Stored[T]:
    if child.encode is not None:
        payload = child.encode(value)
        return _Stored(payload, value, payload is None or _is_large(payload))
    serdes = unrecorded(child.serdes) if child.is_virtual else child.serdes
    payload, value = await write_and_read(runtime, serdes, value, child.identity)
    return _Stored(payload, value, payload is not None and _is_large(payload))


def _is_large(payload: str) -> bool:
    return utf8_size(payload) > LARGE_RESULT_BYTES
