"""`durable explore`: crash a file's durable handler wherever it can be cut off."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import FAILED
from aws_durable_execution_sdk_python_testing._cli.option_values import (
    EVENT_HELP,
    parse_callback,
    print_json,
    prints_aside,
    read_json,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._declarations.program_files import (
    DurableProgram,
    ProgramError,
    load_program,
)
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    PlainTarget,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._exploration.crash_report import CrashReport
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import Subject, run
from aws_durable_execution_sdk_python_testing._exploration.exploring import explore as explore_runs
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_logs
from aws_durable_execution_sdk_python_testing.exceptions import (
    DurableFunctionsLocalRunnerError,
    DurableFunctionsTestError,
)

_REFUSALS = (ProgramError, DurableFunctionsTestError, DurableFunctionsLocalRunnerError)


@click.command()
@click.argument("target", metavar="FILE[:HANDLER]")
@click.option("--event", default="{}", help=EVENT_HELP)
@click.option(
    "--callback",
    "callbacks",
    multiple=True,
    metavar="NAME=JSON",
    help="The answer to the callback of that name. May be repeated.",
)
@click.option("--sandbox", is_flag=True, help="Kill real Lambda runtime processes with SIGKILL.")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    help="Try so many places. Default: all; with --sandbox 10.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0), help="Start no further run after that time."
)
@click.option("--seed", default=0, show_default=True, help="Of the choice of places.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def explore(
    target: str, event: str, callbacks: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Run the durable handler in FILE, then again for every place where its process could die.

    Each run must end as the one without a crash, and no body of a step may run more often than
    its semantics allow.

    Exit status: 0 all ended alike, 1 they did not, 2 bad input.
    """
    input = read_json(event, "--event")
    answers = dict(map(parse_callback, callbacks))
    in_sandboxes = options.pop("sandbox")
    harmless_logs()
    try:
        with prints_aside(as_json):
            how = _in_sandboxes if in_sandboxes else _in_process
            report = how(load_program(target), input, answers, options)
    except _REFUSALS as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(report.to_dict())
    else:
        report.print()
    sys.exit(0 if report.ok else FAILED)


def _in_process(
    program: DurableProgram, input: Any, callbacks: dict[str, Any], options: dict[str, Any]
) -> CrashReport:
    subject = Subject(
        request=StartExecution(function_name=program.name, input=json.dumps(input)),
        functions={**program.plain, **program.durable, program.name: program.handler},
        targets={
            **dict.fromkeys(program.plain, PlainTarget()),
            **dict.fromkeys(program.durable, DurableTarget()),
        },
        callbacks=callbacks,
    )
    return explore_runs(lambda memory: run(subject, memory), **options)


def _in_sandboxes(
    program: DurableProgram, input: Any, callbacks: dict[str, Any], options: dict[str, Any]
) -> CrashReport:
    # Here, so that only those who use it need Lambda's runtime client.
    from aws_durable_execution_sdk_python_testing._exploration.sandbox_exploration import (
        explore_sandbox_crashes,
    )

    if options["samples"] is None:
        del options["samples"]
    name = next(key for key, value in program.durable.items() if value is program.handler)
    return explore_sandbox_crashes(
        f"{_file(program)}:{name}",
        input,
        callbacks=callbacks,
        functions=_functions(program),
        check=False,
        **options,
    )


def _functions(program: DurableProgram) -> Iterator[DeclaredFunction]:
    """What the program may invoke."""
    for name in program.durable:
        yield DeclaredFunction(
            name=name, handler=f"{_file(program)}:{name}", durable=DurableTarget()
        )
    for name in program.plain:
        yield DeclaredFunction(name=name, handler=f"{_file(program)}:{name}")


def _file(program: DurableProgram) -> Path:
    return Path(sys.modules[program.handler.__module__].__file__ or "")
