"""`durable serve`: the API of Lambda's durable functions on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.option_values import LOG_LEVELS
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._cli.serving import (
    check_region,
    listening_options,
    open_store_named,
    reporting,
    run_server,
    store_option,
)
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import (
    read_assignment,
    read_file,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    without_handler,
)
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_logs
from aws_durable_execution_sdk_python_testing._server.app import Extension
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    RuntimeName,
    ServerSettings,
)
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@listening_options
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
@store_option
@click.option("--ui", is_flag=True, help="Show executions on a page, at /.")
@click.option("--skip-time/--no-skip-time", help="Skip waits instead of waiting.")
@click.option(
    "--invocation-timeout",
    type=_SECONDS,
    default=float(MAX_INVOCATION_SECONDS),
    show_default=True,
    help="Seconds after which an invocation is given up.",
)
@click.option(
    "--region",
    callback=check_region,
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
    "--allow-unqualified",
    is_flag=True,
    help="Let durable functions be invoked without version or alias, which Lambda refuses.",
)
@click.option(
    "--api-rates/--no-api-rates",
    default=True,
    show_default=True,
    help="Answer 429 to calls over the API's quotas, such as 15 histories a second.",
)
@click.option(
    "--faults",
    metavar="FAULTS",
    help="What is to go wrong between functions and service, and how often: "
    "seed=1,throttle=0.1,lost_response=@3 for 10 % of the calls, and the third one.",
)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="WARNING", show_default=True)
def serve(
    files: tuple[Path, ...],
    assignments: tuple[str, ...],
    store: str,
    ui: bool,
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
    harmless_logs(log_level)
    with reporting(CommandError):
        functions = [
            _at_endpoint(function, options["lambda_endpoint"])
            for file in files
            for function in read_file(file, options["region"])
        ]
        functions += [read_assignment(text) for text in assignments]
        functions = _reachable(functions, options["lambda_endpoint"])
        planned = None if faults is None else Faults.parse(faults)
        settings = ServerSettings(**options, faults=planned)
        run_server(functions, settings, open_store_named(store), _page() if ui else None)


def _page() -> Extension:
    # Here, so that only those who look at it load what it needs.
    from aws_durable_execution_sdk_python_testing._ui.dashboard import Dashboard

    return Dashboard()


def _at_endpoint(function: DeclaredFunction, endpoint: str | None) -> DeclaredFunction:
    """What a file declares runs at the endpoint if there is one: SAM hosts its template."""
    return without_handler(function) if endpoint or function.endpoint else function


def _reachable(functions: list[DeclaredFunction], endpoint: str | None) -> list[DeclaredFunction]:
    """The functions without those that nothing runs, if they may be left out."""
    reachable: list[DeclaredFunction] = []
    for function in functions:
        if function.handler or function.endpoint or endpoint:
            reachable.append(function)
            continue
        if function.required:
            raise DeclarationError(
                f"nothing runs {function.name}: give it a Handler or an InvokeEndpoint, "
                "or give --lambda-endpoint"
            )
        say(
            f"Warning: {function.name} is left out, as it is no Python function whose code is "
            "here: give --lambda-endpoint for it",
            err=True,
        )
    return reachable
