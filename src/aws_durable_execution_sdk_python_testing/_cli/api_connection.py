"""Which service a command talks to, as a boto3 client."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError, explaining
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi, credentials

P = ParamSpec("P")
R = TypeVar("R")

# Where `durable serve` listens if it is not told otherwise.
LOCAL_ENDPOINT = "http://127.0.0.1:5000"
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the service.

    Attributes:
        endpoint: its URL; None is AWS itself.
        region, profile: as for the AWS command line; AWS_REGION counts too.
    """

    endpoint: str | None
    region: str | None
    profile: str | None

    @contextlib.contextmanager
    def open(self) -> Iterator[DurableApi]:
        """The API, for as long as it is needed; its errors end the command in one line."""
        with explaining(self.endpoint), contextlib.closing(self._client()) as client:
            yield DurableApi(client)

    @contextlib.contextmanager
    def open_logs(self) -> Iterator[Any]:
        """A client of CloudWatch Logs, for functions on AWS."""
        with explaining(None), contextlib.closing(self._session().client("logs")) as client:
            yield client

    def _session(self) -> Any:
        import boto3

        # boto3 itself reads AWS_DEFAULT_REGION, and then the profile; everything else on AWS
        # reads AWS_REGION.
        region = self.region or (None if self.profile else os.environ.get("AWS_REGION")) or None
        return boto3.Session(profile_name=self.profile, region_name=region)

    def _client(self) -> Any:
        from botocore.config import Config

        from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

        session = self._session()
        options: dict[str, Any]
        if self.endpoint is None:
            options = {"config": Config(ignore_configured_endpoint_urls=True)}
        else:
            options = {
                "endpoint_url": self.endpoint,
                "region_name": session.region_name or DEFAULT_REGION,
                "config": Config(connect_timeout=5, retries={"total_max_attempts": 1}),
                **credentials(session),
            }
        try:
            return ensure_durable_operations(session.client("lambda", **options))
        except ValueError as error:  # a malformed endpoint
            raise CommandError(str(error)) from error


def connection_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that choose the service; the command gets them as `connection`."""

    @click.option(
        "--endpoint-url",
        metavar="URL",
        help="The service. Default: AWS_ENDPOINT_URL_LAMBDA, else the local one, "
        f"{LOCAL_ENDPOINT}.",
    )
    @click.option("--aws", is_flag=True, help="AWS itself, with the usual AWS settings.")
    @click.option("--region", help="Region on AWS; implies --aws.")
    @click.option("--profile", help="Profile of the AWS configuration; implies --aws.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        endpoint_url: str | None,
        aws: bool,
        region: str | None,
        profile: str | None,
        **kwargs: Any,
    ) -> R:
        on_aws = aws or region is not None or profile is not None
        endpoint = endpoint_url or (None if on_aws else _endpoint_from_environment())
        return command(*args, connection=Connection(endpoint, region, profile), **kwargs)

    return wrapped


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--json`, which the command gets as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _endpoint_from_environment() -> str:
    given = (os.environ.get(variable) for variable in _ENDPOINT_VARIABLES)
    return next((url for url in given if url), LOCAL_ENDPOINT)
