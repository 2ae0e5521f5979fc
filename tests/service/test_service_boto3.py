"""The user's own boto3 client makes every call, and never on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import pytest
from botocore.config import Config
from recording_service import ARN, Answer, RecordingService

from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client


async def test_hooks_of_the_client(
    service: RecordingService, make_boto3: Callable[..., Any]
) -> None:
    """Event hooks registered on the client before it was handed over see every call."""
    own = make_boto3()
    seen = []

    def before_send(request: Any, event_name: str, **kwargs: Any) -> None:
        request.headers["x-team"] = "orders"
        seen.append(event_name)

    own.meta.events.register("before-send.lambda", before_send)
    client = Boto3Client(own)
    await client.checkpoint(ARN, "token-1", [], None)
    await client.get_execution_state(ARN, "token-1", "m")
    assert seen == [
        "before-send.lambda.CheckpointDurableExecution",
        "before-send.lambda.GetDurableExecutionState",
    ]
    assert [request.headers["x-team"] for request in service.requests] == ["orders", "orders"]


async def test_configuration_of_the_client(
    service: RecordingService, make_boto3: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """User agent, endpoint and credentials are those the client was made with."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    client = Boto3Client(
        make_boto3(
            endpoint_url=service.url,
            aws_access_key_id="AKIAOWN",
            aws_secret_access_key="own",
            config=Config(user_agent_extra="orders/7"),
        )
    )
    await client.checkpoint(ARN, "token-1", [], None)
    await client.get_execution_state(ARN, "token-1", "m")
    for request in service.requests:
        assert "orders/7" in request.user_agent.split()
        assert "Credential=AKIAOWN/" in request.headers["authorization"]


async def test_loop_stays_free(service: RecordingService, make_boto3: Callable[..., Any]) -> None:
    """While a call waits for its answer the loop runs other tasks: here, the one to answer it."""
    answer = threading.Event()
    service.answer(Answer({"CheckpointToken": "token-2"}, held=answer))
    client = Boto3Client(make_boto3())
    call = asyncio.create_task(client.checkpoint(ARN, "token-1", [], None))
    await asyncio.to_thread(service.received.wait)
    assert not call.done()
    answer.set()
    assert (await call).checkpoint_token == "token-2"


async def test_busy_worker_threads(make_boto3: Callable[..., Any]) -> None:
    """User code that occupies every worker thread of the loop does not hold up a checkpoint."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    borrowers = [object() for _ in range(int(limiter.total_tokens))]
    for borrower in borrowers:
        limiter.acquire_on_behalf_of_nowait(borrower)
    await Boto3Client(make_boto3()).checkpoint(ARN, "token-1", [], None)
    for borrower in borrowers:
        limiter.release_on_behalf_of(borrower)


def test_one_client_for_several_loops(
    service: RecordingService, make_boto3: Callable[..., Any]
) -> None:
    """A client is bound to no event loop: one after another may use it."""
    client = Boto3Client(make_boto3())
    asyncio.run(client.checkpoint(ARN, "token-1", [], None))
    asyncio.run(client.checkpoint(ARN, "token-2", [], None))
    assert [request.json["CheckpointToken"] for request in service.requests] == [
        "token-1",
        "token-2",
    ]


async def test_client_stays_open(service: RecordingService, make_boto3: Callable[..., Any]) -> None:
    """The client remains the user's to use."""
    own = make_boto3()
    await Boto3Client(own).checkpoint(ARN, "token-1", [], None)
    service.answer(Answer({"Functions": []}))
    assert own.list_functions()["Functions"] == []
