"""The commands that serve: `durable serve`, and `dex-local-runner` as SAM calls it."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, get_args

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import Problem
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import (
    read_assignment,
    read_file,
    read_option,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    Function,
    without_handler,
)
from aws_durable_execution_sdk_python_testing._engine import ServiceError
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._server.client import Client, ClientError
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    RuntimeName,
    ServerSettings,
    StoreType,
    open_store,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores import EventStore, StoreError

_PORT = click.IntRange(0, 65535)
_SECONDS = click.FloatRange(min=0, min_open=True)
# `file:` is SQLite's own; a single letter is a drive.
_STORE_KIND = re.compile(r"(?!file:)[A-Za-z]{2,}:")
_REGION = re.compile(r"[a-z0-9-]+")
_INTERRUPTED = 130
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REFUSALS = (
    DeclarationError,
    StoreError,
    ServiceError,
    ClientError,
    DurableFunctionsLocalRunnerError,
    OSError,
    ValueError,
)


@contextlib.contextmanager
def _reporting(problem: type[click.ClickException]) -> Iterator[None]:
    """Turn what may go wrong into one line on standard error."""
    try:
        yield
    except _REFUSALS as error:
        raise problem(" ".join(str(error).split())) from error
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _check_region(
    context: click.Context, option: click.Parameter, region: str | None
) -> str | None:
    """Refuse what no ARN could hold."""
    if region is not None and not _REGION.fullmatch(region):
        raise click.BadParameter(f"{region!r} is no region")
    return region


# ---------------------------------------------------------------------------- durable serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=_PORT, default=5000, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--lambda-endpoint",
    metavar="URL",
    help="The Lambda-compatible endpoint (SAM local, RIE) of functions not hosted here.",
)
@click.option(
    "--functions",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Declarations in JSON or TOML, or a SAM template. May be repeated.",
)
@click.option(
    "--function",
    "assignments",
    multiple=True,
    metavar="NAME=FILE_OR_MODULE:HANDLER",
    help="A function to host here. May be repeated.",
)
@click.option(
    "--runtime",
    type=click.Choice(get_args(RuntimeName)),
    default="inprocess",
    show_default=True,
    help="What runs functions hosted here: this process, or real Lambda runtime processes.",
)
@click.option(
    "--store",
    default="memory",
    show_default=True,
    metavar="STORE",
    help="Where executions are kept: memory, sqlite[:FILE], filesystem[:DIRECTORY], or just "
    "the SQLite file. What a server left unfinished in it goes on with the next one.",
)
@click.option("--skip-time/--no-skip-time", help="Skip waits instead of waiting.")
@click.option(
    "--invocation-timeout",
    type=_SECONDS,
    default=900.0,
    show_default=True,
    help="Seconds after which an invocation is given up.",
)
@click.option(
    "--region",
    callback=_check_region,
    help="Region in ARNs. Default: the declared functions', else us-west-2.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A public host name the service is reached by. May be repeated.",
)
@click.option(
    "--faults",
    metavar="FAULTS",
    help="What is to go wrong between functions and service, and how often: "
    "seed=1,throttle=0.1,lost_response=@3 for 10 % of the calls, and the third one.",
)
@click.option("--log-level", type=click.Choice(_LEVELS), default="WARNING", show_default=True)
def serve(
    files: tuple[Path, ...],
    assignments: tuple[str, ...],
    store: str,
    faults: str | None,
    log_level: str,
    **options: Any,
) -> None:
    """Serve the API of Lambda's durable functions on this machine.

    Point clients at it with AWS_ENDPOINT_URL_LAMBDA or endpoint_url. Ready as soon as
    GET /health answers.

    \b
    Example:
        durable serve --function order=app.py:handler
    """
    logging.basicConfig(level=log_level)
    with _reporting(Problem):
        functions = [
            _at_endpoint(function, options["lambda_endpoint"])
            for file in files
            for function in read_file(file, options["region"])
        ]
        functions += [read_assignment(text) for text in assignments]
        functions = _reachable(functions, options["lambda_endpoint"])
        planned = None if faults is None else Faults.parse(faults)
        _serve(functions, ServerSettings(**options, faults=planned), _open(store))


def _at_endpoint(function: Function, endpoint: str | None) -> Function:
    """What a file declares runs at the endpoint if there is one: SAM hosts its template."""
    return without_handler(function) if endpoint or function.endpoint else function


def _reachable(functions: list[Function], endpoint: str | None) -> list[Function]:
    """The functions without those that nothing runs, if they may be left out."""
    reachable: list[Function] = []
    for function in functions:
        if function.handler or function.endpoint or endpoint:
            reachable.append(function)
            continue
        if function.required:
            raise DeclarationError(
                f"nothing runs {function.name}: give it a Handler or an InvokeEndpoint, "
                "or give --lambda-endpoint"
            )
        click.echo(
            f"Warning: {function.name} is left out, as it is no Python function whose code is "
            "here: give --lambda-endpoint for it",
            err=True,
        )
    return reachable


def _open(text: str) -> EventStore:
    """The store of `KIND[:PATH]`, or of an SQLite file."""
    kind, colon, path = text.partition(":")
    if kind in set(StoreType):
        return open_store(StoreType(kind), path if colon else None)
    if _STORE_KIND.match(text):
        raise StoreError(f"no kind of store is called {kind!r}: there are {', '.join(StoreType)}")
    return open_store(StoreType.SQLITE, text)


def _serve(functions: list[Function], settings: ServerSettings, store: EventStore) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    with DurableServer(functions, settings, store) as server:
        names = ", ".join(function.name for function in functions) or "no functions"
        click.echo(f"serving {names} at {server.url}")
        server.serve_forever()


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by way of `finally`: functions may run in processes that must not outlive this one."""
    sys.exit(128 + number)


# ------------------------------------------------------------------------- dex-local-runner


@click.group()
@click.version_option(package_name="aws-durable-execution-sdk-python")
def dex_local_runner() -> None:
    """Run and inspect durable executions with a local service."""


@dex_local_runner.command("start-server")
@click.option("--host", default="127.0.0.1", envvar="AWS_DEX_HOST", show_default=True)
@click.option("--port", type=_PORT, default=5000, envvar="AWS_DEX_PORT", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="INFO",
    envvar="AWS_DEX_LOG_LEVEL",
    show_default=True,
)
@click.option(
    "--lambda-endpoint",
    default="http://127.0.0.1:3001",
    envvar="AWS_DEX_LAMBDA_ENDPOINT",
    show_default=True,
    help="The Lambda-compatible endpoint that runs the functions.",
)
@click.option(
    "--local-runner-endpoint",
    envvar="AWS_DEX_LOCAL_RUNNER_ENDPOINT",
    help="Accepted for compatibility.",
)
@click.option(
    "--local-runner-region",
    callback=_check_region,
    default="us-west-2",
    envvar="AWS_DEX_LOCAL_RUNNER_REGION",
    show_default=True,
    help="Region in ARNs.",
)
@click.option(
    "--local-runner-mode",
    default="local",
    envvar="AWS_DEX_LOCAL_RUNNER_MODE",
    help="Accepted for compatibility.",
)
@click.option(
    "--store-type",
    type=click.Choice([str(kind) for kind in StoreType]),
    default="memory",
    envvar="AWS_DEX_STORE_TYPE",
    show_default=True,
)
@click.option("--store-path", envvar="AWS_DEX_STORE_PATH", help="File or directory of the store.")
@click.option("--execution-timeout", default=300, help="Accepted for compatibility.")
@click.option(
    "--invocation-timeout",
    type=click.IntRange(min=1),
    default=900,
    show_default=True,
    help="Seconds after which an invocation is given up.",
)
@click.option("--skip-time/--no-skip-time", help="Skip waits instead of waiting.")
@click.option(
    "--function-configs",
    metavar="JSON|file://FILE",
    help="The functions chained invokes find, by name.",
)
def start_server(
    log_level: str,
    store_type: str,
    store_path: str | None,
    function_configs: str | None,
    **options: Any,
) -> None:
    """Serve the durable API; functions run behind the Lambda endpoint."""
    logging.basicConfig(level=log_level.upper())
    with _reporting(click.ClickException):
        functions = read_option(function_configs) if function_configs else []
        settings = ServerSettings(
            host=options["host"],
            port=options["port"],
            lambda_endpoint=options["lambda_endpoint"],
            skip_time=options["skip_time"],
            invocation_timeout=options["invocation_timeout"],
            region=options["local_runner_region"],
        )
        _serve(functions, settings, open_store(StoreType(store_type), store_path))


@dex_local_runner.command("invoke")
@click.option("--function-name", required=True)
@click.option("--input", "payload", default="{}", show_default=True, help="The event as JSON.")
@click.option("--durable-execution-name", help="Default: the function's name and -execution.")
def invoke(function_name: str, payload: str, durable_execution_name: str | None) -> None:
    """Start an execution and print its ARN, without waiting for its end."""
    with _reporting(click.ClickException):
        name = durable_execution_name or f"{function_name}-execution"
        _print(Client.from_environment().start(function_name, payload, name))


@dex_local_runner.command("get-durable-execution")
@click.option("--durable-execution-arn", required=True)
def get_durable_execution(durable_execution_arn: str) -> None:
    """Print what an execution is and how it stands."""
    with _reporting(click.ClickException):
        _print(Client.from_environment().execution(durable_execution_arn))


@dex_local_runner.command("get-durable-execution-history")
@click.option("--durable-execution-arn", required=True)
def get_durable_execution_history(durable_execution_arn: str) -> None:
    """Print the events of an execution."""
    with _reporting(click.ClickException):
        _print(Client.from_environment().history(durable_execution_arn))


def _print(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, indent=2))
