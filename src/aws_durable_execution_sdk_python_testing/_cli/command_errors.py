"""What ends a command: one line on standard error that says what is wrong, and status 2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from aws_durable_execution_sdk_python_testing._results.harmless import harmless


class CommandError(click.ClickException):
    """Ends the command with one line on standard error."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(harmless(" ".join(message.split())))


@contextlib.contextmanager
def explaining(endpoint: str | None) -> Iterator[None]:
    """Say in one line what went wrong with a call of the API.

    Parameters:
        endpoint: where the service is; None for AWS.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointConnectionError,
        NoCredentialsError,
        NoRegionError,
    )

    try:
        yield
    except EndpointConnectionError as error:
        raise CommandError(_unreachable(endpoint)) from error
    except NoRegionError as error:
        raise CommandError(
            "in which region? Give --region, AWS_REGION or a profile with one"
        ) from error
    except NoCredentialsError as error:
        raise CommandError(_NO_CREDENTIALS) from error
    except ClientError as error:
        answer = error.response.get("Error", {})
        raise CommandError(f"{answer.get('Code')}: {answer.get('Message')}") from error
    except BotoCoreError as error:
        raise CommandError(str(error)) from error


_NO_CREDENTIALS = (
    "AWS wants credentials, and there are none: give --profile, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY"
)


def _unreachable(endpoint: str | None) -> str:
    if endpoint is None:
        return "cannot reach AWS Lambda: check the region and the network"
    return (
        f"no service answers at {endpoint}: start one with `durable serve`, "
        "or choose another with --endpoint-url or --aws"
    )
