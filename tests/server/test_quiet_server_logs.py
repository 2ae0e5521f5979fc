"""What goes through the local service stays out of its logs, also when it fails itself."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from served_handlers import APPROVAL, ECHO, FAILING, PARENT
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import Engine

Serve = Callable[..., Served]

SECRET = "hunter2-4111111111111111"
EXECUTIONS = "/2025-12-01/durable-executions"
INVOKE = "/2015-03-31/functions/{}/invocations"
DOUBLE = hosted("double", lambda event, context: [event, event])


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


class Noticed(logging.Handler):
    """Tells when something has been logged."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.event.set()


@pytest.fixture
def noticed(caplog: pytest.LogCaptureFixture) -> Iterator[Noticed]:
    logger = logging.getLogger("aws_durable_execution_sdk_python_testing.server.endpoint")
    handler = Noticed()
    # Handlers of a logger are asked in order: caplog has the record when this one tells.
    logger.addHandler(caplog.handler)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.removeHandler(caplog.handler)


def shown(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    formatter = logging.Formatter("%(name)s %(message)s")
    printed = capfd.readouterr()
    lines = [formatter.format(r) + str(vars(r)) for r in caplog.records]
    return "\n".join([*lines, printed.out, printed.err])


def test_inputs_results_and_errors_are_not_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    served = serve(ECHO, PARENT, DOUBLE, FAILING)
    for function in ("echo", "parent", "failing"):
        assert served.send("POST", INVOKE.format(function), {"card": SECRET}).status == 200
    assert SECRET not in shown(caplog, capfd)


def test_refused_requests_are_not_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    served = serve(ECHO, APPROVAL)
    callbacks = "/2025-12-01/durable-execution-callbacks"
    credentials = {"Authorization": f"AWS4-HMAC-SHA256 Credential={SECRET}"}
    for path in (
        f"{callbacks}/{SECRET}/succeed",
        f"{EXECUTIONS}/{SECRET}/checkpoint",
        f"{EXECUTIONS}/{SECRET}/stop",
        f"/{SECRET}",
    ):
        assert served.send("POST", path, {"CheckpointToken": SECRET}, credentials).status >= 400
    state = f"{EXECUTIONS}/{quote('arn:x', safe='')}/state?CheckpointToken={SECRET}"
    assert served.send("GET", state, headers=credentials).status >= 400
    assert served.send("POST", INVOKE.format("echo"), SECRET.encode()).status >= 400
    assert SECRET not in shown(caplog, capfd)


def test_an_error_of_the_service_is_logged_without_what_was_sent(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(self: Any, callback_id: str, *args: Any) -> Any:
        raise LookupError(callback_id)

    monkeypatch.setattr(Engine, "callback_heartbeat", fail)
    callback_id = SECRET.replace("-", "")
    path = f"/2025-12-01/durable-execution-callbacks/{callback_id}/heartbeat"
    assert serve().send("POST", path).status == 500
    text = shown(caplog, capfd)
    assert "failed: POST /2025-12-01/durable-execution-callbacks/{" in text
    assert "LookupError in fail" in text
    assert callback_id not in text


def test_an_endpoint_that_does_not_answer_is_named_without_its_credentials(
    serve: Serve,
    noticed: Noticed,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    endpoint = f"http://user:{SECRET}@127.0.0.1:1/"
    served = serve(lambda_endpoint=endpoint)
    start = {
        "AccountId": "123456789012",
        "FunctionName": "elsewhere",
        "FunctionQualifier": "$LATEST",
        "ExecutionName": "run",
        "ExecutionTimeoutSeconds": 300,
        "ExecutionRetentionPeriodDays": 7,
        "Input": f'"{SECRET}"',
    }
    assert served.send("POST", "/start-durable-execution", start).status == 201
    assert noticed.event.wait(30)
    text = shown(caplog, capfd)
    assert "http://127.0.0.1:1: " in text
    assert SECRET not in text


def test_a_client_that_goes_away_within_its_request_is_no_failure(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(ECHO)
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as client:
        head = f"POST {INVOKE.format('echo')} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        client.sendall(f"{head}Content-Length: 100\r\n\r\n[1, 2".encode())
        served.send("GET", "/health")
        # Closed by a reset, not by an orderly end.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(3):
        served.send("GET", "/health")
    assert "failed" not in caplog.text
