"""Lambda's init phase: what is done before the first invocation.

The phase has more CPU than most functions are given, and importing the AWS libraries takes a good
part of a cold start. Nothing that fails or hangs here may keep the function's module from being
imported: it is left to the first invocation, which fails the same way and can say so.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os

from aws_durable_execution_sdk_python._lambda.collector import collector_paused, is_in_lambda
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._lambda.pool import is_loop_running, run_in_environment

# What may be spent, of the phase's ten seconds, on waiting for others.
WARM_UP_SECONDS = 2.0

_logger = logging.getLogger(__name__)


def warm_up() -> None:
    """Open the default service client before the first invocation.

    Nothing happens outside of Lambda; under SnapStart, where what is opened would wake up in many
    places with old credentials, the libraries are imported only. What takes longer than
    `WARM_UP_SECONDS` is left to the first invocation.
    """
    if is_in_lambda() and not is_loop_running():
        _warm_up_once()


@functools.cache
def _warm_up_once() -> None:
    """However many handlers a module defines: where it fails, it fails once, and waits once."""
    from aws_durable_execution_sdk_python._service.default import import_libraries

    try:
        with collector_paused():
            import_libraries()
            if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
                run_in_environment(_open_client)
    except Exception:
        _logger.debug("the service client could not be opened ahead", exc_info=True)


async def _open_client(environment: Environment) -> None:
    """Open the default client, and have it do ahead what its first call would."""
    async with asyncio.timeout(WARM_UP_SECONDS):
        await environment.warm_up()
