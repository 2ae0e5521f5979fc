"""The runner for deployed functions, and the plugin's cloud mode, against the local service.

The service listens and the runner's boto3 client calls it: nothing here is simulated but AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing import (
    DurableFunctionCloudTestRunner,
    DurableFunctionsTestError,
    ErrorObject,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

pytest_plugins = ["pytester"]

PROGRAM = Path(__file__).with_name("served_program.py")


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[DurableServer]:
    names = ("order", "short", "failing", "plain")
    functions = [hosted(name, f"{PROGRAM}:{name}") for name in names]
    with DurableServer(
        functions, ServerSettings(skip_time=True, allow_unqualified=True, api_rates=False)
    ) as started:
        yield started


@pytest.fixture
def runner_of(
    server: DurableServer,
) -> Iterator[Callable[[str], DurableFunctionCloudTestRunner]]:
    made: list[DurableFunctionCloudTestRunner] = []

    def make(function_name: str) -> DurableFunctionCloudTestRunner:
        runner = DurableFunctionCloudTestRunner(
            function_name, lambda_endpoint=server.url, poll_interval=0.001
        )
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.close()


RunnerOf = Callable[[str], DurableFunctionCloudTestRunner]


@pytest.mark.usefixtures("no_aws")
def test_a_local_endpoint_wants_no_aws_account(runner_of: RunnerOf) -> None:
    assert runner_of("short").run({"amount": 20}).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_aws")
def test_a_local_endpoint_from_the_environment_wants_no_aws_account(
    server: DurableServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    with DurableFunctionCloudTestRunner("short", poll_interval=0.001) as runner:
        assert runner.run({"amount": 20}).status == "SUCCEEDED"


@pytest.mark.parametrize(
    "name",
    ["short", "short:$LATEST", "arn:aws:lambda:us-west-2:123456789012:function:short:$LATEST"],
)
def test_a_run_gives_result_operations_and_history(runner_of: RunnerOf, name: str) -> None:
    with runner_of(name) as runner:
        result = runner.run(input={"a": 5})
    assert result.status == "SUCCEEDED"
    assert result.result == {"a": 5}
    assert result.get_step("echo").result == {"a": 5}
    assert len(result.invocations) == 1
    assert result.history.events[-1].event_type == "ExecutionSucceeded"


@pytest.mark.parametrize("given", ['{"a": 1}', {"a": 1}])
def test_text_and_values_arrive_as_they_do_locally(runner_of: RunnerOf, given: object) -> None:
    assert runner_of("short").run(input=given).result == {"a": 1}


def test_a_failed_execution_is_a_result_and_its_error_is_logged(
    runner_of: RunnerOf, caplog: pytest.LogCaptureFixture
) -> None:
    result = runner_of("failing").run()
    assert result.status == "FAILED"
    assert "answered with an error: Unhandled" in caplog.text
    assert result.error is not None
    headline, frame, source = str(result.error).splitlines()
    assert headline == "ValueError: no stock"
    assert frame.endswith(", in failing")
    assert source.strip() == 'raise ValueError("no stock")'


def test_a_callback_is_answered_while_the_execution_runs(runner_of: RunnerOf) -> None:
    runner = runner_of("order")
    arn = runner.run_async(input={})
    callback_id = runner.wait_for_callback(arn, "approval")
    runner.send_callback_heartbeat(callback_id)
    runner.send_callback_success(callback_id, b'{"ok": true}')
    result = runner.wait_for_result(arn)
    assert result.result == {"prepared": "prepared", "answer": {"ok": True}}
    assert result.get_step("prepare").attempt == 2
    (callback, *_) = result.get_context("approval").child_operations
    assert callback.status == "SUCCEEDED"


def test_a_callback_is_failed(runner_of: RunnerOf) -> None:
    runner = runner_of("order")
    arn = runner.run_async()
    runner.send_callback_failure(runner.wait_for_callback(arn), ErrorObject("no", "Refused"))
    result = runner.wait_for_result(arn)
    assert result.status == "FAILED"
    assert result.error is not None
    assert result.error.message == "no"


def test_a_function_that_is_not_durable_is_refused(runner_of: RunnerOf) -> None:
    with pytest.raises(DurableFunctionsTestError, match="DurableConfig"):
        runner_of("plain").run()


def test_pausing_is_for_the_local_runner(runner_of: RunnerOf) -> None:
    with pytest.raises(NotImplementedError):
        runner_of("short").pause_execution("arn")
    with pytest.raises(NotImplementedError):
        runner_of("short").resume_execution("arn")


TESTS = """
import pytest
from served_program import short

@pytest.mark.durable_execution(handler=short, lambda_function_name="greeting")
def test_greeting(durable_runner):
    with durable_runner:
        result = durable_runner.run(input={"name": "Ada"}, timeout=30)
    assert result.status == "SUCCEEDED"
    assert result.result == {"name": "Ada"}
    print("mode:", durable_runner.mode)

@pytest.mark.durable_execution(handler=short, lambda_function_name="absent")
def test_absent(durable_runner):
    pass
"""


@pytest.mark.parametrize(
    ("mode", "outcomes"), [("local", {"passed": 2}), ("cloud", {"passed": 1, "skipped": 1})]
)
def test_the_same_tests_run_in_process_and_deployed(
    pytester: pytest.Pytester,
    server: DurableServer,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    outcomes: dict[str, int],
) -> None:
    monkeypatch.setenv("LAMBDA_ENDPOINT", server.url)
    monkeypatch.setenv("PYTEST_FUNCTION_NAME_MAP", '{"greeting": "short:$LATEST"}')
    pytester.makepyfile(TESTS, served_program=PROGRAM.read_text(encoding="utf-8"))
    result = pytester.runpytest_subprocess("-rP", "-p", "no:cacheprovider", f"--runner-mode={mode}")
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines([f"mode: {mode}"])
