"""The Runtime API, asked by hand: what a runtime may do, and when."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from aws_durable_execution_sdk_python_testing._sandbox.runtime_api import (
    RuntimeApi,
    RuntimeEvent,
    Turn,
)

FUNCTION = "arn:aws:lambda:us-west-2:123456789012:function:f:$LATEST"


class Runtime:
    """A runtime that makes one call after the other."""

    def __init__(self, api: RuntimeApi, http: aiohttp.ClientSession) -> None:
        self.api = api
        self.http = http

    def offer(self, request_id: str = "r1", **members: str) -> Turn:
        event = RuntimeEvent(
            request_id=request_id,
            function_arn=FUNCTION,
            execution_arn="execution",
            payload='{"a":1}',
            **members,
        )
        turn = Turn(event, 30.0)
        self.api.offer(turn)
        return turn

    async def next(self) -> aiohttp.ClientResponse:
        return await self.http.get("/2018-06-01/runtime/invocation/next")

    async def post(self, path: str, body: str = "{}", **headers: str) -> int:
        response = await self.http.post(
            f"/2018-06-01/runtime/{path}",
            data=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        await response.read()
        return response.status


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    api = RuntimeApi(at_rest=lambda: None)
    address = await api.open()
    async with aiohttp.ClientSession(f"http://{address}") as http:
        yield Runtime(api, http)
    await api.close()


async def test_an_event_comes_with_everything_about_its_invocation(runtime: Runtime) -> None:
    turn = runtime.offer(tenant_id="blue", trace_header="Root=1", client_context='{"env":{}}')
    response = await runtime.next()
    assert turn.delivered.is_set()
    assert await response.text() == '{"a":1}'
    assert response.headers["Content-Type"] == "application/json"
    headers = {
        key.removeprefix("Lambda-Runtime-"): value
        for key, value in response.headers.items()
        if key.startswith("Lambda-Runtime-")
    }
    deadline = int(headers.pop("Deadline-Ms"))
    assert time.time() < deadline / 1000 <= time.time() + 30
    assert headers == {
        "Aws-Request-Id": "r1",
        "Aws-Tenant-Id": "blue",
        "Client-Context": '{"env":{}}',
        "Invoked-Function-Arn": FUNCTION,
        "Trace-Id": "Root=1",
    }


async def test_a_runtime_waits_for_its_next_event(runtime: Runtime) -> None:
    asking = asyncio.create_task(runtime.next())
    turn = runtime.offer()
    await asking
    assert turn.delivered.is_set()


async def test_a_turn_is_over_when_the_runtime_asks_again(runtime: Runtime) -> None:
    turn = runtime.offer()
    await runtime.next()
    assert await runtime.post("invocation/r1/response", '"done"') == 202
    assert turn.answer is not None
    assert turn.answer.result == '"done"'
    assert not turn.over.is_set()
    runtime.offer("r2")
    assert (await runtime.next()).headers["Lambda-Runtime-Aws-Request-Id"] == "r2"
    assert turn.over.is_set()


async def test_an_error_is_taken_as_the_runtime_words_it(runtime: Runtime) -> None:
    turn = runtime.offer()
    await runtime.next()
    body = {"errorType": "ValueError", "errorMessage": "bad", "stackTrace": ["here"]}
    assert await runtime.post("invocation/r1/error", json.dumps(body)) == 202
    assert turn.answer is not None
    expected = {"ErrorType": "ValueError", "ErrorMessage": "bad", "StackTrace": ["here"]}
    assert turn.answer.error == expected


@pytest.mark.parametrize("body", ["no json", '["an array"]'])
async def test_an_error_in_another_form_has_the_type_of_its_header(
    runtime: Runtime, body: str
) -> None:
    turn = runtime.offer()
    await runtime.next()
    await runtime.post("invocation/r1/error", body, Lambda_Runtime_Function_Error_Type="Mine")
    assert turn.answer is not None
    assert turn.answer.error == {"ErrorType": "Mine", "ErrorMessage": body}


async def test_only_the_current_request_can_be_answered_and_only_once(runtime: Runtime) -> None:
    assert await runtime.post("invocation/r1/response") == 400
    runtime.offer()
    await runtime.next()
    assert await runtime.post("invocation/r0/response") == 400
    assert await runtime.post("invocation/r1/response") == 202
    assert await runtime.post("invocation/r1/response") == 400
    assert await runtime.post("invocation/r1/error") == 400


async def test_an_event_has_to_be_answered_before_the_next(runtime: Runtime) -> None:
    turn = runtime.offer()
    await runtime.next()
    assert (await runtime.next()).status == 403
    assert not turn.over.is_set()


async def test_initialisation_fails_the_event_that_waits_for_it(runtime: Runtime) -> None:
    turn = runtime.offer()
    body = '{"errorType":"Runtime.ImportModuleError","errorMessage":"no"}'
    assert await runtime.post("init/error", body) == 202
    assert turn.answer is not None
    assert turn.answer.error == {"ErrorType": "Runtime.ImportModuleError", "ErrorMessage": "no"}


async def test_initialisation_cannot_fail_later(runtime: Runtime) -> None:
    turn = runtime.offer()
    await runtime.next()
    assert await runtime.post("init/error") == 403
    assert turn.answer is None


async def test_web_pages_cannot_take_events(runtime: Runtime) -> None:
    turn = runtime.offer()
    path = "/2018-06-01/runtime/invocation/next"
    async with runtime.http.get(path, headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
    assert not turn.delivered.is_set()
