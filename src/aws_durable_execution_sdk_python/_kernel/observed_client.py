"""A client of the service whose calls plugins are told of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from aws_durable_execution_sdk_python._core.batching import encoded_size
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.plugin import ServiceCallInfo

T = TypeVar("T")


class ObservedClient(Opaque):
    """Does what the client does that it is given, and tells of it."""

    def __init__(
        self, client: DurableServiceClient, tell: Callable[[ServiceCallInfo], None]
    ) -> None:
        self._client = client
        self._tell = tell

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        call = self._client.checkpoint(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        info = partial(
            ServiceCallInfo,
            durable_execution_arn,
            "CheckpointDurableExecution",
            update_count=len(updates),
            update_bytes=sum(map(encoded_size, updates)),
        )
        return await self._told(call, info)

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        call = self._client.get_execution_state(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )
        info = partial(ServiceCallInfo, durable_execution_arn, "GetDurableExecutionState")
        return await self._told(call, info)

    async def _told(self, call: Awaitable[T], info: Callable[..., ServiceCallInfo]) -> T:
        began, failure = datetime.now(UTC), None
        try:
            return await call
        except BaseException as error:
            failure = error
            raise
        finally:
            self._tell(info(start_time=began, end_time=datetime.now(UTC), error=failure))
