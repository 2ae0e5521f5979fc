"""`durable check-deploy`: what runs, replayed against the code that is to be deployed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_lambda import ARN, FakeLambda, event

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._deploy_gate import replay_process, replay_worker
from aws_durable_execution_sdk_python_testing._deploy_gate.paced_calls import Pace
from aws_durable_execution_sdk_python_testing._recordings import Recording
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing.cli import main

HEAD = """
import os, re, signal, sys, time
from aws_durable_execution_sdk_python import *
"""
BLOCKING = """
@durable_execution
def handler(event, context: DurableContext):
    context.step(lambda: 1, name="take")
    {change}
    return context.wait_for_callback(lambda callback_id: None, name="approval")
"""
ASYNC = """
@durable_execution
async def handler(event, context: AsyncDurableContext):
    await context.step(lambda: 1, name="take")
    {change}
    return await context.wait_for_callback(lambda callback_id: None, name="approval")
"""
NOTHING = "pass"


pytestmark = pytest.mark.usefixtures("no_aws")


class Deployment:
    """A service with executions of the handler that wait for approval, and the code at hand."""

    def __init__(self, directory: Path, code: str) -> None:
        self._directory = directory
        self.code = code
        self.server = DurableServer(
            [hosted("order", f"{self.write('deployed', NOTHING)}:handler")],
            ServerSettings(skip_time=True),
        )
        self.server.start()

    def write(self, name: str, change: str) -> Path:
        """A file with the handler; `change` is what it does before it asks for approval."""
        path = self._directory / f"{name}.py"
        path.write_text(HEAD + self.code.format(change=textwrap.indent(change, "    ").strip()))
        return path

    def begin(self, *names: str) -> None:
        """Start executions, and wait until each waits for approval."""
        service = self.server.service
        assert service is not None
        for name in names:
            arn = json.loads(
                run("invoke", "order", "--name", name, "--event", json.dumps(name),
                    "--json", "--endpoint-url", self.server.url).stdout
            )["DurableExecutionArn"]  # fmt: skip
            service.wait_for_callback(arn, "approval", timeout=60)

    def check(self, change: str, *options: str, function: str = "order") -> Result:
        path = self.write("changed", change)
        return run(
            *("check-deploy", function, "--handler", f"{path}:handler"),
            *("--endpoint-url", self.server.url, *options),
        )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


BOTH = pytest.mark.parametrize("code", [BLOCKING, ASYNC], ids=["blocking", "async"])


@pytest.fixture
def code() -> str:
    """The code that is deployed, where it makes no difference which."""
    return BLOCKING


@pytest.fixture
def deployment(code: str, tmp_path: Path) -> Iterator[Deployment]:
    started = Deployment(tmp_path, code)
    yield started
    started.server.stop()


def operation(deployment: Deployment, call: str) -> str:
    """A statement that calls an operation, in the kind of code that is deployed."""
    return f"await {call}" if deployment.code is ASYNC else call


# ------------------------------------------------------------------------------- what is found


@BOTH
def test_code_that_goes_on_with_all_is_fit(deployment: Deployment) -> None:
    deployment.begin("a", "b", "c")
    result = deployment.check(NOTHING, "--jobs", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "order: 3 running: 3 replay\n"


def test_a_function_without_running_executions_is_fit(deployment: Deployment) -> None:
    assert deployment.check(NOTHING).stdout == "order: 0 running: 0 replay\n"


@BOTH
def test_what_would_diverge_is_named_with_the_reason_and_the_line(deployment: Deployment) -> None:
    deployment.begin("a", "b")
    result = deployment.check(operation(deployment, 'context.step(lambda: 2, name="check")'))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] in ("diverges   a, b", "diverges   b, a")
    assert "expected: CONTEXT 'approval' (WaitForCallback)" in lines[1]
    assert "found:    STEP 'check' (Step)" in lines[2]
    assert 'changed.py", line 8, in handler' in lines[3]
    assert lines[-1] == "order: 2 running: 0 replay, 2 would diverge"


def test_json_has_every_execution(deployment: Deployment) -> None:
    deployment.begin("a", "b")
    change = f"""
if event == "a":
    {operation(deployment, 'context.step(lambda: 2, name="check")')}
"""
    result = deployment.check(change, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["Function"] == "order"
    assert report["Summary"] == {"REPLAYS": 1, "DIVERGES": 1, "UNCHECKED": 0, "ENDED": 0}
    found = {one["Name"]: one for one in report["Executions"]}
    assert found["a"]["Divergence"]["Source"]["Function"] == "handler"
    assert found["b"]["Verdict"] == "REPLAYS"
    assert found["b"]["Operations"] == 4
    assert found["b"]["DurableExecutionArn"].endswith(
        found["b"]["DurableExecutionArn"].split("/")[-1]
    )


@BOTH
def test_a_patched_change_is_fit(deployment: Deployment) -> None:
    deployment.begin("a")
    change = f"""
if context.patched("check"):
    {operation(deployment, 'context.step(lambda: 2, name="check")')}
"""
    assert deployment.check(change).stdout == "order: 1 running: 1 replay\n"


def test_only_what_runs_is_looked_at(deployment: Deployment) -> None:
    deployment.begin("a", "b")
    url = ("--endpoint-url", deployment.server.url)
    assert run("callback", "succeed", "approval", "--execution", "a", *url).exit_code == 0
    assert run("stop", "b", *url).exit_code == 0
    change = operation(deployment, 'context.step(lambda: 2, name="check")')
    assert deployment.check(change).stdout == "order: 0 running: 0 replay\n"


def test_the_executions_of_one_version_can_be_asked_for(deployment: Deployment) -> None:
    deployment.begin("a")
    assert "1 running" in deployment.check(NOTHING, function="order:$LATEST").stdout
    assert "0 running" in deployment.check(NOTHING, function="order:7").stdout


# ---------------------------------------------------------------------- handlers that misbehave


@pytest.mark.parametrize(
    ("code", "change", "reason"),
    [
        (BLOCKING, "os._exit(3)", "ended its process with status 3"),
        (ASYNC, "print('out of luck', file=sys.stderr); os._exit(3)", "which said: out of luck"),
        (BLOCKING, "os.kill(os.getpid(), signal.SIGSEGV)", "ended its process by SIGSEGV"),
        (BLOCKING, "[time.sleep(0.01) for _ in iter(int, 1)]", 'did not end within 0.5 s: File "'),
        (ASYNC, "[time.sleep(0.01) for _ in iter(int, 1)]", 'did not end within 0.5 s: File "'),
        (BLOCKING, "re.match('(a+)+$', 'a' * 64 + 'b')", "took more than"),
    ],
    ids=["exit", "said", "signal", "hang", "hanging loop", "deaf"],
)
def test_a_handler_that_hangs_or_crashes_ends_its_own_replay_only(
    deployment: Deployment, change: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_process, "_GRACE", 0.5)
    deployment.begin("a", "b", "c")
    result = deployment.check(f"if event == 'b': {change}", "--timeout", "0.5", "--jobs", "1")
    assert result.exit_code == 2
    assert "unchecked  b\n" in result.stdout
    assert reason in result.stdout
    assert result.stdout.endswith("order: 3 running: 2 replay, 1 could not be checked\n")


def test_what_a_handler_prints_is_not_in_the_report(deployment: Deployment) -> None:
    deployment.begin("a")
    change = "print('hello'); os.write(1, b'hello'); sys.__stdout__.write('hello')"
    result = deployment.check(change, "--json")
    assert json.loads(result.stdout)["Summary"]["REPLAYS"] == 1
    assert "hello" not in result.stderr


def test_a_process_ends_with_who_started_it_in_the_midst_of_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(HEAD + BLOCKING.format(change="[time.sleep(0.01) for _ in iter(int, 1)]"))
    worker = subprocess.Popen(
        [sys.executable, "-m", replay_worker.__name__, f"{path}:handler", "600"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"{}\n"
        worker.stdin.write(Recording([STARTED]).to_json().encode() + b"\n")
        worker.stdin.close()
        assert worker.wait(60) == 0


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def handler(event, context): pass", "no durable handler"),
        ("import absent_module", "absent_module"),
        ("import os; os._exit(4)", "ended its process with status 4"),
        ("other = 1", "has no handler 'handler'"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_bad_input(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    options = ("--handler", f"{path}:handler", "--endpoint-url", "http://127.0.0.1:9")
    result = run("check-deploy", "order", *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_function_that_is_not_there_is_bad_input(deployment: Deployment) -> None:
    result = deployment.check(NOTHING, function="ordre/a")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_service_that_does_not_answer_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(HEAD + BLOCKING.format(change=NOTHING))
    options = ("--handler", f"{path}:handler", "--endpoint-url", "http://127.0.0.1:9")
    result = run("check-deploy", "order", *options)
    assert result.exit_code == 2
    assert "127.0.0.1:9" in result.stderr


# ------------------------------------------------------------------------ what the service does


@pytest.fixture
def aws() -> Iterator[FakeLambda]:
    fake = FakeLambda()
    yield fake
    fake.close()


def step(number: int, name: str) -> list[dict[str, Any]]:
    shown = {"Name": name, "SubType": "Step"}
    done = {"Result": {"Payload": "1", "Truncated": False}}
    return [
        event(number, "StepStarted", f"{number}", **shown),
        event(number + 1, "StepSucceeded", f"{number}", **shown, details=done),
    ]


STARTED = event(1, "ExecutionStarted", "e", details={"Input": {"Payload": "{}"}})
ENDED = event(2, "ExecutionSucceeded", "e", details={"Result": {"Payload": "1"}})
WAITING = textwrap.dedent("""
    @durable_execution
    def handler(event, context: DurableContext):
        for n in range({count}):
            context.step(lambda: 1, name=f"step {{n}}")
""")


def gate(aws: FakeLambda, directory: Path, *options: str, count: int = 0) -> Result:
    path = directory / "code.py"
    path.write_text(HEAD + WAITING.format(count=count))
    return run(
        *("check-deploy", "Mine", "--handler", f"{path}:handler", "--jobs", "1"),
        *("--endpoint-url", aws.url, *options),
    )


def named(name: str) -> str:
    return ARN.replace("/run/", f"/{name}/")


def test_an_execution_that_ends_meanwhile_needs_no_verdict(aws: FakeLambda, tmp_path: Path) -> None:
    aws.running, aws.events = [named("a")], [STARTED, ENDED]
    result = gate(aws, tmp_path)
    assert (result.exit_code, result.stdout) == (
        0,
        "Mine: 1 running: 0 replay, 1 ended meanwhile\n",
    )


def test_lists_and_histories_are_read_to_their_last_page(aws: FakeLambda, tmp_path: Path) -> None:
    from aws_durable_execution_sdk_python._core.ids import operation_id

    aws.running = [named("a"), named("b"), named("c")]
    aws.events = [STARTED]
    for n in range(5):
        aws.events += [
            {**one, "Id": operation_id(None, n + 1)} for one in step(2 * n + 2, f"step {n}")
        ]
    aws.page = 2
    result = gate(aws, tmp_path, "--json", count=6)
    assert result.exit_code == 0, result.output
    assert [one["Operations"] for one in json.loads(result.stdout)["Executions"]] == [5, 5, 5]


def test_a_history_without_its_data_cannot_be_checked(aws: FakeLambda, tmp_path: Path) -> None:
    truncated = event(1, "ExecutionStarted", "e", details={"Input": {"Truncated": True}})
    aws.running, aws.events = [named("a")], [truncated]
    result = gate(aws, tmp_path)
    assert result.exit_code == 2
    assert "lacks execution data" in result.stdout


def test_an_execution_that_has_nothing_on_record_yet_goes_on(
    aws: FakeLambda, tmp_path: Path
) -> None:
    aws.running = [named("a")]
    assert gate(aws, tmp_path).stdout == "Mine: 1 running: 1 replay\n"


def test_throttled_calls_are_made_again(
    aws: FakeLambda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_durable_execution_sdk_python_testing._deploy_gate import paced_calls

    monkeypatch.setattr(paced_calls, "_FIRST_PAUSE", 0.001)
    aws.running, aws.events, aws.throttled = [named("a")], [STARTED], 5
    assert gate(aws, tmp_path).stdout == "Mine: 1 running: 1 replay\n"
    aws.throttled = 100
    result = gate(aws, tmp_path)
    assert result.exit_code == 2
    assert "TooManyRequestsException: slower" in result.stderr


def test_calls_take_turns_and_all_wait_after_a_refusal() -> None:
    passed = [100.0]
    pace = Pace(10, now=lambda: passed[0], sleep=lambda s: passed.append(passed.pop() + s))
    for _ in range(5):
        pace.wait()
    assert passed == [pytest.approx(100.4)]
    pace.pause(3)
    pace.wait()
    assert passed == [pytest.approx(103.4)]
    pace.wait()
    assert passed == [pytest.approx(103.5)]
