"""`durable bundle`: a function's code and packages, as they are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from aws_durable_execution_sdk_python_testing._cli.api_connection import json_option
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._projects.bundling import (
    Bundle,
    BundleError,
)
from aws_durable_execution_sdk_python_testing._projects.bundling import bundle as make_bundle
from aws_durable_execution_sdk_python_testing._projects.lambda_wheels import (
    Architecture,
    InstallationError,
    ManagedRuntime,
    PythonVersion,
)
from aws_durable_execution_sdk_python_testing._projects.trimming import UnknownServiceError

_FILE = click.Path(path_type=Path)
_REFUSALS = (BundleError, InstallationError, UnknownServiceError, OSError)


@click.command()
@click.argument("source", default="src", type=_FILE)
@click.option(
    "-r",
    "--requirement",
    "requirements",
    type=_FILE,
    help="What to install. Default: requirements.txt in SOURCE.",
)
@click.option(
    "-o",
    "--output",
    type=_FILE,
    help="A .zip file, or a new directory. Default: function.zip, or layer.zip.",
)
@click.option("--layer", is_flag=True, help="The packages alone, laid out as a layer.")
@click.option(
    "--python",
    "python",
    type=click.Choice(get_args(PythonVersion)),
    default="3.13",
    show_default=True,
    help="Of the function's runtime.",
)
@click.option(
    "--architecture",
    type=click.Choice(get_args(Architecture)),
    default="arm64",
    show_default=True,
    help="Of the function.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    help="An AWS service that the code calls, as boto3 calls it: s3, dynamodb. May be repeated.",
)
@json_option
def bundle(
    source: Path,
    requirements: Path | None,
    output: Path | None,
    layer: bool,
    python: PythonVersion,
    architecture: Architecture,
    services: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a zip of a function's code in SOURCE (default: src) and the packages it needs.

    Packages are wheels for the runtime, whatever this machine is. Bytecode, tests and botocore's
    data of services other than lambda, sts and those named are left out. The same content gives
    the same bytes.

    \b
    Example:
        durable bundle src --python 3.13 --architecture arm64 --service s3
    """
    try:
        made = make_bundle(
            None if layer else source,
            requirements or source / "requirements.txt",
            output or Path("layer.zip" if layer else "function.zip"),
            ManagedRuntime(python, architecture),
            services=services,
        )
    except _REFUSALS as error:
        raise CommandError(str(error)) from error
    if not made.has_sdk:
        say(
            "Warning: the requirements have no aws-durable-execution-sdk-python, so that the "
            "function gets the official one that the runtime brings, or none",
            err=True,
        )
    if as_json:
        print_json(_to_dict(made))
    else:
        _print(made)


def _to_dict(made: Bundle) -> dict[str, object]:
    return {
        "Bundle": str(made.path),
        "InstalledBytes": made.installed,
        "UnzippedBytes": made.unzipped,
        "Bytes": made.size,
        "RemovedBytes": dict(made.removed),
    }


def _print(made: Bundle) -> None:
    say(f"{_megabytes(made.installed)}  installed")
    for what, size in sorted(made.removed.items(), key=lambda item: -item[1]):
        say(f"{_megabytes(-size)}  {what}")
    say(f"{_megabytes(made.unzipped)}  left")
    say(f"{_megabytes(made.size)}  {made.path}")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:8.2f} MB"
