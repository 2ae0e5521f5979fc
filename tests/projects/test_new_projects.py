"""What `durable init` writes works at once: every template, blocking and async.

All of it runs as processes, with the code that the built wheels hold.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from project_bench import TEMPLATES, Commands

from aws_durable_execution_sdk_python_testing import Recording
from aws_durable_execution_sdk_python_testing._declarations.sam_templates import parse_template
from aws_durable_execution_sdk_python_testing.cli import main

NAME = "shop-7"
# What a person answers, by the callback's name.
ANSWERS: dict[str, dict[str, Any]] = {
    "approval": {"approval": {"approved": True, "by": "kim"}},
    "agent": {"approve-refund-2": True},
}
RESULTS: dict[str, Any] = {
    "order": {"status": "shipped", "tracking_number": "TRK-order-1"},
    "approval": {"status": "approved", "by": "kim", "outcome": "ordered: a new laptop"},
    "etl": {"day": "2026-01-31", "pages": 5, "loaded": 10},
    "agent": {"answer": "order-7 is refunded", "turns": 3},
}
DURABLE = {"lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
MORE_ACTIONS: dict[str, set[str]] = {"etl": {"sqs:SendMessage"}}


@pytest.fixture(params=TEMPLATES, scope="module")
def template(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["blocking", "async"], scope="module")
def project(
    request: pytest.FixtureRequest,
    template: str,
    commands: Commands,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A new project, for all tests of its kind: they leave it as it is."""
    option = " --async" if request.param else ""
    parent = tmp_path_factory.mktemp(template)
    commands.succeed(f"durable init {NAME} --template {template}{option}", parent)
    assert ("async def handler" in (parent / NAME / "src/app.py").read_text()) is request.param
    return parent / NAME


def workflow(project: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(
        (project / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    )["jobs"]
    return jobs


def test_the_steps_of_its_workflow_pass(project: Path, commands: Commands) -> None:
    """Tests, lint, replay of recordings and cfn-lint, as they stand there."""
    steps = [step["run"] for step in workflow(project)["test"]["steps"] if "run" in step]
    assert steps[0] == "pip install -r requirements-dev.txt"
    assert [step.split()[0] for step in steps[1:]] == ["pytest", "durable", "durable", "cfn-lint"]
    for step in steps[1:]:
        commands.succeed(step, project)


def test_it_runs_without_a_service(
    project: Path, template: str, commands: Commands, tmp_path: Path
) -> None:
    answers = "".join(
        f" --callback {shlex.quote(f'{name}={json.dumps(answer)}')}"
        for name, answer in ANSWERS.get(template, {}).items()
    )
    run = f"durable run src/app.py --event @events/event.json --skip-time --store {tmp_path}/db"
    lines = commands.succeed(f"{run} --json{answers}", project).splitlines()
    assert json.loads(lines[-1])["result"] == RESULTS[template]


def test_it_is_served_as_its_template_says(
    project: Path, template: str, commands: Commands
) -> None:
    """From a process of Lambda's runtime, invoked by the alias."""
    with commands.serving("--functions template.yaml --runtime lambda --skip-time", project) as url:
        environment = {"AWS_ENDPOINT_URL_LAMBDA": url}
        invoke = f"durable invoke {NAME}:live --event @events/event.json --name first"
        commands.succeed(invoke, project, environment)
        for name, answer in ANSWERS.get(template, {}).items():
            given = shlex.quote(json.dumps(answer))
            succeed = f"durable callback succeed {name} --execution first --result {given}"
            # The callback is there as soon as the function has come to it.
            patiently = f"for attempt in {{1..100}}; do {succeed} && exit; done; exit 1"
            commands.succeed(patiently, project, environment)
        lines = commands.succeed(f"{invoke} --wait --json", project, environment).splitlines()
    assert json.loads(lines[-1])["result"] == RESULTS[template]


@pytest.mark.parametrize("project", [False], indirect=True, ids=[""])
class TestOnce:
    """What does not depend on whether the code is async."""

    def test_the_template_guards_against_what_goes_wrong_with_durable_functions(
        self, project: Path
    ) -> None:
        parsed = parse_template((project / "template.yaml").read_text(encoding="utf-8"))
        function = parsed["Resources"]["Function"]["Properties"]
        assert function["DurableConfig"].keys() == {"ExecutionTimeout", "RetentionPeriodInDays"}
        assert function["AutoPublishAlias"] == "live"
        assert function["Runtime"] in {"python3.13", "python3.14"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        # Neither destinations nor event source mappings.
        assert "EventInvokeConfig" not in function
        events = {event["Type"] for event in function.get("Events", {}).values()}
        assert events <= {"ScheduleV2"}

    def test_the_role_has_exactly_the_actions_needed(self, project: Path, template: str) -> None:
        parsed = parse_template((project / "template.yaml").read_text(encoding="utf-8"))
        role = parsed["Resources"]["FunctionRole"]["Properties"]
        always, traced = role["Policies"]
        condition, tracing, otherwise = traced["Fn::If"]
        assert actions(always) == DURABLE | LOGS | MORE_ACTIONS.get(template, set())
        assert (condition, actions(tracing)) == ("IsTraced", TRACES)
        assert otherwise == {"Ref": "AWS::NoValue"}
        assert "ManagedPolicyArns" not in role

    def test_its_commands_are_commands(self, project: Path) -> None:
        """Of the workflow's deployment, the hooks and the README."""
        hooks = yaml.safe_load((project / ".pre-commit-config.yaml").read_text())["repos"][0]
        text = (project / "README.md").read_text(encoding="utf-8")
        lines = [hook["entry"] for hook in hooks["hooks"]]
        lines += [step.get("run", "") for step in workflow(project)["deploy"]["steps"]]
        lines += text.replace("\\\n", "").splitlines()
        used = [line.strip() for text in lines for line in text.splitlines()]
        used = [line for line in used if line.startswith("durable ")]
        assert len(used) >= 6
        for line in used:
            name, *arguments = shlex.split(line)[1:]
            command = main.get_command(click.Context(main), name)
            assert command is not None, line
            command.make_context(name, arguments)

    @pytest.mark.parametrize(
        ("answer", "passes", "checked"),
        [
            ("exit 0", True, True),
            ("echo 'An error occurred (ResourceNotFoundException)' >&2; exit 254", True, False),
            ("echo 'An error occurred (AccessDeniedException)' >&2; exit 254", False, False),
        ],
        ids=["deployed", "new", "unknown"],
    )
    def test_running_executions_are_checked_once_it_is_deployed(
        self,
        project: Path,
        commands: Commands,
        tmp_path: Path,
        answer: str,
        passes: bool,
        checked: bool,
    ) -> None:
        """What is not known to be missing is not taken for new."""
        for name, script in {"aws": answer, "durable": 'echo "$@" >checked'}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        (gate,) = (
            step["run"]
            for step in workflow(project)["deploy"]["steps"]
            if "check-deploy" in step.get("run", "")
        )
        ended = commands.run(f"export PATH={tmp_path}:$PATH\n{gate}", tmp_path)
        assert (ended.returncode == 0) is passes
        assert (tmp_path / "checked").exists() is checked

    def test_its_recordings_are_of_executions_that_came_to_an_end(self, project: Path) -> None:
        (path,) = (project / "tests/recordings").iterdir()
        assert Recording.load(path).is_complete


def actions(policy: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in policy["PolicyDocument"]["Statement"]:
        named = statement["Action"]
        found.update([named] if isinstance(named, str) else named)
    return found
