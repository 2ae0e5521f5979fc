"""What answers 200 and is not the service has saved nothing: a call that failed, worth another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from recording_service import ARN, Answer, RecordingService
from service_calls import opened

from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

STEP = {"Id": "a1", "Type": "STEP", "Status": "STARTED", "StartTimestamp": 1700000000}
HTML = {"Content-Type": "text/html"}

# Of no use as an answer to either call.
OF_ANOTHER: dict[str, Answer] = {
    "page": Answer(b"<html>sign in</html>", headers=HTML),
    "page that says it is JSON": Answer(
        b"<html>sign in</html>", headers={"Content-Type": "application/json"}
    ),
    "JSON that says it is a page": Answer({"status": "ok"}, headers=HTML),
    "empty": Answer(b""),
    "no content": Answer(b"", 204),
    "accepted": Answer(b"", 202),
    "cut": Answer(b'{"CheckpointTok'),
    "cut within": Answer(b'{"CheckpointToken": "token-2", "NewExecutionState": {"Operations": [{'),
    "nothing": Answer({}),
    "something else": Answer({"message": "welcome"}),
    "null": Answer(None),
    "list": Answer([STEP]),
    "text": Answer("ok"),
    "number": Answer(1),
    "nulls": Answer({"CheckpointToken": None, "NewExecutionState": None, "Operations": None}),
    "token of a wrong type": Answer({"CheckpointToken": 7, "NextMarker": 7, "Operations": []}),
    "state of a wrong type": Answer({"NewExecutionState": [STEP]}),
    "not UTF-8": Answer(b'{"CheckpointToken": "\xff"}'),
}
# Of no use as a state, an answer's or a page.
NO_STATE: dict[str, Any] = {
    "object": {"Operations": {"a1": STEP}},
    "text": {"Operations": "a1"},
    "number": {"Operations": 1},
    "texts": {"Operations": ["a1"]},
    "lists": {"Operations": [[STEP]]},
    "objects of another kind": {"Operations": [{"name": "a1"}]},
    "marker of a wrong type": {"Operations": [], "NextMarker": {"page": 2}},
}


async def refused_checkpoint(client: DurableServiceClient) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        await client.checkpoint(ARN, "token-1", [], None)
    return caught.value


async def refused_page(client: DurableServiceClient) -> GetExecutionStateError:
    with pytest.raises(GetExecutionStateError) as caught:
        await client.get_execution_state(ARN, "token-1", "marker")
    return caught.value


@pytest.mark.parametrize("answer", OF_ANOTHER.values(), ids=OF_ANOTHER)
async def test_what_another_answers_to_a_checkpoint(
    service: RecordingService, client: DurableServiceClient, answer: Answer
) -> None:
    """It is not an answer that withdraws the token: nothing was saved."""
    service.answer(answer)
    assert (await refused_checkpoint(client)).is_retryable()


@pytest.mark.parametrize("answer", OF_ANOTHER.values(), ids=OF_ANOTHER)
async def test_what_another_answers_for_a_page(
    service: RecordingService, client: DurableServiceClient, answer: Answer
) -> None:
    """It is not an empty page: completed steps would run again."""
    service.answer(answer)
    assert (await refused_page(client)).is_retryable()


@pytest.mark.parametrize("state", NO_STATE.values(), ids=NO_STATE)
async def test_operations_that_are_none(
    service: RecordingService, client: DurableServiceClient, state: Any
) -> None:
    """Operations of a wrong type are no operations, beside a token as well."""
    service.answer(Answer({"CheckpointToken": "token-2", "NewExecutionState": state}))
    assert (await refused_checkpoint(client)).is_retryable()
    service.answer(Answer(state))
    assert (await refused_page(client)).is_retryable()


async def test_what_is_missing_is_said_without_data(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """The error names what an answer would have, and quotes nothing of what came."""
    service.answer(Answer({"secret": "value"}))
    refused = [await refused_checkpoint(client), await refused_page(client)]
    assert [str(error) for error in refused] == [
        "what answered CheckpointDurableExecution is not the service: "
        "neither CheckpointToken nor NewExecutionState",
        "what answered GetDurableExecutionState is not the service: no Operations",
    ]


@pytest.mark.parametrize(
    "rest", [b'8\r\n{"Che', b"", b"zz\r\n"], ids=["within a chunk", "between chunks", "no chunk"]
)
async def test_chunks_that_break_off(
    monkeypatch: pytest.MonkeyPatch, client_class: type[AioBoto3Client], rest: bytes
) -> None:
    """An answer in chunks has its end marked; without the mark it is none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        whole = b'{"CheckpointToken": "t", "Operations": []}'
        writer.write(head + b"%x\r\n%s\r\n" % (len(whole), whole) + rest)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{port}")
    async with server, opened(client_class) as client:
        assert (await refused_checkpoint(client)).is_retryable()


async def test_state_without_operations(
    service: RecordingService, client: DurableServiceClient
) -> None:
    """A genuine answer without a token has the state, if with nothing in it."""
    service.answer(Answer({"NewExecutionState": {}}))
    output = await client.checkpoint(ARN, "token-1", [], None)
    assert output.checkpoint_token is None
    assert list(output.new_execution_state.operations) == []


async def test_token_alone(service: RecordingService, client: DurableServiceClient) -> None:
    """A token is the service's alone: nothing else has changed."""
    service.answer(Answer({"CheckpointToken": "token-2"}))
    output = await client.checkpoint(ARN, "token-1", [], None)
    assert output.checkpoint_token == "token-2"
