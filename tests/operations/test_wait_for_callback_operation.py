"""wait_for_callback: a context with the callback and its submitter, and one answer."""

from __future__ import annotations

from typing import Any

import pytest
from answers import PENDING, succeeded
from fake_service import FakeService, Wire, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    CallbackError,
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    durable_wait_for_callback,
)
from aws_durable_execution_sdk_python.config import WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.types import WaitForCallbackContext


def submitting(
    flavour: Flavour,
    submitter: Any,
    name: str | None = "approval",
    config: WaitForCallbackConfig[Any] | None = None,
    **options: Any,
) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.wait_for_callback(submitter, name, config)

    return flavour.durable(handler, **options)


def nothing(callback_id: str) -> None:
    """A submitter."""


def answered(flavour: Flavour, handler: Any, status: str, **details: Any) -> Wire:
    service = FakeService()
    assert service.invoke(handler) == PENDING
    service.complete(status, (1, 1), **details)
    return service.invoke(handler)


def test_it_is_a_context_with_the_callback_first_and_the_submitter_second(
    flavour: Flavour,
) -> None:
    service = FakeService()
    config: WaitForCallbackConfig[Any] = WaitForCallbackConfig(timeout=60, heartbeat_timeout=5)
    handler = submitting(flavour, nothing, config=config)
    assert service.invoke(handler) == PENDING
    assert service.trace == [
        "CONTEXT START approval",
        "CALLBACK START approval create callback id",
        "STEP START approval submitter",
        "STEP SUCCEED approval submitter",
    ]
    context, callback, submitter, _ = service.updates
    assert [u["Id"] for u in (context, callback, submitter)] == [oid(1), oid(1, 1), oid(1, 2)]
    assert [u.get("ParentId") for u in (context, callback, submitter)] == [None, oid(1), oid(1)]
    assert [u["SubType"] for u in (context, callback, submitter)] == [
        "WaitForCallback",
        "Callback",
        "Step",
    ]
    assert callback["CallbackOptions"] == {"TimeoutSeconds": 60, "HeartbeatTimeoutSeconds": 5}

    service.complete("SUCCEEDED", (1, 1), Result='{"ok": true}')
    assert service.invoke(handler) == succeeded({"ok": True})
    assert service.trace[4:] == ["CONTEXT SUCCEED approval"]


def test_without_a_name_the_operations_inside_still_have_theirs(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(submitting(flavour, nothing, name=None))
    assert service.trace[:3] == [
        "CONTEXT START",
        "CALLBACK START create callback id",
        "STEP START submitter",
    ]


@durable_wait_for_callback
def ask(callback_id: str, context: WaitForCallbackContext, to: str) -> None:
    context.logger.info("asking")
    received.append((callback_id[:8], type(context).__name__, to))


@durable_wait_for_callback
async def ask_async(callback_id: str, context: WaitForCallbackContext, to: str) -> None:
    received.append((callback_id[:8], type(context).__name__, to))


received: list[tuple[str, ...]] = []


@pytest.fixture(autouse=True)
def nothing_received() -> None:
    received.clear()


async def coroutine(callback_id: str) -> None:
    received.append((callback_id[:8],))


@pytest.mark.parametrize(
    ("submitter", "given"),
    [
        (lambda callback_id: received.append((callback_id[:8],)), ("callback",)),
        (
            lambda callback_id, context: received.append((callback_id[:8], type(context).__name__)),
            ("callback", "WaitForCallbackContext"),
        ),
        (lambda *args: received.append((args[0][:8], str(len(args)))), ("callback", "2")),
        (lambda i, context=None: received.append((i[:8],)), ("callback",)),
        (coroutine, ("callback",)),
        (lambda callback_id: coroutine(callback_id), ("callback",)),
        (ask("boss"), ("callback", "WaitForCallbackContext", "boss")),
        (ask_async("boss"), ("callback", "WaitForCallbackContext", "boss")),
    ],
)
def test_a_submitter_gets_the_id_and_a_context_if_it_takes_one(
    flavour: Flavour, submitter: Any, given: tuple[str, ...]
) -> None:
    assert FakeService().invoke(submitting(flavour, submitter)) == PENDING
    assert received == [given]


def test_a_decorated_submitter_gives_the_name(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(submitting(flavour, ask("boss"), name=None))
    assert service.trace[:2] == ["CONTEXT START ask", "CALLBACK START ask create callback id"]


@pytest.mark.parametrize(
    ("config", "options", "raises"),
    [
        (None, {}, False),
        (WaitForCallbackConfig(on_timeout="raise"), {}, True),
        (None, {"compat": "aws"}, True),
    ],
)
def test_a_timeout_gives_none_or_raises(
    flavour: Flavour, config: Any, options: Any, raises: bool
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            outcome = await ctx.wait_for_callback(nothing, config=config)
        except CallbackTimeoutError as problem:
            outcome = [str(problem), problem.error_type, problem.callback_id]
        await ctx.wait(seconds=1)
        return outcome

    service = FakeService()
    durable = flavour.durable(handler, **options)
    service.invoke(durable)
    service.complete("TIMED_OUT", (1, 1), Error=error("Callback.Timeout", "late"))
    callback_id = service.operations[oid(1, 1)]["CallbackDetails"]["CallbackId"]
    expected = ["late", "Callback.Timeout", callback_id] if raises else None
    assert service.run(durable) == succeeded(expected)


def test_an_external_failure_keeps_its_fields_and_the_callback_id_across_the_context(
    flavour: Flavour,
) -> None:
    """On the first run and on a replay that no longer sees the callback itself."""

    async def handler(event: Any, ctx: Any) -> Any:
        outcome = None
        try:
            await ctx.wait_for_callback(nothing)
        except CallbackExternalError as problem:
            outcome = [str(problem), problem.error_type, problem.data, problem.callback_id]
        await ctx.wait(seconds=1)
        return outcome

    service, durable = FakeService(), flavour.durable(handler)
    service.invoke(durable)
    service.complete("FAILED", (1, 1), Error=error("Rejected", "no", ErrorData="why"))
    callback_id = service.operations[oid(1, 1)]["CallbackDetails"]["CallbackId"]
    assert service.run(durable) == succeeded(["no", "Rejected", "why", callback_id])


def test_a_failing_submitter_raises_a_submitter_error(flavour: Flavour) -> None:
    def broken(callback_id: str) -> None:
        raise ConnectionError("no mail today")

    async def handler(event: Any, ctx: Any) -> Any:
        outcome = None
        try:
            await ctx.wait_for_callback(broken, "approval")
        except CallbackSubmitterError as problem:
            outcome = ["no mail today" in str(problem), problem.callback_id]
        await ctx.wait(seconds=1)
        return outcome

    service = FakeService()
    answer = service.run(flavour.durable(handler))
    callback_id = service.operations[oid(1, 1)]["CallbackDetails"]["CallbackId"]
    assert answer == succeeded([True, callback_id])
    assert "CONTEXT FAIL approval" in service.trace


def test_the_submitter_is_retried_as_configured(flavour: Flavour) -> None:
    attempts = []

    def flaky(callback_id: str) -> None:
        attempts.append(callback_id)
        if len(attempts) < 3:
            raise ConnectionError("busy")

    config: WaitForCallbackConfig[Any] = WaitForCallbackConfig(retry_strategy=fixed(1))
    service, handler = FakeService(), submitting(flavour, flaky, config=config)
    for _ in range(3):
        assert service.invoke(handler) == PENDING
        service.pass_time(1)
    assert len(attempts) == 3
    assert len(set(attempts)) == 1
    service.complete("SUCCEEDED", (1, 1), Result="1")
    assert service.invoke(handler) == succeeded(1)


def test_an_answer_during_the_submission_is_not_lost(flavour: Flavour) -> None:
    service = FakeService(answers={2: lambda s: s.complete("SUCCEEDED", (1, 1), Result="1")})
    assert service.invoke(submitting(flavour, nothing)) == succeeded(1)


@pytest.mark.parametrize("sub_type", ["WaitForCallback", "RunInChildContext"])
def test_one_that_the_official_sdk_began_goes_on(flavour: Flavour, sub_type: str) -> None:
    """Its 1.4 releases recorded another sub-type."""
    service = FakeService(
        recorded("CONTEXT", "STARTED", 1, "approval", SubType=sub_type),
        recorded("CALLBACK", "SUCCEEDED", (1, 1), "approval create callback id", CallbackId="c"),
        recorded("STEP", "SUCCEEDED", (1, 2), "approval submitter", Attempt=1),
    )
    assert service.invoke(submitting(flavour, nothing)) == succeeded(None)


def test_one_that_the_official_sdk_failed_raises_a_callback_error(flavour: Flavour) -> None:
    stored = error("aws_durable_execution_sdk_python.exceptions.CallbackTimeoutError", "late")
    service = FakeService(recorded("CONTEXT", "FAILED", 1, SubType="WaitForCallback", Error=stored))

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.wait_for_callback(nothing)
        except CallbackTimeoutError as problem:
            return [isinstance(problem, CallbackError), str(problem)]

    assert service.invoke(flavour.durable(handler)) == succeeded([True, "late"])
