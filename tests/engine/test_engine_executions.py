"""Starting, timing out and stopping executions, and what queries say of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bench import FAILURE, Bench, Handler, callback, end_execution, retry, step, wait

from aws_durable_execution_sdk_python_testing._engine import (
    CallbackTimeoutError,
    DurableExecutionAlreadyStartedError,
    DurableTarget,
    ExecutionEnded,
    InvalidParameterValueError,
    InvokeHandler,
    Limits,
    ResourceNotFoundError,
    ShapeError,
    StartExecution,
    TimerKind,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_arn_has_the_services_form(bench: Bench) -> None:
    arn = bench.start_only(execution_name="order-7")
    assert re.fullmatch(
        r"arn:aws:lambda:us-west-2:123456789012:function:f:\$LATEST"
        r"/durable-execution/order-7/[^/]+",
        arn,
    )


@pytest.mark.parametrize(
    "name",
    ["f:3", "123456789012:function:f:3", "arn:aws:lambda:us-west-2:123456789012:function:f:3"],
)
def test_a_function_may_be_named_in_full(bench: Bench, name: str) -> None:
    arn = bench.start_only(function_name=name)
    assert ":function:f:3/" in arn
    assert bench.engine.take_effects() == [InvokeHandler(arn, "f:3")]


def test_an_arn_says_whose_function_it_is(bench: Bench) -> None:
    arn = bench.start_only(function_name="arn:aws:lambda:eu-west-1:999999999999:function:f")
    assert arn.startswith("arn:aws:lambda:eu-west-1:999999999999:function:f:$LATEST/")


@pytest.mark.parametrize(
    ("qualifier", "version"),
    [("3", "3"), ("$LATEST", "$LATEST"), ("$LATEST.PUBLISHED", "$LATEST.PUBLISHED")],
)
def test_a_version_is_in_the_arn_and_in_what_is_said(
    bench: Bench, qualifier: str, version: str
) -> None:
    handler = Handler(bench, bench.start_only(qualifier=qualifier))
    assert f":function:f:{version}/durable-execution/" in handler.arn
    assert handler.described["Version"] == version


def test_an_alias_stands_for_a_version(bench: Bench) -> None:
    """ARNs name versions only; the handler is still looked up under the alias."""
    bench.engine.register_target("f:live", DurableTarget(version="7"))
    handler = Handler(bench, bench.start_only(qualifier="live"))
    assert ":function:f:7/durable-execution/" in handler.arn
    assert handler.described["Version"] == "7"
    assert bench.engine.take_effects() == [InvokeHandler(handler.arn, "f:live")]


def test_an_alias_nobody_declared_stands_for_the_latest_version(bench: Bench) -> None:
    handler = Handler(bench, bench.start_only(function_name="f:live"))
    assert handler.described["Version"] == "$LATEST"


@pytest.mark.parametrize(("tenancy", "tenant_id"), [(True, None), (False, "t")])
def test_a_function_may_require_or_forbid_a_tenant(
    bench: Bench, tenancy: bool, tenant_id: str | None
) -> None:
    bench.engine.register_target("f", DurableTarget(tenancy=tenancy))
    with pytest.raises(InvalidParameterValueError, match="TenantId"):
        bench.start_only(tenant_id=tenant_id)
    bench.start_only(tenant_id="t" if tenancy else None)


def test_an_invocation_is_told_what_the_request_said(bench: Bench) -> None:
    handler = bench.start(tenant_id="t", trace_header="Root=1", lambda_endpoint="http://h:1")
    invocation = handler.invocation
    told = (invocation.tenant_id, invocation.trace_header, invocation.lambda_endpoint)
    assert told == ("t", "Root=1", "http://h:1")


def test_the_same_name_and_payload_is_the_same_execution(bench: Bench) -> None:
    request = StartExecution(function_name="f", execution_name="n", input="1")
    first = bench.engine.start_execution(request, 0)
    again = bench.engine.start_execution(request, 5)
    assert first.created
    assert (again.arn, again.created) == (first.arn, False)
    assert len(bench.engine.take_effects()) == 1


def test_the_name_stays_taken_after_the_end(bench: Bench) -> None:
    handler = bench.start(execution_name="n", input="1")
    handler.succeeds()
    assert bench.start_only(execution_name="n", input="1") == handler.arn


def test_the_same_name_with_another_payload_is_refused(bench: Bench) -> None:
    bench.start_only(execution_name="n", input="1")
    with pytest.raises(DurableExecutionAlreadyStartedError) as caught:
        bench.start_only(execution_name="n", input="2")
    assert caught.value.status_code == 409
    assert caught.value.to_dict()["Type"] == "DurableExecutionAlreadyStartedException"


def test_names_are_per_function_and_account(bench: Bench) -> None:
    first = bench.start_only(execution_name="n", input="1")
    assert bench.start_only(function_name="g", execution_name="n", input="2") != first
    assert bench.start_only(account_id="9" * 12, execution_name="n", input="2") != first


def test_without_a_name_every_start_is_a_new_execution(bench: Bench) -> None:
    assert bench.start_only() != bench.start_only()


@pytest.mark.parametrize(
    "field",
    [
        {"execution_name": "n" * 65},
        {"execution_name": "a b"},
        {"execution_name": ""},
        {"execution_timeout": 0},
        {"execution_timeout": 31_622_401},
        {"retention_period_days": 0},
        {"retention_period_days": 91},
        {"function_name": "no such name!"},
        {"qualifier": "a b"},
        {"account_id": "../../12"},
        {"tenant_id": "t!"},
        {"tenant_id": ""},
        {"input": "x" * 21},
        {"input": "x" * 11, "asynchronous": True},
    ],
)
def test_a_request_out_of_range_is_refused(field: dict[str, Any]) -> None:
    bench = Bench(limits=Limits(payload_bytes=10, execution_payload_bytes=20))
    with pytest.raises((InvalidParameterValueError, ShapeError)):
        bench.start_only(**field)
    assert bench.engine.list_executions() == {"DurableExecutions": []}


def test_what_is_said_of_a_running_execution(bench: Bench) -> None:
    arn = bench.start_only(
        input='{"a":1}',
        execution_name="n",
        execution_timeout=60,
        retention_period_days=7,
        trace_header="Root=1",
        tenant_id="t",
    )
    assert bench.engine.get_execution(arn) == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": "n",
        "FunctionArn": "arn:aws:lambda:us-west-2:123456789012:function:f:$LATEST",
        "Status": "RUNNING",
        "StartTimestamp": 1_000.0,
        "InputPayload": '{"a":1}',
        "Version": "$LATEST",
        "TenantId": "t",
        "TraceHeader": {"XAmznTraceId": "Root=1"},
        "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
        "ExpectedExecutionTimeoutTimestamp": 1_060.0,
        "ExecutionDataIncluded": True,
    }


def test_what_is_said_without_execution_data(bench: Bench) -> None:
    handler = bench.start()
    bench.now += 1
    handler.succeeds()
    described = bench.engine.get_execution(handler.arn, include_execution_data=False)
    assert described["Status"] == "SUCCEEDED"
    assert "ExpectedExecutionTimeoutTimestamp" not in described
    assert described["EndTimestamp"] == 1_001.0
    assert described["ExecutionDataIncluded"] is False
    assert not {"InputPayload", "Result", "Error"} & described.keys()


def test_a_registered_function_gives_the_defaults(bench: Bench) -> None:
    bench.engine.register_target("f", DurableTarget(30, 2))
    handler = bench.start()
    config = handler.described["DurableConfig"]
    assert config == {"ExecutionTimeout": 30, "RetentionPeriodInDays": 2}


def test_executions_are_listed_newest_first_by_pages(bench: Bench) -> None:
    arns = [bench.start_only() for _ in range(3)]
    other = bench.start_only(function_name="g")
    page = bench.engine.list_executions(max_items=2)
    listed = [one["DurableExecutionArn"] for one in page["DurableExecutions"]]
    assert listed == [other, arns[2]]
    bench.start_only()
    page = bench.engine.list_executions(marker=page["NextMarker"], max_items=2)
    listed = [one["DurableExecutionArn"] for one in page["DurableExecutions"]]
    assert listed == [arns[1], arns[0]]
    assert "NextMarker" not in page


def test_executions_are_listed_by_function(bench: Bench) -> None:
    bench.start_only()
    arn = bench.start_only(function_name="g")
    page = bench.engine.list_executions("g")
    assert [one["DurableExecutionArn"] for one in page["DurableExecutions"]] == [arn]


def test_a_marker_of_another_list_is_refused(bench: Bench) -> None:
    for _ in range(2):
        bench.start_only()
    marker = bench.engine.list_executions(max_items=1)["NextMarker"]
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        bench.engine.list_executions("f", marker)


def test_an_execution_times_out(bench: Bench) -> None:
    handler = bench.start(execution_timeout=60)
    handler.checkpoint(step("START"))
    assert bench.advance(59.999) == []
    assert bench.advance(0.001) == [ExecutionEnded(handler.arn)]
    assert handler.status == "TIMED_OUT"
    error = {
        "ErrorType": "Execution.Timeout",
        "ErrorMessage": "Execution timed out after 60 seconds.",
    }
    assert handler.described["Error"] == error
    assert handler.event_types[-2:] == ["InvocationCompleted", "ExecutionTimedOut"]
    assert handler.operation("s")["Status"] == "STARTED"


def test_an_execution_that_timed_out_refuses_checkpoints(bench: Bench) -> None:
    """Also where nobody fired the timer before: the checkpoint does."""
    handler = bench.start(execution_timeout=60)
    bench.now += 60
    with pytest.raises(InvalidParameterValueError, match="Invalid checkpoint token"):
        handler.checkpoint(step("START"))
    assert handler.status == "TIMED_OUT"


def test_a_settled_outcome_does_not_time_out(bench: Bench) -> None:
    handler = bench.start(execution_timeout=60)
    handler.checkpoint(end_execution(Payload="1"))
    assert bench.engine.next_deadline() is None
    bench.advance(61)
    handler.succeeds("")
    assert handler.status == "SUCCEEDED"


def test_stop(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(wait(5), step("START"))
    handler.suspends()
    bench.now += 1
    assert bench.engine.stop_execution(handler.arn, FAILURE, bench.now) == 1_001.0
    assert bench.engine.take_effects() == [ExecutionEnded(handler.arn)]
    assert handler.described["Status"] == "STOPPED"
    assert handler.described["Error"] == FAILURE
    assert handler.operation("w")["Status"] == "STARTED"


def test_stop_has_a_default_error(bench: Bench) -> None:
    handler = bench.start()
    bench.engine.stop_execution(handler.arn, None, bench.now)
    message = handler.described["Error"]["ErrorMessage"]
    assert message == "Execution stopped by user request"


def test_stopping_again_answers_with_the_first_end(bench: Bench) -> None:
    handler = bench.start()
    bench.engine.stop_execution(handler.arn, None, bench.now)
    assert bench.engine.stop_execution(handler.arn, FAILURE, bench.now + 9) == 1_000.0
    assert handler.event_types.count("ExecutionStopped") == 1


def test_an_end_at_time_zero_is_an_end() -> None:
    bench = Bench(now=0.0)
    handler = bench.start()
    bench.engine.stop_execution(handler.arn, None, 0.0)
    assert bench.engine.stop_execution(handler.arn, None, 9.0) == 0.0


def test_stopping_a_finished_execution_changes_nothing(bench: Bench) -> None:
    handler = bench.start()
    handler.succeeds()
    assert bench.engine.stop_execution(handler.arn, FAILURE, bench.now + 9) == 1_000.0
    assert handler.status == "SUCCEEDED"


def test_stopping_a_settled_execution_keeps_its_outcome(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(end_execution(Payload="1"))
    bench.engine.stop_execution(handler.arn, None, bench.now)
    assert handler.status == "SUCCEEDED"


def test_stop_refuses_what_is_no_error(bench: Bench) -> None:
    handler = bench.start()
    with pytest.raises(InvalidParameterValueError):
        bench.engine.stop_execution(handler.arn, {"ErrorType": 7}, bench.now)
    assert handler.status == "RUNNING"


@pytest.mark.parametrize("end", ["stop", "succeed"])
def test_an_ended_execution_leaves_no_timer(bench: Bench, end: str) -> None:
    handler = bench.start()
    handler.checkpoint(wait(5), retry(delay=5), callback(timeout=5, heartbeat=5))
    if end == "stop":
        bench.engine.stop_execution(handler.arn, None, bench.now)
    else:
        handler.succeeds()
    assert bench.engine.next_deadline() is None


def test_an_ended_execution_takes_no_answers(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(callback())
    handler.succeeds()
    with pytest.raises(CallbackTimeoutError):
        bench.engine.callback_succeed(handler.callback_id(), b"1", bench.now)


UNKNOWN = "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/n/i"


@pytest.mark.parametrize(
    "query",
    [
        lambda engine: engine.get_execution("arn"),
        lambda engine: engine.get_history("arn"),
        lambda engine: engine.operations("arn"),
        lambda engine: engine.callbacks("arn"),
        lambda engine: engine.stop_execution("arn", None, 0),
    ],
)
def test_unknown_executions_are_not_found(bench: Bench, query: Any) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        query(bench.engine)
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.checkpoint(UNKNOWN, {"CheckpointToken": "token"}, 0),
        lambda engine: engine.get_state(UNKNOWN, "token"),
    ],
)
def test_the_handlers_calls_have_no_not_found(bench: Bench, call: Any) -> None:
    """Nor has their model."""
    with pytest.raises(InvalidParameterValueError, match="not found: arn:"):
        call(bench.engine)


def test_time_never_runs_backwards(bench: Bench) -> None:
    handler = bench.start()
    handler.checkpoint(step("START"))
    bench.now -= 100
    handler.checkpoint(step("SUCCEED"))
    assert [event["EventTimestamp"] for event in handler.events] == [1_000.0] * 3


def test_skipped_time_need_not_count(bench: Bench) -> None:
    """A driver that skips a wait may keep the execution's time-out on the real clock."""
    handler = bench.start(execution_timeout=30)
    handler.checkpoint(wait(300))
    handler.suspends()
    bench.engine.skip_time(300, [TimerKind.EXECUTION_TIMEOUT])
    assert bench.advance(300) == [InvokeHandler(handler.arn, "f")]
    assert bench.engine.next_deadline() == 1_330.0
    handler.begin()
    assert bench.advance(30) == [ExecutionEnded(handler.arn)]


def test_answers_can_be_encoded_at_every_stage(bench: Bench) -> None:
    handler = Handler(bench, bench.start_only())
    handler.begin()
    handler.checkpoint(step("START"), callback(timeout=5), wait(3))
    handler.suspends()
    bench.advance(3)
    handler.begin()
    handler.fails()
    assert handler.described["Status"] == "FAILED"
