"""What commands print, besides what `rich` draws.

Invariant: no command prints in another way, so that nothing reaches a terminal that it could obey.
"""

from __future__ import annotations

import click

from aws_durable_execution_sdk_python_testing._results.harmless import harmless


def say(text: str, *, err: bool = False) -> None:
    """Print lines to standard output, or to standard error, that a terminal only shows."""
    click.echo(harmless(text), err=err)
