"""Which client an execution environment uses when the user gave none."""

from __future__ import annotations

import importlib
import os

from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python._service.prepared_client import PreparedClient
from aws_durable_execution_sdk_python.exceptions import ValidationError

# What takes time to import before a client can be made.
_LIBRARIES = ("aioboto3", "aws_durable_execution_sdk_python._service.events")

VARIABLE = "DURABLE_EXECUTION_TRANSPORT"

_CLIENTS = {"fast": PreparedClient, "aioboto3": AioBoto3Client}


def default_client() -> AioBoto3Client:
    """A client made from the environment, not open yet.

    The variable `DURABLE_EXECUTION_TRANSPORT` chooses: "fast" (the default) sends what goes well
    past the aioboto3 client, over aiohttp; with "aioboto3" every call goes through it, for
    instrumentation and debugging tools that patch botocore.

    Raises:
        ValidationError: the variable says something else.
    """
    chosen = os.environ.get(VARIABLE) or "fast"
    if chosen not in _CLIENTS:
        raise ValidationError(f"{VARIABLE} must be 'fast' or 'aioboto3', got {chosen!r}")
    return _CLIENTS[chosen]()


def import_libraries() -> None:
    """Import what a client will need, without making one."""
    for name in _LIBRARIES:
        importlib.import_module(name)
