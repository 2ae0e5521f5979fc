"""What both clients send and return, seen from the other end of a socket."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from recording_service import ARN, Answer, RecordingService, failure

from aws_durable_execution_sdk_python._core.model import (
    Operation,
    OperationAction,
    OperationType,
    OperationUpdate,
    StepOptions,
)
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import CheckpointError

ENCODED_ARN = ARN.replace(":", "%3A").replace("/", "%2F").replace("$", "%24")
RETRY = OperationUpdate(
    operation_id="a1",
    operation_type=OperationType.STEP,
    action=OperationAction.RETRY,
    name="charge",
    sub_type="Step",
    payload="",
    step_options=StepOptions(next_attempt_delay_seconds=3),
)


async def test_checkpoint_request(service: RecordingService, client: DurableServiceClient) -> None:
    """A checkpoint names the execution, percent-encoded, in the path and the rest in the body."""
    await client.checkpoint(ARN, "token-1", [RETRY], "client-token")
    [request] = service.requests
    assert request.method == "POST"
    assert request.target == f"/2025-12-01/durable-executions/{ENCODED_ARN}/checkpoint"
    assert request.json == {
        "CheckpointToken": "token-1",
        "ClientToken": "client-token",
        "Updates": [
            {
                "Id": "a1",
                "Type": "STEP",
                "Action": "RETRY",
                "Name": "charge",
                "SubType": "Step",
                "Payload": "",
                "StepOptions": {"NextAttemptDelaySeconds": 3},
            }
        ],
    }


async def test_empty_checkpoint(service: RecordingService, client: DurableServiceClient) -> None:
    """A refresh sends an empty list of updates, not none."""
    await client.checkpoint(ARN, "token-1", [], None)
    assert service.requests[0].json["Updates"] == []


async def test_client_token_is_made_up(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """Without a client token each call gets one of its own."""
    await client.checkpoint(ARN, "token-1", [], None)
    await client.checkpoint(ARN, "token-2", [], None)
    first, second = (request.json["ClientToken"] for request in service.requests)
    assert first
    assert second
    assert first != second


@pytest.mark.usefixtures("retries")
@pytest.mark.parametrize(
    "lost",
    [failure("ServiceException", 500), failure("TooManyRequestsException", 429), Answer(status=0)],
    ids=["server error", "throttled", "connection lost"],
)
async def test_client_token_is_stable_across_retries(
    service: RecordingService, client: DurableServiceClient, lost: Answer
) -> None:
    """HTTP retries of one call repeat its client token, and the whole request."""
    service.answer(lost, lost, Answer({"CheckpointToken": "token-2", "NewExecutionState": {}}))
    output = await client.checkpoint(ARN, "token-1", [RETRY], None)
    assert output.checkpoint_token == "token-2"
    assert len(service.requests) == 3
    first, second, third = (request.json for request in service.requests)
    assert first == second == third
    assert first["ClientToken"]


async def test_checkpoint_response(service: RecordingService, client: DurableServiceClient) -> None:
    """The answer's operations stay wire dicts, which the codec reads to aware datetimes."""
    stored = {
        "Id": "a1",
        "Type": "STEP",
        "Status": "PENDING",
        "StartTimestamp": 1700000000.25,
        "StepDetails": {"Attempt": 1, "NextAttemptTimestamp": 1700000003.5},
    }
    service.answer(
        Answer(
            {
                "CheckpointToken": "token-2",
                "NewExecutionState": {"Operations": [stored], "NextMarker": "more"},
            }
        )
    )
    output = await client.checkpoint(ARN, "token-1", [], None)
    assert output.checkpoint_token == "token-2"
    assert output.new_execution_state.next_marker == "more"
    [operation] = map(Operation.from_dict, output.new_execution_state.operations)
    assert operation.start_timestamp == datetime.fromtimestamp(1700000000.25, UTC)
    assert operation.step_details is not None
    next_attempt = operation.step_details.next_attempt_timestamp
    assert next_attempt == datetime.fromtimestamp(1700000003.5, UTC)


@pytest.mark.parametrize(
    "body",
    [
        {"NewExecutionState": {"Operations": []}},
        {"CheckpointToken": "", "NewExecutionState": {"Operations": [], "NextMarker": ""}},
    ],
    ids=["absent", "empty"],
)
async def test_no_token(
    service: RecordingService, client: DurableServiceClient, body: dict[str, object]
) -> None:
    """An absent or empty token, or marker, is None."""
    service.answer(Answer(body))
    output = await client.checkpoint(ARN, "token-1", [], None)
    assert output.checkpoint_token is None
    assert output.new_execution_state.next_marker is None
    assert list(output.new_execution_state.operations) == []


async def test_state_request(service: RecordingService, client: DurableServiceClient) -> None:
    """A page of state is asked for with token, marker and size in the query."""
    await client.get_execution_state(ARN, "tok+en/1==", "marker &1", 10)
    [request] = service.requests
    assert request.method == "GET"
    assert request.path == f"/2025-12-01/durable-executions/{ENCODED_ARN}/state"
    assert request.query == {
        "CheckpointToken": ["tok+en/1=="],
        "Marker": ["marker &1"],
        "MaxItems": ["10"],
    }


async def test_state_page_size(service: RecordingService, client: DurableServiceClient) -> None:
    """A page is as large as the service allows unless the caller says otherwise."""
    await client.get_execution_state(ARN, "token-1", "m")
    assert service.requests[0].query["MaxItems"] == ["1000"]


async def test_state_response(service: RecordingService, client: DurableServiceClient) -> None:
    """A page holds operations in order and the marker of the next; the last has no marker."""
    page = [
        {"Id": "a1", "Type": "WAIT", "Status": "STARTED", "StartTimestamp": 1700000000},
        {"Id": "a2", "Type": "WAIT", "Status": "STARTED", "StartTimestamp": 1700000001},
    ]
    service.answer(
        Answer({"Operations": page[:1], "NextMarker": "m2"}), Answer({"Operations": page[1:]})
    )
    first = await client.get_execution_state(ARN, "token-1", "m1")
    second = await client.get_execution_state(ARN, "token-1", first.next_marker or "")
    assert [operation["Id"] for operation in first.operations] == ["a1"]
    assert service.requests[1].query["Marker"] == ["m2"]
    assert [operation["Id"] for operation in second.operations] == ["a2"]
    assert second.next_marker is None


async def test_text_beyond_ascii(service: RecordingService, client: DurableServiceClient) -> None:
    """Payloads of any script arrive as they were."""
    update = OperationUpdate(
        operation_id="a1",
        operation_type=OperationType.STEP,
        action=OperationAction.SUCCEED,
        payload="žluťoučký 🐎",
    )
    await client.checkpoint(ARN, "token-1", [update], None)
    assert service.requests[0].json["Updates"][0]["Payload"] == "žluťoučký 🐎"


async def test_empty_token_of_ours(service: RecordingService, client: DurableServiceClient) -> None:
    """An empty checkpoint token is not sent; another invocation would bring a good one."""
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, "", [], None)
    assert caught.value.is_retryable()
    assert service.requests == []
