"""Commands that look at executions: `ls`, `show`, `tree`, `history`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from aws_durable_execution_sdk_python._core.model import ErrorObject, Status
from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.lookup import (
    find_execution,
    function_of,
    list_executions,
)
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json, without_metadata
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._engine.metering import Usage
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.harmless import harmless
from aws_durable_execution_sdk_python_testing._results.histories import Event
from aws_durable_execution_sdk_python_testing._results.operations import operation_to_dict
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._results.tree import result_tree, stdout_console

_STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "PAUSING", "PAUSED")


@click.command()
@click.argument("function", required=False)
@click.option("--status", "statuses", multiple=True, type=click.Choice(_STATUSES))
@click.option("--name", help="Only the execution of this name.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="At most so many, the newest first.",
)
@json_option
@connection_options
def ls(
    function: str | None,
    statuses: tuple[str, ...],
    name: str | None,
    limit: int,
    as_json: bool,
    connection: Connection,
) -> None:
    """List executions, of FUNCTION or of all functions."""
    filters: dict[str, Any] = {"Statuses": list(statuses), "DurableExecutionName": name}
    given = {key: value for key, value in filters.items() if value}
    with connection.open() as api:
        found = list(islice(list_executions(api, connection, function, **given), limit))
    if as_json:
        print_json(found)
    elif found:
        stdout_console().print(_execution_table(found))
    else:
        click.echo("no executions", err=True)


@click.command()
@click.argument("execution")
@json_option
@connection_options
def show(execution: str, as_json: bool, connection: Connection) -> None:
    """Show an execution: what it is, how it stands, and its operations."""
    with connection.open() as api:
        arn = find_execution(api, connection, execution)
        described = without_metadata(api.execution(arn))
        events = list(api.events(arn))
        result = DurableFunctionTestResult.from_execution_history(described, {"Events": events})
    if as_json:
        print_json({**described, "Operations": [operation_to_dict(o) for o in result.operations]})
        return
    for line in (*_facts(described), *_usage(events)):
        click.echo(harmless(line))
    click.echo()
    stdout_console().print(result_tree(result, _now()))


@click.command()
@click.argument("execution")
@json_option
@connection_options
def tree(execution: str, as_json: bool, connection: Connection) -> None:
    """Draw the operations of an execution, with status, attempts and durations."""
    with connection.open() as api:
        result = api.result(find_execution(api, connection, execution))
    if as_json:
        print_json([operation_to_dict(operation) for operation in result.operations])
    else:
        stdout_console().print(result_tree(result, _now()))


@click.command()
@click.argument("execution")
@click.option("--data/--no-data", default=True, help="With payloads (the default), or without.")
@json_option
@connection_options
def history(execution: str, data: bool, as_json: bool, connection: Connection) -> None:
    """Print the events of an execution, oldest first."""
    with connection.open() as api:
        events = list(api.events(find_execution(api, connection, execution), data))
    if as_json:
        print_json(events)
    else:
        stdout_console().print(_event_table(map(Event.from_dict, events)))


def _execution_table(executions: Iterable[Mapping[str, Any]]) -> Table:
    table = wording.columns("name", "function", "status", "started", "took", whole=("status",))
    for one in executions:
        start = one["StartTimestamp"]
        table.add_row(
            Text(one["DurableExecutionName"]),
            Text(function_of(one)),
            Text(one["Status"], style=wording.STYLES[Status(one["Status"])]),
            wording.moment(start.astimezone(UTC)),
            wording.duration(start, one.get("EndTimestamp")),
        )
    return table


def _event_table(events: Iterable[Event]) -> Table:
    table = wording.columns(
        *("id", "time", "event", "operation", "details"), whole=("id", "time", "event")
    )
    for event in events:
        table.add_row(
            str(event.event_id),
            f"{event.event_timestamp.astimezone(UTC):%H:%M:%S.%f}"[:-3],
            event.event_type,
            Text(event.name or ""),
            Text(_shown_details(event.details)),
        )
    return table


def _shown_details(details: Mapping[str, Any]) -> str:
    """An event's details as JSON, and below it the stack trace of an error in them."""
    payload = (details.get("Error") or {}).get("Payload")
    trace = ErrorObject.from_dict(payload).trace if isinstance(payload, dict) else ""
    if trace and payload is not None:
        shorter = {key: value for key, value in payload.items() if key != "StackTrace"}
        details = {**details, "Error": {**details["Error"], "Payload": shorter}}
    text = json.dumps(details, ensure_ascii=False, default=str)
    return f"{text}\n{trace}" if trace else text


def _facts(execution: Mapping[str, Any]) -> Iterable[str]:
    members = {
        "name": "DurableExecutionName",
        "arn": "DurableExecutionArn",
        "function": "FunctionArn",
        "status": "Status",
        "started": "StartTimestamp",
        "ended": "EndTimestamp",
        "input": "InputPayload",
    }
    for label, key in members.items():
        value = execution.get(key)
        if isinstance(value, datetime):
            value = wording.moment(value.astimezone(UTC))
        if value is not None:
            yield f"{label + ':':<10}{value}"


def _usage(events: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """What is used of the two limits that end an execution, whatever it does."""
    used, limits = Usage.of(events), Limits()
    yield f"{'used:':<10}{used.operations:,} of {limits.operations:,} operations, " + (
        f"{used.written:,} of {limits.written_bytes:,} bytes"
    )


def _now() -> datetime:
    return datetime.now(UTC)
