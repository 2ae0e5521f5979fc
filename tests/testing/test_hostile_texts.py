"""What others wrote is shown, and no terminal obeys it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing._cli.main import main
from aws_durable_execution_sdk_python_testing._cli.progress_views import LineView, LiveView
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing._engine import StartExecution
from aws_durable_execution_sdk_python_testing._results.harmless import harmless
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


# -------------------------------------------------------------------- what failed on the way


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
    with DurableFunctionTestRunner(maps) as runner:
        arn = runner.run_async()
        result = runner.wait_for_result(arn)
        events = runner._service.history(arn)
    out = io.StringIO()
    view = LineView(out, lambda name: "")
    for event in events:
        view.event(event)
    out.truncate(0)
    view.end(result)
    lines = out.getvalue().strip("\0").splitlines()
    (count,) = [line for line in lines if line.endswith("failed:")]
    assert re.fullmatch(r"[12] of \d+ operations failed:", count)
    (line,) = [line for line in lines if "square [Step]" in line]
    assert "squares / " in line
    assert "seventeen" in line
    assert json.dumps(result.result) in lines


def test_a_run_without_failures_says_nothing_of_them() -> None:
    out = io.StringIO()
    with DurableFunctionTestRunner(asks) as runner:
        result = runner.run(callbacks={"answer": 1})
        LineView(out, lambda name: "").end(result)
    assert "failed" not in out.getvalue()
