"""`durable serve` and `dex-local-runner` as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from lambda_fake import LambdaFake

from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

TESTING = "aws_durable_execution_sdk_python_testing"
# What the console scripts call.
SCRIPTS = {
    "durable": f"from {TESTING}.cli import main; main()",
    "dex-local-runner": f"from {TESTING}._cli.dex_commands import dex_local_runner as main; main()",
}
PROGRAM = """
import pathlib, time
from aws_durable_execution_sdk_python import durable_execution

here = pathlib.Path(__file__).parent

def log(line):
    with (here / "log.txt").open("a") as file:
        file.write(line + "\\n")

@durable_execution
def rest(event, context):
    context.step(lambda _: log("before"), name="before")
    context.wait(seconds=1)
    return "rested"

@durable_execution
def approve(event, context):
    return context.wait_for_callback(lambda callback_id, _: None, name="approval")

def work(_):
    log("work")
    while not (here / "go").exists():
        time.sleep(0.01)
    return "worked"

@durable_execution
def busy(event, context):
    context.step(lambda _: log("first"), name="first")
    return context.step(work, name="work")

def double(event, context):
    return event * 2
"""
WORDS = ("before", "first", "work")


class Server:
    """A serving process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.line = process.stdout.readline()
        self.url = self.line.rpartition(" ")[2].strip()

    def client(self) -> Any:
        return ensure_durable_operations(boto3.client("lambda", endpoint_url=self.url))

    def health(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/health") as response:
            return json.load(response)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait()


class Directory:
    """A directory with a program, in which the commands run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._processes: list[subprocess.Popen[str]] = []
        (path / "app.py").write_text(PROGRAM)

    @property
    def log(self) -> list[str]:
        file = self.path / "log.txt"
        return file.read_text().split() if file.exists() else []

    def serve(self, *arguments: str) -> Server:
        return self._start("durable", "serve", "--port", "0", *arguments)

    def start_dex(self, *arguments: str) -> Server:
        return self._start("dex-local-runner", "start-server", "--port", "0", *arguments)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            cwd=self.path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _start(self, *arguments: str) -> Server:
        with (self.path / "stderr.txt").open("a") as stderr:
            process = subprocess.Popen(
                self._command(*arguments),
                cwd=self.path,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._processes.append(process)
        return Server(process)

    def _command(self, script: str, *arguments: str) -> list[str]:
        return [sys.executable, "-uc", SCRIPTS[script], *arguments]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    directory = Directory(tmp_path)
    yield directory
    directory.close()


def poll(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds something."""
    while not (found := look()):
        pass
    return found


def start(client: Any, function: str) -> str:
    answer = client.invoke(
        FunctionName=function,
        Qualifier="$LATEST",
        InvocationType="Event",
        Payload=b"1",
        DurableExecutionName="run",
    )
    return str(answer["DurableExecutionArn"])


def history(client: Any, arn: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = client.get_durable_execution_history(DurableExecutionArn=arn)[
        "Events"
    ]
    return events


def event(client: Any, arn: str, event_type: str) -> dict[str, Any] | None:
    return next((one for one in history(client, arn) if one["EventType"] == event_type), None)


@pytest.mark.parametrize("store", ["executions.db", "filesystem:executions"])
def test_a_killed_server_loses_nothing_and_goes_on(directory: Directory, store: str) -> None:
    """Timers, callbacks and running executions outlive SIGKILL, and so does all of history."""
    functions = [f"--function={name}=app.py:{name}" for name in ("rest", "approve", "busy")]
    server = directory.serve("--store", store, *functions)
    client = server.client()
    arns = {name: start(client, name) for name in ("rest", "approve", "busy")}
    poll(lambda: event(client, arns["rest"], "WaitStarted"))
    callback = poll(lambda: event(client, arns["approve"], "CallbackStarted"))
    poll(lambda: "work" in directory.log)
    before = {name: history(client, arn) for name, arn in arns.items()}
    client.close()
    assert server.end(signal.SIGKILL) == -signal.SIGKILL

    (directory.path / "go").touch()
    server = directory.serve("--store", store, *functions)
    assert server.health() == {"status": "healthy"}
    client = server.client()
    client.send_durable_execution_callback_success(
        CallbackId=callback["CallbackStartedDetails"]["CallbackId"], Result=b'"yes"'
    )
    # The same name and payload find the execution there is; its end is waited for.
    results = {
        name: client.invoke(
            FunctionName=name, Qualifier="$LATEST", Payload=b"1", DurableExecutionName="run"
        )
        for name in arns
    }
    assert {name: answer["DurableExecutionArn"] for name, answer in results.items()} == arns
    assert {name: json.loads(answer["Payload"].read()) for name, answer in results.items()} == {
        "rest": "rested",
        "approve": "yes",
        "busy": "worked",
    }
    for name, arn in arns.items():
        after = history(client, arn)
        assert after[: len(before[name])] == before[name]
    assert [directory.log.count(word) for word in WORDS] == [1, 1, 2]
    client.close()


def test_a_terminated_server_leaves_in_order(directory: Directory) -> None:
    server = directory.serve("--function", "double=app.py:double")
    assert server.line.startswith("serving double at http://127.0.0.1:")
    assert server.end(signal.SIGTERM) == 128 + signal.SIGTERM
    with pytest.raises(urllib.error.URLError):
        server.health()


def test_ctrl_c_ends_a_server(directory: Directory) -> None:
    assert directory.serve().end(signal.SIGINT) == 130


def test_functions_of_a_file_run_at_the_endpoint(
    directory: Directory, fake_lambda: LambdaFake
) -> None:
    fake_lambda.functions["mail"] = lambda event: "sent"
    (directory.path / "functions.json").write_text('{"mail": {"FunctionName": "mail"}}')
    server = directory.serve("--lambda-endpoint", fake_lambda.url, "--functions", "functions.json")
    client = server.client()
    assert json.loads(client.invoke(FunctionName="mail")["Payload"].read()) == "sent"
    client.close()


def test_skipped_time_stays_skipped_in_the_next_server(directory: Directory) -> None:
    """The clock goes on where the store is, so that nothing happens before what led to it."""
    arguments = ["--store", "executions.db", "--function", "rest=app.py:rest"]
    server = directory.serve("--skip-time", *arguments)
    client = server.client()
    answer = client.invoke(FunctionName="rest", Qualifier="$LATEST")
    ended = history(client, answer["DurableExecutionArn"])[-1]["EventTimestamp"]
    client.close()
    server.end(signal.SIGKILL)
    client = directory.serve(*arguments).client()
    later = client.invoke(FunctionName="rest", Qualifier="$LATEST", InvocationType="Event")
    first = history(client, later["DurableExecutionArn"])[0]
    assert first["EventTimestamp"] >= ended
    client.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--function", "double"], "NAME=FILE_OR_MODULE:HANDLER"),
        (["--function", "double=app.py"], "FILE_OR_MODULE:HANDLER"),
        (["--function", "double=app.py:nobody"], "no handler 'nobody'"),
        (["--function", "double=nowhere.py:f"], "cannot import nowhere.py"),
        (["--function", "a b=app.py:double"], "invalid name"),
        (["--functions", "nowhere.json"], "nowhere.json"),
        (["--functions", "app.py"], "must be one of"),
        (["--lambda-endpoint", "ftp://x"], "Invalid endpoint"),
        (["--store", "app.py"], "not a store"),
        (["--host", "192.0.2.1"], "assign"),
        (["--store", "sqllite:orders.db"], "no kind of store is called 'sqllite'"),
        (["--invocation-timeout", "0"], "--invocation-timeout"),
        (["--region", "not a region"], "is no region"),
        (
            ["--runtime", "lambda", "--function", "double=app.py:nobody"],
            "Error: app.py has no handler 'nobody'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    directory: Directory, arguments: list[str], words: str
) -> None:
    done = directory.run("durable", "serve", "--port", "0", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_function_that_nothing_runs_is_an_error(directory: Directory) -> None:
    (directory.path / "functions.toml").write_text("[mail]\nTimeout = 3\n")
    done = directory.run("durable", "serve", "--functions", "functions.toml")
    assert done.returncode == 2
    assert "nothing runs mail" in done.stderr


# ------------------------------------------------------------------------- dex-local-runner


def test_dex_local_runner_starts_and_shows_executions(
    directory: Directory, fake_lambda: LambdaFake
) -> None:
    fake_lambda.functions["order"] = lambda event: {"Status": "SUCCEEDED", "Result": "1"}
    store = ["--store-type", "sqlite", "--store-path", "executions.db"]
    server = directory.start_dex(
        "--lambda-endpoint", fake_lambda.url, "--log-level", "DEBUG", *store
    )
    endpoint = {"AWS_DEX_LOCAL_RUNNER_ENDPOINT": server.url}

    started = directory.run(
        "dex-local-runner", "invoke", "--function-name", "order", "--input", "7", **endpoint
    )
    arn = json.loads(started.stdout)["ExecutionArn"]
    assert "/durable-execution/order-execution/" in arn

    shown = directory.run(
        "dex-local-runner", "get-durable-execution", "--durable-execution-arn", arn, **endpoint
    )
    assert json.loads(shown.stdout)["InputPayload"] == "7"

    events = directory.run(
        "dex-local-runner",
        "get-durable-execution-history",
        "--durable-execution-arn",
        arn,
        **endpoint,
    )
    assert json.loads(events.stdout)["Events"][0]["EventType"] == "ExecutionStarted"


def test_dex_local_runner_takes_its_settings_from_the_environment(
    directory: Directory, fake_lambda: LambdaFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_lambda.functions["mail"] = lambda event: "sent"
    monkeypatch.setenv("AWS_DEX_LAMBDA_ENDPOINT", fake_lambda.url)
    monkeypatch.setenv("AWS_DEX_STORE_TYPE", "sqlite")
    monkeypatch.setenv("AWS_DEX_STORE_PATH", "from-environment.db")
    configs = json.dumps({"order": {"DurableConfig": {"ExecutionTimeout": 60}}, "mail": {}})
    client = directory.start_dex("--function-configs", configs).client()
    assert json.loads(client.invoke(FunctionName="mail")["Payload"].read()) == "sent"
    assert (directory.path / "from-environment.db").exists()
    client.close()


def test_dex_local_runner_says_what_the_service_refuses(directory: Directory) -> None:
    server = directory.start_dex()
    done = directory.run(
        "dex-local-runner",
        "get-durable-execution",
        "--durable-execution-arn",
        "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/a/b",
        AWS_DEX_LOCAL_RUNNER_ENDPOINT=server.url,
    )
    assert done.returncode == 1
    assert "ResourceNotFoundException" in done.stderr


def test_dex_local_runner_says_that_nobody_listens(directory: Directory) -> None:
    done = directory.run(
        "dex-local-runner",
        "invoke",
        "--function-name",
        "order",
        AWS_DEX_LOCAL_RUNNER_ENDPOINT="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert "cannot reach http://127.0.0.1:9" in done.stderr


@pytest.mark.parametrize("command", [("durable", "serve"), ("dex-local-runner", "start-server")])
def test_ports_that_do_not_exist_are_refused(
    directory: Directory, command: tuple[str, str]
) -> None:
    done = directory.run(*command, "--port", "70000")
    assert done.returncode == 2
    assert "70000 is not in the range" in done.stderr
