"""invoke: call another function and wait for its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import rebuild, recorded_error
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.limits import MAX_PAYLOAD_BYTES
from aws_durable_execution_sdk_python._core.model import (
    ChainedInvokeOptions,
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._core.values.typed_serdes import ForeignSerDes
from aws_durable_execution_sdk_python._kernel.parked import pending_state
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.planning import Plan, chosen
from aws_durable_execution_sdk_python._operations.storing import (
    by_type_within,
    own_or_default,
    read_in_turn,
    write,
)
from aws_durable_execution_sdk_python._operations.typed_results import PayloadSerDes
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.exceptions import InvokeError, ValidationError
from aws_durable_execution_sdk_python.serdes import AnySerDes

P = TypeVar("P")
T = TypeVar("T")

_JSON = PayloadSerDes()
_DEFAULT: InvokeConfig[Any, Any] = InvokeConfig()


@dataclass(frozen=True, slots=True)
class _Invoke(Generic[P, T]):
    """One invoke as the code asks for it."""

    identity: OperationIdentity
    function_name: str
    payload: P
    config: InvokeConfig[P, T]
    writes: AnySerDes[P]
    reads: AnySerDes[T]


def plan_invoke(
    position: Position,
    function_name: str,
    payload: P,
    name: str | None,
    config: InvokeConfig[P, T] | None,
    result_type: object = None,
) -> Plan[T]:
    settings = chosen("invoke", config, _DEFAULT)
    if result_type is not None and settings.serdes_result is not None:
        raise ValidationError("invoke takes a result_type or a serdes_result, not both")
    by_type = None if result_type is None else ForeignSerDes[Any](result_type)
    validation.function_name(function_name)
    identity = position.take(
        OperationType.CHAINED_INVOKE,
        OperationSubType.CHAINED_INVOKE,
        validation.operation_name(name),
    )
    defaults = position.serdes
    asked = _Invoke(
        identity,
        function_name,
        payload,
        config=settings,
        writes=own_or_default(settings.serdes_payload, defaults.invoke_payload) or _JSON,
        reads=_reader(settings.serdes_result, defaults.invoke_result, by_type),
    )
    return Plan(lambda runtime: run_invoke(runtime, asked))


def _reader(
    own: AnySerDes[T] | None, default: AnySerDes[T] | None, by_type: ForeignSerDes[T] | None
) -> AnySerDes[T]:
    """What reads the result: as the type that was asked for, if one was."""
    if by_type is not None:
        return by_type_within(default, by_type)
    return own_or_default(own, default) or _JSON


async def run_invoke(runtime: Runtime, asked: _Invoke[P, T]) -> T:
    """Start the invocation, once, and give what it returned.

    The service may know the outcome at once, a function that does not exist for instance.
    """
    runtime.check()
    identity = asked.identity
    operation = runtime.find(identity)
    if operation is None:
        text = await write(runtime, asked.writes, asked.payload, identity)
        payload_size(f"the payload of the invoke {identity.shown}", text, MAX_PAYLOAD_BYTES)
        trace = await runtime.trace_for(identity, asked.function_name)
        options = ChainedInvokeOptions(asked.function_name, asked.config.tenant_id, trace)
        start = identity.update(OperationAction.START, payload=text, chained_invoke_options=options)
        operation = await runtime.commit(start)
    else:
        await runtime.resumes(identity.operation_id)
    while (pending := pending_state(operation, identity.operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(identity.operation_id)
    assert operation is not None  # pending_state
    if operation.status is not Status.SUCCEEDED:
        await runtime.end_in_turn(identity.operation_id)
        raise rebuild(InvokeError, recorded_error(operation), is_ours=False)
    return await read_in_turn(runtime, asked.reads, operation.result, identity)
