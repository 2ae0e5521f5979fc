"""`durable invoke`: start an execution, and follow it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

import click
from rich.console import Console

from aws_durable_execution_sdk_python._core.arns import execution_name
from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import (
    FAILED,
    interrupted_status,
)
from aws_durable_execution_sdk_python_testing._cli.live_view import LiveView
from aws_durable_execution_sdk_python_testing._cli.option_values import (
    EVENT_HELP,
    print_json,
    read_json,
)
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._cli.progress_views import (
    Beginning,
    JsonView,
    LineView,
    View,
    check_verbosity,
    verbose_option,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    DEFAULT_QUALIFIER,
    FunctionReference,
)
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi

# Seconds from one look at an execution to the next.
_LOCAL_INTERVAL = 0.1
_AWS_INTERVAL = 1.0


@click.command()
@click.argument("function")
@click.option("--event", default="{}", help=EVENT_HELP)
@click.option("--name", help="Name of the execution. The same name and event never start two.")
@click.option("--tenant-id", help="The tenant to run for.")
@click.option("--wait", is_flag=True, help="Follow the execution to its end.")
@click.option("--timeout", type=float, help="Seconds to wait at most. Default: without limit.")
@json_option
@verbose_option
@connection_options
def invoke(
    function: str,
    event: str,
    name: str | None,
    tenant_id: str | None,
    wait: bool,
    timeout: float | None,
    as_json: bool,
    verbose: bool,
    connection: Connection,
) -> None:
    """Start an execution of FUNCTION: a name, NAME:QUALIFIER or an ARN.

    Without a qualifier $LATEST is meant: Lambda runs no durable function without one.

    With --wait, --json prints JSON lines: the execution, each change of an operation, the result.

    Exit status with --wait: 0 success, 1 the execution failed, 2 it was not started or has not
    ended in time, 130 interrupted, 143 terminated; it then goes on.
    """
    if timeout is not None and not wait:
        raise CommandError("--timeout is for --wait: without it, nothing is waited for")
    if verbose and not wait:
        raise CommandError("--verbose is for --wait: without it, nothing is followed")
    check_verbosity(verbose=verbose, as_json=as_json)
    members = {
        "DurableExecutionName": name,
        "TenantId": tenant_id,
        "Qualifier": _qualifier(function),
    }
    request = {key: value for key, value in members.items() if value is not None}
    payload = json.dumps(read_json(event, "--event"))
    with connection.open() as api:
        known = _known(api, function, name)
        arn = _start(api, function, payload, request)
        state = "found" if arn in known else "started"
        if wait:
            interval = _AWS_INTERVAL if connection.endpoint is None else _LOCAL_INTERVAL
            _wait(
                api,
                arn,
                state,
                _view(arn, sys.stdout, as_json=as_json, verbose=verbose),
                _Patience(interval, timeout),
            )
    if as_json:
        print_json({"DurableExecutionArn": arn, "DurableExecutionName": execution_name(arn)})
    else:
        told = f", which is {known[arn]} already" if arn in known else ""
        say(f"{state} {execution_name(arn)}{told}\n{arn}")


def _qualifier(function: str) -> str | None:
    """What is to be said besides the function's name; nothing if that says it."""
    try:
        named = FunctionReference.parse(function).qualifier
    except ValueError:
        return None  # the service says what is wrong with it
    return DEFAULT_QUALIFIER if named is None else None


def _known(api: DurableApi, function: str, name: str | None) -> dict[str, str]:
    """The executions that have the name already, and their statuses."""
    if name is None:
        return {}
    found = api.executions(function, DurableExecutionName=name)
    return {one["DurableExecutionArn"]: one["Status"] for one in found}


def _start(api: DurableApi, function: str, payload: str, request: dict[str, str]) -> str:
    answer = api.client.invoke(
        FunctionName=function, InvocationType="Event", Payload=payload.encode(), **request
    )
    answer["Payload"].read()  # else its connection is not closed with the client
    arn = answer.get("DurableExecutionArn")
    if not arn:
        raise CommandError(
            f"{function} was invoked, but is no durable function: nothing to follow. Is it "
            "declared with a DurableConfig?"
        )
    return str(arn)


def _wait(api: DurableApi, arn: str, state: str, view: View, patience: _Patience) -> None:
    """Show the execution until it ends; ends the command."""
    try:
        view.begin(Beginning(execution_name(arn), arn, state, 0))
        with view.live():
            for event in _follow(api, arn, patience):
                view.event(event)
        result = api.result(arn)
    except KeyboardInterrupt as interrupt:
        say(f"interrupted; it goes on: durable show {execution_name(arn)}", err=True)
        sys.exit(interrupted_status(interrupt))
    view.end(result)
    sys.exit(0 if result.status == "SUCCEEDED" else FAILED)


class _Patience:
    """How often to look, and until when. Both in seconds."""

    def __init__(self, interval: float, timeout: float | None) -> None:
        self._interval = interval
        self._timeout = timeout
        self._since = time.monotonic()

    def pause(self, arn: str) -> None:
        """Wait until the next look; Problem once the time is up."""
        waited = time.monotonic() - self._since
        if self._timeout is not None and waited >= self._timeout:
            raise CommandError(
                f"{execution_name(arn)} has not ended within {self._timeout:g} s; it goes on: "
                f"durable show {execution_name(arn)}"
            )
        time.sleep(self._interval)


def _follow(api: DurableApi, arn: str, patience: _Patience) -> Iterator[dict[str, Any]]:
    """The events of an execution as they come, up to the one that ends it."""
    seen = 0
    while True:
        # First whether it has ended, so that the events read then are all there are.
        ended, events = _look(api, arn, seen)
        yield from events
        if ended:
            return
        seen += len(events)  # ids count from 1
        patience.pause(arn)


def _look(api: DurableApi, arn: str, seen: int) -> tuple[bool, list[dict[str, Any]]]:
    try:
        return api.has_ended(arn), api.events_after(arn, seen)
    except api.client.exceptions.ResourceNotFoundException:
        if seen:
            raise
        return False, []  # started a moment ago, and not visible everywhere yet


def _view(arn: str, out: TextIO, *, as_json: bool, verbose: bool) -> View:
    def answering(callback: str | None) -> str:
        name = shlex.quote(callback or "NAME")
        return f"answer it with: durable callback succeed {name} --execution {execution_name(arn)}"

    if as_json:
        return JsonView(out)
    if out.isatty() and not verbose:
        return LiveView(Console(file=out), time.time, answering)
    return LineView(out, answering, verbose=verbose)
