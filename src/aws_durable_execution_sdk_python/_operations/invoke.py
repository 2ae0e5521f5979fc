"""invoke: call another function and wait for its result."""

from __future__ import annotations

from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import rebuild, recorded_error
from aws_durable_execution_sdk_python._core.journal import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    ChainedInvokeOptions,
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._core.values.typed_serdes import ForeignSerDes
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python._operations.planning import Plan, chosen
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.exceptions import InvokeError, ValidationError
from aws_durable_execution_sdk_python.serdes import (
    PayloadSerDes,
    SerDes,
    deserialize,
    serialize,
)

P = TypeVar("P")
T = TypeVar("T")

_JSON = PayloadSerDes()
_DEFAULT: InvokeConfig[Any, Any] = InvokeConfig()


def plan_invoke(
    position: Position,
    function_name: str,
    payload: P,
    name: str | None,
    config: InvokeConfig[P, T] | None,
    result_type: object = None,
) -> Plan[T]:
    settings = chosen("invoke", config, _DEFAULT)
    reads = _reader(settings, result_type)
    validation.function_name(function_name)
    identity = position.take(
        OperationType.CHAINED_INVOKE,
        OperationSubType.CHAINED_INVOKE,
        validation.operation_name(name),
    )
    return Plan(
        lambda runtime: run_invoke(runtime, identity, function_name, payload, settings, reads)
    )


def _reader(config: InvokeConfig[Any, T], result_type: object) -> SerDes[T]:
    """What reads the result."""
    if result_type is None:
        return _JSON if config.serdes_result is None else config.serdes_result
    if config.serdes_result is not None:
        raise ValidationError("invoke takes a result_type or a serdes_result, not both")
    return ForeignSerDes(result_type)


async def run_invoke(
    runtime: Runtime,
    identity: OperationIdentity,
    function_name: str,
    payload: P,
    config: InvokeConfig[P, Any],
    reads: SerDes[T],
) -> T:
    """Start the invocation, once, and give what it returned.

    The service may know the outcome at once, a function that does not exist for instance.
    """
    runtime.check()
    arn = runtime.arn
    operation = runtime.find(identity)
    if operation is None:
        writes: SerDes[P] = config.serdes_payload or _JSON
        text = serialize(writes, payload, identity.operation_id, arn, name=identity.name)
        payload_size("the payload of the invoke", text)
        options = ChainedInvokeOptions(function_name, config.tenant_id)
        operation = await runtime.commit(
            identity.update(OperationAction.START, payload=text, chained_invoke_options=options)
        )
    while (pending := pending_state(operation, identity.operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(identity.operation_id)
    assert operation is not None  # pending_state
    await runtime.end_in_turn(identity.operation_id)
    if operation.status is not Status.SUCCEEDED:
        raise rebuild(InvokeError, recorded_error(operation))
    return deserialize(
        reads,
        operation.result,
        identity.operation_id,
        arn,
        name=identity.name,
    )
