"""What AWS's own tools make of the local service's answers, where they are installed.

They want other versions of botocore than the SDK, so each is in an environment of its own, named
by a variable: `DURABLE_TESTS_BOTO3` is a Python with the newest boto3, `DURABLE_TESTS_AWS` the
command `aws` and `DURABLE_TESTS_SAM` the command `sam`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from served_handlers import APPROVAL, ECHO, INTRODUCED
from serving_bench import Served

Serve = Callable[..., Served]
# The commands stop after that many seconds.
PATIENCE = 120.0
ERROR = {
    "ErrorMessage": "no",
    "ErrorType": "Denied",
    "ErrorData": '{"code": 7}',
    "StackTrace": ["line 1", "line 2"],
}


def tool(variable: str) -> str:
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} names none")
    return path


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(ECHO, APPROVAL, INTRODUCED, allow_unqualified=False)


class Command:
    """A command line tool that talks to a service."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._command = command
        self._environment = environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def __call__(self, *arguments: str) -> Any:
        """What it prints, as JSON; None if that is nothing."""
        result = self.run(*arguments)
        assert result.returncode == 0, result
        return json.loads(result.stdout) if result.stdout.strip() else None

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.returncode != 0, result
        return result.stderr


# ------------------------------------------------------------------------------ AWS CLI v1


@pytest.fixture
def aws(served: Served) -> Command:
    return Command(
        tool("DURABLE_TESTS_AWS"), "--output", "json", "lambda", AWS_ENDPOINT_URL_LAMBDA=served.url
    )


def test_the_aws_cli_invokes(aws: Command, tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    request = ("invoke", "--function-name", "echo:1", "--durable-execution-name", "n")
    first = aws(*request, "--payload", '{"a": 1}', str(payload))
    assert (first["StatusCode"], first["ExecutedVersion"]) == (200, "1")
    assert json.loads(payload.read_text()) == {"a": 1}
    again = aws(*request, "--payload", '{"a": 1}', str(payload))
    assert again["DurableExecutionArn"] == first["DurableExecutionArn"]
    taken = aws.refused(*request, "--payload", "2", str(payload))
    assert "(DurableExecutionAlreadyStartedException)" in taken
    unqualified = aws.refused("invoke", "--function-name", "echo", str(payload))
    assert "You cannot invoke a durable function using an unqualified ARN." in unqualified
    malformed = aws.refused("invoke", "--function-name", "e c", str(payload))
    assert "(ValidationException)" in malformed
    assert "Value 'e c' at 'functionName' failed to satisfy constraint" in malformed


def test_the_aws_cli_sends_a_client_context(aws: Command, tmp_path: Path) -> None:
    context = {"custom": {"k": "v"}, "client": {"app_title": "till"}}
    payload = tmp_path / "payload.json"
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    aws("invoke", "--function-name", "introduced", "--client-context", encoded, str(payload))
    assert json.loads(payload.read_text()) == {"custom": {"k": "v"}, "title": "till"}


def test_the_aws_cli_works_with_an_execution(aws: Command, served: Served, tmp_path: Path) -> None:
    request = ("invoke", "--function-name", "approval:1", "--invocation-type", "Event")
    arn = aws(*request, str(tmp_path / "out"))["DurableExecutionArn"]
    callback_id = served.callback(arn)
    identity = ("--durable-execution-arn", arn)
    by_callback = ("--callback-id", callback_id)
    assert aws("get-durable-execution", *identity)["Status"] == "RUNNING"
    assert aws("send-durable-execution-callback-heartbeat", *by_callback) is None
    failure = ("send-durable-execution-callback-failure", *by_callback)
    assert aws(*failure, "--error", json.dumps(ERROR)) is None
    assert served.wait(arn) == "FAILED"
    assert "(CallbackTimeoutException)" in aws.refused(*failure)
    whole = aws("get-durable-execution-history", *identity, "--include-execution-data")
    (failed,) = (one for one in whole["Events"] if one["EventType"] == "CallbackFailed")
    assert failed["CallbackFailedDetails"]["Error"]["Payload"] == ERROR
    # The tool puts the pages together again, whatever their size.
    paged = aws("get-durable-execution-history", *identity, "--page-size", "2")
    assert [one["EventId"] for one in paged["Events"]] == list(range(1, len(whole["Events"]) + 1))
    token = ("--checkpoint-token", "dG9rZW4=")
    for command in ("checkpoint-durable-execution", "get-durable-execution-state"):
        assert "Invalid checkpoint token" in aws.refused(command, *identity, *token)


def test_the_aws_cli_lists_answers_and_stops(aws: Command, served: Served, tmp_path: Path) -> None:
    request = ("invoke", "--function-name", "approval:1", "--invocation-type", "Event")
    arns = [aws(*request, str(tmp_path / "out"))["DurableExecutionArn"] for _ in range(3)]
    listing = ("list-durable-executions-by-function", "--function-name", "approval")
    found = aws(*listing, "--page-size", "1", "--statuses", "RUNNING")["DurableExecutions"]
    assert [one["DurableExecutionArn"] for one in found] == arns[::-1]
    success = ("send-durable-execution-callback-success", "--result", '"yes"')
    assert aws(*success, "--callback-id", served.callback(arns[0])) is None
    assert served.wait(arns[0]) == "SUCCEEDED"
    stopped = aws(
        *("stop-durable-execution", "--durable-execution-arn", arns[1]),
        *("--error", "ErrorMessage=enough"),
    )
    assert stopped.keys() == {"StopTimestamp"}
    described = aws("get-durable-execution", "--durable-execution-arn", arns[1])
    assert (described["Status"], described["Error"]) == ("STOPPED", {"ErrorMessage": "enough"})
    ended = aws(*listing, "--statuses", "SUCCEEDED", "STOPPED", "--reverse-order")
    assert [one["DurableExecutionArn"] for one in ended["DurableExecutions"]] == arns[:2]
    assert aws(*listing, "--started-after", "2999-01-01")["DurableExecutions"] == []


# ------------------------------------------------------------------------------------ SAM


@pytest.fixture
def sam(served: Served) -> Command:
    port = served.url.rpartition(":")[2]
    return Command(
        *(tool("DURABLE_TESTS_SAM"), "local"),
        DURABLE_EXECUTIONS_EXTERNAL_EMULATOR_PORT=port,
        SAM_CLI_TELEMETRY="0",
    )


def test_sam_works_with_an_execution(sam: Command, served: Served) -> None:
    first, second = (start(served) for _ in range(2))
    as_json = ("--format", "json")
    assert sam("execution", "get", first, *as_json)["Status"] == "RUNNING"
    history = sam("execution", "history", first, *as_json)["Events"]
    (created,) = (one for one in history if one["EventType"] == "CallbackStarted")
    callback_id = created["CallbackStartedDetails"]["CallbackId"]
    assert sam.run("callback", "heartbeat", callback_id).returncode == 0
    lines = [word for line in ERROR["StackTrace"] for word in ("--stack-trace", line)]
    failed = sam.run(
        *("callback", "fail", callback_id),
        *("--error-message", ERROR["ErrorMessage"], "--error-type", ERROR["ErrorType"]),
        *("--error-data", ERROR["ErrorData"], *lines),
    )
    assert failed.returncode == 0, failed
    assert served.wait(first) == "FAILED"
    events = served.service.history(first)
    (event,) = (one for one in events if one["EventType"] == "CallbackFailed")
    assert event["CallbackFailedDetails"]["Error"]["Payload"] == ERROR
    assert "(CallbackTimeoutException)" in sam.refused("callback", "succeed", callback_id)
    stopped = sam.run("execution", "stop", second, "--error-message", "enough")
    assert stopped.returncode == 0, stopped
    described = sam("execution", "get", second, *as_json)
    assert (described["Status"], described["Error"]) == ("STOPPED", {"ErrorMessage": "enough"})


def test_sam_answers_a_callback(sam: Command, served: Served) -> None:
    arn = start(served)
    answered = sam.run("callback", "succeed", served.callback(arn), "--result", '"yes"')
    assert answered.returncode == 0, answered
    assert served.wait(arn) == "SUCCEEDED"
    assert served.service.execution(arn)["Result"] == '"yes"'


def start(served: Served) -> str:
    """An execution that waits for its callback."""
    headers = {"X-Amz-Invocation-Type": "Event"}
    reply = served.send("POST", "/2015-03-31/functions/approval:1/invocations", 1, headers)
    arn = reply.headers["x-amz-durable-execution-arn"]
    served.callback(arn)
    return arn


# ------------------------------------------------------------------------ the newest boto3


def test_the_newest_boto3_reads_every_answer(served: Served) -> None:
    """Its model has members and errors of its own for each of them."""
    program = Path(__file__).with_name("boto3_calls.py")
    answers = Command(tool("DURABLE_TESTS_BOTO3"))(str(program), served.url)
    raised = {name: one["raised"] for name, one in answers.items() if "raised" in one}
    assert raised == {
        "taken": "DurableExecutionAlreadyStartedException",
        "unqualified": "InvalidParameterValueException",
        "malformed": "InvalidRequestContentException",
        "too early": "ResourceConflictException",
        "closed": "CallbackTimeoutException",
        "checkpoint_durable_execution": "InvalidParameterValueException",
        "get_durable_execution_state": "InvalidParameterValueException",
        "deleted": "ResourceNotFoundException",
        "list_durable_executions_by_function": "ClientError",
    }
    assert answers["list_durable_executions_by_function"]["Error"]["Code"] == "ValidationException"
    assert answers["invoke"]["Payload"] == {"n": 1}
    assert (answers["paused"]["Status"], answers["paused"]["PauseDetails"]["Reason"]) == (
        "PAUSED",
        "lunch",
    )
    assert answers["get_durable_execution"]["Error"]["StackTrace"][-1] == "l"
    events = answers["get_durable_execution_history"]["Events"]
    (failed,) = (one for one in events if one["EventType"] == "CallbackFailed")
    assert failed["CallbackFailedDetails"]["Error"]["Payload"]["ErrorData"] == "7"
    assert {"ExecutionPaused", "ExecutionResumed"} <= {one["EventType"] for one in events}
    assert answers["stopped"]["Error"] == {"ErrorMessage": "enough"}
    listed = [(one["DurableExecutionName"], one["Status"]) for one in answers["list"]]
    assert listed == [("second", "SUCCEEDED"), ("third", "STOPPED")]
