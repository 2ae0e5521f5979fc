"""What the commands that serve have in common: `durable serve` and `dex-local-runner`."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FrameType
from typing import NoReturn

import click

from aws_durable_execution_sdk_python_testing._cli.dex_client import DexClientError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import INTERRUPTED
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import ServiceError
from aws_durable_execution_sdk_python_testing._server.app import Extension
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores import EventStore, StoreError

PORT = click.IntRange(0, 65535)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_REGION = re.compile(r"[a-z0-9-]+")
_REFUSALS = (
    DeclarationError,
    StoreError,
    ServiceError,
    DexClientError,
    DurableFunctionsLocalRunnerError,
    OSError,
    ValueError,
)


@contextlib.contextmanager
def reporting(problem: type[click.ClickException]) -> Iterator[None]:
    """Turn what may go wrong into one line on standard error."""
    try:
        yield
    except _REFUSALS as error:
        raise problem(" ".join(str(error).split())) from error
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def check_region(context: click.Context, option: click.Parameter, region: str | None) -> str | None:
    """Refuse what no ARN could hold."""
    if region is not None and not _REGION.fullmatch(region):
        raise click.BadParameter(f"{region!r} is no region")
    return region


def run_server(
    functions: list[DeclaredFunction],
    settings: ServerSettings,
    store: EventStore,
    extension: Extension | None = None,
    beside: Callable[[DurableServer], AbstractContextManager[None]] | None = None,
) -> None:
    """Serve until interrupted.

    Parameters:
        functions, settings, store, extension: as for `DurableServer`.
        beside: what goes on as long as the server does.
    """
    signal.signal(signal.SIGTERM, _terminate)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(DurableServer(functions, settings, store, extension))
        if beside is not None:
            stack.enter_context(beside(server))
        names = ", ".join(function.name for function in functions) or "no functions"
        click.echo(f"serving {names} at {server.url}{_bound(server.address)}")
        server.serve_forever()


def _bound(address: str) -> str:
    """What is to be said of an address that others reach too; warns of it."""
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return ""
    click.echo(
        f"Warning: {address} can be reached from other machines, and whoever reaches it can run "
        "the functions and read what they are given; --host 127.0.0.1 is this machine alone",
        err=True,
    )
    return f", listening at {address}"


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by way of `finally`: functions may run in processes that must not outlive this one."""
    sys.exit(128 + number)
