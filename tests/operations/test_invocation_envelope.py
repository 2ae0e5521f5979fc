"""From Lambda's event to the response: what the handler is given, what it may answer."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from answers import PENDING, failure, succeeded, untraced
from fake_service import ARN, EXECUTION_ID, FakeService, error, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    CallbackTimeoutError,
    ExecutionError,
    InvocationError,
    StepError,
    ValidationError,
    durable_execution,
)
from aws_durable_execution_sdk_python._core.limits import MAX_ERROR_BYTES, MAX_RESPONSE_BYTES
from aws_durable_execution_sdk_python.config import CompletionConfig, ParallelConfig
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient


async def echo(event: Any, ctx: Any) -> Any:
    return event


def returning(value: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return value

    return handler


def raising(problem: BaseException) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        raise problem

    return handler


# ----------------------------------------------------------------------------------------- input


@pytest.mark.parametrize("event", [{"order": 1}, [1], "text", None, 0])
def test_the_event_is_the_decoded_input(flavour: Flavour, event: Any) -> None:
    assert FakeService(event=event).invoke(flavour.durable(echo)) == succeeded(event)


@pytest.mark.parametrize("payload", [None, "", "  \n"])
def test_an_absent_or_blank_input_is_an_empty_dict(flavour: Flavour, payload: str | None) -> None:
    service = FakeService()
    service.input_payload = payload
    assert service.invoke(flavour.durable(echo)) == succeeded({})


def test_an_input_that_is_no_json_raises(flavour: Flavour) -> None:
    service = FakeService()
    service.input_payload = "{broken"
    with pytest.raises(json.JSONDecodeError):
        service.invoke(flavour.durable(echo))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"DurableExecutionArn": ARN},
        {"CheckpointToken": "t"},
        {"key": "a test event from the console"},
        None,
        "text",
        7,
    ],
)
def test_an_event_of_another_kind_raises_with_advice(flavour: Flavour, event: Any) -> None:
    with pytest.raises(ExecutionError, match="DurableConfig"):
        flavour.durable(echo)(event, None)


def test_a_state_without_the_execution_raises(flavour: Flavour) -> None:
    service = FakeService()
    event = service.event()
    event["InitialExecutionState"]["Operations"] = []
    with pytest.raises(ExecutionError, match="EXECUTION"):
        service.invoke(flavour.durable(echo), event)


def test_the_execution_is_found_by_its_id_wherever_it_stands(flavour: Flavour) -> None:
    # Of something else than the handler's operations.
    service = FakeService(recorded("STEP", "SUCCEEDED", (1, 1)), event={"order": 1})
    event = service.event()
    event["InitialExecutionState"]["Operations"].reverse()
    assert service.invoke(flavour.durable(echo), event) == succeeded({"order": 1})


def test_all_pages_are_read_before_user_code_runs(flavour: Flavour) -> None:
    """The execution, with its input, stands on the last one here."""

    async def handler(event: Any, ctx: Any) -> Any:
        return [event, *[await ctx.step(lambda: "never") for _ in range(4)]]

    history = [recorded("STEP", "SUCCEEDED", n, Result=str(n)) for n in (1, 2, 3, 4)]
    service = FakeService(*history, event="input")
    event = service.event()
    operations = event["InitialExecutionState"]["Operations"][::-1]
    service._pages = {"m1": operations[2:]}
    service._page_size = 2
    event["InitialExecutionState"] = {"Operations": operations[:2], "NextMarker": "m1"}
    assert service.invoke(flavour.durable(handler), event) == succeeded(["input", 1, 2, 3, 4])
    assert service.updates == []


def test_a_later_page_wins(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: "never")

    service = FakeService()
    event = service.event()
    event["InitialExecutionState"]["Operations"].append(recorded("STEP", "STARTED", 1))
    event["InitialExecutionState"]["NextMarker"] = "m1"
    service._pages = {"m1": [recorded("STEP", "SUCCEEDED", 1, Result='"later"')]}
    assert service.invoke(flavour.durable(handler), event) == succeeded("later")


def test_an_answer_in_pages_is_merged_before_the_handler_goes_on(flavour: Flavour) -> None:
    """With the new token: the one that was sent is used up."""

    def end_all(service: FakeService) -> None:
        for n in (1, 2, 3):
            service.complete("SUCCEEDED", n, Result=str(n))

    async def handler(event: Any, ctx: Any) -> Any:
        callbacks = [await ctx.create_callback() for _ in range(3)]
        return [await callback.result() for callback in callbacks]

    service = FakeService(answers={3: end_all}, page_size=1)
    assert service.invoke(flavour.durable(handler)) == succeeded([1, 2, 3])


def test_the_context_knows_execution_and_lambda_context(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return [ctx.execution_context.durable_execution_arn, ctx.lambda_context]

    service = FakeService()
    event = DurableExecutionInvocationInputWithClient.from_event(service.event(), service)
    assert flavour.durable(handler)(event, "lambda") == succeeded([ARN, "lambda"])


# ------------------------------------------------------------------------------------- responses


@pytest.mark.parametrize("value", [None, "", 0, {"a": [1, None]}, (1, 2)])
def test_a_result_is_plain_json(flavour: Flavour, value: Any) -> None:
    assert FakeService().invoke(flavour.durable(returning(value))) == succeeded(value)


@pytest.mark.parametrize("value", [{1, 2}, object(), dt.timedelta(1), dt.time(1)])
def test_a_result_that_is_no_json_fails_with_a_type_error(flavour: Flavour, value: Any) -> None:
    kind, message = failure(FakeService().invoke(flavour.durable(returning(value))))
    assert kind == "TypeError"
    assert type(value).__name__ in (message or "")


def test_a_result_that_contains_itself_fails(flavour: Flavour) -> None:
    value: list[Any] = []
    value.append(value)
    assert failure(FakeService().invoke(flavour.durable(returning(value))))[0] == "ValueError"


class OrderError(Exception):
    """A user's error."""


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (ValueError("bad"), "ValueError"),
        (OrderError("bad"), f"{__name__}.OrderError"),
        (ExecutionError("bad"), "aws_durable_execution_sdk_python.exceptions.ExecutionError"),
        (StepError("bad", "Original"), "Original"),
    ],
)
def test_an_error_fails_the_execution(flavour: Flavour, problem: Exception, kind: str) -> None:
    answer = FakeService().invoke(flavour.durable(raising(problem)))
    assert untraced(answer.pop("Error")) == error(kind, "bad")
    assert answer == {"Status": "FAILED"}


def test_an_invocation_error_is_raised_for_lambda_to_try_again(flavour: Flavour) -> None:
    with pytest.raises(InvocationError, match="again"):
        FakeService().invoke(flavour.durable(raising(InvocationError("again"))))


class Permanent(InvocationError):
    def is_retryable(self) -> bool:
        return False


def test_an_invocation_error_that_is_permanent_fails_the_execution(flavour: Flavour) -> None:
    answer = FakeService().invoke(flavour.durable(raising(Permanent("never"))))
    assert failure(answer) == (f"{__name__}.Permanent", "never")


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_foreign_base_exception_is_raised(flavour: Flavour, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        FakeService().invoke(flavour.durable(raising(kind("out"))))


def test_the_environment_serves_the_next_invocation_after_a_crash(flavour: Flavour) -> None:
    with pytest.raises(SystemExit):
        FakeService().invoke(flavour.durable(raising(SystemExit(1))))
    assert FakeService(event=1).invoke(flavour.durable(echo)) == succeeded(1)


def test_a_suspension_is_pending_and_nothing_else(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.wait(seconds=1)

    assert FakeService().invoke(flavour.durable(handler)) == PENDING


# --------------------------------------------------------------------------------- large responses


def test_the_largest_response_is_returned_as_it_is(flavour: Flavour) -> None:
    around = len(json.dumps(succeeded("")))
    value = "x" * (MAX_RESPONSE_BYTES - around)
    service = FakeService()
    assert service.invoke(flavour.durable(returning(value))) == succeeded(value)
    assert service.updates == []


def test_a_larger_result_is_checkpointed_and_left_out_of_the_response(flavour: Flavour) -> None:
    value = "x" * MAX_RESPONSE_BYTES
    service = FakeService()
    answer = service.invoke(flavour.durable(returning(value)))
    assert answer == {"Status": "SUCCEEDED", "Result": ""}
    (update,) = service.updates
    assert (update["Type"], update["Action"]) == ("EXECUTION", "SUCCEED")
    assert update["Payload"] == json.dumps(value)
    assert update["Id"].startswith("execution-result-")
    assert update["Id"] != EXECUTION_ID


@pytest.mark.parametrize("length", [MAX_ERROR_BYTES, MAX_RESPONSE_BYTES])
def test_an_error_is_answered_as_far_as_the_service_takes_errors(
    flavour: Flavour, length: int
) -> None:
    service = FakeService()
    answer = service.invoke(flavour.durable(raising(ValueError("é" * length))))
    error = answer["Error"]
    assert (answer["Status"], error["ErrorType"]) == ("FAILED", "ValueError")
    assert error["ErrorMessage"].startswith("é" * 6_000)
    assert error["ErrorMessage"].endswith(f"[cut: {length * 2} bytes in all]")
    assert "raise problem" in "".join(error["StackTrace"])
    assert len(json.dumps(error, ensure_ascii=False).encode()) <= MAX_ERROR_BYTES
    assert service.updates == []


def test_a_long_message_that_the_service_takes_is_answered_whole(flavour: Flavour) -> None:
    message = "x" * (MAX_ERROR_BYTES - 8 * 1024)
    answer = FakeService().invoke(flavour.durable(raising(ValueError(message))))
    assert failure(answer) == ("ValueError", message)


def test_a_result_over_what_the_service_takes_fails_and_says_what_to_do(flavour: Flavour) -> None:
    service = FakeService()
    answer = service.invoke(flavour.durable(returning("x" * (6 * 1024 * 1024))))
    kind, message = failure(answer)
    assert kind.endswith("ValidationError")
    assert "6291458 bytes" in message
    assert "Amazon S3" in message
    assert service.updates == []


def test_a_result_that_is_not_json_says_what_to_do(flavour: Flavour) -> None:
    kind, message = failure(FakeService().invoke(flavour.durable(returning({1, 2}))))
    assert kind == "TypeError"
    assert "(set) is not plain JSON" in message


class DetachedRow(dict[str, int]):
    def items(self) -> Any:
        raise LookupError("the session is closed")


def test_a_result_whose_own_code_raises_fails_the_execution(flavour: Flavour) -> None:
    """As an error, not as a crash, which would be invoked again and again."""
    kind, message = failure(FakeService().invoke(flavour.durable(returning(DetachedRow(a=1)))))
    assert kind == "ValueError"
    assert "(DetachedRow) is not plain JSON: the session is closed" in message


# ------------------------------------------------------------------------------- the decorator


def test_the_handler_is_a_plain_function_that_keeps_its_name(flavour: Flavour) -> None:
    def blocking(event: Any, context: Any) -> None:
        """What it does."""

    async def asynchronous(event: Any, context: Any) -> None:
        """What it does."""

    function = blocking if flavour.name == "blocking" else asynchronous
    handler = durable_execution(function)
    assert (handler.__name__, handler.__doc__) == (function.__name__, "What it does.")


@pytest.mark.parametrize("compat", ["AWS", "", "official"])
def test_an_unknown_compatibility_mode_is_refused(compat: Any) -> None:
    with pytest.raises(ValidationError, match="aws"):
        durable_execution(compat=compat)(lambda event, context: None)


def test_the_decorator_takes_precedence_over_the_environment(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        created = await ctx.create_callback()
        try:
            return await created.result()
        except CallbackTimeoutError:
            return "raised"

    history = recorded("CALLBACK", "TIMED_OUT", 1, CallbackId="c")
    monkeypatch.setenv("DURABLE_EXECUTION_COMPAT", "none")
    durable = flavour.durable(handler, compat="aws")
    assert FakeService(history).invoke(durable) == succeeded("raised")


def test_a_result_nested_too_deeply_fails(flavour: Flavour) -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    async def handler(event: Any, ctx: Any) -> Any:
        return value

    assert failure(FakeService().invoke(flavour.durable(handler)))[0] == "RecursionError"


def test_a_retryable_error_of_a_branch_is_raised_before_suspending(flavour: Flavour) -> None:
    """Its siblings are parked: without the error the answer would be PENDING, and it lost."""

    async def waiting(ctx: Any) -> None:
        await ctx.wait(seconds=100)

    async def raising(ctx: Any) -> None:
        raise InvocationError("again")

    async def handler(event: Any, ctx: Any) -> None:
        config: ParallelConfig[Any] = ParallelConfig(
            completion_config=CompletionConfig.all_completed()
        )
        await ctx.parallel([waiting, raising], config=config)

    with pytest.raises(InvocationError, match="again"):
        FakeService().invoke(flavour.durable(handler))
