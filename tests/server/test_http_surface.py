"""The HTTP surface itself: routes, errors, connections, and who may call."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from served_handlers import ECHO, WAITING
from serving_bench import Connection, Served

from aws_durable_execution_sdk_python_testing.exceptions import UnknownRouteError

Serve = Callable[..., Served]

NOBODY = "arn:aws:lambda:us-west-2:123456789012:function:f:$LATEST/durable-execution/n/id"
EXECUTIONS = "/2025-12-01/durable-executions"
INVOKE = "/2015-03-31/functions/echo/invocations"
START = {
    "AccountId": "123456789012",
    "FunctionName": "echo",
    "FunctionQualifier": "$LATEST",
    "ExecutionName": "run",
    "ExecutionTimeoutSeconds": 300,
    "ExecutionRetentionPeriodDays": 7,
}


def test_health(serve: Serve) -> None:
    reply = serve().send("GET", "/health")
    assert (reply.status, reply.json) == (200, {"status": "healthy"})


def test_metrics_count_executions_by_status(serve: Serve) -> None:
    served = serve(ECHO, WAITING)
    served.send("POST", INVOKE, 1)
    served.send("POST", INVOKE.replace("echo", "waiting"), 1, {"X-Amz-Invocation-Type": "Event"})
    metrics = served.send("GET", "/metrics").json
    assert metrics == {"executions": {"total": 2, "SUCCEEDED": 1, "RUNNING": 1}}


def test_every_answer_has_a_request_id_and_a_length(serve: Serve) -> None:
    served = serve()
    ids = set()
    for path in ("/health", "/nowhere", f"{EXECUTIONS}/{quote(NOBODY, safe='')}"):
        reply = served.send("GET", path)
        assert reply.headers["content-length"] == str(len(reply.body))
        ids.add(reply.headers["x-amzn-requestid"])
    assert len(ids) == 3


def test_a_connection_serves_many_requests_refused_ones_too(serve: Serve) -> None:
    connection = Connection(serve(ECHO).host)
    for path, status in (("/health", 200), ("/nowhere", 404), (f"{EXECUTIONS}/x", 400)):
        assert connection.send("GET", path).status == status
    assert connection.send("POST", INVOKE, 1).body == b"1"
    connection.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", INVOKE),
        ("DELETE", "/health"),
        ("POST", f"{EXECUTIONS}/a/b/c/stop"),
        ("GET", f"{EXECUTIONS}/../../etc/passwd"),
    ],
)
def test_an_unknown_route_is_not_found(serve: Serve, method: str, path: str) -> None:
    reply = serve().send(method, path)
    assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
    assert reply.json == UnknownRouteError(method, path).to_dict()


@pytest.mark.parametrize("path", ["stop", "pause", "resume", "checkpoint"])
@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[]", b'"x"', b"[" * 100_000, b'{"a": NaN}', b'{"a": 1e999}']
)
def test_a_malformed_body_is_a_bad_request(serve: Serve, path: str, body: bytes) -> None:
    reply = serve().send("POST", f"{EXECUTIONS}/{quote(NOBODY, safe='')}/{path}", body)
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b"-1e999", b"[" * 100_000])
def test_a_malformed_payload_is_a_bad_request(serve: Serve, body: bytes) -> None:
    reply = serve(ECHO).send("POST", INVOKE, body)
    assert (reply.status, reply.error) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amz-Client-Context": "%%%"},
        {"X-Amz-Client-Context": base64.b64encode(b"{").decode()},
        {"X-Amz-Client-Context": base64.b64encode(b"[]").decode()},
        {"X-Amz-Client-Context": "\u00e9"},
        {"X-Amz-Client-Context": base64.b64encode(b'{"a":"%s"}' % (b"x" * 2_680)).decode()},
        {"Expect": "the-unexpected"},
    ],
)
def test_a_malformed_header_is_a_bad_request(serve: Serve, headers: dict[str, str]) -> None:
    reply = serve(ECHO).send("POST", INVOKE, 1, headers)
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize(
    "query",
    [
        "MaxItems=many",
        "MaxItems=1_0",
        "Marker=%21",
        "Marker=YQ==",
        "ReverseOrder=perhaps",
        "StartedAfter=yesterday",
        "StartedAfter=nan",
    ],
)
def test_a_malformed_query_is_a_bad_request(serve: Serve, query: str) -> None:
    reply = serve(ECHO).send("GET", f"/2025-12-01/functions/echo/durable-executions?{query}")
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


def test_a_body_that_is_not_compressed_as_it_says_is_a_bad_request(serve: Serve) -> None:
    reply = serve(ECHO).send("POST", INVOKE, b'"not gzip at all"', {"Content-Encoding": "gzip"})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "compress", "\x80"])
@pytest.mark.parametrize("body", [b'{"a":' * 50_000, b'"x"'])
def test_a_body_in_an_unknown_encoding_is_answered(
    serve: Serve, encoding: str, body: bytes
) -> None:
    """Aiohttp would wait for ever for the end of some bodies that claim to be deflated."""
    reply = serve(ECHO).send("POST", INVOKE, body, {"Content-Encoding": encoding})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


def test_a_compressed_body_that_ends_early_is_a_bad_request(serve: Serve) -> None:
    body = gzip.compress(b'"x"' * 100)[:-9]
    reply = serve(ECHO).send("POST", INVOKE, body, {"Content-Encoding": "gzip"})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


def test_a_compressed_body_is_read(serve: Serve) -> None:
    reply = serve(ECHO).send("POST", INVOKE, gzip.compress(b'"x"'), {"Content-Encoding": "gzip"})
    assert reply.body == b'"x"'


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_body_that_is_too_large_is_refused(serve: Serve, headers: dict[str, str]) -> None:
    served = serve(ECHO, max_request_bytes=1000)
    body = b'"' + b"x" * 2000 + b'"'
    reply = served.send("POST", INVOKE, gzip.compress(body) if headers else body, headers)
    assert (reply.status, reply.error) == (413, "RequestTooLargeException")
    assert served.send("POST", INVOKE, 1).status == 200


# ----------------------------------------------------------------------------- who may call


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:5000"},
        {"Host": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_web_page_of_another_origin_is_refused(serve: Serve, headers: dict[str, str]) -> None:
    served = serve(ECHO)
    reply = served.send("POST", INVOKE, 1, headers)
    assert (reply.status, reply.error) == (403, "AccessDeniedException")
    assert list(served.service.statuses()) == []


@pytest.mark.parametrize(
    "host", ["localhost:5000", "LOCALHOST", "[::1]:5000", "emulator:9014", "host.docker.internal"]
)
def test_this_machine_may_be_called_by_its_own_names(serve: Serve, host: str) -> None:
    assert serve().send("GET", "/health", headers={"Host": host}).status == 200


def test_a_page_of_the_servers_own_origin_may_call(serve: Serve) -> None:
    served = serve()
    headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    assert served.send("GET", "/health", headers=headers).status == 200


def test_a_public_name_has_to_be_allowed(serve: Serve) -> None:
    served = serve(allowed_hosts=["durable.example"])
    assert served.send("GET", "/health", headers={"Host": "durable.example:80"}).status == 200


# ------------------------------------------------------------------------------- SAM's start


def test_sam_may_leave_everything_but_the_function_open(serve: Serve) -> None:
    served = serve(ECHO)
    open_members = dict.fromkeys(START)
    reply = served.send(
        "POST", "/start-durable-execution", {**open_members, "FunctionName": "echo", "Input": "4"}
    )
    assert reply.status == 201
    arn = reply.json["ExecutionArn"]
    assert served.wait(arn) == "SUCCEEDED"
    assert served.service.execution(arn)["Result"] == "4"


@pytest.mark.parametrize("missing", START)
def test_every_member_of_sams_start_must_be_there(serve: Serve, missing: str) -> None:
    body = {key: value for key, value in START.items() if key != missing}
    reply = serve(ECHO).send("POST", "/start-durable-execution", body)
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert missing in reply.json["message"]


@pytest.mark.parametrize(
    "members",
    [
        {"FunctionName": None},
        {"FunctionName": "../../etc/passwd"},
        {"FunctionName": 7},
        {"FunctionQualifier": "a b"},
        {"FunctionQualifier": "a$b"},
        {"AccountId": "../../x"},
        {"ExecutionTimeoutSeconds": 0},
        {"ExecutionTimeoutSeconds": True},
        {"ExecutionTimeoutSeconds": 1.5},
        {"ExecutionRetentionPeriodDays": 91},
        {"Input": {}},
        {"LambdaEndpoint": "file:///etc/passwd"},
        {"LambdaEndpoint": "http://"},
        {"LambdaEndpoint": "http://a\r\nX: y"},
        {"TenantId": "\n"},
        {"TraceFields": {"XAmznTraceId": "\r\n"}},
        {"TraceFields": {"XAmznTraceId": 1}},
    ],
)
def test_members_of_sams_start_are_checked(serve: Serve, members: dict[str, Any]) -> None:
    served = serve(ECHO)
    reply = served.send("POST", "/start-durable-execution", {**START, **members})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert list(served.service.statuses()) == []


def test_a_name_that_sams_start_must_not_give(serve: Serve) -> None:
    served = serve(ECHO)
    reply = served.send("POST", "/start-durable-execution", {**START, "ExecutionName": "../../x"})
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert list(served.service.statuses()) == []


def test_an_undeclared_function_fails_at_once(serve: Serve) -> None:
    served = serve()
    reply = served.send("POST", "/start-durable-execution", START)
    arn = reply.json["ExecutionArn"]
    assert served.wait(arn) == "FAILED"
    error = served.service.execution(arn)["Error"]
    assert error["ErrorType"] == "ResourceNotFoundException"


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x:99999", "http://x y"])
def test_only_a_url_can_become_the_current_endpoint(serve: Serve, url: str) -> None:
    reply = serve().send("PUT", "/lambda-endpoint", {"EndpointUrl": url})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")


def test_callers_are_answered_when_the_server_stops(serve: Serve) -> None:
    served = serve(WAITING)
    connection = Connection(served.host)
    connection.request("POST", INVOKE.replace("echo", "waiting"), 1)
    while not list(served.service.statuses()):
        pass
    served.server.stop()
    reply = connection.answer()
    connection.close()
    assert (reply.status, reply.error) == (500, "ServiceException")
