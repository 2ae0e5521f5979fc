"""create_callback and result: the handle first, the answer when somebody asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, Wire, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    CallbackError,
    CallbackExternalError,
    CallbackTimeoutError,
    NestedOperationError,
)
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext


def asking(flavour: Flavour, config: CallbackConfig[Any] | None = None, **options: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        callback = await ctx.create_callback("approval", config)
        return await callback.result()

    return flavour.durable(handler, **options)


def callback(status: str, **details: Any) -> Wire:
    return recorded("CALLBACK", status, 1, "approval", CallbackId="cb-1", **details)


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        (None, (0, 0)),
        (CallbackConfig(timeout=Duration.from_minutes(3)), (180, 0)),
        (CallbackConfig(timeout=60, heartbeat_timeout=5), (60, 5)),
    ],
)
def test_creation_sends_both_timeouts_and_suspends_for_the_answer(
    flavour: Flavour, config: Any, sent: tuple[int, int]
) -> None:
    service = FakeService()
    assert service.invoke(asking(flavour, config)) == PENDING
    assert service.trace == ["CALLBACK START approval"]
    assert service.sent("START", 1)["SubType"] == "Callback"
    assert service.sent("START", 1)["CallbackOptions"] == {
        "TimeoutSeconds": sent[0],
        "HeartbeatTimeoutSeconds": sent[1],
    }


def test_the_id_comes_from_the_service_and_stays(flavour: Flavour) -> None:
    seen = []

    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback()
        seen.append(created.callback_id)
        return await created.result()

    service = FakeService()
    service.invoke(flavour.durable(handler))
    service.complete("SUCCEEDED", 1, Result='"yes"')
    assert service.invoke(flavour.durable(handler)) == succeeded("yes")
    given = service.operations[oid(1)]["CallbackDetails"]["CallbackId"]
    assert seen == [given, given]


@pytest.mark.parametrize("status", ["STARTED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"])
def test_code_between_creation_and_result_runs_whatever_became_of_the_callback(
    flavour: Flavour, status: str
) -> None:
    reached = []

    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")
        reached.append(created.callback_id)
        await ctx.step(lambda: None, name="between")
        return await created.result()

    service = FakeService(callback(status))
    service.invoke(flavour.durable(handler))
    assert reached == ["cb-1"]
    assert service.trace == ["STEP START between", "STEP SUCCEED between"]


@pytest.mark.parametrize(
    ("stored", "value", "raw"),
    [
        ({}, None, None),
        ({"Result": '{"approved": true}'}, {"approved": True}, '{"approved": true}'),
        ({"Result": "42"}, 42, "42"),
        ({"Result": "null"}, None, "null"),
        ({"Result": "approved by boss"}, "approved by boss", "approved by boss"),
        ({"Result": ""}, "", None),
        ({"Result": "NaN"}, "NaN", "NaN"),
        ({"Result": '{"broken'}, '{"broken', '{"broken'),
    ],
)
def test_an_answer_is_decoded_if_it_is_json_and_raw_in_compat_mode(
    flavour: Flavour, stored: Wire, value: Any, raw: Any
) -> None:
    history = callback("SUCCEEDED", **stored)
    assert FakeService(history).invoke(asking(flavour)) == succeeded(value)
    assert FakeService(history).invoke(asking(flavour, compat="aws")) == succeeded(raw)


class Upper(SerDes[str]):
    def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        return value.lower()

    def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        return data.upper()


@pytest.mark.parametrize("options", [{}, {"compat": "aws"}])
def test_a_serdes_of_its_own_reads_the_answer(flavour: Flavour, options: Any) -> None:
    service = FakeService(callback("SUCCEEDED", Result="yes"))
    handler = asking(flavour, CallbackConfig(serdes=Upper()), **options)
    assert service.invoke(handler) == succeeded("YES")


def test_an_external_failure_raises_with_all_that_was_sent(flavour: Flavour) -> None:
    sent = error("Rejected", "too expensive", ErrorData='{"limit":5}', StackTrace=["line 1"])

    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")
        try:
            await created.result()
        except CallbackExternalError as problem:
            return [
                str(problem),
                problem.error_type,
                problem.data,
                problem.stack_trace,
                problem.callback_id,
            ]

    expected = ["too expensive", "Rejected", '{"limit":5}', ["line 1"], "cb-1"]
    service = FakeService(callback("FAILED", Error=sent))
    assert service.invoke(flavour.durable(handler)) == succeeded(expected)


TIMEOUT = error("Callback.Timeout", "Callback timed out")
HEARTBEAT = error("Callback.Heartbeat", "no heartbeat")


@pytest.mark.parametrize("stored", [TIMEOUT, HEARTBEAT])
@pytest.mark.parametrize(
    ("config", "options", "raises"),
    [
        (None, {}, False),
        (CallbackConfig(on_timeout="raise"), {}, True),
        (None, {"compat": "aws"}, True),
        (CallbackConfig(on_timeout="none"), {"compat": "aws"}, False),
    ],
)
def test_a_timed_out_callback_gives_none_or_raises(
    flavour: Flavour, stored: Wire, config: Any, options: Any, raises: bool
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval", config)
        try:
            return await created.result()
        except CallbackTimeoutError as problem:
            return [problem.error_type, problem.callback_id]

    service = FakeService(callback("TIMED_OUT", Error=stored))
    expected = [stored["ErrorType"], "cb-1"] if raises else None
    assert service.invoke(flavour.durable(handler, **options)) == succeeded(expected)


@pytest.mark.parametrize("status", ["CANCELLED", "STOPPED"])
def test_any_other_end_raises_a_callback_error_that_says_so(flavour: Flavour, status: str) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")
        try:
            await created.result()
        except CallbackError as problem:
            return [type(problem).__name__, status in str(problem)]

    service = FakeService(callback(status))
    assert service.invoke(flavour.durable(handler)) == succeeded(["CallbackError", True])


def test_an_answer_that_is_there_at_once_needs_no_suspension(flavour: Flavour) -> None:
    service = FakeService(answers={1: lambda s: s.complete("SUCCEEDED", 1, Result="1")})
    assert service.invoke(asking(flavour)) == succeeded(1)


def test_the_result_can_be_asked_for_again(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")
        return [await created.result(), await created.result()]

    service = FakeService(callback("SUCCEEDED", Result="1"))
    assert service.invoke(flavour.durable(handler)) == succeeded([1, 1])


def test_the_result_can_be_awaited_in_a_child_context(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")

        async def child(inner: Any) -> Any:
            answer = await created.result()
            return await inner.step(lambda: f"{answer}!")

        return await ctx.run_in_child_context(child)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    service.complete("SUCCEEDED", 1, Result="yes")
    assert service.invoke(flavour.durable(handler)) == succeeded("yes!")


def test_the_result_can_be_awaited_in_a_branch_while_others_go_on(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")

        async def waiting(inner: Any) -> Any:
            return await created.result()

        async def working(inner: Any) -> Any:
            return await inner.step(lambda: "work")

        return list(await ctx.parallel([waiting, working]))

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert service.operations[oid(2, 1)]["Status"] == "SUCCEEDED"
    service.complete("SUCCEEDED", 1, Result="yes")
    assert service.invoke(flavour.durable(handler)) == succeeded(["yes", "work"])


def test_the_result_cannot_be_awaited_in_a_step(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback("approval")

        def function() -> Any:
            return created.result()

        async def coroutine() -> Any:
            return await created.result()

        await ctx.step(function if flavour.name == "blocking" else coroutine)

    service = FakeService(callback("SUCCEEDED", Result="1"))
    kind, _ = failure(service.invoke(flavour.durable(handler)))
    assert kind == f"{NestedOperationError.__module__}.NestedOperationError"


def test_an_answer_its_serdes_cannot_read_raises(flavour: Flavour) -> None:
    class Numbers(Upper):
        def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
            return int(data)

    service = FakeService(callback("SUCCEEDED", Result="seven"))
    kind, message = failure(service.invoke(asking(flavour, CallbackConfig(serdes=Numbers()))))
    assert kind == "aws_durable_execution_sdk_python.exceptions.SerDesError"
    assert "approval" in (message or "")
