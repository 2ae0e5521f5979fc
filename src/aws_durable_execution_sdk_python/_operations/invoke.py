"""invoke: call another function and wait for its result."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python._core.errors import rebuild, recorded_error
from aws_durable_execution_sdk_python._core.journal import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    ChainedInvokeOptions,
    OperationAction,
    Status,
)
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.suspension import pending_state
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python.serdes import JsonSerDes, deserialize, serialize

_JSON = JsonSerDes()


async def run_invoke(
    runtime: Runtime,
    identity: OperationIdentity,
    function_name: str,
    payload: Any,
    config: InvokeConfig[Any, Any],
) -> Any:
    """Start the invocation, once, and give what it returned.

    The service may know the outcome at once, a function that does not exist for instance.
    """
    runtime.check()
    arn = runtime.arn
    operation = runtime.find(identity)
    if operation is None:
        serdes = config.serdes_payload or _JSON
        text = serialize(serdes, payload, identity.operation_id, arn, name=identity.name)
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
        config.serdes_result or _JSON,
        operation.result,
        identity.operation_id,
        arn,
        name=identity.name,
    )
