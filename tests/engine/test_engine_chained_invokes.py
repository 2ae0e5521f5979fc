"""Chained invokes: durable children, plain functions, and functions nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from bench import FAILURE, Bench, Handler, callback, invoke, step

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    ExecutionEnded,
    InvalidParameterValueError,
    InvokeFunction,
    InvokeHandler,
    Limits,
    PlainTarget,
    ResourceNotFoundError,
    invoke_timed_out,
)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.engine.register_target("child", DurableTarget(execution_timeout=20))
    bench.engine.register_target("plain", PlainTarget())
    return bench


def invoked_child(bench: Bench, **members: Any) -> tuple[Handler, Handler]:
    """A suspended parent, and its child in its first invocation."""
    parent = bench.start()
    parent.checkpoint(invoke("child", **members))
    parent.suspends()
    (effect,) = bench.engine.take_effects()
    assert isinstance(effect, InvokeHandler)
    child = Handler(bench, effect.arn)
    child.begin()
    return parent, child


# -------------------------------------------------------------------------------- durable


def test_a_durable_target_is_an_execution_of_its_own(bench: Bench) -> None:
    parent, child = invoked_child(bench, Payload='{"a":1}', options={"TenantId": "t"})
    assert child.arn != parent.arn
    assert child.described["InputPayload"] == '{"a":1}'
    assert child.described["TenantId"] == "t"
    assert child.described["DurableConfig"]["ExecutionTimeout"] == 20
    assert child.event_types == ["ExecutionStarted"]
    assert parent.details("ChainedInvokeStarted") == {
        "FunctionName": "child",
        "ExecutedVersion": "$LATEST",
        "TenantId": "t",
        "DurableExecutionArn": child.arn,
        "Input": {"Payload": '{"a":1}', "Truncated": False},
    }


def test_without_a_payload_the_input_is_an_empty_object(bench: Bench) -> None:
    _, child = invoked_child(bench)
    assert child.described["InputPayload"] == "{}"


def test_the_childs_result_wakes_the_parent(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    child.succeeds('"done"')
    effects = bench.engine.take_effects()
    assert effects == [ExecutionEnded(child.arn), InvokeHandler(parent.arn, "f")]
    operation = parent.operation("i")
    assert operation["Status"] == "SUCCEEDED"
    assert operation["ChainedInvokeDetails"] == {"Result": '"done"'}
    assert parent.details("ChainedInvokeSucceeded")["Result"]["Payload"] == '"done"'
    assert parent.begin()["UpdatedOperationIds"] == ["i"]


def test_the_childs_failure(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    child.fails()
    assert parent.operation("i")["Status"] == "FAILED"
    assert parent.details("ChainedInvokeFailed")["Error"]["Payload"] == FAILURE


def test_the_childs_timeout(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    child.checkpoint(callback())
    child.suspends()
    bench.advance(20)
    assert child.status == "TIMED_OUT"
    assert parent.operation("i")["Status"] == "TIMED_OUT"
    assert parent.details("ChainedInvokeTimedOut")["Error"]["Payload"] == {
        "ErrorType": "ChainedInvoke.Timeout",
        "ErrorMessage": "CHAINED_INVOKE timed out after 20 seconds.",
    }


def test_a_stopped_child(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    bench.engine.stop_execution(child.arn, FAILURE, bench.now)
    assert parent.operation("i")["Status"] == "STOPPED"
    assert parent.details("ChainedInvokeStopped")["Error"]["Payload"] == FAILURE


def test_a_child_may_outlive_its_parent(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    bench.engine.stop_execution(parent.arn, None, bench.now)
    before = parent.events
    child.succeeds()
    assert child.status == "SUCCEEDED"
    assert parent.events == before
    assert parent.operation("i")["Status"] == "STARTED"


def test_a_result_too_large_for_the_parent_fails_the_operation() -> None:
    """The child may end with more than it can hand to its parent; here through the limit."""
    bench = Bench(limits=Limits(payload_bytes=10))
    bench.engine.register_target("plain", PlainTarget())
    parent = bench.start()
    parent.checkpoint(invoke("plain"))
    bench.engine.complete_invoke(parent.arn, "i", Status.SUCCEEDED, "x" * 11, None, bench.now)
    assert parent.operation("i")["Status"] == "FAILED"
    error = parent.operation("i")["ChainedInvokeDetails"]["Error"]
    message = "CHAINED_INVOKE output size must be less than or equal to 10 bytes."
    assert error["ErrorMessage"] == message


def test_a_stopped_parent_leaves_its_child_alone(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    bench.engine.stop_execution(parent.arn, FAILURE, bench.now)
    assert (parent.status, child.status) == ("STOPPED", "RUNNING")
    assert "ChainedInvokeStopped" not in parent.event_types


def test_a_child_that_is_paused_keeps_its_parent_waiting(bench: Bench) -> None:
    parent, child = invoked_child(bench)
    child.checkpoint(callback())
    child.suspends()
    bench.engine.pause_execution(child.arn, bench.now)
    bench.advance(1_000)
    assert (parent.status, child.status) == ("RUNNING", "PAUSED")
    assert parent.operation("i")["Status"] == "STARTED"


def test_a_child_may_bring_no_more_than_its_parent_can_take(bench: Bench) -> None:
    """It is an asynchronous execution: 1 MiB, not 6."""
    parent, child = invoked_child(bench)
    child.succeeds("x" * (1024 * 1024 + 1))
    assert (child.status, parent.operation("i")["Status"]) == ("FAILED", "FAILED")


def test_a_child_runs_the_version_its_alias_stands_for(bench: Bench) -> None:
    bench.engine.register_target("child:live", DurableTarget(version="4"))
    parent = bench.start()
    parent.checkpoint(invoke("child:live"))
    details = parent.details("ChainedInvokeStarted")
    assert details["ExecutedVersion"] == "4"
    assert ":function:child:4/" in details["DurableExecutionArn"]
    assert bench.engine.take_effects() == [
        InvokeHandler(details["DurableExecutionArn"], "child:live")
    ]


@pytest.mark.parametrize(("tenancy", "options"), [(True, {}), (False, {"TenantId": "t"})])
def test_a_tenant_a_function_cannot_take_refuses_the_checkpoint(
    bench: Bench, tenancy: bool, options: dict[str, str]
) -> None:
    bench.engine.register_target("child", DurableTarget(tenancy=tenancy))
    parent = bench.start()
    with pytest.raises(InvalidParameterValueError, match="TenantId"):
        parent.checkpoint(invoke("child", options=options))
    assert "ChainedInvokeStarted" not in parent.event_types


@pytest.mark.parametrize(
    ("options", "header"), [({}, "Root=parent"), ({"XAmznTraceId": "Root=own"}, "Root=own")]
)
def test_a_trace_goes_on_in_what_is_invoked(
    bench: Bench, options: dict[str, str], header: str
) -> None:
    parent = bench.start(trace_header="Root=parent")
    parent.checkpoint(invoke("child", options=options), invoke("plain", "p", options=options))
    durable, plain = bench.engine.take_effects()
    child = Handler(bench, durable.arn)
    assert child.described["TraceHeader"] == {"XAmznTraceId": header}
    assert isinstance(plain, InvokeFunction)
    assert plain.trace_header == header


def test_what_is_invoked_is_pinned_to_the_endpoint_at_the_start(bench: Bench) -> None:
    """Down to grandchildren; not to where the parent itself runs."""
    parent = bench.start(lambda_endpoint="http://own", chained_endpoint="http://pinned")
    assert parent.invocation.lambda_endpoint == "http://own"
    parent.checkpoint(invoke("child"))
    (effect,) = bench.engine.take_effects()
    child = Handler(bench, effect.arn)
    child.begin()
    assert child.invocation.lambda_endpoint == "http://pinned"
    child.checkpoint(invoke("plain"))
    (call,) = bench.engine.take_effects()
    assert isinstance(call, InvokeFunction)
    assert call.lambda_endpoint == "http://pinned"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "arn:aws:lambda:us-west-2:999999999999:function:child",
            "Cannot start a CHAINED_INVOKE on a function in another account.",
        ),
        (
            "999999999999:function:child",
            "Cannot start a CHAINED_INVOKE on a function in another account.",
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:child",
            "Cannot start a CHAINED_INVOKE on a function in another region.",
        ),
        ("no.such.name", "Invalid function ARN 'no.such.name'"),
    ],
)
def test_a_function_out_of_reach_refuses_the_checkpoint(
    bench: Bench, name: str, message: str
) -> None:
    parent = bench.start()
    with pytest.raises(InvalidParameterValueError) as caught:
        parent.checkpoint(invoke(name))
    assert caught.value.message == message


def test_input_and_output_have_limits_of_their_own() -> None:
    """The input refuses the checkpoint, the output fails the operation; the words differ."""
    bench = Bench(limits=Limits(payload_bytes=10))
    parent = bench.start()
    with pytest.raises(InvalidParameterValueError) as caught:
        parent.checkpoint(invoke("plain", Payload="x" * 11))
    message = "CHAINED_INVOKE input payload size must be less than or equal to 10 bytes."
    assert caught.value.message == message


def test_the_error_for_a_function_that_gave_no_answer(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(invoke("plain"))
    error = invoke_timed_out(900)
    bench.engine.complete_invoke(handler.arn, "i", Status.TIMED_OUT, None, error, bench.now)
    assert handler.details("ChainedInvokeTimedOut")["Error"]["Payload"] == {
        "ErrorType": "ChainedInvoke.Timeout",
        "ErrorMessage": "CHAINED_INVOKE timed out after 900 seconds.",
    }


# ---------------------------------------------------------------------------------- plain


def test_a_plain_target_is_called_once(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(invoke("plain", Payload="[1]", options={"TenantId": "t"}))
    assert bench.engine.take_effects() == [InvokeFunction(handler.arn, "i", "plain", "[1]", "t")]
    assert handler.details("ChainedInvokeStarted") == {
        "FunctionName": "plain",
        "ExecutedVersion": "$LATEST",
        "TenantId": "t",
        "Input": {"Payload": "[1]", "Truncated": False},
    }


def test_a_qualified_target_is_looked_up_first(bench: Bench) -> None:
    bench.engine.register_target("plain:2", DurableTarget())
    handler = bench.start()
    handler.checkpoint(invoke("plain:2", "durable"), invoke("plain:3", "fallback"))
    first, second = bench.engine.take_effects()
    assert isinstance(first, InvokeHandler)
    assert first.function_name == "plain:2"
    assert second == InvokeFunction(handler.arn, "fallback", "plain:3", "{}")
    assert handler.details("ChainedInvokeStarted")["ExecutedVersion"] == "2"


@pytest.mark.parametrize(
    ("status", "error", "event_type"),
    [
        ("FAILED", {"ErrorType": "Sandbox.Timedout"}, "ChainedInvokeFailed"),
        ("TIMED_OUT", {"ErrorMessage": "no answer"}, "ChainedInvokeTimedOut"),
    ],
)
def test_a_plain_target_that_gives_no_result(
    bench: Bench, status: str, error: dict[str, str], event_type: str
) -> None:
    handler = bench.start()
    handler.checkpoint(invoke("plain"))
    bench.engine.complete_invoke(handler.arn, "i", Status(status), None, error, bench.now)
    (shown,) = handler.checkpoint()
    assert shown["Status"] == status
    assert shown["ChainedInvokeDetails"] == {"Error": error}
    assert handler.details(event_type)["Error"]["Payload"] == error


def test_a_second_answer_is_ignored(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(invoke("plain"))
    for result in ("1", "2"):
        bench.engine.complete_invoke(handler.arn, "i", Status.SUCCEEDED, result, None, bench.now)
    assert handler.operation("i")["ChainedInvokeDetails"] == {"Result": "1"}


def test_only_a_chained_invoke_has_an_answer(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(step("START"))
    for key in ("s", "nothing"):
        with pytest.raises(ResourceNotFoundError):
            bench.engine.complete_invoke(handler.arn, key, Status.SUCCEEDED, "1", None, bench.now)


# -------------------------------------------------------------------------------- unknown


def test_an_unknown_target_fails_in_the_same_answer(bench: Bench) -> None:
    """Its input is not kept."""
    handler = bench.start()
    (shown,) = handler.checkpoint(invoke("nobody", Payload='"secret"'))
    assert shown["Status"] == "FAILED"
    assert shown["ChainedInvokeDetails"]["Error"] == {
        "ErrorType": "ResourceNotFoundException",
        "ErrorMessage": "Function not found: nobody",
    }
    assert handler.details("ChainedInvokeStarted") == {"FunctionName": "nobody"}
    assert handler.event_types[-2:] == ["ChainedInvokeStarted", "ChainedInvokeFailed"]
    assert bench.engine.take_effects() == []
