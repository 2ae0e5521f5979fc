"""`durable callback`: answer callbacks that executions wait for."""

from __future__ import annotations

import json
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.lookup import find_callback, find_execution
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json, read_json
from aws_durable_execution_sdk_python_testing._cli.output import say

_NO_SUCH_ID = frozenset({"InvalidParameterValueException", "ResourceNotFoundException"})

_execution_option = click.option(
    "--execution",
    metavar="EXECUTION",
    help="CALLBACK is a name in this execution: of a callback, or of a wait_for_callback.",
)


@click.group()
def callback() -> None:
    """Answer callbacks, by id or by name."""


@callback.command()
@click.argument("callback")
@click.option("--result", help="The answer as JSON; @FILE reads it from a file, - from stdin.")
@_execution_option
@json_option
@connection_options
def succeed(
    callback: str,
    result: str | None,
    execution: str | None,
    as_json: bool,
    connection: Connection,
) -> None:
    """Answer CALLBACK with a result."""
    request = {}
    if result is not None:
        request["Result"] = json.dumps(read_json(result, "--result")).encode()
    operation = "send_durable_execution_callback_success"
    _answer(connection, callback, execution, as_json, operation, **request)


@callback.command()
@click.argument("callback")
@click.option("--message", help="Message of the error.")
@click.option("--type", "error_type", help="Type of the error.")
@click.option("--data", help="Data of the error, a text.")
@_execution_option
@json_option
@connection_options
def fail(
    callback: str,
    message: str | None,
    error_type: str | None,
    data: str | None,
    execution: str | None,
    as_json: bool,
    connection: Connection,
) -> None:
    """Answer CALLBACK with an error."""
    given = {"ErrorMessage": message, "ErrorType": error_type, "ErrorData": data}
    error = {key: value for key, value in given.items() if value is not None}
    request = {"Error": error} if error else {}
    operation = "send_durable_execution_callback_failure"
    _answer(connection, callback, execution, as_json, operation, **request)


@callback.command()
@click.argument("callback")
@_execution_option
@json_option
@connection_options
def heartbeat(callback: str, execution: str | None, as_json: bool, connection: Connection) -> None:
    """Say that the answer to CALLBACK is being worked on."""
    operation = "send_durable_execution_callback_heartbeat"
    _answer(connection, callback, execution, as_json, operation)


def _answer(
    connection: Connection,
    callback: str,
    execution: str | None,
    as_json: bool,
    operation: str,
    **request: Any,
) -> None:
    with connection.open() as api:
        callback_id = callback
        if execution is not None:
            callback_id = find_callback(api, find_execution(api, connection, execution), callback)
        try:
            getattr(api.client, operation)(CallbackId=callback_id, **request)
        except api.client.exceptions.ClientError as error:
            answer = error.response["Error"]
            if execution is not None or answer["Code"] not in _NO_SUCH_ID:
                raise
            hint = f"if {callback!r} is its name, give --execution too"
            raise CommandError(f"{answer['Code']}: {answer['Message']}; {hint}") from error
    if as_json:
        print_json({"CallbackId": callback_id})
    else:
        say(f"sent for {callback}")
