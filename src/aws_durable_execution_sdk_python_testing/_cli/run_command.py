"""`durable run`: run a file's durable handler in this process."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sqlite3
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python._core.model import TERMINAL, Status
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import (
    FAILED,
    interrupted_status,
)
from aws_durable_execution_sdk_python_testing._cli.live_view import LiveView
from aws_durable_execution_sdk_python_testing._cli.option_values import (
    EVENT_HELP,
    log_level_option,
    parse_callback,
    prints_aside,
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
from aws_durable_execution_sdk_python_testing._cli.selected_execution import SelectedExecution
from aws_durable_execution_sdk_python_testing._declarations.program_files import (
    DurableProgram,
    ProgramError,
    load_program,
)
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Limits,
    PlainTarget,
    ServiceError,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import SKIPPED_TIME_ATTEMPTS
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_logs
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock, VirtualClock
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores.base import StoreError
from aws_durable_execution_sdk_python_testing.stores.sqlite import SQLiteExecutionStore

_REFUSALS = (ProgramError, StoreError, ServiceError, DurableFunctionsLocalRunnerError)


# Somebody waits for the command to end.
_LIMITS = Limits(invocation_attempts=SKIPPED_TIME_ATTEMPTS)


@dataclass(frozen=True, slots=True)
class _Request:
    """What `durable run` was asked for."""

    event: Any
    name: str
    store: Path
    callbacks: dict[str, Any]
    skip_time: bool
    as_json: bool
    verbose: bool


@click.command()
@click.argument("target", metavar="FILE_OR_MODULE[:HANDLER]")
@click.option(
    "--event",
    default="{}",
    help=EVENT_HELP,
)
@click.option(
    "--name",
    help="Name of the execution. Running the same name again resumes it, or shows its result. "
    "Default: a new name, which is printed.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default="durable-executions.db",
    show_default=True,
    help="The SQLite file that keeps executions.",
)
@click.option(
    "--callback",
    "callbacks",
    multiple=True,
    metavar="NAME=JSON",
    help="Answer the callback of that name as soon as it is open. May be repeated.",
)
@click.option("--skip-time", is_flag=True, help="Skip waits instead of waiting.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, the result last.")
@verbose_option
@log_level_option()
def run(
    target: str,
    event: str,
    name: str | None,
    store: Path,
    callbacks: tuple[str, ...],
    skip_time: bool,
    as_json: bool,
    verbose: bool,
    log_level: str | None,
) -> None:
    """Run the durable handler in FILE, or take a run up where it was interrupted.

    Progress is kept in the store: kill the command at any moment, run it again with the same
    --name, and completed steps do not run again.

    Exit status: 0 success, 1 the execution failed, 2 bad input, 130 interrupted, 143 terminated.
    """
    check_verbosity(verbose=verbose, as_json=as_json)
    request = _Request(
        event=read_json(event, "--event"),
        name=name or f"run-{uuid.uuid4().hex[:12]}",
        store=store,
        callbacks=dict(map(parse_callback, callbacks)),
        skip_time=skip_time,
        as_json=as_json,
        verbose=verbose,
    )
    out = sys.stdout
    harmless_logs(log_level)
    with prints_aside(as_json):
        try:
            result = _run(request, load_program(target), out)
        except _REFUSALS as error:
            raise CommandError(str(error)) from error
        except sqlite3.Error as error:
            raise CommandError(f"{store}: {error}") from error
        except KeyboardInterrupt as interrupt:
            _leave(request.name, interrupted_status(interrupt))
    sys.exit(0 if result.status == "SUCCEEDED" else FAILED)


def _run(request: _Request, program: DurableProgram, out: Any) -> DurableFunctionTestResult:
    with contextlib.closing(SQLiteExecutionStore.create_and_initialize(request.store)) as store:
        selected = SelectedExecution(store, program.name, request.name)
        clock = _clock(request.skip_time, selected.latest)
        invoker = InProcessInvoker()
        with contextlib.closing(
            LocalService(invoker, selected, clock=clock, limits=_LIMITS)
        ) as service:
            _register(program, invoker, service)
            view = _view(request, out, clock)
            arn = _start(request, program, service, selected, view)
            with view.live():
                for event in service.follow(arn):
                    view.event(event)
            result = DurableFunctionTestResult.from_service(
                service.execution(arn), service.operations(arn)
            )
            view.end(result)
            return result


def _clock(skip_time: bool, not_before: float) -> RealClock:
    try:
        return (VirtualClock if skip_time else RealClock)(not_before=not_before)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _register(program: DurableProgram, invoker: InProcessInvoker, service: LocalService) -> None:
    """Make the program's functions callable, and those it may invoke known by their names."""
    for name, handler in program.durable.items():
        invoker.register(name, handler)
        service.register_target(name, DurableTarget(MAX_EXECUTION_SECONDS))
    for name, handler in program.plain.items():
        invoker.register(name, handler)
        service.register_target(name, PlainTarget())
    invoker.register(program.name, program.handler)


def _start(
    request: _Request,
    program: DurableProgram,
    service: LocalService,
    selected: SelectedExecution,
    view: View,
) -> str:
    """Start the execution or take it up again, whichever it needs; returns its ARN."""
    responder = CallbackResponder(request.callbacks)
    if selected.arn is None:
        start = StartExecution(
            function_name=program.name,
            execution_name=request.name,
            input=json.dumps(request.event),
            execution_timeout=MAX_EXECUTION_SECONDS,
        )
        arn = service.start(start, responder=responder)
        view.begin(Beginning(request.name, arn, "started", 0))
        return arn
    execution = service.execution(selected.arn)
    if _canonical(json.loads(execution["InputPayload"])) != _canonical(request.event):
        raise CommandError(
            f"{request.name} has run with another event: {execution['InputPayload']}"
        )
    ended = Status(execution["Status"]) in TERMINAL
    state = "finished before" if ended else "resumed"
    view.begin(Beginning(request.name, selected.arn, state, selected.events))
    if not ended:  # what has ended is only read: recovery would forget it after its retention
        service.recover({selected.arn: responder})
    return selected.arn


def _canonical(event: Any) -> str:
    """Equal for equal events only; in Python 1 equals True."""
    return json.dumps(event, sort_keys=True)


def _view(request: _Request, out: Any, clock: RealClock) -> View:
    if request.as_json:
        return JsonView(out)
    if out.isatty() and not request.verbose:
        return LiveView(Console(file=out), clock.now, _answering)
    return LineView(out, _answering, verbose=request.verbose)


def _answering(callback: str | None) -> str:
    return f"answer it with --callback {shlex.quote(callback or 'NAME')}=JSON"


def _leave(name: str, status: int) -> NoReturn:
    """End at once when interrupted: a step that runs cannot be, and will run again."""
    say(f"interrupted; run it again with --name {name} to resume", err=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
