"""What the installed commands start with: nothing whose loading Ctrl-C could break off untidily."""

from __future__ import annotations

import importlib
import sys

from aws_durable_execution_sdk_python_testing._cli.exit_statuses import INTERRUPTED

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
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    main()
