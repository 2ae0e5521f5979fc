"""Who can reach the local service, and what a request cannot make it do."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import pytest
from served_handlers import ECHO
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._cli import dex_commands, serve_command
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

Serve = Callable[..., Served]


@pytest.mark.parametrize("command", [serve_command.serve, dex_commands.start_server])
def test_the_default_address_is_this_machines_own(command: click.Command) -> None:
    (host,) = [option for option in command.params if option.name == "host"]
    assert host.default == ServerSettings().host == "127.0.0.1"


@pytest.mark.parametrize("name", ["this", "this:main", "this.main", "this.py:main", "../this:main"])
def test_no_request_imports_a_module(serve: Serve, name: str) -> None:
    """`this` is a module of the standard library that nothing else imports."""
    served = serve(ECHO)
    start = {
        "AccountId": "123456789012",
        "FunctionName": name,
        "FunctionQualifier": "$LATEST",
        "ExecutionName": "run",
        "ExecutionTimeoutSeconds": 300,
        "ExecutionRetentionPeriodDays": 7,
    }
    served.send("POST", "/start-durable-execution", start)
    served.send("POST", f"/2015-03-31/functions/{name.replace('/', '%2F')}/invocations", 1)
    assert served.send("POST", "/2015-03-31/functions/echo/invocations", name).json == name
    assert "this" not in sys.modules
