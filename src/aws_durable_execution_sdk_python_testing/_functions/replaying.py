"""One invocation of a handler in process: run through once, or again after every checkpoint.

Replaying is done within the invocation. The token of a checkpoint's answer is withheld, so that
the SDK ends as it does when the service takes the token away, and the handler is run again from
the top with the state as it is then. The service sees one invocation all the time: a history
reads the same with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationType,
    OperationUpdate,
    StateOutput,
    Status,
)
from aws_durable_execution_sdk_python_testing._functions.in_process_client import InProcessClient

# Takes the invocation's input and gives its output.
Run = Callable[[Any], Any]


def run_once(run: Run, event: Mapping[str, Any], client: InProcessClient) -> Any:
    """Give a durable handler its event and the client to answer with."""
    # Here, so that the command line and the plugin start without the execution SDK.
    from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient

    return run(DurableExecutionInvocationInputWithClient.from_event(event, client, client.hooks))


def run_replaying(run: Run, event: Mapping[str, Any], client: InProcessClient) -> Any:
    """The same, from the top again whenever a checkpoint has changed what is replayed."""
    from aws_durable_execution_sdk_python.execution import (
        DurableExecutionInvocationInputWithClient,
        InitialExecutionState,
    )

    arn, token = event["DurableExecutionArn"], event["CheckpointToken"]
    state = InitialExecutionState.from_dict(event["InitialExecutionState"])
    while True:
        replaying = _ReplayingClient(client)
        output = run(
            DurableExecutionInvocationInputWithClient(arn, token, state, replaying, client.hooks)
        )
        if replaying.withheld is None:
            return output
        token = replaying.withheld.token
        state = InitialExecutionState(replaying.withheld.operations)


class _Withheld(NamedTuple):
    """What the next run of the handler begins with."""

    token: str
    operations: list[Mapping[str, Any]]


class _ReplayingClient:
    """Ends a run of the handler with the first checkpoint that may end it.

    One that leaves a step started may not: the step's function runs, and would be cut off. If
    it may run only once per attempt, it would never come to its end.

    Attributes:
        withheld: set once the run is to end.
    """

    def __init__(self, client: InProcessClient) -> None:
        self.withheld: _Withheld | None = None
        self._client = client

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        output = await self._client.checkpoint(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        token = output.checkpoint_token
        if not token or not updates:
            return output
        operations = await self._whole_state(durable_execution_arn, token)
        if any(_is_running_step(operation) for operation in operations):
            return output
        self.withheld = _Withheld(token, operations)
        return CheckpointOutput(None, StateOutput([]))

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        return await self._client.get_execution_state(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )

    async def _whole_state(self, arn: str, token: str) -> list[Mapping[str, Any]]:
        page = await self._client.get_execution_state(arn, token, "")
        operations = [*page.operations]
        while page.next_marker:
            page = await self._client.get_execution_state(arn, token, page.next_marker)
            operations += page.operations
        return operations


def _is_running_step(operation: Mapping[str, Any]) -> bool:
    return (operation["Type"], operation["Status"]) == (OperationType.STEP, Status.STARTED)
