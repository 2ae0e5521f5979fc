"""What the invocation answers when a call to the service fails or the token is withdrawn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, NoToken, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution
from aws_durable_execution_sdk_python._core.limits import MAX_RESPONSE_BYTES
from aws_durable_execution_sdk_python._service.classification import classify
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError


class ClientError(Exception):
    """As botocore raises it."""

    def __init__(self, code: str, status: int, message: str = "no") -> None:
        super().__init__(message)
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


def api_error(code: str, status: int, message: str = "no") -> CheckpointError:
    return classify(ClientError(code, status, message), CheckpointError)


INVALID = "InvalidParameterValueException"
RETRYABLE = [
    api_error("ServiceException", 500),
    api_error("TooManyRequestsException", 429),
    api_error(INVALID, 400, "Invalid Checkpoint Token"),
    api_error(INVALID, 400, "Invalid checkpoint token: used before"),
    classify(ConnectionError("reset"), CheckpointError),
]
PERMANENT = [
    api_error("AccessDeniedException", 403),
    api_error(INVALID, 400, "Payload too large"),
    api_error("KMSAccessDeniedException", 502),
    api_error("ResourceNotFoundException", 404),
]


async def two_steps(event: Any, ctx: Any) -> Any:
    first = await ctx.step(lambda: 1, name="one")
    return first + await ctx.step(lambda: 1, name="two")


async def stubborn(event: Any, ctx: Any) -> Any:
    """Whatever happens, it says that all is well."""
    try:
        await ctx.step(lambda: 1, name="one")
    except BaseException:
        return "all is well"
    return await ctx.step(lambda: 2, name="two")


async def changing_errors(event: Any, ctx: Any) -> Any:
    try:
        await ctx.step(lambda: 1, name="one")
    except BaseException as problem:
        raise ValueError("changed") from problem


HANDLERS = pytest.mark.parametrize("handler", [two_steps, stubborn, changing_errors])


@HANDLERS
@pytest.mark.parametrize("problem", RETRYABLE, ids=str)
def test_a_retryable_failure_is_raised(flavour: Flavour, handler: Any, problem: Any) -> None:
    service = FakeService(answers={1: problem})
    with pytest.raises(CheckpointError) as raised:
        service.invoke(flavour.durable(handler))
    assert raised.value is problem
    assert len(service.requests) == 1


@HANDLERS
@pytest.mark.parametrize("problem", PERMANENT, ids=str)
def test_a_permanent_failure_fails_the_execution(
    flavour: Flavour, handler: Any, problem: Any
) -> None:
    service = FakeService(answers={1: problem})
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert kind == "aws_durable_execution_sdk_python.exceptions.CheckpointError"
    assert message == str(problem)
    assert len(service.requests) == 1


@HANDLERS
def test_a_crash_of_the_client_is_raised(flavour: Flavour, handler: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        FakeService(answers={1: ZeroDivisionError()}).invoke(flavour.durable(handler))


@HANDLERS
def test_a_call_that_something_in_the_client_cancels_is_a_failure(
    flavour: Flavour, handler: Any
) -> None:
    with pytest.raises(CheckpointError, match="cancelled"):
        FakeService(answers={1: asyncio.CancelledError()}).invoke(flavour.durable(handler))


def test_a_cancellation_of_all_tasks_ends_the_invocation(flavour: Flavour) -> None:
    """As some programs end by; the engine's own are among them."""

    async def cancel_all() -> None:
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(0)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(cancel_all)

    with pytest.raises(asyncio.CancelledError):
        FakeService().invoke(flavour.durable(handler))
    assert FakeService().invoke(flavour.durable(two_steps)) == succeeded(2)


def test_a_cancellation_of_the_consumer_alone_ends_the_invocation(flavour: Flavour) -> None:
    async def cancel_consumer() -> None:
        (consumer,) = (
            task
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__qualname__", "") == "Checkpointer.run"
        )
        consumer.cancel()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: "something to save, for which there is a consumer")
        return await ctx.step(cancel_consumer)

    with pytest.raises(CheckpointError, match="cancelled"):
        FakeService().invoke(flavour.durable(handler))


def test_a_consumer_that_is_cancelled_before_it_begins_ends_the_invocation() -> None:
    async def handler(event: Any, ctx: AsyncDurableContext) -> Any:
        step = asyncio.create_task(ctx.step(lambda: 1))
        before = asyncio.all_tasks()
        while not (consumer := asyncio.all_tasks() - before):  # noqa: ASYNC110 - that is the test
            await asyncio.sleep(0)
        consumer.pop().cancel()
        return await step

    with pytest.raises(CheckpointError, match="cancelled"):
        FakeService().invoke(durable_execution(handler))


def test_a_failure_in_one_branch_ends_the_invocation_for_all(flavour: Flavour) -> None:
    async def working(ctx: Any, item: int, index: int, items: Any) -> Any:
        return await ctx.step(lambda: item)

    async def handler(event: Any, ctx: Any) -> Any:
        return list(await ctx.map([1, 2, 3], working))

    service = FakeService(answers={1: api_error("ServiceException", 500)})
    with pytest.raises(CheckpointError):
        service.invoke(flavour.durable(handler))
    assert len(service.requests) == 1


# ------------------------------------------------------------------------------- the first pages


def pages(problem: Exception) -> FakeService:
    service = FakeService(recorded("STEP", "SUCCEEDED", 1), page_size=1)
    service.page_errors = [problem]
    return service


def test_a_page_that_cannot_be_read_now_is_raised(flavour: Flavour) -> None:
    problem = classify(ClientError("ServiceException", 500), GetExecutionStateError)
    with pytest.raises(GetExecutionStateError):
        pages(problem).invoke(flavour.durable(two_steps))


def test_a_page_that_can_never_be_read_fails_the_execution(flavour: Flavour) -> None:
    problem = classify(ClientError("AccessDeniedException", 403), GetExecutionStateError)
    kind, _ = failure(pages(problem).invoke(flavour.durable(two_steps)))
    assert kind == "aws_durable_execution_sdk_python.exceptions.GetExecutionStateError"


def test_a_later_page_of_an_answer_that_cannot_be_read_is_raised(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1)
        service.page_errors = [GetExecutionStateError("later")]
        await ctx.run_in_child_context(lambda child: child.step(lambda: 2))

    service = FakeService(page_size=1)
    with pytest.raises(GetExecutionStateError, match="later"):
        service.invoke(flavour.durable(handler))


# --------------------------------------------------------------------------- the token withdrawn


@HANDLERS
def test_a_withdrawn_token_overrides_whatever_the_handler_says(
    flavour: Flavour, handler: Any
) -> None:
    service = FakeService(answers={1: NoToken()})
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert len(service.requests) == 1


def test_a_withdrawn_token_is_noticed_also_while_cleaning_up() -> None:
    """The async handler has returned already; an operation it left behind is still being saved."""
    received = asyncio.Event()

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        left_behind = asyncio.ensure_future(context.step(lambda: 1, name="left behind"))
        await received.wait()
        left_behind.cancel()
        return "done"

    service = FakeService(answers={1: NoToken(received)})
    assert service.invoke(handler) == PENDING


def test_a_token_withdrawn_with_the_last_answer_is_no_success(flavour: Flavour) -> None:
    service = FakeService(answers={2: NoToken()})
    assert service.invoke(flavour.durable(two_steps)) == PENDING


def test_no_token_after_the_executions_own_end_is_orderly(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return "x" * MAX_RESPONSE_BYTES

    answer = FakeService().invoke(flavour.durable(handler))
    assert answer == {"Status": "SUCCEEDED", "Result": ""}


def test_a_failure_to_save_a_large_result_is_raised(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return "x" * MAX_RESPONSE_BYTES

    with pytest.raises(CheckpointError):
        FakeService(answers={1: RETRYABLE[0]}).invoke(flavour.durable(handler))


def test_an_empty_token_is_not_sent(flavour: Flavour) -> None:
    service = FakeService()
    event = {**service.event(), "CheckpointToken": ""}
    with pytest.raises(CheckpointError, match="empty"):
        service.invoke(flavour.durable(two_steps), event)
    assert service.requests == []


def test_without_operations_no_call_is_made(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return 1

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(1)
    assert service.requests == []
