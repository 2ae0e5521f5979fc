"""The `durable` command: one module for each group of commands, loaded when it is called."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

from aws_durable_execution_sdk_python_testing.cli.problems import INTERRUPTED

_HERE = __name__
# Command: where it is. Loaded late, since each needs other libraries.
_COMMANDS = {
    "run": f"{_HERE}.run",
    "serve": "aws_durable_execution_sdk_python_testing.server.commands",
    "invoke": f"{_HERE}.invoke",
    "ls": f"{_HERE}.inspect",
    "show": f"{_HERE}.inspect",
    "tree": f"{_HERE}.inspect",
    "history": f"{_HERE}.inspect",
    "logs": f"{_HERE}.logs",
    "callback": f"{_HERE}.callback",
    "stop": f"{_HERE}.control",
    "pause": f"{_HERE}.control",
    "resume": f"{_HERE}.control",
    "rm": f"{_HERE}.control",
    "record": f"{_HERE}.recordings",
    "replay": f"{_HERE}.recordings",
    "lint": f"{_HERE}.lint",
    "explore": f"{_HERE}.explore",
}


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        # Around the loading of the command too. Click itself would end with status 1.
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(place), cmd_name)
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
