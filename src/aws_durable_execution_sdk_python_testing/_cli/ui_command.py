"""`durable ui`: the page in front of a service that runs elsewhere."""

from __future__ import annotations

import click

from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
)
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._cli.serving import PORT, reporting
from aws_durable_execution_sdk_python_testing._ui.remote_page import (
    make_remote_app,
    serve_remote_page,
)


@click.command()
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME",
    help="A function whose executions to show. May be repeated; needed on AWS, which lists "
    "executions by function.",
)
@click.option(
    "--write", is_flag=True, help="Let the page start, answer, stop and delete executions."
)
@click.option(
    "--port", type=PORT, default=5001, show_default=True, help="Port; 0 takes a free one."
)
@connection_options
def ui(functions: tuple[str, ...], write: bool, port: int, connection: Connection) -> None:
    """Show the executions of AWS, or of another service, on a page on this machine.

    The page only shows, unless --write is given.

    \b
    Example:
        durable ui --aws --function order
    """
    on_aws = connection.endpoint is None
    if on_aws and not functions:
        raise CommandError("AWS lists executions by function: give --function NAME")
    place = connection.endpoint or "AWS"
    with reporting(CommandError), connection.open() as api:
        app = make_remote_app(api, functions, lists_all=not on_aws, writable=write)
        serve_remote_page(app, port, lambda url: say(f"showing executions of {place} at {url}"))
