"""Whatever is sent, the answer is one of the documented ones."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_handlers import APPROVAL, DOUBLE, ECHO
from serving_bench import Connection, Reply, Served

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

ERRORS = {
    400: {
        "InvalidParameterValueException",
        "ValidationException",
        "InvalidRequestContentException",
        "CallbackTimeoutException",
    },
    403: {"AccessDeniedException"},
    404: {"ResourceNotFoundException"},
    409: {"DurableExecutionAlreadyStartedException", "ResourceConflictException"},
    413: {"RequestTooLargeException"},
}
SUCCESSES = {200, 201, 202, 204}

fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class OpenInvocation:
    """A durable function whose invocations stay open as long as a test wants a valid token."""

    def __init__(self) -> None:
        self._begun: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._go_on = threading.Event()

    def __call__(self, event: Any, context: Any) -> dict[str, str]:
        self._begun.put((event.durable_execution_arn, event.checkpoint_token))
        self._go_on.wait()
        return {"Status": "SUCCEEDED"}

    @contextmanager
    def begun(self, served: Served) -> Iterator[tuple[str, str]]:
        """Start an execution; its ARN, and the token of its invocation."""
        self._go_on.clear()
        headers = {"X-Amz-Invocation-Type": "Event"}
        served.send("POST", "/2015-03-31/functions/open/invocations", 1, headers)
        arn, token = self._begun.get()
        yield arn, token
        self._go_on.set()
        served.wait(arn)


OPEN = OpenInvocation()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    opened = DeclaredFunction(name="open", handler=OPEN, durable=DurableTarget())
    declared = [ECHO, DOUBLE, APPROVAL, opened]
    with DurableServer(
        declared, ServerSettings(max_request_bytes=4096, allow_unqualified=True, api_rates=False)
    ) as server:
        yield Served(server)


@pytest.fixture(scope="module")
def arn(served: Served) -> str:
    """An execution that is open: its callback is never answered."""
    headers = {"X-Amz-Invocation-Type": "Event"}
    reply = served.send("POST", "/2015-03-31/functions/approval/invocations", 1, headers)
    return reply.headers["x-amz-durable-execution-arn"]


@pytest.fixture(scope="module")
def send(served: Served) -> Iterator[Callable[..., Reply]]:
    connection = Connection(served.host)
    yield connection.send
    connection.close()


def check(reply: Reply) -> None:
    """The status is a documented one, and an error has the documented shape."""
    if reply.status in SUCCESSES:
        return
    assert reply.status in ERRORS, reply
    assert reply.error in ERRORS[reply.status]
    body = reply.json
    assert body["Type"] == reply.error
    assert isinstance(body.get("message", body.get("Message")), str)


NAMES = st.sampled_from(["echo", "double", "approval", "nobody", "echo:1", "a/../b", "%", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
SEGMENTS = st.sampled_from(
    [
        "2015-03-31",
        "2025-12-01",
        "functions",
        "durable-executions",
        "durable-execution-callbacks",
        "invocations",
        "history",
        "state",
        "stop",
        "succeed",
        "start-durable-execution",
        "lambda-endpoint",
    ]
) | st.text(min_size=1, max_size=12).map(lambda text: quote(text.encode(), safe=""))
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "X-Amz-Invocation-Type",
            "X-Amz-Durable-Execution-Name",
            "X-Amz-Tenant-Id",
            "X-Amz-Client-Context",
            "X-Amzn-Trace-Id",
            "Origin",
            "Host",
            "Content-Type",
            "Expect",
            "Cookie",
        ]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))
    | st.sampled_from(["Event", "RequestResponse", "DryRun", "localhost"]),
    max_size=4,
)
QUERY = st.dictionaries(
    st.sampled_from(
        [
            "MaxItems",
            "Marker",
            "Statuses",
            "StartedAfter",
            "StartedBefore",
            "ReverseOrder",
            "IncludeExecutionData",
            "DurableExecutionName",
            "Qualifier",
            "CheckpointToken",
        ]
    ),
    st.text(max_size=20) | st.sampled_from(["true", "7", "RUNNING", "2026-01-01T00:00:00Z"]),
    max_size=4,
)
BODIES = st.none() | st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode())


@fuzz
@given(METHODS, st.lists(SEGMENTS, max_size=6), QUERY, HEADERS, BODIES)
def test_any_path_gets_a_documented_answer(
    send: Callable[..., Reply],
    method: str,
    segments: list[str],
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes | None,
) -> None:
    path = f"/{'/'.join(segments)}?{urlencode(query, errors='surrogatepass')}"
    reply = send(method, path, body, headers)
    if method != "HEAD":
        check(reply)


@pytest.mark.parametrize("path", ["/%0A", "/a%0Ab/%0D%0A"])
@pytest.mark.parametrize("headers", [{}, {"Expect": "0"}])
def test_a_path_of_several_lines_gets_one_too(
    send: Callable[..., Reply], path: str, headers: dict[str, str]
) -> None:
    reply = send("GET", path, None, headers)
    assert reply.status in (400, 404)
    check(reply)


@fuzz
@given(NAMES, QUERY, HEADERS, BODIES)
def test_any_invoke_gets_a_documented_answer(
    send: Callable[..., Reply],
    name: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes | None,
) -> None:
    if name.startswith("approval"):  # waits for a callback nobody answers
        headers = {**headers, "X-Amz-Invocation-Type": "Event"}
    path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
    check(send("POST", f"{path}?{urlencode(query, errors='surrogatepass')}", body, headers))


@fuzz
@given(NAMES, QUERY)
def test_any_list_gets_a_documented_answer(
    send: Callable[..., Reply], name: str, query: dict[str, str]
) -> None:
    path = f"/2025-12-01/functions/{quote(name, safe='')}/durable-executions"
    check(send("GET", f"{path}?{urlencode(query, errors='surrogatepass')}"))


@fuzz
@given(st.sampled_from(["", "/history", "/state"]), QUERY)
def test_any_query_of_an_execution_gets_a_documented_answer(
    send: Callable[..., Reply], arn: str, tail: str, query: dict[str, str]
) -> None:
    path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}{tail}"
    check(send("GET", f"{path}?{urlencode(query, errors='surrogatepass')}"))


MEMBERS = st.sampled_from(
    [
        "CheckpointToken",
        "ClientToken",
        "Updates",
        "Reason",
        "ExecutionTimeoutPaused",
        "ErrorMessage",
        "ErrorType",
        "StackTrace",
    ]
)


@fuzz
@given(
    st.sampled_from(["checkpoint", "pause", "resume", "pause", "resume"]),
    st.dictionaries(MEMBERS, JSON, max_size=4),
)
def test_any_command_gets_a_documented_answer(
    send: Callable[..., Reply], arn: str, command: str, body: dict[str, Any]
) -> None:
    path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}/{command}"
    check(send("POST", path, body))


@fuzz
@given(
    st.text(max_size=20) | st.binary(max_size=20).map(lambda raw: raw.hex()),
    st.sampled_from(["succeed", "fail", "heartbeat"]),
    BODIES,
)
def test_any_callback_gets_a_documented_answer(
    send: Callable[..., Reply], callback_id: str, command: str, body: bytes | None
) -> None:
    name = quote(callback_id.encode("utf-8", "surrogatepass"), safe="")
    check(send("POST", f"/2025-12-01/durable-execution-callbacks/{name}/{command}", body))


STARTS = st.fixed_dictionaries(
    {
        "AccountId": st.none() | JSON | st.just("123456789012"),
        "FunctionName": JSON | st.sampled_from(["echo", "double", "nobody"]),
        "FunctionQualifier": st.none() | JSON | st.just("$LATEST"),
        "ExecutionName": st.none() | JSON | st.just("run"),
        "ExecutionTimeoutSeconds": st.none() | JSON | st.integers(-1, 400),
        "ExecutionRetentionPeriodDays": st.none() | JSON | st.integers(-1, 100),
    },
    optional={
        "Input": JSON,
        "TenantId": JSON,
        "TraceFields": JSON,
        "LambdaEndpoint": JSON | st.just("http://127.0.0.1:9"),
        "InvocationId": JSON,
    },
)


@fuzz
@given(STARTS)
def test_any_start_gets_a_documented_answer(
    send: Callable[..., Reply], body: dict[str, Any]
) -> None:
    check(send("POST", "/start-durable-execution", body))


UPDATES = st.lists(
    st.fixed_dictionaries(
        {
            "Id": st.sampled_from(["a", "b", "c"]) | JSON,
            "Type": st.sampled_from(
                ["STEP", "CONTEXT", "WAIT", "CALLBACK", "CHAINED_INVOKE", "EXECUTION"]
            )
            | JSON,
            "Action": st.sampled_from(["START", "SUCCEED", "FAIL", "RETRY", "CANCEL"]) | JSON,
        },
        optional={
            "ParentId": st.sampled_from(["a", "b"]) | JSON,
            "Name": JSON,
            "SubType": JSON,
            "Payload": st.just("1") | JSON,
            "Error": JSON | st.just({"ErrorMessage": "no"}),
            "StepOptions": JSON | st.just({"NextAttemptDelaySeconds": 1}),
            "WaitOptions": JSON | st.just({"WaitSeconds": 1}),
            "CallbackOptions": JSON | st.just({"TimeoutSeconds": 0}),
            "ContextOptions": JSON | st.just({"ReplayChildren": True}),
            "ChainedInvokeOptions": JSON | st.just({"FunctionName": "double"}),
        },
    ),
    max_size=3,
)


@fuzz
@given(UPDATES | JSON, st.none() | JSON)
def test_any_checkpoint_with_a_valid_token_gets_a_documented_answer(
    served: Served, send: Callable[..., Reply], updates: Any, client_token: Any
) -> None:
    with OPEN.begun(served) as (arn, token):
        path = f"/2025-12-01/durable-executions/{quote(arn, safe='')}/checkpoint"
        body = {"CheckpointToken": token, "Updates": updates, "ClientToken": client_token}
        check(send("POST", path, body))
    check(send("GET", f"/2025-12-01/durable-executions/{quote(arn, safe='')}/history"))
