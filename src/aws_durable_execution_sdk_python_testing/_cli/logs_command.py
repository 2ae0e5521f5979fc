"""`durable logs`: what the functions of an execution wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.lookup import find_execution, function_of
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._results import wording
from aws_durable_execution_sdk_python_testing._results.fitting import Hanging
from aws_durable_execution_sdk_python_testing._results.folding import event_time
from aws_durable_execution_sdk_python_testing._results.harmless import one_line
from aws_durable_execution_sdk_python_testing._results.histories import ExecutionHistory, Invocation
from aws_durable_execution_sdk_python_testing._results.tree import stdout_console


@click.command()
@click.argument("execution")
@click.option(
    "--log-group",
    help="On AWS: the function's log group. Default: /aws/lambda/ and the function's name.",
)
@json_option
@connection_options
def logs(execution: str, log_group: str | None, as_json: bool, connection: Connection) -> None:
    """Print what the functions of an execution wrote, and the functions it called.

    The local service keeps the output of functions in runtime processes (durable serve
    --runtime lambda), and of those in its own process what context.logger writes. On AWS the
    lines of the execution's own invocations are looked up.
    """
    with connection.open() as api:
        arn = find_execution(api, connection, execution)
        if connection.endpoint is None:
            group = log_group or f"/aws/lambda/{function_of(api.execution(arn))}"
            history = ExecutionHistory.from_dicts(api.events(arn, include_execution_data=False))
            with connection.open_logs() as client:
                lines = list(cloudwatch_lines(client, group, history.invocations))
        else:
            lines = api.logs(arn)
    if as_json:
        print_json(lines)
        return
    if not lines:
        say("no output is kept of this execution's functions", err=True)
    console = stdout_console()
    for line in lines:
        when = wording.time_of_day(event_time(line["Timestamp"]))
        # What follows in the same record stands below it: it cannot look like another one.
        first, *rest = line["Text"].splitlines() or [""]
        named = one_line(f"{when}  {line['FunctionName']}  {first}")
        console.print(Hanging(named, further=4))
        for below in rest:
            console.print(Hanging(one_line(f"    {below}")))


def cloudwatch_lines(
    client: Any, log_group: str, invocations: Iterable[Invocation]
) -> Iterator[dict[str, Any]]:
    """The lines of some invocations, from CloudWatch Logs.

    Parameters:
        client: a boto3 client of "logs".
        log_group: the function's.
        invocations: whose lines. Lines are found by the request id: plain text logs have it
            in the lines of the runtime only, JSON logs in all.
    """
    for invocation in invocations:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=log_group,
            filterPattern=f'"{invocation.request_id}"',
            startTime=_milliseconds(invocation.start_timestamp),
        )
        for page in pages:
            for event in page["events"]:
                yield {
                    "Timestamp": event["timestamp"] / 1000,
                    "FunctionName": log_group.rpartition("/")[2],
                    "RequestId": invocation.request_id,
                    "Text": event["message"].rstrip("\n"),
                }


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
