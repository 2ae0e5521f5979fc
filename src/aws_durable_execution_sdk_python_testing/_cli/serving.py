"""What the commands that serve have in common: `durable serve` and `dev`, `dex-local-runner`."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

import click

from aws_durable_execution_sdk_python_testing._cli.dex_client import DexClientError
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import ServiceError
from aws_durable_execution_sdk_python_testing._results.harmless import harmless
from aws_durable_execution_sdk_python_testing._server.app import Extension
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    ServerSettings,
    StoreType,
    open_store,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError
from aws_durable_execution_sdk_python_testing.stores import EventStore, StoreError

P = ParamSpec("P")
R = TypeVar("R")

PORT = click.IntRange(0, 65535)
# `file:` is SQLite's own; a single letter is a drive.
_STORE_KIND = re.compile(r"(?!file:)[A-Za-z]{2,}:")
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
        raise problem(harmless(" ".join(str(error).split()))) from error


def listening_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--host` and `--port`."""
    host = click.option(
        "--host", default="127.0.0.1", show_default=True, help="Address to listen at."
    )
    port = click.option(
        "--port", type=PORT, default=5000, show_default=True, help="Port; 0 takes a free one."
    )
    return host(port(command))


def store_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--store`, which `open_store_named` opens."""
    return click.option(
        "--store",
        default="memory",
        show_default=True,
        metavar="STORE",
        help="Where executions are kept: memory, sqlite[:FILE], filesystem[:DIRECTORY], or just "
        "the SQLite file. What a server left unfinished in it goes on with the next one.",
    )(command)


def open_store_named(text: str) -> EventStore:
    """The store of `KIND[:PATH]`, or of an SQLite file."""
    kind, colon, path = text.partition(":")
    if kind in set(StoreType):
        return open_store(StoreType(kind), path if colon else None)
    if _STORE_KIND.match(text):
        raise StoreError(f"no kind of store is called {kind!r}: there are {', '.join(StoreType)}")
    return open_store(StoreType.SQLITE, text)


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
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(DurableServer(functions, settings, store, extension))
        if beside is not None:
            stack.enter_context(beside(server))
        names = ", ".join(function.name for function in functions) or "no functions"
        say(f"serving {names} at {server.url}{_bound(server.address)}")
        server.serve_forever()


def _bound(address: str) -> str:
    """What is to be said of an address that others reach too; warns of it."""
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return ""
    say(
        f"Warning: {address} can be reached from other machines, and whoever reaches it can run "
        "the functions and read what they are given; --host 127.0.0.1 is this machine alone",
        err=True,
    )
    return f", listening at {address}"
