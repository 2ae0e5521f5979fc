"""`durable explore`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aws_durable_execution_sdk_python_testing.cli import main

ORDERS = Path(__file__).parent / "sandboxed_orders.py"


def explore(handler: str, notes: Path, *options: str) -> Result:
    event = f'{{"notes": "{notes}"}}'
    return CliRunner().invoke(
        main,
        [
            "explore",
            f"{ORDERS}:{handler}",
            "--event",
            event,
            "--callback",
            "approve=true",
            *options,
        ],
    )


@pytest.mark.parametrize("options", [(), ("--samples", "3"), ("--sandbox", "--samples", "1")])
def test_crashes_that_change_nothing_end_with_status_0(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    result = explore("blocking", tmp_path / "notes", *options)
    assert result.exit_code == 0, result.output
    assert "crashes change nothing" in result.output
    assert "at most once" in result.output


def test_crashes_that_change_the_result_end_with_status_1(tmp_path: Path) -> None:
    result = explore("unstable", tmp_path / "notes")
    assert result.exit_code == 1
    assert "break a promise" in result.output


def test_the_findings_are_given_as_json(tmp_path: Path) -> None:
    found = json.loads(explore("unstable", tmp_path / "notes", "--json").stdout)
    assert found["ok"] is False
    assert found["divergences"][0]["problem"] == "result: expected 'first', got 'again'"
    assert [row["step"] for row in found["rows"]] == ["work", "clean"]


def test_a_program_that_differs_each_time_is_bad_input(tmp_path: Path) -> None:
    result = explore("counting", tmp_path / "notes")
    assert result.exit_code == 2
    assert "two runs without a crash differ already" in result.output


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["explore", str(tmp_path / "absent.py")])
    assert result.exit_code == 2
    assert "no such file" in result.output


@pytest.mark.parametrize("options", [(), ("--sandbox",)])
def test_a_callback_that_nobody_answers_is_bad_input(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    event = json.dumps({"notes": str(tmp_path / "notes")})
    arguments = ["explore", f"{ORDERS}:asynchronous", "--event", event, *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "--callback approve=JSON" in result.output


INTERRUPTED = """
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryPresets

ONCE = StepConfig(RetryPresets.none(), StepSemantics.AT_MOST_ONCE_PER_RETRY)


@durable_execution
def handler(event, context):
    return context.step(lambda _: "charged", name="charge", config=ONCE)
"""


def test_what_to_do_about_interrupted_steps_is_said_once(tmp_path: Path) -> None:
    program = tmp_path / "interrupted.py"
    program.write_text(INTERRUPTED)
    result = CliRunner().invoke(main, ["explore", str(program)])
    assert result.exit_code == 1
    words = " ".join(result.output.split())
    assert words.count("give it a retry strategy, or catch the StepError whose error_type") == 1


def test_what_the_program_prints_is_not_among_the_json(tmp_path: Path) -> None:
    program = tmp_path / "printing.py"
    program.write_text(INTERRUPTED.replace("    return", "    print('working')\n    return"))
    result = CliRunner().invoke(main, ["explore", str(program), "--json"])
    assert "working" in result.stderr
    assert json.loads(result.stdout)
