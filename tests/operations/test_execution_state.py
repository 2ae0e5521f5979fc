"""`context.state`, and what else of an invocation can be read."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from answers import succeeded
from fake_service import ARN, EXECUTION_ID, FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInput,
    DurableExecutionInvocationInputWithClient,
)
from aws_durable_execution_sdk_python.lambda_service import OperationStatus
from aws_durable_execution_sdk_python.state import ExecutionState, ReplayStatus


def test_the_state_tells_the_execution_its_operations_and_whether_code_replays(
    flavour: Flavour,
) -> None:
    seen: list[Any] = []

    def look(ctx: Any) -> None:
        state = ctx.state
        assert isinstance(state, ExecutionState)
        assert state.durable_execution_arn == ARN
        seen.append((len(state.operations), state.replay_status, state.is_replaying()))

    async def handler(event: Any, ctx: Any) -> Any:
        look(ctx)
        await ctx.step(lambda: "done", name="work")
        look(ctx)
        await ctx.wait(seconds=1)
        look(ctx)
        state = ctx.state
        step = state.operations[oid(1)]
        assert (step.name, step.status, step.result) == (
            "work",
            OperationStatus.SUCCEEDED,
            '"done"',
        )
        assert step.start_timestamp is not None
        assert list(state.operations)[:2] == [EXECUTION_ID, oid(1)]
        assert "nothing" not in state.operations
        with pytest.raises(KeyError):
            state.operations["nothing"]
        with pytest.raises(TypeError):
            state.operations["x"] = step
        with pytest.raises(AttributeError):
            state.durable_execution_arn = "other"
        return "end"

    service = FakeService()
    durable = flavour.durable(handler)
    service.invoke(durable)
    first = list(seen)
    seen.clear()
    assert service.run(durable) == succeeded("end")
    assert first == [(1, ReplayStatus.NEW, False), (2, ReplayStatus.NEW, False)]
    assert seen[0][1:] == (ReplayStatus.REPLAY, True)
    assert seen[-1] == (3, ReplayStatus.NEW, False)


def test_a_logger_is_set_by_its_official_name(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        ctx.set_logger(new_logger=logging.getLogger("orders"))
        return ctx.logger.underlying.name

    assert FakeService().run(flavour.durable(handler)) == succeeded("orders")


def test_the_operations_that_changed_while_suspended_are_read_and_passed_on() -> None:
    event = {
        "DurableExecutionArn": ARN,
        "CheckpointToken": "t-1",
        "UpdatedOperationIds": ["a", "b"],
    }
    given = DurableExecutionInvocationInput.from_dict(event)
    assert given.updated_operation_ids == ("a", "b")
    assert given.to_dict()["UpdatedOperationIds"] == ["a", "b"]
    service = FakeService()
    brought = DurableExecutionInvocationInputWithClient.from_durable_execution_invocation_input(
        given, service
    )
    assert brought.updated_operation_ids == ("a", "b")
    del event["UpdatedOperationIds"]
    assert DurableExecutionInvocationInput.from_dict(event).updated_operation_ids == ()
