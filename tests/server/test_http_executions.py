"""Queries and commands about executions, by boto3 and by aioboto3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_clients import Api
from botocore.exceptions import ClientError
from served_handlers import APPROVAL, ECHO, FAILING, MANY_STEPS, WAITING, WATCHED
from serving_bench import Served

Serve = Callable[..., Served]
Connect = Callable[[Served], Awaitable[Api]]

NOBODY = "arn:aws:lambda:us-west-2:123456789012:function:f:$LATEST/durable-execution/n/id"


async def start(api: Api, function: str, **parameters: Any) -> str:
    answer = await api.call("invoke", FunctionName=function, InvocationType="Event", **parameters)
    return str(answer["DurableExecutionArn"])


async def test_an_execution_is_described_in_full(serve: Serve, connect: Connect) -> None:
    served = serve(ECHO)
    api = await connect(served)
    arn = await start(api, "echo", DurableExecutionName="order-7", Payload=b'{"id": 7}')
    served.wait(arn)
    execution = await api.call("get_durable_execution", DurableExecutionArn=arn)
    assert execution["DurableExecutionArn"] == arn
    assert execution["DurableExecutionName"] == "order-7"
    assert execution["Status"] == "SUCCEEDED"
    assert execution["InputPayload"] == '{"id": 7}'
    assert execution["Result"] == '{"id": 7}'
    assert execution["Version"] == "$LATEST"
    assert execution["FunctionArn"] == arn.partition("/")[0]
    assert execution["StartTimestamp"] <= execution["EndTimestamp"]


async def test_execution_data_may_be_left_out(serve: Serve, connect: Connect) -> None:
    served = serve(ECHO)
    api = await connect(served)
    arn = await start(api, "echo", Payload=b'"secret"')
    served.wait(arn)
    execution = await api.call(
        "get_durable_execution", DurableExecutionArn=arn, IncludeExecutionData=False
    )
    assert not {"InputPayload", "Result"} & execution.keys()
    assert execution["ExecutionDataIncluded"] is False
    history = await api.call(
        "get_durable_execution_history", DurableExecutionArn=arn, IncludeExecutionData=False
    )
    assert history["Events"][0]["ExecutionStartedDetails"]["Input"] == {"Truncated": True}


@pytest.mark.parametrize("reverse", [False, True])
async def test_pages_of_a_history_add_up(serve: Serve, connect: Connect, reverse: bool) -> None:
    served = serve(MANY_STEPS)
    api = await connect(served)
    arn = await start(api, "many_steps", Payload=b"10")
    served.wait(arn)
    ids: list[int] = []
    marker: dict[str, str] = {}
    while True:
        page = await api.call(
            "get_durable_execution_history",
            DurableExecutionArn=arn,
            MaxItems=4,
            ReverseOrder=reverse,
            **marker,
        )
        assert len(page["Events"]) <= 4
        ids += [event["EventId"] for event in page["Events"]]
        if not page.get("NextMarker"):
            break
        marker = {"Marker": page["NextMarker"]}
    assert ids == sorted(range(1, 24), reverse=reverse)


async def test_a_list_shows_the_newest_execution_first_and_pages(
    serve: Serve, connect: Connect
) -> None:
    served = serve(ECHO, FAILING)
    api = await connect(served)
    for number in range(5):
        served.wait(await start(api, "echo", DurableExecutionName=f"run-{number}"))
    served.wait(await start(api, "failing"))
    names: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = await api.call(
            "list_durable_executions_by_function", FunctionName="echo", MaxItems=2, **marker
        )
        names += [execution["DurableExecutionName"] for execution in page["DurableExecutions"]]
        if not page.get("NextMarker"):
            break
        marker = {"Marker": page["NextMarker"]}
    assert names == ["run-4", "run-3", "run-2", "run-1", "run-0"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"Statuses": ["SUCCEEDED", "FAILED"]}, {"done"}),
        ({"Statuses": ["RUNNING"]}, {"open"}),
        ({"DurableExecutionName": "done"}, {"done"}),
        ({"Qualifier": "3"}, {"done"}),
        ({"StartedAfter": datetime.now(UTC) + timedelta(days=1)}, set()),
        ({"StartedAfter": datetime.now(UTC) - timedelta(days=1)}, {"done", "open"}),
        ({"StartedBefore": datetime.now(UTC) - timedelta(days=1)}, set()),
    ],
)
async def test_a_list_can_be_narrowed(
    serve: Serve, connect: Connect, filters: dict[str, Any], names: set[str]
) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    done = await start(api, "approval:3", DurableExecutionName="done")
    await api.call(
        "send_durable_execution_callback_success", CallbackId=served.callback(done), Result=b"1"
    )
    served.wait(done)
    await start(api, "approval", DurableExecutionName="open")
    listed = await api.call(
        "list_durable_executions_by_function", FunctionName="approval", **filters
    )
    assert {one["DurableExecutionName"] for one in listed["DurableExecutions"]} == names


async def test_a_list_takes_a_full_arn(serve: Serve, connect: Connect) -> None:
    served = serve(ECHO)
    api = await connect(served)
    arn = await start(api, "echo")
    listed = await api.call(
        "list_durable_executions_by_function",
        FunctionName="arn:aws:lambda:us-west-2:123456789012:function:echo",
    )
    assert [one["DurableExecutionArn"] for one in listed["DurableExecutions"]] == [arn]


async def test_a_stopped_execution_keeps_the_error_it_is_stopped_with(
    serve: Serve, connect: Connect
) -> None:
    served = serve(WAITING)
    api = await connect(served)
    arn = await start(api, "waiting")
    error = {"ErrorType": "Cancelled", "ErrorMessage": "by the customer"}
    stopped = await api.call("stop_durable_execution", DurableExecutionArn=arn, Error=error)
    execution = await api.call("get_durable_execution", DurableExecutionArn=arn)
    assert (execution["Status"], execution["Error"]) == ("STOPPED", error)
    assert execution["EndTimestamp"] == stopped["StopTimestamp"]
    again = await api.call("stop_durable_execution", DurableExecutionArn=arn)
    assert again["StopTimestamp"] == stopped["StopTimestamp"]


async def test_a_paused_execution_goes_on_when_it_is_resumed(
    serve: Serve, connect: Connect
) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    arn = await start(api, "approval")
    callback_id = served.callback(arn)
    await api.call("pause_durable_execution", DurableExecutionArn=arn, Reason="lunch")
    execution = await api.call("get_durable_execution", DurableExecutionArn=arn)
    assert execution["Status"] == "PAUSED"
    assert execution["PauseDetails"]["Reason"] == "lunch"
    await api.call(
        "send_durable_execution_callback_success", CallbackId=callback_id, Result=b'"yes"'
    )
    assert served.service.execution(arn)["Status"] == "PAUSED"
    await api.call("resume_durable_execution", DurableExecutionArn=arn)
    assert served.wait(arn) == "SUCCEEDED"
    history = await api.call("get_durable_execution_history", DurableExecutionArn=arn)
    kinds = [event["EventType"] for event in history["Events"]]
    assert {"ExecutionPaused", "ExecutionResumed"} <= set(kinds)


async def test_only_an_ended_execution_can_be_deleted(serve: Serve, connect: Connect) -> None:
    served = serve(WAITING)
    api = await connect(served)
    arn = await start(api, "waiting")
    with pytest.raises(api.exceptions.ResourceConflictException):
        await api.call("delete_durable_execution", DurableExecutionArn=arn)
    await api.call("stop_durable_execution", DurableExecutionArn=arn)
    deleted = await api.call("delete_durable_execution", DurableExecutionArn=arn)
    assert deleted["DeletionRequestTimestamp"].tzinfo is not None
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        await api.call("get_durable_execution", DurableExecutionArn=arn)


@pytest.mark.parametrize(
    "operation",
    [
        "get_durable_execution",
        "get_durable_execution_history",
        "stop_durable_execution",
        "pause_durable_execution",
        "resume_durable_execution",
        "delete_durable_execution",
    ],
)
async def test_an_unknown_execution_is_a_typed_error(
    serve: Serve, connect: Connect, operation: str
) -> None:
    api = await connect(serve(ECHO))
    with pytest.raises(api.exceptions.ResourceNotFoundException) as raised:
        await api.call(operation, DurableExecutionArn=NOBODY)
    assert NOBODY in str(raised.value)


async def test_a_callbacks_result_reaches_the_handler(serve: Serve, connect: Connect) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    arn = await start(api, "approval")
    callback_id = served.callback(arn, "approve")
    await api.call(
        "send_durable_execution_callback_success",
        CallbackId=callback_id,
        Result='{"by": "Zoë"}'.encode(),
    )
    served.wait(arn)
    assert served.service.execution(arn)["Result"] == '{"by": "Zo\\u00eb"}'


async def test_a_callbacks_error_reaches_the_handler(serve: Serve, connect: Connect) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    arn = await start(api, "approval")
    await api.call(
        "send_durable_execution_callback_failure",
        CallbackId=served.callback(arn),
        Error={"ErrorType": "Denied", "ErrorMessage": "too expensive"},
    )
    assert served.wait(arn) == "FAILED"
    assert "too expensive" in served.service.execution(arn)["Error"]["ErrorMessage"]


async def test_all_of_a_callbacks_error_is_in_the_history(serve: Serve, connect: Connect) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    arn = await start(api, "approval")
    error = {
        "ErrorMessage": "no",
        "ErrorType": "Denied",
        "ErrorData": '{"code": 7}',
        "StackTrace": ["line 1", "line 2"],
    }
    await api.call(
        "send_durable_execution_callback_failure", CallbackId=served.callback(arn), Error=error
    )
    assert served.wait(arn) == "FAILED"
    history = await api.call("get_durable_execution_history", DurableExecutionArn=arn)
    (failed,) = (one for one in history["Events"] if one["EventType"] == "CallbackFailed")
    assert failed["CallbackFailedDetails"]["Error"]["Payload"] == error


async def test_a_heartbeat_keeps_a_callback_open(serve: Serve, connect: Connect) -> None:
    served = serve(WATCHED)
    api = await connect(served)
    arn = await start(api, "watched")
    callback_id = served.callback(arn)
    await api.call("send_durable_execution_callback_heartbeat", CallbackId=callback_id)
    await api.call("send_durable_execution_callback_success", CallbackId=callback_id)
    assert served.wait(arn) == "SUCCEEDED"


async def test_a_second_answer_is_a_typed_error(serve: Serve, connect: Connect) -> None:
    served = serve(APPROVAL)
    api = await connect(served)
    callback_id = served.callback(await start(api, "approval"))
    await api.call("send_durable_execution_callback_success", CallbackId=callback_id)
    for operation in ("success", "failure", "heartbeat"):
        with pytest.raises(api.exceptions.CallbackTimeoutException):
            await api.call(f"send_durable_execution_callback_{operation}", CallbackId=callback_id)


async def test_a_malformed_callback_id_is_a_client_error(serve: Serve, connect: Connect) -> None:
    api = await connect(serve(APPROVAL))
    with pytest.raises(ClientError, match=r"ValidationException.* 'callbackId' failed"):
        await api.call("send_durable_execution_callback_heartbeat", CallbackId="?/%2F+=")
