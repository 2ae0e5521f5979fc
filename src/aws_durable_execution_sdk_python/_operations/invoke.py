"""invoke: call another function and wait for its result."""

from __future__ import annotations

from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.errors import recorded_error
from aws_durable_execution_sdk_python._core.journal import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    ChainedInvokeOptions,
    OperationAction,
    OperationSubType,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python._core.tracing import trace_header
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python._operations.planning import Plan, chosen
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python.serdes import JsonSerDes, SerDes, deserialize, serialize

P = TypeVar("P")
T = TypeVar("T")

_JSON = JsonSerDes()
_DEFAULT: InvokeConfig[Any, Any] = InvokeConfig()


def plan_invoke(
    position: Position,
    function_name: str,
    payload: P,
    name: str | None,
    config: InvokeConfig[P, T] | None,
) -> Plan[T]:
    settings = chosen("invoke", config, _DEFAULT)
    validation.function_name(function_name)
    identity = position.take(
        OperationType.CHAINED_INVOKE,
        OperationSubType.CHAINED_INVOKE,
        validation.operation_name(name),
    )
    return Plan(lambda runtime: run_invoke(runtime, identity, function_name, payload, settings))


async def run_invoke(
    runtime: Runtime,
    identity: OperationIdentity,
    function_name: str,
    payload: P,
    config: InvokeConfig[P, T],
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
        options = ChainedInvokeOptions(function_name, config.tenant_id, trace_header())
        operation = await runtime.commit(
            identity.update(OperationAction.START, payload=text, chained_invoke_options=options)
        )
    while (pending := pending_state(operation, identity.operation_id)) is not None:
        await runtime.park(pending)
        operation = runtime.recorded(identity.operation_id)
    assert operation is not None  # pending_state
    await runtime.end_in_turn(identity.operation_id)
    if operation.status is not Status.SUCCEEDED:
        # Not of the remote error's class as well: what that is called says little over here.
        stored = recorded_error(operation)
        raise InvokeError(stored.message, stored.type, stored.data, stored.stack_trace)
    reads: SerDes[T] = config.serdes_result or _JSON
    return deserialize(
        reads,
        operation.result,
        identity.operation_id,
        arn,
        name=identity.name,
    )
