"""Commands for recorded histories: `record` and `replay`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from aws_durable_execution_sdk_python._core.arns import execution_name
from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import FAILED
from aws_durable_execution_sdk_python_testing._cli.lookup import find_execution
from aws_durable_execution_sdk_python_testing._cli.option_values import (
    log_level_option,
    print_json,
    prints_aside,
)
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
)
from aws_durable_execution_sdk_python_testing._declarations.handler_loading import (
    load_durable_handler,
    load_handler,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._recordings import (
    Recording,
    RecordingError,
    ReplayReport,
    find_recordings,
)
from aws_durable_execution_sdk_python_testing._recordings import replay as run_against
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_logs
from aws_durable_execution_sdk_python_testing._results.tree import stdout_console


@click.command()
@click.argument("execution")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. Default: the execution's name and .json.",
)
@click.option(
    "--redact",
    metavar="FILE_OR_MODULE:FUNCTION",
    help="Called with the text of each payload and its event; what it returns is kept instead.",
)
@json_option
@connection_options
def record(
    execution: str,
    output: Path | None,
    redact: str | None,
    as_json: bool,
    connection: Connection,
) -> None:
    """Save the history of an execution, finished or running, for `durable replay`.

    The file holds the execution's input, results and errors, unless --redact says otherwise.
    """
    hide = None if redact is None else _load(redact, load_handler)
    with connection.open() as api:
        arn = find_execution(api, connection, execution)
        function_arn = api.execution(arn, include_execution_data=False)["FunctionArn"]
        recording = Recording(list(api.events(arn)), arn, function_arn)
    path = output or Path(f"{execution_name(arn)}.json")
    try:
        recording.check(execution)
        if hide is not None:
            recording = recording.redacted(hide)
        recording.save(path)
    except (RecordingError, OSError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        count = len(recording.events)
        print_json({"Recording": str(path), "Events": count, "Status": recording.status})
    else:
        say(f"{path}: {len(recording.events)} events, {recording.status}")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--handler",
    "handlers",
    multiple=True,
    required=True,
    metavar="[FUNCTION=]FILE_OR_MODULE:HANDLER",
    help="Today's code of all recordings, or of those of one function. May be repeated.",
)
@log_level_option(default="CRITICAL")
@json_option
def replay(
    paths: tuple[str, ...], handlers: tuple[str, ...], log_level: str, as_json: bool
) -> None:
    """Run today's code against recorded histories: files, or directories of .json files.

    No step runs and no service is called. Executions that are under way would fail with code
    that diverges from what they have recorded.

    Exit status: 0 all replay, 1 one diverges, 2 bad input.

    \b
    Example:
        durable replay tests/recordings --handler app.py:handler
    """
    harmless_logs(log_level)
    reports: dict[Path, ReplayReport] = {}
    try:
        with prints_aside():
            known = dict(map(_parse_handler, handlers))
            for path in find_recordings(paths):
                recording = Recording.load(path)
                reports[path] = run_against(_handler_of(recording, known, path), recording)
    except RecordingError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json([{"Recording": str(p), **report.to_dict()} for p, report in reports.items()])
    else:
        _print(reports.items())
    sys.exit(0 if all(report.ok for report in reports.values()) else FAILED)


def _parse_handler(text: str) -> tuple[str | None, Handler]:
    name, equals, target = text.rpartition("=")
    return (name if equals else None), _load(target, load_durable_handler)


def _load(target: str, load: Callable[[str], Handler]) -> Any:
    try:
        return load(target)
    except DeclarationError as error:
        raise CommandError(str(error)) from error


def _handler_of(
    recording: Recording, handlers: Mapping[str | None, Handler], path: Path
) -> Handler:
    name = recording.function_name
    handler = handlers.get(name) or handlers.get(None)
    if handler is None:
        raise CommandError(f"{path} is of the function {name}: say --handler {name}=FILE:HANDLER")
    return handler


def _print(reports: Iterable[tuple[Path, ReplayReport]]) -> None:
    console = stdout_console()
    for path, report in reports:
        mark = Text("replays ", "green") if report.ok else Text("diverges", "bold red")
        counted = f" ({report.operations} operations, {report.recorded} when recorded)"
        console.print(mark + Text(f"  {path}{counted}"), soft_wrap=True)
        if report.divergence is not None:
            for line in str(report.divergence).splitlines():
                console.print(Text(f"    {line}"), soft_wrap=True)
