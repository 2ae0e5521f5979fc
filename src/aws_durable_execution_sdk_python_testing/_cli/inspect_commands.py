"""Commands that look at executions: `ls`, `show`, `tree`, `history`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from aws_durable_execution_sdk_python._core.model import ErrorObject, Status
from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.listings import Fact, ListEntry, Listing
from aws_durable_execution_sdk_python_testing._cli.lookup import (
    find_execution,
    function_of,
    list_executions,
)
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json, without_metadata
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._engine.metering import Usage
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.fitting import Hanging
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_json, one_line
from aws_durable_execution_sdk_python_testing._results.histories import Event
from aws_durable_execution_sdk_python_testing._results.operations import operation_to_dict
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._results.tree import result_tree, stdout_console

_IDS = frozenset({"name", "arn", "function"})
_EXECUTION = ("name", "function", "status", "started", "took")
_EVENT = ("id", "time", "event", "operation")
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
        stdout_console().print(Listing(_EXECUTION, map(_execution_cells, found)))
    else:
        say("no executions", err=True)


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
    console = stdout_console()
    for label, value in (*_facts(described), ("used", _usage(events))):
        console.print(Fact(label, value, label in _IDS, room=10))
    console.print()
    console.print(result_tree(result, _now()))


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
        stdout_console().print(Listing(_EVENT, map(_event_cells, map(Event.from_dict, events))))


def _execution_cells(one: Mapping[str, Any]) -> ListEntry:
    start = one["StartTimestamp"]
    cells = (
        Text(one_line(one["DurableExecutionName"])),
        Text(one_line(function_of(one))),
        Text(one["Status"], style=wording.STYLES[Status(one["Status"])]),
        Text(wording.moment(start.astimezone(UTC))),
        Text(wording.duration(start, one.get("EndTimestamp"))),
    )
    return ListEntry(cells)


def _event_cells(event: Event) -> ListEntry:
    trace = _trace(event.details)
    cells = (
        Text(str(event.event_id)),
        Text(wording.time_of_day(event.event_timestamp)),
        Text(one_line(event.event_type)),
        Text(one_line(event.name or "")),
    )
    below: list[RenderableType] = [*_facts_of(event.details)]
    below += [Hanging(f"    {line}") for line in trace]
    return ListEntry(cells, below, "\n    ".join([_in_json(event.details), *trace]))


def _trace(details: Mapping[str, Any]) -> list[str]:
    """The stack trace of an error in an event's details."""
    payload = (details.get("Error") or {}).get("Payload")
    trace = ErrorObject.from_dict(payload).trace if isinstance(payload, dict) else ""
    return [one_line(line) for line in trace.splitlines()]


def _in_json(details: Mapping[str, Any]) -> str:
    """An event's details in one line, without a stack trace."""
    shown = {key: _without_trace(value) for key, value in details.items()}
    return harmless_json(json.dumps(shown, ensure_ascii=False, default=str))


def _without_trace(detail: Any) -> Any:
    payload = detail.get("Payload") if isinstance(detail, dict) else None
    if not isinstance(payload, dict):
        return detail
    return {**detail, "Payload": {k: v for k, v in payload.items() if k != "StackTrace"}}


def _facts_of(details: Mapping[str, Any], around: str = "") -> Iterator[Fact]:
    """An event's details a line each, without a stack trace."""
    for key, value in details.items():
        label = around if key == "Payload" else key
        if key == "StackTrace" or (key == "Truncated" and not value):
            continue
        if isinstance(value, Mapping):
            yield from _facts_of(value, label)
        else:
            is_text = isinstance(value, str | datetime)
            text = str(value) if is_text else json.dumps(value, default=str)
            yield Fact(label, text, key.endswith(("Id", "Arn")), indent=4)


def _facts(execution: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
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
            yield label, str(value)


def _usage(events: Iterable[Mapping[str, Any]]) -> str:
    """What is used of the two limits that end an execution, whatever it does."""
    used, limits = Usage.of(events), Limits()
    return (
        f"{used.operations:,} of {limits.operations:,} operations, "
        f"{used.written:,} of {limits.written_bytes:,} bytes"
    )


def _now() -> datetime:
    return datetime.now(UTC)
