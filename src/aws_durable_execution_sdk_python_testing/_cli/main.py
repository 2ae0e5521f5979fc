"""The `durable` command, whose own commands are loaded when they are called."""

from __future__ import annotations

import importlib
import io
import sys

import click

from aws_durable_execution_sdk_python_testing._cli.interruptible_group import InterruptibleGroup

_HERE = __name__.rpartition(".")[0]
# Command: where it is. Loaded late, since each needs other libraries.
_COMMANDS = {
    "init": f"{_HERE}.init_command",
    "run": f"{_HERE}.run_command",
    "serve": f"{_HERE}.serve_command",
    "dev": f"{_HERE}.dev_command",
    "ui": f"{_HERE}.ui_command",
    "invoke": f"{_HERE}.invoke_command",
    "ls": f"{_HERE}.inspect_commands",
    "show": f"{_HERE}.inspect_commands",
    "tree": f"{_HERE}.inspect_commands",
    "history": f"{_HERE}.inspect_commands",
    "logs": f"{_HERE}.logs_command",
    "callback": f"{_HERE}.callback_commands",
    "stop": f"{_HERE}.control_commands",
    "pause": f"{_HERE}.control_commands",
    "resume": f"{_HERE}.control_commands",
    "rm": f"{_HERE}.control_commands",
    "record": f"{_HERE}.recording_commands",
    "replay": f"{_HERE}.recording_commands",
    "check-deploy": f"{_HERE}.check_deploy_command",
    "lint": f"{_HERE}.lint_command",
    "explore": f"{_HERE}.explore_command",
    "bundle": f"{_HERE}.bundle_command",
}


class _Commands(InterruptibleGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(place), cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands)
@click.version_option(package_name="aws-durable-execution-sdk-python")
def main() -> None:
    """Run durable functions on this machine, and look after them here and on AWS.

    Commands about executions talk to the local service (`durable serve`), unless
    --endpoint-url, AWS_ENDPOINT_URL_LAMBDA or --aws say otherwise. An execution is given by its
    ARN, by its name, or as FUNCTION/NAME.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A result may hold what the terminal's encoding cannot express: show it escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
