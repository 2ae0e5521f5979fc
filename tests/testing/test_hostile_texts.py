"""What others wrote is shown, and no terminal obeys it."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from aws_durable_execution_sdk_python_testing._cli import output
from aws_durable_execution_sdk_python_testing._cli.live_view import LiveView
from aws_durable_execution_sdk_python_testing._cli.main import main
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json
from aws_durable_execution_sdk_python_testing._cli.progress_views import LineView
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import StartExecution
from aws_durable_execution_sdk_python_testing._results.harmless import harmless, harmless_logs
from aws_durable_execution_sdk_python_testing._results.tree import result_tree
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

# Fill the clipboard, change the title, clear the screen (also in 8 bits), ring, turn text around.
ATTACKS = ("\x1b]52;c;aGk=\x07", "\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "\x07", "\u202eevil")


@pytest.mark.parametrize("attack", ATTACKS)
def test_control_characters_are_pictured(attack: str) -> None:
    shown = harmless(f"a{attack}b\n\tc")
    assert not [c for c in shown if (ord(c) < 32 or 127 <= ord(c) < 160) and c not in "\n\t"]
    assert "\u202e" not in shown
    assert shown.endswith("b\n\tc")


@durable_execution
def asks(event: Any, context: DurableContext) -> Any:
    return context.wait_for_callback(lambda *_: None, name="answer")


@pytest.fixture(scope="module")
def failed() -> Any:
    """A service with an execution that an attacker has failed."""
    with DurableServer([hosted("asks", asks)], ServerSettings()) as server:
        service = server.service
        assert service is not None
        arn = service.start(StartExecution(function_name="asks", execution_name="n", input="{}"))
        callback = service.wait_for_callback(arn, "answer", 30)
        text = "gone " + " ".join(ATTACKS)
        service.callback_fail(callback, {"ErrorMessage": text, "ErrorType": f"X{ATTACKS[0]}"})
        service.wait_until_ended(arn, 30)
        yield server.url, arn


@pytest.mark.parametrize("command", [["show"], ["tree"], ["history"], ["ls"]])
def test_commands_show_it_harmlessly(failed: tuple[str, str], command: list[str]) -> None:
    url, arn = failed
    named = [] if command == ["ls"] else [arn]
    result = CliRunner().invoke(main, [*command, *named, "--endpoint-url", url])
    assert result.exit_code == 0, result.output
    for character in "\x1b\x07\x9b\u202e":
        assert character not in result.output


Views = Callable[[io.StringIO], Any]


@pytest.mark.parametrize(
    ("view", "forbidden"),
    [
        (lambda out: LineView(out, lambda name: ""), "\x1b\x07\x9b\u202e"),
        # A terminal gets the console's own escape sequences, and no others.
        (
            lambda out: LiveView(
                Console(file=out, force_terminal=True, color_system=None), lambda: 0, lambda _: ""
            ),
            "\x07\x9b\u202e",
        ),
    ],
)
def test_views_of_a_run_show_it_harmlessly(view: Views, forbidden: str) -> None:
    with DurableFunctionTestRunner(asks) as runner:
        arn = runner.run_async()
        callback = runner.wait_for_callback(arn, "answer")
        runner._service.callback_fail(callback, {"ErrorMessage": "gone " + "".join(ATTACKS)})
        result = runner.wait_for_result(arn)
        events = runner._service.history(arn)
    out = io.StringIO()
    shown = view(out)
    with shown.live():
        for event in events:
            shown.event(event)
    shown.end(result)
    text = out.getvalue()
    assert "gone" in text
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert not set(forbidden) & set(text)


FAILING = f"""
from aws_durable_execution_sdk_python import durable_execution

def fail(_):
    raise ValueError({" ".join(ATTACKS)!r})

@durable_execution
def handler(event, context):
    context.step(fail, name="fail")
"""


def test_what_a_run_logs_is_shown_harmlessly(tmp_path: Path) -> None:
    """A traceback has the text of the error, which may come from anywhere."""
    (tmp_path / "program.py").write_text(FAILING)
    command = f"from {main.__module__} import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "run", "program.py"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    errors = ran.stderr.decode()
    assert "step 'fail' failed on attempt 1: ValueError: ␛]52" in errors
    assert "raise ValueError(" in errors
    assert not set("\x1b\x07\x9b\u202e") & set(errors + ran.stdout.decode())


@pytest.mark.parametrize("level", [None, "INFO"])
def test_records_are_logged_harmlessly(level: str | None) -> None:
    """Whether the program has set up logging or not; its own handlers are its own."""
    logs = f"from {harmless_logs.__module__} import harmless_logs; harmless_logs({level!r})"
    log = f"import logging; logging.getLogger('a').error({ATTACKS[0]!r})"
    ran = subprocess.run(
        [sys.executable, "-c", f"{logs}; {log}"], capture_output=True, timeout=60, check=True
    )
    assert ran.stderr.decode().splitlines() == [
        f"{'ERROR:a:' if level else ''}␛]52;c;aGk=␇",
    ]


def test_json_says_the_same_and_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"".join(ATTACKS): ["\x7f\u2028", *ATTACKS, 'a "quoted\\" \n word']}
    print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert not set("\x1b\x07\x7f\x9b\u202e\u2028") & set(printed)


def test_commands_print_in_one_way() -> None:
    """By `say`, `print_json`, or a console that shows only what is harmless."""
    aside = re.compile(r"click\.s?echo\(|(?<![.\w])print\(")
    found = [
        module.name
        for module in Path(output.__file__).parent.glob("*.py")
        if aside.search(module.read_text())
    ]
    assert found == ["output.py"]


# -------------------------------------------------------------------- what failed on the way


@durable_execution
def halves(event: Any, context: DurableContext) -> Any:
    raise ValueError("half \ud83d of a character")


def test_half_a_character_is_shown(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """No output can encode it; an error that cannot be printed tells nothing."""
    # pytest keeps what is logged, and cannot send half a character from one process to another.
    logging.disable(logging.ERROR)
    try:
        with DurableFunctionTestRunner(halves) as runner:
            runner.run().print()
    finally:
        logging.disable(logging.NOTSET)
    assert "half \\ud83d of a character" in capfdbinary.readouterr().out.decode()


@durable_execution
def floods(event: Any, context: DurableContext) -> Any:
    def body(_: Any) -> None:
        raise ValueError("line\n" * 5_000)

    context.step(body, name="floods")


def followed(handler: Any) -> tuple[DurableFunctionTestResult, LineView, io.StringIO]:
    """A run, and what was shown of it up to its end."""
    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async()
        result = runner.wait_for_result(arn)
        events = runner._service.history(arn)
    out = io.StringIO()
    view = LineView(out, lambda name: "")
    for event in events:
        view.event(event)
    return result, view, out


def test_a_long_error_fills_no_list() -> None:
    result, view, out = followed(floods)
    assert out.getvalue().count("line") == 5
    view.end(result)
    listed = out.getvalue().partition("1 failure in 1 operation:")[2].partition("\nFAILED ")[0]
    assert listed.count("ValueError: line") == 1
    assert listed.count("    line\n") == 3
    assert "    line ...\n" in listed
    assert "raise ValueError(" in listed
    drawn = Console(file=io.StringIO(), width=200)
    drawn.print(result_tree(result))
    operation, _, error = drawn.file.getvalue().partition("error: ")  # type: ignore[attr-defined]
    assert operation.count("line") == 5
    assert error.count("line") > 1_000


@durable_execution
def maps(event: Any, context: DurableContext) -> Any:
    def square(context: DurableContext, item: int, index: int, items: Any) -> int:
        def body(_: Any) -> int:
            if item == 17:
                raise ValueError("seventeen")
            return item * item

        return int(context.step(body, name="square"))

    return len(context.map(list(range(60)), square, name="squares").succeeded())


def test_the_end_of_a_run_says_what_failed_on_the_way() -> None:
    """The table has scrolled by then, and the execution has succeeded."""
    result, view, out = followed(maps)
    out.truncate(0)
    view.end(result)
    lines = out.getvalue().strip("\0").splitlines()
    (count,) = [line for line in lines if "failure" in line]
    assert re.fullmatch(r"1 failure in \d+ operations:", count)
    (line,) = [line for line in lines if "square [Step]" in line]
    assert "squares / " in line
    assert "seventeen" in line
    assert json.dumps(result.result) in lines


def test_a_run_without_failures_says_nothing_of_them() -> None:
    out = io.StringIO()
    with DurableFunctionTestRunner(asks) as runner:
        result = runner.run(callbacks={"answer": 1})
        LineView(out, lambda name: "").end(result)
    assert "fail" not in out.getvalue()
