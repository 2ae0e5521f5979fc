"""`durable init`: a project to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._projects.project_files import (
    ProjectError,
    Template,
    write_project,
)


@click.command()
@click.argument("directory", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--template",
    type=click.Choice(get_args(Template)),
    default="order",
    show_default=True,
    help="What it does: an order with a refund, an approval by a person, a nightly load of many "
    "pages, or a model with tools.",
)
@click.option("--async", "is_async", is_flag=True, help="Write async code.")
def init(directory: Path, template: Template, is_async: bool) -> None:
    """Write a project into the new directory NAME: a durable function that is ready to run.

    It has the function with its tests and a recording, a SAM template, a workflow for GitHub
    that tests and deploys it, and hooks for pre-commit. NAME is also the function's name.

    \b
    Example:
        durable init orders --template order
    """
    try:
        files = write_project(directory, template, is_async=is_async)
    except (ProjectError, OSError) as error:
        raise CommandError(str(error)) from error
    for file in files:
        say(str(directory / file))
    say(f"\nNow: cd {directory} && pytest && durable run src/app.py --event @events/event.json")
