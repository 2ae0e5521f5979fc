"""Which updates share a request: as many as are ready, and no more waiting than that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tuned import tuned

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python._core.batching import MAX_UPDATES
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationAction,
    OperationType,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python._kernel.tuning import DEFAULT_TUNING
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._lambda.pool import run_in_environment
from aws_durable_execution_sdk_python.exceptions import BackgroundThreadError, InvocationError
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient


class Client:
    """Saves everything, each request after some passes of the event loop; keeps their sizes."""

    def __init__(self) -> None:
        self.requests: list[int] = []
        self.updates: list[OperationUpdate] = []
        self.first_is_under_way = asyncio.Event()
        self.begun_before_first: int | None = None
        self.begun = 0

    async def checkpoint(
        self, arn: str, token: str, updates: Any, client_token: str | None
    ) -> CheckpointOutput:
        if not self.requests:
            self.begun_before_first = self.begun
        self.requests.append(len(updates))
        self.updates += updates
        self.first_is_under_way.set()
        for _ in range(20):
            await asyncio.sleep(0)
        return CheckpointOutput("token", StateOutput([]))

    async def get_execution_state(self, *args: Any) -> StateOutput:
        raise AssertionError("there is one page")

    def run(self, handler: Any, **constants: Any) -> Any:
        execution = {"Id": "id", "Type": "EXECUTION", "Status": "STARTED"}
        event = {
            "DurableExecutionArn": "arn/id",
            "CheckpointToken": "token",
            "InitialExecutionState": {"Operations": [execution]},
        }
        given = DurableExecutionInvocationInputWithClient.from_event(event, self)
        # However slow the machine is, what is ready to run is let run.
        return tuned(handler, **{"gather_seconds": 1000, **constants})(given, None)


def mapping(client: Client, count: int) -> Any:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> int:
        async def branch(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            client.begun += 1

            async def step() -> int:
                return x

            return await c.step(step)

        return len(await context.map(range(count), branch))

    return handler


def test_branches_that_fit_into_one_request_share_it() -> None:
    client = Client()
    assert client.run(mapping(client, 60))["Status"] == "SUCCEEDED"
    # Each branch starts, starts its step and ends it; then ends; then the map ends.
    assert client.requests == [1 + 3 * 60, 60 + 1]


def test_a_full_request_goes_out_before_all_branches_have_begun() -> None:
    client = Client()
    assert client.run(mapping(client, 1000))["Status"] == "SUCCEEDED"
    assert client.begun_before_first is not None
    assert MAX_UPDATES / 3 <= client.begun_before_first < 200
    assert client.requests[0] == MAX_UPDATES
    assert sum(client.requests) == 1 + 4 * 1000 + 1


@pytest.mark.parametrize("lazy_seconds", [0, 0.0005, 1000])
def test_updates_keep_their_order_whenever_their_time_is_up(lazy_seconds: float) -> None:
    """What did not fit into a request is sent before what was handed over meanwhile."""
    client = Client()
    handler = mapping(client, 400)
    assert client.run(handler, lazy_seconds=lazy_seconds)["Status"] == "SUCCEEDED"
    *_, last = client.updates
    assert (last.sub_type, str(last.action)) == ("Map", "SUCCEED")
    assert len(client.updates) == 1 + 4 * 400 + 1


def test_looking_for_rest_holds_no_request_up() -> None:
    """While something is parked, the loop is looked at again and again: that is no work."""
    client = Client()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> None:
        waiting = asyncio.ensure_future(context.wait(seconds=60))
        for _ in range(3):
            await context.step(lambda _: None)
        await waiting

    assert client.run(handler)["Status"] == "PENDING"
    assert sum(client.requests) == 1 + 3 * 2


def test_a_task_that_never_rests_does_not_hold_requests_up_for_good() -> None:
    client = Client()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> int:
        async def spin() -> None:
            while True:  # noqa: ASYNC110 - never to rest is what is tested
                await asyncio.sleep(0)

        async def step() -> int:
            return 1

        spinning = asyncio.create_task(spin())
        result = await context.step(step)
        spinning.cancel()
        return result

    assert client.run(handler, gather_seconds=0.005)["Result"] == "1"


def test_what_did_not_fit_into_a_request_comes_before_what_was_queued_during_it() -> None:
    """Nobody waits for what is left over, everybody for what comes: it must not be overtaken."""
    client = Client()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> int:
        async def branch(c: AsyncDurableContext, x: int, i: int, xs: Any) -> int:
            async def step() -> int:
                if i:
                    await client.first_is_under_way.wait()
                return x

            return await c.step(step)

        return len(await context.map(range(300), branch))

    assert client.run(handler, wave=300, lazy_seconds=1000)["Status"] == "SUCCEEDED"
    begun: set[str | None] = {None}
    for update in client.updates:
        assert update.parent_id in begun
        assert (update.action is OperationAction.START) is (update.operation_id not in begun)
        begun.add(update.operation_id)


def start_of(operation_id: str) -> OperationUpdate:
    return OperationUpdate(
        operation_id=operation_id,
        operation_type=OperationType.STEP,
        action=OperationAction.START,
    )


def test_what_the_consumer_was_just_given_is_released_when_the_invocation_fails() -> None:
    released: list[BaseException | None] = []

    async def main(_: Environment) -> None:
        checkpointer = Checkpointer(
            Client(),
            "arn/id",
            "token",
            Journal("id"),
            tuning=DEFAULT_TUNING,
            catch_up=lambda: asyncio.sleep(0),
            on_change=lambda _: None,
            on_end=lambda _: None,
        )
        async with asyncio.TaskGroup() as group:
            checkpointer.consume_in(group)
            await checkpointer.save(start_of("the consumer waits for what comes next"))
            for _ in range(5):
                await asyncio.sleep(0)
            checkpointer.submit(start_of("step"), released.append)
            checkpointer.fail(InvocationError("no thread can be started"))
            checkpointer.close()

    run_in_environment(main)
    assert [type(error) for error in released] == [BackgroundThreadError]
