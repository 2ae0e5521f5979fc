"""The two calls of a service client, the same however a request travels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.answers import checkpoint_output, state_page
from aws_durable_execution_sdk_python._service.classification import cause, classify
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

# Makes one call of the API: the request's members go in, the response's come out.
Caller = Callable[[wire.ApiOperation, dict[str, object]], Awaitable[Wire]]


class ClientCalls(ABC):
    """Requests, answers and errors; how a call is made is a subclass's business."""

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """See `DurableServiceClient.checkpoint`."""
        call = self._caller()
        request = wire.checkpoint_request(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        try:
            response = await call(wire.CHECKPOINT, request)
        except Exception as error:
            raise classify(error, CheckpointError) from cause(error)
        return checkpoint_output(response)

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        """See `DurableServiceClient.get_execution_state`."""
        call = self._caller()
        request = wire.state_request(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )
        try:
            response = await call(wire.STATE, request)
        except Exception as error:
            raise classify(error, GetExecutionStateError) from cause(error)
        return state_page(response)

    @abstractmethod
    def _caller(self) -> Caller:
        """What makes the calls. What this raises is the caller's mistake, and is not classified."""
