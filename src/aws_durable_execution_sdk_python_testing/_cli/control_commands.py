"""Commands that act on executions: `stop`, `pause`, `resume`, `rm`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aws_durable_execution_sdk_python._core.model import TERMINAL
from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.lookup import find_execution
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json, without_metadata
from aws_durable_execution_sdk_python_testing._cli.output import say


@click.command()
@click.argument("execution")
@click.option("--message", help="Why: the message of the error the execution ends with.")
@click.option("--type", "error_type", help="The type of that error.")
@json_option
@connection_options
def stop(
    execution: str,
    message: str | None,
    error_type: str | None,
    as_json: bool,
    connection: Connection,
) -> None:
    """End an execution as STOPPED."""
    given = {"ErrorMessage": message, "ErrorType": error_type}
    error = {key: value for key, value in given.items() if value is not None}
    request = {"Error": error} if error else {}
    with connection.open() as api:
        arn = find_execution(api, connection, execution)
        before = api.execution(arn, include_execution_data=False)["Status"]
        answer = api.client.stop_durable_execution(DurableExecutionArn=arn, **request)
    if as_json:
        print_json({"DurableExecutionArn": arn, **without_metadata(answer)})
    elif before in TERMINAL:
        say(f"{execution} had ended before: it is {before}")
    else:
        say(f"stopped {execution}")


@click.command()
@click.argument("execution")
@click.option("--reason", help="Shown in the history.")
@json_option
@connection_options
def pause(execution: str, reason: str | None, as_json: bool, connection: Connection) -> None:
    """Invoke an execution's function no more, until it is resumed."""
    _act(connection, execution, as_json, "pausing", "pause_durable_execution", **_reason(reason))


@click.command()
@click.argument("execution")
@click.option("--reason", help="Shown in the history.")
@json_option
@connection_options
def resume(execution: str, reason: str | None, as_json: bool, connection: Connection) -> None:
    """Let a paused execution go on."""
    _act(connection, execution, as_json, "resumed", "resume_durable_execution", **_reason(reason))


@click.command()
@click.argument("execution")
@json_option
@connection_options
def rm(execution: str, as_json: bool, connection: Connection) -> None:
    """Delete an execution that has ended, with its history."""
    _act(connection, execution, as_json, "deleted", "delete_durable_execution")


def _act(
    connection: Connection, execution: str, as_json: bool, done: str, operation: str, **request: Any
) -> None:
    """Make one call about an execution and say that it was done."""
    with connection.open() as api:
        arn = find_execution(api, connection, execution)
        call: Callable[..., Any] = getattr(api.client, operation)
        answer = call(DurableExecutionArn=arn, **request)
    if as_json:
        print_json({"DurableExecutionArn": arn, **without_metadata(answer)})
    else:
        say(f"{done} {execution}")


def _reason(reason: str | None) -> dict[str, str]:
    return {} if reason is None else {"Reason": reason}
