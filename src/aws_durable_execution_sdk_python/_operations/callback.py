"""create_callback, Callback.result and wait_for_callback: wait for the world outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import recorded_error, type_name
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    CallbackOptions,
    ErrorObject,
    Operation,
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python._core.user_functions import AnyFunction, accepts, name_of
from aws_durable_execution_sdk_python._core.values.typed_serdes import (
    CallbackResultSerDes,
    TypedSerDes,
    optional,
)
from aws_durable_execution_sdk_python._kernel.parked import pending_state
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operation_contexts import WaitForCallbackContext
from aws_durable_execution_sdk_python._operations.child import Child
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.step import Step, run_step
from aws_durable_execution_sdk_python._operations.storing import (
    by_type_within,
    own_or_default,
    read_in_turn,
    typed,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.exceptions import (
    CallbackError,
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    ExecutionError,
    StepError,
)
from aws_durable_execution_sdk_python.logger import Logger
from aws_durable_execution_sdk_python.serdes import (
    AnySerDes,
    CallbackSerDes,
    PassThroughSerDes,
    SerDes,
)

T = TypeVar("T")

_ERRORS: dict[Status, type[CallbackError]] = {
    Status.FAILED: CallbackExternalError,
    Status.TIMED_OUT: CallbackTimeoutError,
}
_CALLBACK: CallbackConfig[Any] = CallbackConfig()
_WAIT_FOR_CALLBACK: WaitForCallbackConfig[Any] = WaitForCallbackConfig()


@dataclass(frozen=True, slots=True)
class CallbackHandle(Generic[T]):
    """A callback that was created; what `result()` needs to know.

    Attributes:
        serdes: reads the answer; None for what the mode of compatibility says.
    """

    identity: OperationIdentity
    config: CallbackConfig[T]
    callback_id: str
    serdes: AnySerDes[T] | None


def plan_create_callback(
    position: Position, name: str | None, config: CallbackConfig[T] | None
) -> Plan[CallbackHandle[T]]:
    settings = chosen("create_callback", config, _CALLBACK)
    identity = take_callback(position, validation.operation_name(name), settings)
    serdes = _reader(settings, position.serdes.callback)
    return Plan(lambda runtime: create_callback(runtime, identity, settings, serdes))


def plan_wait_for_callback(
    position: Position,
    submitter: AnyFunction,
    name: str | None,
    config: WaitForCallbackConfig[T] | None,
) -> Plan[T | None]:
    check_callable("wait_for_callback", submitter)
    settings = chosen("wait_for_callback", config, _WAIT_FOR_CALLBACK)
    name = validation.operation_name(name or name_of(submitter))
    if name:
        validation.operation_name(f"{name} create callback id")
    identity = position.take(OperationType.CONTEXT, OperationSubType.WAIT_FOR_CALLBACK, name)

    async def body(runtime: Runtime, inside: Position) -> T | None:
        return await wait_for_callback(runtime, inside, submitter, name, settings)

    serdes = typed(position.serdes.values, _keeper(settings))
    child = Child(position, identity, body, serdes=serdes, error_class=_error_class)
    return Plan(child.run)


def _error_class(stored: ErrorObject) -> type[CallbackError]:
    """The official SDK stores the error of a failed submitter as that of its step."""
    return CallbackSubmitterError if stored.type == type_name(StepError) else CallbackError


def take_callback(
    position: Position, name: str | None, config: CallbackConfig[T]
) -> OperationIdentity:
    return position.take(OperationType.CALLBACK, config.sub_type or OperationSubType.CALLBACK, name)


async def create_callback(
    runtime: Runtime,
    identity: OperationIdentity,
    config: CallbackConfig[T],
    serdes: AnySerDes[T] | None,
) -> CallbackHandle[T]:
    """Register the callback; its id comes with the service's answer.

    A callback that has ended already gives its handle all the same: an error is for `result()`
    to raise, so that the code in between runs the same on replay.
    """
    runtime.check()
    operation = runtime.find(identity)
    if operation is None or _id_of(operation) is None:
        options = CallbackOptions(config.timeout_seconds, config.heartbeat_timeout_seconds)
        start = identity.update(OperationAction.START, callback_options=options)
        operation = await runtime.commit(start)
    else:
        await runtime.resumes(identity.operation_id)
    callback_id = _id_of(operation)
    if callback_id is None:
        raise ExecutionError(f"the service gave callback {identity.operation_id} no id")
    await runtime.start_in_turn(identity.operation_id)
    return CallbackHandle(identity, config, callback_id, serdes)


def _id_of(operation: Operation | None) -> str | None:
    """The callback's id, which only the service's answer tells."""
    details = operation.callback_details if operation else None
    return details.callback_id if details else None


async def callback_result(
    runtime: Runtime, handle: CallbackHandle[T], position: Position
) -> T | None:
    """What the callback was answered with; waits for the answer.

    Parameters:
        runtime: of the code that asks.
        handle: the callback.
        position: of the context that the callback was created with.
    """
    runtime.check()
    operation_id = handle.identity.operation_id
    operation = runtime.recorded(operation_id)
    while (pending := pending_state(operation, operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(operation_id)
    assert operation is not None  # pending_state
    compat_aws = runtime.compat_aws
    if operation.status is Status.SUCCEEDED:
        serdes: AnySerDes[T] = handle.serdes or _by_default(compat_aws=compat_aws)
        answer = (operation.result or None) if compat_aws else operation.result
        return await read_in_turn(runtime, serdes, answer, handle.identity)
    await runtime.end_in_turn(operation_id)
    if operation.status is Status.TIMED_OUT and not position.is_replaying():
        _warn_of_timeout(runtime, handle, operation)
    on_timeout = handle.config.on_timeout or ("raise" if compat_aws else "none")
    if operation.status is Status.TIMED_OUT and on_timeout == "none":
        return None
    stored = recorded_error(operation)
    raise _ERRORS.get(operation.status, CallbackError)(
        stored.message, stored.type, stored.data, stored.stack_trace, handle.callback_id
    )


def _warn_of_timeout(runtime: Runtime, handle: CallbackHandle[T], operation: Operation) -> None:
    if handle.config.on_timeout is None and not runtime.compat_aws:
        runtime.warn(
            f"the callback {operation.name or operation.operation_id} timed out, and its result is "
            'None: with on_timeout="raise" in its configuration it raises CallbackTimeoutError, '
            'and with "none" this is not logged'
        )


def _reader(config: CallbackConfig[T], default: AnySerDes[Any] | None) -> AnySerDes[T] | None:
    """What reads the answer: as the type that was asked for, if one was."""
    if config.result_type is None:
        return own_or_default(config.serdes, default)
    by_type: CallbackResultSerDes[T] = CallbackResultSerDes(config.result_type)
    return by_type_within(default, by_type)


def _keeper(config: CallbackConfig[T]) -> SerDes[Any] | None:
    """What stores the answer as the result of the context around the callback.

    It is stored as what it was read as, or as None after a time-out.
    """
    if config.result_type is not None:
        return TypedSerDes(optional(config.result_type))
    return config.serdes.or_none() if isinstance(config.serdes, TypedSerDes) else None


def _by_default(*, compat_aws: bool) -> SerDes[Any]:
    return PassThroughSerDes() if compat_aws else CallbackSerDes()


def _make_context(logger: Logger, _: int) -> WaitForCallbackContext:
    return WaitForCallbackContext(logger)


async def wait_for_callback(
    runtime: Runtime,
    position: Position,
    submitter: AnyFunction,
    name: str | None,
    config: WaitForCallbackConfig[T],
) -> T | None:
    """The body of the child context: create the callback, hand its id out, wait."""
    prefix = f"{name} " if name else ""
    identity = take_callback(position, f"{prefix}create callback id", config)
    answers = _reader(config, position.serdes.callback)
    handle = await create_callback(runtime, identity, config, answers)
    step = Step(
        position,
        position.take(OperationType.STEP, OperationSubType.STEP, f"{prefix}submitter"),
        submitter,
        StepConfig(config.retry_strategy),
        _make_context if accepts(submitter, 2) else None,
        (handle.callback_id,),
        keeps_result=False,
    )
    try:
        await run_step(runtime, step)
    except StepError as error:
        whose = "" if runtime.compat_aws else "the submitter of the callback failed: "
        text = f"{whose}{error}"
        raise CallbackSubmitterError(text, callback_id=handle.callback_id) from error
    return await callback_result(runtime, handle, position)
