"""What the engine asks of a client of the durable execution service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)


class DurableServiceClient(Protocol):
    """The two calls one invocation makes.

    A client fails with `CheckpointError` or `GetExecutionStateError`, whose `is_retryable()` says
    whether another invocation can help; `classification.classify` makes them. It never retries a
    call under another client token: a checkpoint whose answer was lost must stay recognisable.
    """

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Save updates, or with none of them refresh the state and the token.

        Parameters:
            durable_execution_arn: the execution.
            checkpoint_token: the latest token; the call uses it up.
            updates: what changed, in order.
            client_token: makes repeats of this call one call; None lets the client choose.

        Returns:
            The next token and the operations that changed since the last answer.
        """
        ...

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        """Read one page of operations. The token stays valid.

        Parameters:
            durable_execution_arn: the execution.
            checkpoint_token: the latest token.
            next_marker: the marker of the answer this page continues.
            max_items: the most operations to return, 1 to `MAX_PAGE_ITEMS`.

        Returns:
            The operations, and the marker of the next page if there is one.
        """
        ...
