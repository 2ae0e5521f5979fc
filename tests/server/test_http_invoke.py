"""Invoke, by boto3 and by aioboto3, of functions that run in the server's process."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from api_clients import Api
from served_handlers import BROKEN, DOUBLE, ECHO, FAILING, INTRODUCED, PARENT, REMEMBERING, WAITING
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)

Serve = Callable[..., Served]
Connect = Callable[[Served], Awaitable[Api]]

EXECUTION = "arn:aws:lambda:us-west-2:123456789012:function:echo:$LATEST/durable-execution/"


async def test_request_response_answers_with_the_result_of_the_execution(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName="echo", Payload=b'{"n": 1}')
    assert json.loads(answer["Payload"]) == {"n": 1}
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["DurableExecutionArn"].startswith(EXECUTION)
    assert "FunctionError" not in answer


async def test_the_history_is_complete_when_request_response_answers(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName="echo", Payload=b"1")
    history = await api.call(
        "get_durable_execution_history", DurableExecutionArn=answer["DurableExecutionArn"]
    )
    events = history["Events"]
    assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
    assert [event["EventType"] for event in events] == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


async def test_event_answers_at_once_with_the_arn(serve: Serve, connect: Connect) -> None:
    served = serve(WAITING)
    api = await connect(served)
    answer = await api.call("invoke", FunctionName="waiting", InvocationType="Event")
    assert answer["StatusCode"] == 202
    assert answer["Payload"] == b""
    assert served.service.execution(answer["DurableExecutionArn"])["Status"] == "RUNNING"


async def test_request_response_waits_over_every_invocation_of_an_execution(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(WAITING, skip_time=True))
    answer = await api.call("invoke", FunctionName="waiting")
    assert json.loads(answer["Payload"]) == "rested"


async def test_many_callers_wait_at_once(serve: Serve, connect: Connect) -> None:
    served = serve(WAITING)
    api = await connect(served)
    calls = [asyncio.create_task(api.call("invoke", FunctionName="waiting")) for _ in range(4)]
    arns: list[str] = []
    while len(arns) < len(calls):
        listed = await api.call("list_durable_executions_by_function", FunctionName="waiting")
        arns = [execution["DurableExecutionArn"] for execution in listed["DurableExecutions"]]
    for arn in arns:
        await api.call("stop_durable_execution", DurableExecutionArn=arn)
    answers = await asyncio.gather(*calls)
    assert {answer["FunctionError"] for answer in answers} == {"Unhandled"}
    assert {answer["DurableExecutionArn"] for answer in answers} == set(arns)


@pytest.mark.parametrize("payload", ["null", '"bare"', "[1, 2]", "0"])
async def test_a_payload_may_be_any_json_value(
    serve: Serve, connect: Connect, payload: str
) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName="echo", Payload=payload.encode())
    assert json.loads(answer["Payload"]) == json.loads(payload)


async def test_no_payload_is_an_empty_object(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName="echo")
    assert json.loads(answer["Payload"]) == {}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("echo", "$LATEST"),
        ("echo:7", "7"),
        ("123456789012:function:echo", "$LATEST"),
        ("123456789012:echo", "$LATEST"),
        ("function:echo", "$LATEST"),
        ("us-west-2:123456789012:function:echo:7", "7"),
        ("arn:aws:lambda:us-west-2:123456789012:function:echo", "$LATEST"),
        ("arn:aws:lambda:us-west-2:123456789012:function:echo:$LATEST", "$LATEST"),
    ],
)
async def test_a_function_is_named_in_every_way_lambda_knows(
    serve: Serve, connect: Connect, name: str, version: str
) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName=name, Payload=b"5")
    assert (answer["Payload"], answer["ExecutedVersion"]) == (b"5", version)


async def test_a_qualifier_may_come_beside_the_name(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(ECHO))
    answer = await api.call("invoke", FunctionName="echo", Qualifier="7", Payload=b"5")
    assert answer["ExecutedVersion"] == "7"
    assert ":function:echo:7/" in answer["DurableExecutionArn"]


async def test_two_different_qualifiers_are_refused(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(ECHO))
    with pytest.raises(api.exceptions.InvalidParameterValueException):
        await api.call("invoke", FunctionName="echo:6", Qualifier="7")


async def test_a_failed_execution_is_a_function_error(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(FAILING))
    answer = await api.call("invoke", FunctionName="failing")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"] == b"null"
    described = await api.call(
        "get_durable_execution", DurableExecutionArn=answer["DurableExecutionArn"]
    )
    assert described["Error"]["ErrorMessage"] == "out of stock"


async def test_an_unknown_function_is_a_typed_error(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(ECHO))
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        await api.call("invoke", FunctionName="nobody")


async def test_a_dry_run_starts_nothing(serve: Serve, connect: Connect) -> None:
    served = serve(ECHO)
    api = await connect(served)
    answer = await api.call("invoke", FunctionName="echo", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert list(served.service.statuses()) == []


async def test_a_name_with_the_same_payload_finds_the_execution_there_is(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(ECHO))
    call = {"FunctionName": "echo", "DurableExecutionName": "order-7", "Payload": b"7"}
    first = await api.call("invoke", **call)
    second = await api.call("invoke", **call)
    assert "/durable-execution/order-7/" in first["DurableExecutionArn"]
    assert second["DurableExecutionArn"] == first["DurableExecutionArn"]
    assert second["Payload"] == b"7"


async def test_a_name_with_another_payload_is_a_typed_error(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(ECHO))
    call = {"FunctionName": "echo", "DurableExecutionName": "order-7"}
    await api.call("invoke", **call, Payload=b"7")
    with pytest.raises(api.exceptions.DurableExecutionAlreadyStartedException):
        await api.call("invoke", **call, Payload=b"8")


async def test_a_plain_function_is_called_once_and_starts_no_execution(
    serve: Serve, connect: Connect
) -> None:
    served = serve(DOUBLE)
    api = await connect(served)
    answer = await api.call("invoke", FunctionName="double", Payload=b"21")
    assert answer["Payload"] == b"42"
    assert "DurableExecutionArn" not in answer
    assert list(served.service.statuses()) == []


async def test_a_plain_function_is_given_the_client_context(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(INTRODUCED))
    sent = {"custom": {"city": "Ærø"}, "client": {"app_title": "shop"}}
    answer = await api.call(
        "invoke",
        FunctionName="introduced",
        ClientContext=base64.b64encode(json.dumps(sent).encode()).decode(),
    )
    assert json.loads(answer["Payload"]) == {"custom": {"city": "Ærø"}, "title": "shop"}
    answer = await api.call("invoke", FunctionName="introduced")
    assert json.loads(answer["Payload"]) is None


async def test_every_invocation_of_an_execution_is_given_the_client_context(
    serve: Serve, connect: Connect
) -> None:
    """Lambda passes it on where somebody waits for the answer, and only there."""
    served = serve(REMEMBERING, skip_time=True)
    api = await connect(served)
    context = base64.b64encode(b'{"custom": {"city": "Oslo"}}').decode()
    request = {"FunctionName": "remembering", "ClientContext": context}
    answer = await api.call("invoke", **request)
    assert json.loads(answer["Payload"]) == {"city": "Oslo"}
    started = await api.call("invoke", InvocationType="Event", **request)
    assert served.wait(started["DurableExecutionArn"]) == "SUCCEEDED"
    assert served.service.execution(started["DurableExecutionArn"])["Result"] == "null"


async def test_a_plain_functions_exception_is_a_function_error(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(BROKEN))
    answer = await api.call("invoke", FunctionName="broken")
    assert answer["FunctionError"] == "Unhandled"
    error = json.loads(answer["Payload"])
    assert error["errorType"] == "KeyError"
    (frame,) = error["stackTrace"]  # none of the service's own
    assert "in broken" in frame


async def test_a_handler_invokes_durable_and_plain_functions(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(PARENT, ECHO, DOUBLE))
    answer = await api.call("invoke", FunctionName="parent", Payload=b"4")
    assert json.loads(answer["Payload"]) == [4, 8]


async def test_a_function_isolated_by_tenant_must_be_invoked_for_one(
    serve: Serve, connect: Connect
) -> None:
    api = await connect(serve(DeclaredFunction(name="echo", handler=ECHO.handler, tenancy=True)))
    with pytest.raises(api.exceptions.InvalidParameterValueException):
        await api.call("invoke", FunctionName="echo")


def test_the_tenant_and_the_trace_header_stay_with_the_execution(serve: Serve) -> None:
    served = serve(ECHO)
    headers = {"X-Amz-Tenant-Id": "blue", "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3f"}
    reply = served.send("POST", "/2015-03-31/functions/echo/invocations", 1, headers)
    execution: dict[str, Any] = served.service.execution(
        reply.headers["x-amz-durable-execution-arn"]
    )
    assert execution["TenantId"] == "blue"
    assert execution["TraceHeader"] == {"XAmznTraceId": "Root=1-5759e988-bd862e3f"}
