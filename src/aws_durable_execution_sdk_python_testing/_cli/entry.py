"""What the installed commands start with: nothing whose loading Ctrl-C could break off untidily."""

from __future__ import annotations

import importlib
import sys

from aws_durable_execution_sdk_python_testing._cli.exit_statuses import INTERRUPTED

# What the extra brings, by the names it is imported by.
_EXTRA = frozenset({"aiohttp", "awslambdaric", "boto3", "botocore", "click", "rich", "yaml"})
_ROOM = __name__.rpartition(".")[0]


def durable() -> None:
    """The `durable` command."""
    _run("main", "main")


def dex_local_runner() -> None:
    """The `dex-local-runner` command."""
    _run("dex_commands", "dex_local_runner")


def _run(module: str, command: str) -> None:
    """Load a command and run it; interrupted while it loads, end as it would itself."""
    try:
        main = getattr(importlib.import_module(f"{_ROOM}.{module}"), command)
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.exit(
            f"{command.replace('_', '-')} needs {error.name}, which comes with the extra "
            "`testing`: pip install 'aws-durable-execution-sdk-python[testing]'"
        )
