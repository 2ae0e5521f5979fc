"""Ctrl-C ends a command with status 130, also while it loads what it needs."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest
from click.testing import CliRunner

from aws_durable_execution_sdk_python_testing._cli import entry
from aws_durable_execution_sdk_python_testing.cli import main

PACKAGE = "aws_durable_execution_sdk_python_testing"


class InterruptedImport(importlib.abc.MetaPathFinder):
    """Ctrl-C while a module loads."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == self._name:
            raise KeyboardInterrupt
        return None


def interrupt_loading(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [InterruptedImport(name), *sys.meta_path])


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("run", "run_command"),
        ("ls", "inspect_commands"),
        ("invoke", "invoke_command"),
        ("logs", "logs_command"),
    ],
)
def test_interrupted_while_a_command_loads(
    monkeypatch: pytest.MonkeyPatch, command: str, module: str
) -> None:
    interrupt_loading(monkeypatch, f"{PACKAGE}._cli.{module}")
    result = CliRunner().invoke(main, [command, "x"])
    assert (result.exit_code, result.output) == (130, "")


@pytest.mark.parametrize(
    ("command", "module"),
    [(entry.durable, "_cli.main"), (entry.dex_local_runner, "_cli.dex_commands")],
)
def test_interrupted_before_the_commands_are_loaded(
    monkeypatch: pytest.MonkeyPatch, command: object, module: str
) -> None:
    assert callable(command)
    interrupt_loading(monkeypatch, f"{PACKAGE}.{module}")
    with pytest.raises(SystemExit) as exit:
        command()
    assert exit.value.code == 130


@pytest.mark.parametrize(
    ("command", "name"), [(entry.durable, "invoke"), (entry.dex_local_runner, "start-server")]
)
def test_the_commands_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: object,
    name: str,
) -> None:
    assert callable(command)
    monkeypatch.setattr(sys, "argv", ["command", "--help"])
    with pytest.raises(SystemExit) as exit:
        command()
    assert exit.value.code == 0
    assert name in capsys.readouterr().out
