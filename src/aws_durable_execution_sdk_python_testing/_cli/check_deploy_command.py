"""`durable check-deploy`: would the executions that run go on with the code at hand?"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from aws_durable_execution_sdk_python_testing._cli.api_connection import (
    Connection,
    connection_options,
    json_option,
)
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import FAILED
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json
from aws_durable_execution_sdk_python_testing._deploy_gate.checking import (
    CheckedExecution,
    Verdict,
    check_running,
)
from aws_durable_execution_sdk_python_testing._deploy_gate.paced_calls import (
    CALLS_ON_AWS,
    Pace,
    PacedClient,
)
from aws_durable_execution_sdk_python_testing._deploy_gate.replay_process import (
    HandlerError,
    ReplayProcess,
)
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi
from aws_durable_execution_sdk_python_testing._results.tree import stdout_console

_UNCHECKED = 2
_MOST_JOBS = 8
# How many executions of the same finding are named; JSON names them all.
_MOST_NAMES = 10


@click.command("check-deploy")
@click.argument("function", metavar="FUNCTION[:QUALIFIER]")
@click.option(
    "--handler",
    required=True,
    metavar="FILE_OR_MODULE:HANDLER",
    help="The code that is to be deployed.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=min(_MOST_JOBS, os.cpu_count() or 1),
    show_default="one for each processor, at most 8",
    help="How many executions to replay at a time, each in a process of its own.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="How many seconds one replay may take.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    show_default=f"{CALLS_ON_AWS:g} on AWS, no limit elsewhere",
    help="At most so many calls of the API a second.",
)
@json_option
@connection_options
def check_deploy(
    function: str,
    handler: str,
    jobs: int,
    timeout: float,
    rate: float | None,
    as_json: bool,
    connection: Connection,
) -> None:
    """Replay the running executions of FUNCTION against the code at hand.

    Those that would diverge are named with the reason and the line. No step runs; nothing is
    changed. QUALIFIER is a version, an alias or $LATEST; without one, the executions of all
    versions are replayed.

    Exit status: 0 all replay, 1 one would diverge, 2 one could not be checked, or bad input.

    \b
    Example:
        durable check-deploy 'orders:$LATEST' --handler app.py:handler --aws
    """
    if rate is None and connection.endpoint is None:
        rate = CALLS_ON_AWS
    processes = [ReplayProcess(handler, timeout) for _ in range(jobs)]
    try:
        with connection.open() as api, contextlib.ExitStack() as stack:
            for process in processes:
                stack.callback(process.close)
            processes[0].start()
            paced = DurableApi(PacedClient(api.client, Pace(rate)))
            findings = list(_watched(check_running(paced, function, processes)))
    except HandlerError as error:
        raise CommandError(str(error)) from error
    counts = Counter(finding.verdict for finding in findings)
    if as_json:
        summary = {verdict.value: counts[verdict] for verdict in Verdict}
        executions = [finding.to_dict() for finding in findings]
        print_json({"Function": function, "Summary": summary, "Executions": executions})
    else:
        _print(function, findings, counts)
    if counts[Verdict.DIVERGES]:
        sys.exit(FAILED)
    sys.exit(_UNCHECKED if counts[Verdict.UNCHECKED] else 0)


def _watched(findings: Iterator[CheckedExecution]) -> Iterator[CheckedExecution]:
    """The same, counted on a terminal as they come."""
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("replaying"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[bad]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    bad = 0
    with progress:
        task = progress.add_task("", total=None, bad="")
        for finding in findings:
            bad += finding.verdict in (Verdict.DIVERGES, Verdict.UNCHECKED)
            progress.update(task, advance=1, bad=f"{bad} not fit" if bad else "")
            yield finding


def _print(function: str, findings: Sequence[CheckedExecution], counts: Counter[Verdict]) -> None:
    console = stdout_console()
    for verdict, style in ((Verdict.DIVERGES, "bold red"), (Verdict.UNCHECKED, "yellow")):
        for said, alike in _grouped(findings, verdict).items():
            console.print(
                Text(f"{verdict.lower():<9}", style) + Text(f"  {_named(alike)}"), soft_wrap=True
            )
            for line in said.splitlines():
                console.print(Text(f"    {line}"), soft_wrap=True)
    parts = [f"{counts[Verdict.REPLAYS]} replay"]
    wording = (
        (Verdict.DIVERGES, "would diverge"),
        (Verdict.UNCHECKED, "could not be checked"),
        (Verdict.ENDED, "ended meanwhile"),
    )
    parts += [f"{counts[verdict]} {words}" for verdict, words in wording if counts[verdict]]
    console.print(Text(f"{function}: {len(findings)} running: {', '.join(parts)}"), soft_wrap=True)


def _grouped(
    findings: Sequence[CheckedExecution], verdict: Verdict
) -> dict[str, list[CheckedExecution]]:
    """Findings by what there is to say of them: often one line of code breaks many executions."""
    groups: dict[str, list[CheckedExecution]] = {}
    for finding in findings:
        if finding.verdict is verdict:
            said = finding.reason or str(finding.divergence)
            groups.setdefault(said, []).append(finding)
    return groups


def _named(findings: Sequence[CheckedExecution]) -> str:
    names = ", ".join(finding.name for finding in islice(findings, _MOST_NAMES))
    more = len(findings) - _MOST_NAMES
    return f"{names} and {more} more" if more > 0 else names
