"""What the tests of the service clients do with a client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from recording_service import ARN

from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationAction,
    OperationType,
    OperationUpdate,
)
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client

UPDATE = OperationUpdate(
    operation_id="a1",
    operation_type=OperationType.STEP,
    action=OperationAction.SUCCEED,
    name="charge",
    payload='{"total": "12,50 €"}',
)


@contextlib.asynccontextmanager
async def opened(client_class: type[AioBoto3Client]) -> AsyncIterator[AioBoto3Client]:
    client = await client_class().open()
    try:
        yield client
    finally:
        await client.aclose()


async def checkpoint(client: AioBoto3Client, token: str = "token-1") -> CheckpointOutput:
    return await client.checkpoint(ARN, token, [UPDATE], None)
