"""A handler that runs with other constants of the kernel than the usual ones."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient


def tuned(handler: Any, **constants: Any) -> Any:
    """The handler, for events that bring their client: test runners make such."""

    @functools.wraps(handler)
    def invoke(event: DurableExecutionInvocationInputWithClient, context: Any) -> Any:
        tuning = dataclasses.replace(event.hooks.tuning, **constants)
        hooks = dataclasses.replace(event.hooks, tuning=tuning)
        return handler(dataclasses.replace(event, hooks=hooks), context)

    return invoke
