"""Commands say what was so, and name the thing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing._cli.main import main
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._declarations.handler_loading import (
    load_handler,
    split_handler,
)
from aws_durable_execution_sdk_python_testing._declarations.program_files import (
    ProgramError,
    load_program,
)
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

Command = Callable[..., str]


@durable_execution
def quick(event: Any, context: DurableContext) -> Any:
    return context.step(lambda _: "12345", name="five")


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    """Runs a command against a service with the function `quick`; what it prints."""
    functions = [hosted("quick", quick), hosted("plain", lambda event, context: event)]
    with DurableServer(functions, ServerSettings()) as server:

        def run(*arguments: str) -> str:
            result = CliRunner().invoke(main, [*arguments, "--endpoint-url", server.url])
            return result.output

        yield run


def test_stopping_what_has_ended_stops_nothing(command: Command) -> None:
    command("invoke", "quick", "--name", "ended", "--wait")
    assert command("stop", "ended") == "ended had ended before: it is SUCCEEDED\n"


def test_a_callback_of_what_has_ended_is_not_called_open(command: Command) -> None:
    command("invoke", "quick", "--name", "over", "--wait")
    output = command("callback", "succeed", "approval", "--execution", "over")
    assert output == "Error: the execution has ended: it is SUCCEEDED\n"


def test_invoking_a_name_again_finds_it(command: Command) -> None:
    assert command("invoke", "quick", "--name", "twice", "--wait").startswith(
        "execution twice started"
    )
    first, *_ = command("invoke", "quick", "--name", "twice").splitlines()
    assert first == "found twice, which is SUCCEEDED already"
    assert command("invoke", "quick", "--name", "twice", "--wait").startswith(
        "execution twice found"
    )


def test_a_function_that_is_not_durable_gets_a_hint(command: Command) -> None:
    assert "DurableConfig" in command("invoke", "plain")


def test_show_tells_what_is_used_of_the_hard_limits(command: Command) -> None:
    command("invoke", "quick", "--name", "used", "--wait")
    # The start and a step; an input of 2 bytes, a result of 7 and the same as the output.
    assert "used:     2 of 3,000 operations, 16 of 104,857,600 bytes\n" in command("show", "used")


# ----------------------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"DurableConfg": {}}, "unknown member 'DurableConfg': did you mean 'DurableConfig'"),
        ({"handler": "a.b"}, "did you mean 'Handler'"),
        (
            {"DurableConfig": {"ExecutionTimeOut": 3}},
            "order.DurableConfig: unknown member 'ExecutionTimeOut': did you mean "
            "'ExecutionTimeout'",
        ),
        ({"Frobnicate": 1}, "unknown member 'Frobnicate'"),
    ],
)
def test_an_unknown_member_is_named(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        DeclaredFunction.read("order", declared)
    assert said in str(caught.value)


def test_what_lambda_has_besides_is_passed_over() -> None:
    declared = {"Runtime": "python3.13", "Role": "arn", "Tags": {}, "Handler": "a.b"}
    assert DeclaredFunction.read("order", declared).handler == "a.b"


# ----------------------------------------------------------------------------------- handlers

X = """
from aws_durable_execution_sdk_python import durable_execution
from ..shared import NAME

@durable_execution
def handler(event, context):
    return NAME

def plain(event, context):
    return NAME
"""


@pytest.fixture(params=[True, False], ids=["package", "namespace"])
def app(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A program in `NAME/handlers/x.py` that imports relatively; its name."""
    name = f"app_{'a' if request.param else 'b'}_{tmp_path.name.replace('-', '_')}"
    handlers = tmp_path / name / "handlers"
    handlers.mkdir(parents=True)
    if request.param:
        for package in (handlers, handlers.parent):
            (package / "__init__.py").touch()
    (handlers / "x.py").write_text(X)
    (handlers.parent / "shared.py").write_text("NAME = 'shared'\n")
    monkeypatch.chdir(tmp_path)
    path, known = list(sys.path), set(sys.modules)
    yield name
    sys.path[:] = path
    for module in set(sys.modules) - known:
        if module.partition(".")[0] == name:
            del sys.modules[module]


@pytest.mark.parametrize(
    "form",
    [
        "{}/handlers/x.py",
        "{}/handlers/x.py:handler",
        "{}.handlers.x",
        "{}.handlers.x:handler",
        "{}.handlers.x.handler",
    ],
)
def test_run_imports_packages_as_lambda_would(app: str, form: str) -> None:
    program = load_program(form.format(app))
    assert program.name == "x-handler"
    assert program.handler.__module__ == f"{app}.handlers.x"
    assert program.plain["plain"](None, None) == "shared"


@pytest.mark.parametrize(
    "form",
    [
        "{}.handlers.x:plain",
        "{}/handlers/x.py:plain",
        "{}.handlers.x.plain",
        "{}/handlers/x.plain",
    ],
)
def test_declarations_take_lambdas_form_as_well(app: str, form: str) -> None:
    assert load_handler(form.format(app))(None, None) == "shared"


def test_what_is_no_handler_is_said() -> None:
    assert split_handler("app.handler") == ("app", "handler")
    for target in ("app", ":handler", "app:", "app.", ".handler", "app:not a name", "app.py"):
        with pytest.raises(DeclarationError, match=r"FILE_OR_MODULE:HANDLER or module\.handler"):
            split_handler(target)
    for target in ("nowhere.at.all:handler", "nowhere.at.all", "nowhere.py", "nowhere"):
        with pytest.raises(ProgramError, match=f"no such file: {target.partition(':')[0]}"):
            load_program(target)


# ------------------------------------------------------------------------------- the extra


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = textwrap.dedent(
        """
        import sys
        sys.modules["click"] = None  # as if it were not installed
        from aws_durable_execution_sdk_python_testing._cli.entry import durable
        durable()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "pip install 'aws-durable-execution-sdk-python[testing]'" in line
    assert "click" in line
