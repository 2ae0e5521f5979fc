"""The `dex-local-runner` command, as SAM calls it."""

from __future__ import annotations

import json
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._cli.dex_client import DexClient
from aws_durable_execution_sdk_python_testing._cli.interruptible_group import InterruptibleGroup
from aws_durable_execution_sdk_python_testing._cli.option_values import LOG_LEVELS
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._cli.serving import (
    PORT,
    check_region,
    reporting,
    run_server,
)
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_option
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_json, harmless_logs
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    ServerSettings,
    StoreType,
    open_store,
)
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS


@click.group(cls=InterruptibleGroup)
@click.version_option(package_name="aws-durable-execution-sdk-python")
def dex_local_runner() -> None:
    """Run and inspect durable executions with a local service."""


@dex_local_runner.command("start-server")
@click.option("--host", default="127.0.0.1", envvar="AWS_DEX_HOST", show_default=True)
@click.option("--port", type=PORT, default=5000, envvar="AWS_DEXPORT", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS, case_sensitive=False),
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
    callback=check_region,
    default=DEFAULT_REGION,
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
    default=MAX_INVOCATION_SECONDS,
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
    harmless_logs(log_level.upper())
    with reporting(click.ClickException):
        functions = read_option(function_configs) if function_configs else []
        settings = ServerSettings(
            host=options["host"],
            port=options["port"],
            lambda_endpoint=options["lambda_endpoint"],
            skip_time=options["skip_time"],
            invocation_timeout=options["invocation_timeout"],
            region=options["local_runner_region"],
            allow_unqualified=True,
            api_rates=False,
        )
        run_server(functions, settings, open_store(StoreType(store_type), store_path))


@dex_local_runner.command("invoke")
@click.option("--function-name", required=True)
@click.option("--input", "payload", default="{}", show_default=True, help="The event as JSON.")
@click.option("--durable-execution-name", help="Default: the function's name and -execution.")
def invoke(function_name: str, payload: str, durable_execution_name: str | None) -> None:
    """Start an execution and print its ARN, without waiting for its end."""
    with reporting(click.ClickException):
        name = durable_execution_name or f"{function_name}-execution"
        _print(DexClient.from_environment().start(function_name, payload, name))


@dex_local_runner.command("get-durable-execution")
@click.option("--durable-execution-arn", required=True)
def get_durable_execution(durable_execution_arn: str) -> None:
    """Print what an execution is and how it stands."""
    with reporting(click.ClickException):
        _print(DexClient.from_environment().execution(durable_execution_arn))


@dex_local_runner.command("get-durable-execution-history")
@click.option("--durable-execution-arn", required=True)
def get_durable_execution_history(durable_execution_arn: str) -> None:
    """Print the events of an execution."""
    with reporting(click.ClickException):
        _print(DexClient.from_environment().history(durable_execution_arn))


def _print(answer: dict[str, Any]) -> None:
    say(harmless_json(json.dumps(answer, indent=2)))
