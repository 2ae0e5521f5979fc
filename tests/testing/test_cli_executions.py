"""The commands about executions, run against a service that listens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_lambda import FakeLambda

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.durable_service import DurableService
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing.cli import main

PROGRAM = Path(__file__).with_name("served_program.py")
FUNCTIONS = ("order", "short", "failing", "plain")


class Service:
    """A service with the functions of `served_program`, and the command that talks to it."""

    def __init__(self) -> None:
        self.server = DurableServer(
            [hosted(name, f"{PROGRAM}:{name}") for name in FUNCTIONS],
            ServerSettings(skip_time=True),
        )
        self.server.start()

    @property
    def local(self) -> DurableService:
        """What is behind the listener, to wait for."""
        assert self.server.service is not None
        return self.server.service

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin)

    def ok(self, *arguments: str) -> str:
        """Run a command that succeeds; what it printed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """Run a command that is refused; the one line it says."""
        result = self.run(*arguments)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        return str(line)

    def wait_for_approval(self, name: str) -> str:
        """Start an execution of `order`, and wait until its callback is open; its ARN."""
        arn: str = self.json("invoke", "order", "--name", name)["DurableExecutionArn"]
        self.local.wait_for_callback(arn, "approval", timeout=60)
        return arn


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, no_aws: None) -> Iterator[Service]:
    started = Service()
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", started.server.url)
    yield started
    started.server.stop()


# ------------------------------------------------------------------------------------ invoke


def test_invoke_starts_an_execution_and_returns(service: Service) -> None:
    shown = service.ok("invoke", "short", "--name", "a", "--event", '{"x": 1}')
    first, arn = shown.splitlines()
    assert first == "started a"
    assert arn.split("/")[-2] == "a"


def test_invoke_wait_shows_the_operations_and_the_result(service: Service) -> None:
    shown = service.ok("invoke", "short", "--event", '{"x": 1}', "--wait")
    assert "echo [Step]  SUCCEEDED" in shown
    assert shown.endswith('{\n  "x": 1\n}\n')


def test_invoke_wait_json_ends_with_the_result(service: Service) -> None:
    lines = [
        json.loads(line) for line in service.ok("invoke", "short", "--wait", "--json").splitlines()
    ]
    assert [line["type"] for line in lines] == ["execution", "operation", "operation", "result"]
    assert lines[-1]["result"] == {}


def test_the_exit_status_tells_that_the_execution_failed(service: Service) -> None:
    result = service.run("invoke", "failing", "--wait")
    assert result.exit_code == 1
    assert "ValueError: no stock" in result.stdout


def test_invoke_gives_up_waiting_after_the_timeout(service: Service) -> None:
    result = service.run("invoke", "order", "--name", "slow", "--wait", "--timeout", "0")
    assert result.exit_code == 2
    assert "durable show slow" in result.stderr


def test_ctrl_c_leaves_the_execution_running(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    result = service.run("invoke", "order", "--name", "o-1", "--wait")
    assert result.exit_code == 130
    assert "it goes on: durable show o-1" in result.stderr
    assert service.json("show", "o-1")["Status"] == "RUNNING"


def test_a_name_and_event_start_one_execution_only(service: Service) -> None:
    arns = {service.json("invoke", "short", "--name", "a")["DurableExecutionArn"] for _ in "12"}
    assert len(arns) == 1


def test_the_event_is_read_from_a_file_or_standard_input(service: Service, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"from": "file"}')
    service.ok("invoke", "short", "--name", "f", "--event", f"@{tmp_path / 'event.json'}", "--wait")
    service.run("invoke", "short", "--name", "s", "--event", "-", "--wait", stdin='"stdin"')
    assert json.loads(service.json("show", "f")["Result"]) == {"from": "file"}
    assert json.loads(service.json("show", "s")["Result"]) == "stdin"


# ------------------------------------------------------------------------------------ looking


def test_ls_lists_the_newest_execution_first(service: Service) -> None:
    for name in ("one", "two"):
        service.ok("invoke", "short", "--name", name, "--wait")
    header, newest, oldest = service.ok("ls").splitlines()
    assert header.split() == ["name", "function", "status", "started", "took"]
    assert newest.split()[:3] == ["two", "short", "SUCCEEDED"]
    assert oldest.split()[:3] == ["one", "short", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["bad", "good"]),
        (["short"], ["good"]),
        (["--status", "FAILED"], ["bad"]),
        (["--status", "FAILED", "--status", "SUCCEEDED"], ["bad", "good"]),
        (["--name", "good"], ["good"]),
        (["--limit", "1"], ["bad"]),
        (["order"], []),
    ],
)
def test_ls_narrows_the_list(service: Service, arguments: list[str], names: list[str]) -> None:
    service.run("invoke", "short", "--name", "good", "--wait")
    service.run("invoke", "failing", "--name", "bad", "--wait")
    listed = service.json("ls", *arguments)
    assert [execution["DurableExecutionName"] for execution in listed] == names


def test_ls_says_that_there_is_nothing_to_list(service: Service) -> None:
    result = service.run("ls", "nobody")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no executions\n"
    assert service.json("ls", "nobody") == []


def test_show_tells_what_an_execution_is_and_waits_for(service: Service) -> None:
    arn = service.wait_for_approval("o-1")
    shown = service.ok("show", "o-1")
    assert f"arn:      {arn}\n" in shown
    assert "status:   RUNNING\n" in shown
    assert "prepare [Step]  SUCCEEDED" in shown
    assert "2 attempts" in shown
    assert "approval [WaitForCallback]  STARTED" in shown


def test_show_json_has_the_operations_as_a_tree(service: Service) -> None:
    service.wait_for_approval("o-1")
    shown = service.json("show", "o-1")
    assert shown["Status"] == "RUNNING"
    prepare, approval = shown["Operations"]
    assert (prepare["name"], prepare["attempt"], prepare["payload"]) == ("prepare", 2, '"prepared"')
    assert approval["child_operations"][0]["operation_type"] == "CALLBACK"


def test_tree_draws_the_operations_below_their_contexts(service: Service) -> None:
    service.wait_for_approval("o-1")
    root, prepare, approval, callback, *_ = service.ok("tree", "o-1").splitlines()
    assert root.startswith("execution o-1  RUNNING")
    assert prepare.startswith("├── prepare [Step]")
    assert approval.startswith("└── approval [WaitForCallback]")
    assert "[Callback]  STARTED" in callback
    assert "callback id" in callback


def test_tree_shows_the_error_an_execution_failed_with(service: Service) -> None:
    service.run("invoke", "failing", "--name", "bad", "--wait")
    assert "error: ValueError: no stock" in service.ok("tree", "bad")


def test_tree_json_is_the_operations(service: Service) -> None:
    service.ok("invoke", "short", "--name", "a", "--wait")
    (echo,) = service.json("tree", "a")
    assert (echo["name"], echo["status"], echo["payload"]) == ("echo", "SUCCEEDED", "{}")


def test_history_prints_the_events_in_order(service: Service) -> None:
    service.ok("invoke", "short", "--name", "a", "--wait")
    _, *lines = service.ok("history", "a").splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4", "5"]
    assert [line.split()[2] for line in lines] == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


FRAME = 'served_program.py", line '


def test_where_a_function_failed_is_shown_by_every_command(service: Service) -> None:
    """With `--wait`, by `show` and by `history`; as lines, not as JSON."""
    waited = service.run("invoke", "failing", "--name", "a", "--wait").stdout
    for shown in (waited, service.ok("show", "a"), service.ok("history", "a")):
        lines = [line.strip(" │└─") for line in shown.splitlines()]
        at = next(i for i, line in enumerate(lines) if FRAME in line)
        assert lines[at].endswith(", in failing")
        assert lines[at + 1] == 'raise ValueError("no stock")'
    error = service.json("show", "a")["Error"]
    assert FRAME in error["StackTrace"][0]
    assert FRAME not in service.ok("history", "a", "--no-data")


def test_history_leaves_payloads_out_if_told_to(service: Service) -> None:
    service.ok("invoke", "short", "--name", "a", "--event", '"secret"', "--wait")
    assert "secret" in service.ok("history", "a")
    assert "secret" not in service.ok("history", "a", "--no-data")
    events = service.json("history", "a", "--no-data")
    assert events[0]["ExecutionStartedDetails"]["Input"]["Truncated"] is True


# --------------------------------------------------------------------------------- callbacks


def test_a_callback_is_answered_by_name(service: Service) -> None:
    arn = service.wait_for_approval("o-1")
    service.ok("callback", "succeed", "approval", "--execution", "o-1", "--result", '{"ok": true}')
    service.local.wait_until_ended(arn, 60)
    assert json.loads(service.json("show", "o-1")["Result"])["answer"] == {"ok": True}


def test_a_callback_is_answered_by_id(service: Service) -> None:
    service.wait_for_approval("o-1")
    _, approval = service.json("tree", "o-1")
    callback_id = approval["child_operations"][0]["callback_id"]
    assert service.json("callback", "heartbeat", callback_id) == {"CallbackId": callback_id}
    service.ok("callback", "succeed", callback_id)
    assert service.refused("callback", "succeed", callback_id) == (
        "Error: CallbackTimeoutException: Callback is already completed or has timed out"
    )


def test_a_callback_is_failed_with_an_error(service: Service) -> None:
    arn = service.wait_for_approval("o-1")
    error = ("--message", "not today", "--type", "Refused")
    service.ok("callback", "fail", "approval", "--execution", "o-1", *error)
    service.local.wait_until_ended(arn, 60)
    assert "Refused: not today" in service.ok("tree", "o-1")


def test_a_callback_that_is_not_open_is_refused_with_those_that_are(service: Service) -> None:
    service.wait_for_approval("o-1")
    message = service.refused("callback", "succeed", "payment", "--execution", "o-1")
    assert "no open callback named 'payment'" in message
    assert "approval" in message
    message = service.refused("callback", "succeed", "aproval", "--execution", "o-1")
    assert "did you mean 'approval'?" in message


# ----------------------------------------------------------------------------------- control


def test_stop_ends_an_execution_with_the_error_given(service: Service) -> None:
    service.wait_for_approval("o-1")
    assert service.ok("stop", "o-1", "--message", "enough", "--type", "Me") == "stopped o-1\n"
    shown = service.json("show", "o-1")
    assert shown["Status"] == "STOPPED"
    assert shown["Error"] == {"ErrorMessage": "enough", "ErrorType": "Me"}


def test_pause_and_resume(service: Service) -> None:
    service.wait_for_approval("o-1")
    service.ok("pause", "o-1", "--reason", "looking at it")
    assert service.json("show", "o-1")["Status"] == "PAUSED"
    service.ok("resume", "o-1")
    assert service.json("show", "o-1")["Status"] == "RUNNING"
    details = [e for e in service.json("history", "o-1") if e["EventType"] == "ExecutionPaused"]
    assert details[0]["ExecutionPausedDetails"]["Reason"]["Payload"] == "looking at it"


def test_rm_deletes_an_execution_that_has_ended(service: Service) -> None:
    arn = service.json("invoke", "short", "--name", "a")["DurableExecutionArn"]
    service.local.wait_until_ended(arn, 60)
    assert service.json("rm", "a")["DurableExecutionArn"] == arn
    assert service.json("ls") == []


def test_rm_of_a_running_execution_is_refused(service: Service) -> None:
    service.wait_for_approval("o-1")
    assert service.refused("rm", "o-1").startswith("Error: ResourceConflictException: ")


# ------------------------------------------------------------------------- names and problems


@pytest.mark.parametrize("form", ["{arn}", "a", "short/a"])
def test_an_execution_is_given_by_arn_by_name_or_with_its_function(
    service: Service, form: str
) -> None:
    arn = service.json("invoke", "short", "--name", "a")["DurableExecutionArn"]
    assert service.json("show", form.format(arn=arn))["DurableExecutionArn"] == arn


def test_a_name_that_several_functions_have_is_refused(service: Service) -> None:
    for function in ("short", "failing"):
        service.run("invoke", function, "--name", "a", "--wait")
    message = service.refused("show", "a")
    assert "short/a" in message
    assert "failing/a" in message


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["show", "nobody"], "no execution named 'nobody'"),
        (["show", "short/nobody"], "no execution named 'nobody' of short"),
        (["show", "arn:nonsense"], "ValidationException"),
        (["invoke", "nobody"], "ResourceNotFoundException"),
        (["invoke", "plain"], "no durable function"),
        (["invoke", "short", "--event", "{"], "--event is not valid JSON"),
        (["callback", "succeed", "x", "--result", "{"], "--result is not valid JSON"),
        (["callback", "succeed", "not base64"], "ValidationException"),
        (["callback", "heartbeat", "approval"], "if 'approval' is its name, give --execution"),
        (["ls", "--endpoint-url", "no url"], "no url"),
        (["ls", "--endpoint-url", "http://127.0.0.1:1"], "durable serve"),
        (["--aws-is-said", "ls"], "No such option"),
        (["ls", "--limit", "-1"], "Invalid value for '--limit'"),
        (["show", ""], "'' names no execution"),
        (["show", "short/"], "'short/' names no execution"),
        (["invoke", "short", "--timeout", "1"], "--timeout is for --wait"),
        (["invoke", "short", "--verbose"], "--verbose is for --wait"),
        (["invoke", "short", "--wait", "--verbose", "--json"], "or --json"),
        (["run", "absent.py", "--verbose", "--json"], "or --json"),
        (["ls", "--aws"], "Give --region, AWS_REGION or a profile"),
        (["ls", "short", "--region", "us-west-2"], "AWS wants credentials"),
    ],
)
def test_a_problem_is_one_line_and_status_2(
    service: Service, arguments: list[str], problem: str
) -> None:
    result = service.run(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "Traceback" not in result.output


def test_a_service_that_does_not_list_all_executions_is_asked_for_a_function(
    service: Service,
) -> None:
    fake = FakeLambda()
    fake.executions = [None]
    message = service.refused("show", "a", "--endpoint-url", fake.url)
    fake.close()
    assert "FUNCTION/NAME" in message


def test_the_region_of_aws_is_that_of_aws_region(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert "AWS wants credentials" in service.refused("ls", "short", "--aws")


def test_aws_is_asked_for_a_function_since_it_lists_by_function(service: Service) -> None:
    message = service.refused("show", "a", "--aws", "--region", "us-west-2")
    assert "FUNCTION/NAME" in message


# ---------------------------------------------------------------------------- record, replay


def test_a_running_execution_is_recorded_and_replayed(service: Service, tmp_path: Path) -> None:
    service.wait_for_approval("a")
    file = tmp_path / "a.json"
    recorded = service.json("record", "a", "-o", str(file))
    assert (recorded["Recording"], recorded["Status"]) == (str(file), "RUNNING")
    (report,) = service.json("replay", str(tmp_path), "--handler", f"order={PROGRAM}:order")
    assert (report["Replays"], report["ReplayedStatus"]) == (True, "PENDING")


def test_a_recording_is_redacted_before_it_is_written(service: Service, tmp_path: Path) -> None:
    service.ok("invoke", "short", "--name", "a", "--event", '"secret"', "--wait")
    (tmp_path / "hiding.py").write_text("def hide(text, event):\n    return '\"hidden\"'\n")
    file = tmp_path / "a.json"
    service.ok("record", "a", "-o", str(file), "--redact", f"{tmp_path / 'hiding.py'}:hide")
    text = file.read_text()
    assert ("secret" in text, "hidden" in text) == (False, True)


def test_a_recording_without_a_handler_is_refused(service: Service, tmp_path: Path) -> None:
    service.ok("invoke", "short", "--name", "a", "--wait")
    service.ok("record", "a", "-o", str(tmp_path / "a.json"))
    refusal = service.refused("replay", str(tmp_path), "--handler", f"order={PROGRAM}:order")
    assert "--handler short=FILE:HANDLER" in refusal
