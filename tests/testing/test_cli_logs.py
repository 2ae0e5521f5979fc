"""`durable logs`: lines that a local service keeps, and lines in CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner
from fake_lambda import ARN, FakeLambda

from aws_durable_execution_sdk_python_testing._cli.logs_command import cloudwatch_lines
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing.cli import main
from aws_durable_execution_sdk_python_testing.model import Invocation

LINES = [
    {"Timestamp": 1.5, "FunctionName": "Mine", "RequestId": "r-1", "Text": "charging order-1"},
    {"Timestamp": 2.25, "FunctionName": "pay", "RequestId": "r-2", "Text": "paid"},
]


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def endpoint() -> Iterator[str]:
    fake = FakeLambda()
    fake.lines = LINES
    yield fake.url
    fake.close()


def test_logs_prints_what_the_functions_of_an_execution_wrote(endpoint: str) -> None:
    result = CliRunner().invoke(main, ["logs", ARN, "--endpoint-url", endpoint])
    assert result.stdout.splitlines() == [
        "00:00:01.500  Mine  charging order-1",
        "00:00:02.250  pay  paid",
    ]


def test_logs_says_that_there_are_none() -> None:
    fake = FakeLambda()
    fake.lines = []
    result = CliRunner().invoke(main, ["logs", ARN, "--endpoint-url", fake.url])
    fake.close()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no output is kept of this execution's functions\n"


def test_logs_json_has_the_request_ids(endpoint: str) -> None:
    result = CliRunner().invoke(main, ["logs", ARN, "--endpoint-url", endpoint, "--json"])
    assert [line["RequestId"] for line in json.loads(result.stdout)] == ["r-1", "r-2"]


def test_logs_of_a_function_in_a_runtime_process_are_kept_by_the_service() -> None:
    program = Path(__file__).with_name("served_program.py")
    function = hosted("talkative", f"{program}:talkative")
    with DurableServer([function], ServerSettings(runtime="lambda")) as server:
        cli, options = CliRunner(), ["--endpoint-url", server.url]
        event = '{"order": "order-1"}'
        cli.invoke(
            main, ["invoke", "talkative", "--name", "a", "--event", event, "--wait", *options]
        )
        shown = cli.invoke(main, ["logs", "a", *options])
    assert shown.exit_code == 0, shown.output
    assert any(line.endswith("  talkative  charging order-1") for line in shown.stdout.splitlines())


def test_logs_show_the_traceback_of_a_failure_in_a_runtime_process() -> None:
    program = Path(__file__).with_name("served_program.py")
    function = hosted("failing", f"{program}:failing")
    with DurableServer([function], ServerSettings(runtime="lambda")) as server:
        cli, options = CliRunner(), ["--endpoint-url", server.url]
        cli.invoke(main, ["invoke", "failing", "--name", "a", "--wait", *options])
        shown = cli.invoke(main, ["logs", "a", *options]).stdout
    assert shown.count("the handler failed: ValueError: no stock") == 1
    assert 'served_program.py", line ' in shown
    assert 'raise ValueError("no stock")' in shown


def test_on_aws_the_lines_of_each_invocation_are_looked_up() -> None:
    client: Any = boto3.client(
        "logs", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b"
    )
    invocations = [_invocation("r-1", 10), _invocation("r-2", 20)]
    with Stubber(client) as stub:
        for invocation, text in zip(invocations, ("one\n", "two"), strict=True):
            stub.add_response(
                "filter_log_events",
                {"events": [{"timestamp": 11_500, "message": text}]},
                {
                    "logGroupName": "/aws/lambda/Mine",
                    "filterPattern": f'"{invocation.request_id}"',
                    "startTime": int(invocation.start_timestamp.timestamp() * 1000),
                },
            )
        lines = list(cloudwatch_lines(client, "/aws/lambda/Mine", invocations))
    assert lines == [
        {"Timestamp": 11.5, "FunctionName": "Mine", "RequestId": "r-1", "Text": "one"},
        {"Timestamp": 11.5, "FunctionName": "Mine", "RequestId": "r-2", "Text": "two"},
    ]
    client.close()


def _invocation(request_id: str, start: float) -> Invocation:
    return Invocation(
        request_id=request_id,
        start_timestamp=datetime.fromtimestamp(start, UTC),
        end_timestamp=datetime.fromtimestamp(start + 1, UTC),
    )
