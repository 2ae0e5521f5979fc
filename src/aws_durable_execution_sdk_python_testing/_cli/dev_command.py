"""`durable dev`: a program's functions on this machine, with hot reload, and a page beside them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.option_values import LOG_LEVELS
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._cli.serving import (
    listening_options,
    open_store_named,
    reporting,
    run_server,
    store_option,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._declarations.program_files import ProgramError
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_logs
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing._ui.dashboard import Dashboard
from aws_durable_execution_sdk_python_testing._ui.reloaded_code import ReloadedCode


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@listening_options
@store_option
@click.option("--skip-time/--no-skip-time", help="Skip waits instead of waiting.")
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="INFO", show_default=True)
def dev(file: Path, host: str, port: int, store: str, skip_time: bool, log_level: str) -> None:
    """Run the durable functions of a file, load them anew when it changes, and show a page.

    The page lists executions, starts them, answers their callbacks and shows each as it runs.
    Executions that are under way go on with the new code, by replay; one that the new code would
    not repeat fails, and the page says what differs, and where.

    \b
    Example:
        durable dev app.py
    """
    if not file.is_file():
        raise CommandError(f"no such file: {file}")
    harmless_logs(log_level)
    # Bytecode is told apart by whole seconds, which two changes may come within.
    sys.dont_write_bytecode = True
    code = ReloadedCode(file)

    def reloading(server: DurableServer) -> AbstractContextManager[None]:
        def replace(functions: list[DeclaredFunction]) -> None:
            server.host(functions)
            say(code.summary())

        return code.followed(replace)

    with reporting(CommandError):
        try:
            functions = code.load()
        except ProgramError as error:
            raise CommandError(str(error)) from error
        settings = ServerSettings(
            host=host, port=port, skip_time=skip_time, allow_unqualified=True, api_rates=False
        )
        run_server(functions, settings, open_store_named(store), Dashboard(code), reloading)
