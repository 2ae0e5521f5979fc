"""The calls of the service that one invocation makes, one after the other.

- Each checkpoint needs the token that the answer to the one before has brought, so there is one
  call at a time. An answer without a token is the last: the execution has ended, or another
  invocation has taken it over.
- An answer is merged into the journal with all its pages before the call counts as answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from aws_durable_execution_sdk_python._core.batching import encoded_size
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import OperationUpdate, StateOutput
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.plugin import ServiceCallInfo

T = TypeVar("T")


class TokenChain(Opaque):
    """The service as one invocation has it.

    Parameters:
        client: that of the service.
        arn: the execution.
        token: the first; it came with the invocation.
        journal: what answers are merged into.

    Attributes:
        is_over: whether an answer had no token, and so no other call can be made.
    """

    def __init__(
        self, client: DurableServiceClient, arn: str, token: str, journal: Journal
    ) -> None:
        self._client = client
        self._arn = arn
        self._token = token
        self._journal = journal
        self._on_call: Callable[[ServiceCallInfo], None] | None = None
        self.is_over = False

    def observe(self, on_call: Callable[[ServiceCallInfo], None]) -> None:
        """Tell of each call from here on."""
        self._on_call = on_call

    async def exchange(self, updates: Sequence[OperationUpdate]) -> list[str]:
        """Save updates, and give the ids of what has changed by the answer.

        Raises:
            CheckpointError: there is no token, or the call was cancelled.
            Whatever the call fails with.
        """
        if not self._token:
            raise CheckpointError("the checkpoint token is empty", retryable=True)
        call = self._client.checkpoint(self._arn, self._token, updates, None)
        output = await self._answer(call, "CheckpointDurableExecution", updates)
        if not output.checkpoint_token:
            self.is_over = True
            return self._journal.merge(output.new_execution_state.operations)
        self._token = output.checkpoint_token
        return await self.merge(output.new_execution_state)

    async def merge(self, state: StateOutput) -> list[str]:
        """Merge a state and the pages that follow it, and give the ids of what has changed."""
        changed = self._journal.merge(state.operations)
        while state.next_marker:
            call = self._client.get_execution_state(
                self._arn, self._token, state.next_marker, MAX_PAGE_ITEMS
            )
            state = await self._answer(call, "GetDurableExecutionState")
            changed += self._journal.merge(state.operations)
        return changed

    async def _answer(
        self, call: Awaitable[T], action: str, updates: Sequence[OperationUpdate] = ()
    ) -> T:
        """What the client's call gives. Cancelled, by whatever in the client, it has failed."""
        if self._on_call is not None:
            call = self._told(self._on_call, call, action, updates)
        try:
            return await call
        except asyncio.CancelledError as error:
            raise CheckpointError("a call of the service was cancelled", retryable=True) from error

    async def _told(
        self,
        tell: Callable[[ServiceCallInfo], None],
        call: Awaitable[T],
        action: str,
        updates: Sequence[OperationUpdate],
    ) -> T:
        began, failure = datetime.now(UTC), None
        try:
            return await call
        except BaseException as error:
            failure = error
            raise
        finally:
            size = sum(map(encoded_size, updates))
            ended = datetime.now(UTC)
            tell(ServiceCallInfo(self._arn, action, began, ended, len(updates), size, failure))
