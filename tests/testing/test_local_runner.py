"""What a test sees of a durable function that runs in process."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from aws_durable_execution_sdk_python import (
    DurableContext,
    durable_execution,
    durable_step,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python_testing import (
    DurableChildContextTestRunner,
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
    ExecutionStatus,
    InvocationStatus,
)
from aws_durable_execution_sdk_python_testing._engine import (
    DurableExecutionAlreadyStartedError,
    Limits,
    ResourceNotFoundError,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore


@durable_step
def add(a: int, b: int) -> int:
    return a + b


@durable_execution
def adder(event: dict[str, int], context: DurableContext) -> int:
    return context.step(add(event["a"], event["b"]))


@durable_execution
def echo(event: Any, context: DurableContext) -> Any:
    return event


class Gate:
    """A handler that does not return until told to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

        @durable_execution
        def handler(event: Any, context: DurableContext) -> str:
            self.entered.set()
            self.opened.wait()
            return "through"

        self.handler = handler


def test_a_run_gives_the_decoded_result() -> None:
    with DurableFunctionTestRunner(adder) as runner:
        result = runner.run(input={"a": 5, "b": 3}, timeout=10)
    assert result.status is InvocationStatus.SUCCEEDED
    assert result.status == "SUCCEEDED"
    assert result.result == 8
    assert result.payload == "8"
    assert result.error is None


def test_a_runner_works_without_with() -> None:
    runner = DurableFunctionTestRunner(adder)
    assert runner.run(input={"a": 1, "b": 1}).result == 2
    runner.close()


@pytest.mark.parametrize(
    ("given", "arrives"),
    [
        ({"a": [1, "x"]}, {"a": [1, "x"]}),
        ('{"a": 1}', {"a": 1}),
        ("no json", "no json"),
        ('"text"', "text"),
        ([1, 2], [1, 2]),
        (7, 7),
        (None, None),
        ("NaN", "NaN"),
    ],
)
def test_the_input_is_json_text_or_encoded_as_json(given: object, arrives: object) -> None:
    with DurableFunctionTestRunner(echo) as runner:
        assert runner.run(input=given).result == arrives


def test_an_input_that_json_cannot_express_is_refused() -> None:
    with DurableFunctionTestRunner(echo) as runner, pytest.raises(ValueError, match="JSON"):
        runner.run(input={"price": float("nan")})


def test_a_failed_run_names_the_original_error() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        raise RuntimeError("it broke")

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    assert result.status is InvocationStatus.FAILED
    assert result.result is None
    assert "RuntimeError" in str(result.error)
    assert "it broke" in str(result.error)


def test_leaving_the_process_is_a_crash_that_is_retried_and_then_fails() -> None:
    calls = []

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        calls.append(1)
        raise SystemExit(3)

    with DurableFunctionTestRunner(handler, limits=Limits(invocation_attempts=3)) as runner:
        result = runner.run(timeout=10)
    assert result.status is InvocationStatus.FAILED
    assert result.error is not None
    assert result.error.type == "Runtime.ExitError"
    assert len(calls) == 3


def test_the_runner_holds_the_execution_to_its_time_out_in_wall_clock_seconds() -> None:
    gate = Gate()
    with DurableFunctionTestRunner(gate.handler) as runner:
        result = runner.run(timeout=1)
        gate.opened.set()
    assert result.status is InvocationStatus.FAILED
    assert result.execution_status is ExecutionStatus.TIMED_OUT


def test_an_invocation_that_takes_too_long_is_given_up_and_retried() -> None:
    first = threading.Event()
    release = threading.Event()

    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        if not first.is_set():
            first.set()
            release.wait()
        return "second"

    with DurableFunctionTestRunner(handler, invocation_timeout=0.05) as runner:
        arn = runner.run_async()
        result = runner.wait_for_result(arn)
        history = runner.get_execution_history(arn, include_execution_data=True)
        release.set()
    assert result.result == "second"
    ended = [e for e in history.events if e.event_type == "InvocationCompleted"]
    assert ended[0].details["Error"]["Payload"]["ErrorType"] == "Sandbox.Timedout"
    assert "Error" not in ended[1].details


def test_waiting_for_a_result_that_is_not_there_raises_timeout_error() -> None:
    gate = Gate()
    with DurableFunctionTestRunner(gate.handler) as runner:
        arn = runner.run_async()
        with pytest.raises(TimeoutError):
            runner.wait_for_result(arn, timeout=0.01)
        gate.opened.set()
        assert runner.wait_for_result(arn).result == "through"


def test_a_result_can_be_waited_for_again() -> None:
    with DurableFunctionTestRunner(adder) as runner:
        arn = runner.run_async(input={"a": 1, "b": 2})
        first = runner.wait_for_result(arn)
        assert runner.wait_for_result(arn) == first


def test_an_unknown_execution_is_not_found() -> None:
    with DurableFunctionTestRunner(adder) as runner, pytest.raises(ResourceNotFoundError):
        runner.wait_for_result("arn:aws:lambda:nowhere")


def test_default_execution_names_are_unique() -> None:
    with DurableFunctionTestRunner(echo) as runner:
        assert runner.run_async(input=1) != runner.run_async(input=1)


def test_a_given_execution_name_is_used_once() -> None:
    with DurableFunctionTestRunner(echo) as runner:
        arn = runner.run_async(input=1, execution_name="mine")
        assert "/durable-execution/mine/" in arn
        assert runner.run_async(input=1, execution_name="mine") == arn
        with pytest.raises(DurableExecutionAlreadyStartedError):
            runner.run(input=2, execution_name="mine")


def test_the_arn_says_region_account_and_function() -> None:
    with DurableFunctionTestRunner(echo, region="eu-central-1") as runner:
        arn = runner.run_async(function_name="mine:7", account_id="210987654321")
        assert arn.startswith("arn:aws:lambda:eu-central-1:210987654321:function:mine:7/")
        assert runner.wait_for_result(arn).status == "SUCCEEDED"


def test_the_handler_gets_a_lambda_context() -> None:
    seen = {}

    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        lambda_context: Any = context.lambda_context
        seen.update(
            name=lambda_context.function_name,
            version=lambda_context.function_version,
            tenant=lambda_context.tenant_id,
            left=lambda_context.get_remaining_time_in_millis(),
            request=lambda_context.aws_request_id,
        )

    with DurableFunctionTestRunner(handler, invocation_timeout=60) as runner:
        runner.run(function_name="mine", tenant_id="t1")
    assert seen.pop("request")
    assert 0 < seen.pop("left") <= 60_000
    assert seen == {"name": "mine", "version": "$LATEST", "tenant": "t1"}


def test_nested_uses_close_the_runner_at_the_outermost_exit() -> None:
    with DurableFunctionTestRunner(adder) as runner:
        with runner:
            runner.run(input={"a": 1, "b": 1})
        assert runner.run(input={"a": 1, "b": 2}).result == 3
    with pytest.raises(DurableFunctionsLocalRunnerError, match="closed"):
        runner.run(input={"a": 1, "b": 3})


def test_closing_wakes_who_waits() -> None:
    gate = Gate()
    runner = DurableFunctionTestRunner(gate.handler)
    arn = runner.run_async()
    raised: list[Exception] = []

    def wait() -> None:
        try:
            runner.wait_for_result(arn, timeout=None)
        except Exception as error:
            raised.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    gate.entered.wait()
    runner.close()
    waiter.join()
    gate.opened.set()
    assert isinstance(raised[0], DurableFunctionsLocalRunnerError)


def test_a_result_is_there_after_closing() -> None:
    with DurableFunctionTestRunner(adder) as runner:
        arn = runner.run_async(input={"a": 1, "b": 2})
        runner.wait_for_result(arn)
    assert runner.wait_for_result(arn).result == 3


def test_an_execution_stopped_from_outside_has_failed() -> None:
    gate = Gate()
    invoker = InProcessInvoker()
    invoker.register("f", gate.handler)
    service = LocalService(invoker, InMemoryExecutionStore())
    arn = service.start(StartExecution(function_name="f", input="{}"))
    service.stop(arn, {"ErrorType": "Enough"})
    service.wait_until_ended(arn)
    result = DurableFunctionTestResult.from_service(service.execution(arn), service.operations(arn))
    gate.opened.set()
    service.close()
    assert (result.status, result.execution_status) == ("FAILED", "STOPPED")
    assert str(result.error) == "Enough"


class FailingStore(InMemoryExecutionStore):
    """Takes the records of the start, and no others."""

    def __init__(self) -> None:
        super().__init__()
        self.appends = 0

    def append(self, records: Any) -> None:
        self.appends += 1
        if self.appends > 2:
            raise OSError("disk full")
        super().append(records)


def test_a_store_that_fails_ends_the_run_with_its_error() -> None:
    runner = DurableFunctionTestRunner(adder, store=FailingStore())
    with pytest.raises(DurableFunctionsLocalRunnerError, match="disk full"):
        runner.run(input={"a": 1, "b": 1})


async def test_a_runner_can_be_used_where_an_event_loop_runs() -> None:
    with DurableFunctionTestRunner(adder) as runner:
        assert runner.run(input={"a": 5, "b": 3}).result == 8


def test_state_that_does_not_fit_the_invocation_is_paged() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> int:
        total = sum(len(context.step(lambda _: "x" * 500)) for _ in range(20))
        context.wait(seconds=1)
        return total

    with DurableFunctionTestRunner(handler, max_invocation_page_bytes=2000) as runner:
        assert runner.run().result == 10_000


# ---------------------------------------------------------------------------- chained invokes


def test_a_durable_function_invokes_another_with_a_history_of_its_own() -> None:
    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        return context.invoke("adder", {"a": 1, "b": 2}, name="call")

    with DurableFunctionTestRunner(parent) as runner:
        runner.register_durable_function("adder", adder)
        arn = runner.run_async()
        result = runner.wait_for_result(arn)
        (started,) = (
            e
            for e in runner.get_execution_history(arn).events
            if e.event_type == "ChainedInvokeStarted"
        )
        child = started.details["DurableExecutionArn"]
        assert runner.wait_for_result(child).get_step("add").result == 3
        assert runner.get_execution_history(child).events[-1].event_type == "ExecutionSucceeded"
    assert result.result == 3
    assert result.get_invoke("call").result == 3


def test_a_durable_function_invokes_a_plain_one() -> None:
    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        return context.invoke("plain", {"n": 20})

    def plain(event: Any, context: Any) -> Any:
        return [event["n"] + 1, context.function_name]

    with DurableFunctionTestRunner(parent) as runner:
        result = runner.register_function("plain", plain).run()
    assert result.result == [21, "plain"]


def test_the_error_of_a_plain_function_reaches_the_caller() -> None:
    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        return context.invoke("plain", {}, name="call")

    def plain(event: Any, context: Any) -> Any:
        raise ValueError("no")

    with DurableFunctionTestRunner(parent) as runner:
        result = runner.register_function("plain", plain).run()
    assert result.status == "FAILED"
    error = result.get_invoke("call").error
    assert error is not None
    assert (error.type, error.message) == ("ValueError", "no")


def test_a_qualified_name_is_found_before_the_plain_one() -> None:
    @durable_execution
    def parent(event: Any, context: DurableContext) -> Any:
        return [context.invoke("f:2", {}), context.invoke("f", {})]

    with DurableFunctionTestRunner(parent) as runner:
        runner.register_function("f", lambda event, context: "any")
        runner.register_function("f:2", lambda event, context: "two")
        assert runner.run().result == ["two", "any"]


# ------------------------------------------------------------------------------ child contexts


def test_a_child_context_function_runs_as_a_handler() -> None:
    @durable_with_child_context
    def block(context: DurableContext, a: int, *, b: int) -> int:
        context.wait(seconds=60)
        return context.step(add(a, b))

    with DurableChildContextTestRunner(block, 1, b=2) as runner:
        result = runner.run()
    assert result.result == 3
    assert result.get_step("add").result == 3


def test_an_async_child_context_function_runs_as_a_handler() -> None:
    @durable_with_child_context
    async def block(context: Any, a: int) -> int:
        return await context.step(add(a, 1))

    with DurableChildContextTestRunner(block, 1) as runner:
        assert runner.run().result == 2


def test_many_executions_run_side_by_side() -> None:
    @durable_execution
    def handler(event: int, context: DurableContext) -> int:
        context.wait(seconds=3600)
        return event

    with DurableFunctionTestRunner(handler) as runner:
        arns = [runner.run_async(input=n) for n in range(50)]
        assert [runner.wait_for_result(arn).result for arn in arns] == list(range(50))


def test_time_passes_while_a_function_runs() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> None:
        context.step(lambda _: time.monotonic(), name="s")

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    step = result.get_step("s")
    assert step.start_timestamp is not None
    assert step.end_timestamp is not None
    assert step.start_timestamp <= step.end_timestamp
